//! Binding of the tile blender.

use catfast_core::blend::{Taper, blend_tiles_into};
use catfast_core::patch::Tiles;
use numpy::{Ix1, Ix2, Ix3, Ix4};
use pyo3::prelude::*;

use crate::arrays::{read, write};
use crate::pool::run;

/// Add tiles of class probabilities into an image.
///
/// For each tile of `prob` float32 (n, C, Th, Tw), with its first pixel at `rows`, `cols` int64 (n,),
/// taper * prob is added to `acc` float32 (C, H, W) and taper to `weight` float32 (H, W), where
/// taper is the product of `taper_y` float32 (Th,) and `taper_x` float32 (Tw,). Parts outside are
/// dropped; tiles are added in their order.
///
/// Raises `ValueError` for a wrong dtype, shape, layout, position or taper.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn blend_tiles(
    py: Python<'_>,
    prob: &Bound<'_, PyAny>,
    rows: &Bound<'_, PyAny>,
    cols: &Bound<'_, PyAny>,
    taper_y: &Bound<'_, PyAny>,
    taper_x: &Bound<'_, PyAny>,
    acc: &Bound<'_, PyAny>,
    weight: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let prob = read::<f32, Ix4>("prob", prob)?;
    let rows = read::<i64, Ix1>("rows", rows)?;
    let cols = read::<i64, Ix1>("cols", cols)?;
    let taper_y = read::<f32, Ix1>("taper_y", taper_y)?;
    let taper_x = read::<f32, Ix1>("taper_x", taper_x)?;
    let mut acc = write::<f32, Ix3>("acc", acc)?;
    let mut weight = write::<f32, Ix2>("weight", weight)?;
    let tiles = Tiles { rows: rows.as_array(), cols: cols.as_array() };
    let taper = Taper { y: taper_y.as_array(), x: taper_x.as_array() };
    let (prob, acc, weight) = (prob.as_array(), acc.as_array_mut(), weight.as_array_mut());
    run(py, || blend_tiles_into(prob, &tiles, &taper, acc, weight))
}
