//! Binding of the mask of valid pixels.

use catfast_core::valid::{Sample, ValidCounts, valid_mask_into};
use numpy::{Element, Ix2, Ix3};
use pyo3::prelude::*;

use crate::arrays::{holds, read, write};
use crate::pool::run;

/// Mark the pixels of a scene that carry data.
///
/// `out` uint8 (h, w) becomes 0 where every band of `dn` (uint16 or float32, (B, h, w)) equals
/// `nodata` (None: where every band is 0), where any band is NaN, and where any band is infinite;
/// else 1. Returns the number of valid pixels and of pixels left out for an infinite value.
///
/// Raises `ValueError` for a wrong dtype, shape or layout.
#[pyfunction]
pub fn valid_mask(
    py: Python<'_>,
    dn: &Bound<'_, PyAny>,
    nodata: Option<f64>,
    out: &Bound<'_, PyAny>,
) -> PyResult<(u64, u64)> {
    let counts =
        if holds::<u16>(dn) { mask::<u16>(py, dn, nodata, out) } else { mask::<f32>(py, dn, nodata, out) }?;
    Ok((counts.valid, counts.infinite))
}

fn mask<T: Sample + Element>(
    py: Python<'_>,
    dn: &Bound<'_, PyAny>,
    nodata: Option<f64>,
    out: &Bound<'_, PyAny>,
) -> PyResult<ValidCounts> {
    let dn = read::<T, Ix3>("dn", dn)?;
    let mut out = write::<u8, Ix2>("out", out)?;
    let (dn, out) = (dn.as_array(), out.as_array_mut());
    run(py, || valid_mask_into(dn, nodata, out))
}
