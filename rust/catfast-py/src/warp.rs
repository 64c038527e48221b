//! Binding of the fused decoding and sampling of a QA band.

use catfast_core::qa::{QaRule, Scheme};
use catfast_core::warp::{Method, Placement, warp_qa_into};
use numpy::{Ix2, Ix3};
use pyo3::prelude::*;

use crate::arrays::{error, read, write};
use crate::pool::run;

/// Decode a window of a Landsat Collection 2 QA band and sample it on another grid.
///
/// `qa` uint16 (h, w) starts at source row and column `origin`. `nodes` float64 (gh, gw, 2) hold source
/// row and column (0, 0 is the source's upper left corner) of the centres of destination pixels `step`
/// apart, `node_row` being the destination row of the first divided by `step`; between them they are
/// interpolated bilinearly. `out` uint8 (H, W), from destination row `first_row` on, becomes 255 where
/// `valid` uint8 (H, W) is 0 and outside `qa`; else, by `method`: "nearest" the code under the pixel's
/// centre, "majority" the code that covers most of the pixel, "bilinear" the code with the largest bilinear
/// weight at the centre among the four pixels around it (255 and what lies outside among them; of equal ones
/// the code under the centre, then the smallest), "fraction" 200 times the share of cloud in what is not 255
/// under the pixel. `scheme`, `cloud` and `ignore` are those of `decode_qa`.
///
/// Returns how many pixel centres lie inside `qa`, and how often each of the 256 values was written.
///
/// Raises `ValueError` for a wrong dtype, shape, layout, scheme, method or flag, and for nodes that do not
/// reach around the output.
#[pyfunction]
#[pyo3(signature = (
    qa, nodes, valid, out, *, step, first_row, node_row, origin, method = "nearest", scheme = "full",
    cloud = 0, ignore = 7
))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn warp_qa(
    py: Python<'_>,
    qa: &Bound<'_, PyAny>,
    nodes: &Bound<'_, PyAny>,
    valid: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    step: usize,
    first_row: i64,
    node_row: i64,
    origin: (i64, i64),
    method: &str,
    scheme: &str,
    cloud: u8,
    ignore: u8,
) -> PyResult<(u64, Vec<u64>)> {
    let rule = QaRule { scheme: Scheme::from_name(scheme).map_err(error)?, cloud, ignore };
    let method = Method::from_name(method).map_err(error)?;
    let placement = Placement { step, first_row, node_row, origin };
    let qa = read::<u16, Ix2>("qa", qa)?;
    let nodes = read::<f64, Ix3>("nodes", nodes)?;
    let valid = read::<u8, Ix2>("valid", valid)?;
    let mut out = write::<u8, Ix2>("out", out)?;
    let (qa, nodes, valid, out) = (qa.as_array(), nodes.as_array(), valid.as_array(), out.as_array_mut());
    let counts = run(py, || warp_qa_into(qa, nodes, valid, out, &placement, method, &rule))?;
    Ok((counts.inside, counts.codes.to_vec()))
}
