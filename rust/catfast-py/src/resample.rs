//! Binding of the area-weighted resampling.

use catfast_core::resample::{Area, resample_area_into};
use catfast_core::valid::Sample;
use numpy::{Element, Ix1, Ix2, Ix3};
use pyo3::prelude::*;

use crate::arrays::{holds, read, write};
use crate::pool::run;

/// Average a scene on a coarser grid, valid pixels only.
///
/// `out` float32 (B, H, W) becomes `gain` float64 (B,) times the area-weighted mean of `dn` (uint16
/// or float32, (B, h, w)) where `valid` uint8 (h, w) is not 0, and NaN where nothing is. Output row
/// i covers the scene rows `[(first_row + i) * fy, (first_row + i + 1) * fy)`; row 0 of `dn` is scene
/// row `src_row`; columns likewise. `factor` is (fy, fx), each at least 1.
///
/// Raises `ValueError` for a wrong dtype, shape, layout, factor, row or column.
#[pyfunction]
#[pyo3(signature = (dn, valid, gain, out, *, factor, first_row, src_row, first_column=0, src_column=0))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn resample_area(
    py: Python<'_>,
    dn: &Bound<'_, PyAny>,
    valid: &Bound<'_, PyAny>,
    gain: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    factor: (f64, f64),
    first_row: i64,
    src_row: i64,
    first_column: i64,
    src_column: i64,
) -> PyResult<()> {
    let area = Area { factor, first_row, src_row, first_column, src_column };
    if holds::<u16>(dn) {
        resample::<u16>(py, [dn, valid, gain, out], &area)
    } else {
        resample::<f32>(py, [dn, valid, gain, out], &area)
    }
}

fn resample<T: Sample + Element>(
    py: Python<'_>,
    [dn, valid, gain, out]: [&Bound<'_, PyAny>; 4],
    area: &Area,
) -> PyResult<()> {
    let dn = read::<T, Ix3>("dn", dn)?;
    let valid = read::<u8, Ix2>("valid", valid)?;
    let gain = read::<f64, Ix1>("gain", gain)?;
    let mut out = write::<f32, Ix3>("out", out)?;
    let (dn, valid, gain, out) = (dn.as_array(), valid.as_array(), gain.as_array(), out.as_array_mut());
    run(py, || resample_area_into(dn, valid, gain, out, area))
}
