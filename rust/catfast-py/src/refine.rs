//! Bindings of what is done to a finished mask.

use catfast_core::refine::{Margin, drop_small_into, grow_into};
use numpy::{Ix1, Ix2};
use pyo3::prelude::*;

use crate::arrays::{read, write};
use crate::pool::run;

/// Write rows of `codes` from `first` on into `out`, with the codes of `grow` grown by `radius` metres.
///
/// `codes` uint8 (h, w) must hold every row that can reach into `out` uint8 (n, w); `grow` uint8 (k,): an
/// earlier code wins over a later one; `gsd`: metres a pixel down and across. Nothing grows over `nodata`.
///
/// Raises `ValueError` for a wrong dtype, shape or layout, or a radius over 65,536 pixels.
#[pyfunction]
#[pyo3(signature = (codes, out, *, first, grow, radius, gsd, nodata))]
#[allow(clippy::too_many_arguments)] // keywords in Python
pub fn grow_codes(
    py: Python<'_>,
    codes: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    first: usize,
    grow: &Bound<'_, PyAny>,
    radius: f64,
    gsd: (f64, f64),
    nodata: u8,
) -> PyResult<()> {
    let (codes, mut out) = (read::<u8, Ix2>("codes", codes)?, write::<u8, Ix2>("out", out)?);
    let grow = read::<u8, Ix1>("grow", grow)?;
    let margin = Margin { codes: grow.as_slice()?, radius, gsd, nodata };
    let (codes, out) = (codes.as_array(), out.as_array_mut());
    run(py, || grow_into(codes, first, margin, out))
}

/// Write `codes` into `out`, with regions of the codes `kinds` below `least` pixels given the code `cleared`.
///
/// `codes` and `out` uint8 (h, w), `kinds` uint8 (k,). Pixels that touch at a corner belong together.
///
/// Raises `ValueError` for a wrong dtype, shape or layout.
#[pyfunction]
#[pyo3(signature = (codes, out, *, kinds, least, cleared))]
pub fn drop_small(
    py: Python<'_>,
    codes: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kinds: &Bound<'_, PyAny>,
    least: u64,
    cleared: u8,
) -> PyResult<()> {
    let (codes, mut out) = (read::<u8, Ix2>("codes", codes)?, write::<u8, Ix2>("out", out)?);
    let kinds = read::<u8, Ix1>("kinds", kinds)?;
    let kinds = kinds.as_slice()?;
    let (codes, out) = (codes.as_array(), out.as_array_mut());
    run(py, || drop_small_into(codes, kinds, least, cleared, out))
}
