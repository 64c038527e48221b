//! Binding of the tile cutter.

use catfast_core::patch::{Normalisation, Tiles, cut_tiles_into};
use numpy::{Ix1, Ix3, Ix4};
use pyo3::prelude::*;

use crate::arrays::{read, write};
use crate::pool::run;

/// Cut normalised tiles out of an image.
///
/// `out` float32 (n, B, Th, Tw) gets the tiles of `image` float32 (B, H, W) whose first pixels are at
/// `rows`, `cols` int64 (n,), as (clip(x) - mean) / std with `mean`, `std` float32 (B,); NaN becomes 0.
/// Outside, the image is mirrored without repeating its edge pixels.
///
/// Raises `ValueError` for a wrong dtype, shape, layout, position or normalisation.
#[pyfunction]
#[pyo3(signature = (image, rows, cols, out, *, mean, std, clip))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn cut_tiles(
    py: Python<'_>,
    image: &Bound<'_, PyAny>,
    rows: &Bound<'_, PyAny>,
    cols: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    mean: &Bound<'_, PyAny>,
    std: &Bound<'_, PyAny>,
    clip: (f32, f32),
) -> PyResult<()> {
    let image = read::<f32, Ix3>("image", image)?;
    let rows = read::<i64, Ix1>("rows", rows)?;
    let cols = read::<i64, Ix1>("cols", cols)?;
    let mut out = write::<f32, Ix4>("out", out)?;
    let mean = read::<f32, Ix1>("mean", mean)?;
    let std = read::<f32, Ix1>("std", std)?;
    let tiles = Tiles { rows: rows.as_array(), cols: cols.as_array() };
    let norm = Normalisation { mean: mean.as_array(), std: std.as_array(), clip };
    let (image, out) = (image.as_array(), out.as_array_mut());
    run(py, || cut_tiles_into(image, &tiles, out, &norm))
}
