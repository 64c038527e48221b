//! Binding of the classifier of scene rows.

use catfast_core::classify::{Blended, ClassRule, classify_rows_into};
use catfast_core::guided::Guide;
use numpy::{Ix1, Ix2, Ix3};
use pyo3::prelude::*;

use crate::arrays::{read, write};
use crate::pool::run;

/// Write class codes of scene pixels from probabilities on the network grid.
///
/// `acc` float32 (C, h, w) over `weight` float32 (h, w) is interpolated bilinearly, by pixel centres,
/// at the pixels of `out` uint8 (H, W): scene row `first_row` + i lies at network row
/// `(first_row + i + 0.5) / fy - 0.5`, and row 0 of `acc` is network row `grid_row`. Network pixels of
/// weight 0 are left out. The class is the most probable one or, with a `threshold` (0 to 1), class
/// `cloud` where it reaches that, else the most probable of the others; `out` gets `codes` uint8
/// (C,) of it, and 255 where `valid` uint8 (H, W) is 0. `confidence` uint8 (C, H, W) gets percent. Where
/// classes meet within `GUIDE_REACH` network pixels, edges follow the `guide`: of `brightness`, uint16
/// (H, W), and its area means at the network's pixels, float32 (h, w), NaN where nothing was seen.
/// Returns how often each of the 256 values was written to `out`.
///
/// Raises `ValueError` for a wrong dtype, shape, layout, factor, row, threshold or cloud class.
#[pyfunction]
#[pyo3(signature = (
    acc, weight, valid, out, *, factor, first_row, grid_row, codes, threshold, cloud, confidence, guide=None
))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn classify_rows(
    py: Python<'_>,
    acc: &Bound<'_, PyAny>,
    weight: &Bound<'_, PyAny>,
    valid: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    factor: (f64, f64),
    first_row: i64,
    grid_row: i64,
    codes: &Bound<'_, PyAny>,
    threshold: Option<f64>,
    cloud: usize,
    confidence: Option<&Bound<'_, PyAny>>,
    guide: Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
) -> PyResult<Vec<u64>> {
    let acc = read::<f32, Ix3>("acc", acc)?;
    let weight = read::<f32, Ix2>("weight", weight)?;
    let valid = read::<u8, Ix2>("valid", valid)?;
    let mut out = write::<u8, Ix2>("out", out)?;
    let codes = read::<u8, Ix1>("codes", codes)?;
    let mut confidence = confidence.map(|array| write::<u8, Ix3>("confidence", array)).transpose()?;
    let guide = guide
        .as_ref()
        .map(|(fine, coarse)| {
            Ok::<_, PyErr>((read::<u16, Ix2>("fine", fine)?, read::<f32, Ix2>("coarse", coarse)?))
        })
        .transpose()?;
    let guide =
        guide.as_ref().map(|(fine, coarse)| Guide { fine: fine.as_array(), coarse: coarse.as_array() });
    let blended = Blended { acc: acc.as_array(), weight: weight.as_array() };
    let codes = codes.as_array();
    let rule = ClassRule { factor, first_row, grid_row, codes, threshold, cloud };
    let (valid, out) = (valid.as_array(), out.as_array_mut());
    let percent = confidence.as_mut().map(|array| array.as_array_mut());
    let counts = run(py, || classify_rows_into(&blended, guide.as_ref(), valid, out, percent, &rule))?;
    Ok(counts.to_vec())
}
