//! Pixel kernels of catfast: pure functions on `ndarray` views that fill the caller's buffer.
//!
//! No Python and no I/O. Every kernel checks its arguments and returns [`Error`] instead of
//! panicking, runs on rayon's current pool, and writes the same bits whatever the number of
//! threads and however the rows of a scene are spread over calls.

pub mod blend;
pub mod block_pixels;
pub mod blocks;
pub mod classify;
mod error;
mod footprint;
pub mod geotiff;
mod grid;
pub mod guided;
pub mod meet;
mod method;
pub mod overview;
pub mod patch;
mod percent;
pub mod qa;
pub mod refine;
pub mod resample;
mod simd;
mod spread;
mod tally;
pub mod valid;
pub mod warp;
mod warp_row;
pub mod window;

pub use error::{Error, Result};
pub use simd::cpu_features;
