//! Binding of the overviews of codes.

use catfast_core::overview::halve_codes_into;
use numpy::Ix2;
use pyo3::prelude::*;

use crate::arrays::{read, write};
use crate::pool::run;

/// Fill `out` uint8 (ceil(h / 2), ceil(w / 2)) with the most frequent of each two by two of `codes` (h, w).
///
/// Of equally frequent ones the first in reading order wins; `nodata` only where all are.
///
/// Raises `ValueError` for a wrong dtype, shape or layout.
#[pyfunction]
pub fn halve_codes(
    py: Python<'_>,
    codes: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    nodata: u8,
) -> PyResult<()> {
    let codes = read::<u8, Ix2>("codes", codes)?;
    let mut out = write::<u8, Ix2>("out", out)?;
    let (codes, out) = (codes.as_array(), out.as_array_mut());
    run(py, || halve_codes_into(codes, out, nodata))
}
