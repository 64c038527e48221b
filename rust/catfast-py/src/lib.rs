//! The compiled module `catfast._core`: each function checks its arrays, releases the GIL and calls one kernel.

mod arrays;
mod blend;
mod blocks;
mod classify;
mod guided;
mod meet;
mod overview;
mod patch;
mod pool;
mod qa;
mod refine;
mod resample;
#[cfg(unix)]
mod signals;
mod store;
mod valid;
mod warp;

use pyo3::prelude::*;

/// Names of the processor features that the kernels use on this machine.
#[pyfunction]
fn cpu_features() -> Vec<&'static str> {
    catfast_core::cpu_features()
}

/// Pixel kernels of catfast, in Rust.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("BUILD_PROFILE", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    module.add("FILL", catfast_core::qa::FILL)?;
    module.add("DILATED", catfast_core::qa::DILATED)?;
    module.add("MEDIUM", catfast_core::qa::MEDIUM)?;
    module.add("CIRRUS", catfast_core::qa::CIRRUS)?;
    module.add("GUIDE_REACH", catfast_core::guided::REACH)?;
    module.add_function(wrap_pyfunction!(cpu_features, module)?)?;
    module.add_function(wrap_pyfunction!(pool::set_threads, module)?)?;
    #[cfg(unix)]
    module.add_function(wrap_pyfunction!(signals::watch_signals, module)?)?;
    #[cfg(unix)]
    module.add_function(wrap_pyfunction!(signals::claim_last_word, module)?)?;
    module.add_function(wrap_pyfunction!(qa::decode_qa, module)?)?;
    module.add_function(wrap_pyfunction!(warp::warp_qa, module)?)?;
    module.add_function(wrap_pyfunction!(blocks::first_damaged_block, module)?)?;
    module.add_function(wrap_pyfunction!(blocks::read_blocks, module)?)?;
    module.add_function(wrap_pyfunction!(valid::valid_mask, module)?)?;
    module.add_function(wrap_pyfunction!(guided::brightness, module)?)?;
    module.add_function(wrap_pyfunction!(overview::halve_codes, module)?)?;
    module.add_function(wrap_pyfunction!(refine::grow_codes, module)?)?;
    module.add_function(wrap_pyfunction!(refine::drop_small, module)?)?;
    module.add_function(wrap_pyfunction!(resample::resample_area, module)?)?;
    module.add_function(wrap_pyfunction!(meet::mark_meeting, module)?)?;
    module.add_function(wrap_pyfunction!(patch::cut_tiles, module)?)?;
    module.add_function(wrap_pyfunction!(blend::blend_tiles, module)?)?;
    module.add_function(wrap_pyfunction!(store::patch_counts, module)?)?;
    module.add_function(wrap_pyfunction!(store::write_patch_tiffs, module)?)?;
    module.add_function(wrap_pyfunction!(store::patch_rows, module)?)?;
    module.add_function(wrap_pyfunction!(classify::classify_rows, module)?)
}
