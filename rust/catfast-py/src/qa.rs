//! Binding of the QA decoder.

use catfast_core::qa::{QaRule, Scheme, decode_qa_into};
use numpy::Ix2;
use pyo3::prelude::*;

use crate::arrays::{error, read, write};
use crate::pool::run;

/// Decode Landsat Collection 2 QA bits into class codes.
///
/// `qa` uint16 (h, w) is decoded into `out` uint8 (h, w): 0 clear, 1 cloud, 2 shadow, 3 snow or
/// ice, 4 water, 255 ignore; the scheme "binary" folds 2, 3 and 4 into 0. `cloud` and `ignore` are
/// sums of the flags FILL, DILATED, MEDIUM and CIRRUS: the kinds that become 1 and 255. Fill is always
/// 255, and bit 3 is always 1.
///
/// Raises `ValueError` for a wrong dtype, shape, layout, scheme or flag.
#[pyfunction]
#[pyo3(signature = (qa, out, *, scheme = "full", cloud = 0, ignore = 7))]
pub fn decode_qa(
    py: Python<'_>,
    qa: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    scheme: &str,
    cloud: u8,
    ignore: u8,
) -> PyResult<()> {
    let rule = QaRule { scheme: Scheme::from_name(scheme).map_err(error)?, cloud, ignore };
    let qa = read::<u16, Ix2>("qa", qa)?;
    let mut out = write::<u8, Ix2>("out", out)?;
    let (qa, out) = (qa.as_array(), out.as_array_mut());
    run(py, || decode_qa_into(qa, out, &rule))
}
