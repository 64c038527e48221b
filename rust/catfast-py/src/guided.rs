//! Binding of the guide that edges follow.

use catfast_core::guided::brightness_into;
use catfast_core::valid::Sample;
use numpy::{Element, Ix2, Ix3};
use pyo3::prelude::*;

use crate::arrays::{holds, read, write};
use crate::pool::run;

/// Write the mean reflectance of the first three bands of a scene, in steps of 1e-4, for `classify_rows`.
///
/// `out` uint16 (h, w) becomes the mean over bands of `dn` (uint16 or float32, (B, h, w)) times `gain`, plus
/// `offset`, from 0 to 6.5535.
///
/// Raises `ValueError` for a wrong dtype, shape or layout, or fewer than three bands.
#[pyfunction]
#[pyo3(signature = (dn, out, *, gain, offset))]
pub fn brightness(
    py: Python<'_>,
    dn: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    gain: [f64; 3],
    offset: f64,
) -> PyResult<()> {
    if holds::<u16>(dn) {
        write_mean::<u16>(py, dn, out, gain, offset)
    } else {
        write_mean::<f32>(py, dn, out, gain, offset)
    }
}

fn write_mean<T: Sample + Element>(
    py: Python<'_>,
    dn: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    gain: [f64; 3],
    offset: f64,
) -> PyResult<()> {
    let (dn, mut out) = (read::<T, Ix3>("dn", dn)?, write::<u16, Ix2>("out", out)?);
    let (dn, out) = (dn.as_array(), out.as_array_mut());
    run(py, || brightness_into(dn, gain, offset, out))
}
