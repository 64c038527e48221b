//! Adding overlapping tiles of class probabilities into one image.

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView1, ArrayView4, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis};

use crate::error::{Result, elements, require, same_shape};
use crate::patch::Tiles;
use crate::simd::dispatch;

/// Weights of a tile's rows and columns; a pixel's weight is their product.
#[derive(Clone, Copy, Debug)]
pub struct Taper<'a> {
    /// Weights of the rows (Th).
    pub y: ArrayView1<'a, f32>,
    /// Weights of the columns (Tw).
    pub x: ArrayView1<'a, f32>,
}

/// Tiles and their weights as slices; rows and columns of the image count from 0.
struct Stack<'a> {
    prob: &'a [f32],
    rows: &'a [i64],
    cols: &'a [i64],
    taper_y: &'a [f32],
    taper_x: &'a [f32],
    classes: usize,
}

/// Adds `taper * prob` into `acc` (C, H, W) and `taper` into `weight` (H, W), for tiles `prob` (n, C, Th, Tw).
///
/// Parts of tiles outside the image are dropped. Tiles are added in their order, pixel by pixel,
/// so the sums do not depend on the threads.
///
/// # Errors
/// Shapes that do not fit, a strided array, positions beyond 2^40, or a taper below 0 or not finite.
pub fn blend_tiles_into(
    prob: ArrayView4<f32>,
    tiles: &Tiles,
    taper: &Taper,
    mut acc: ArrayViewMut3<f32>,
    mut weight: ArrayViewMut2<f32>,
) -> Result<()> {
    let (count, classes, tile_height, tile_width) = prob.dim();
    let (_, height, width) = acc.dim();
    same_shape("acc", &[classes, height, width], acc.shape())?;
    same_shape("weight", &[height, width], weight.shape())?;
    let (rows, cols) = tiles.check(count)?;
    let stack = Stack {
        prob: elements("prob", &prob)?,
        rows,
        cols,
        taper_y: weights("taper_y", taper.y, tile_height)?,
        taper_x: weights("taper_x", taper.x, tile_width)?,
        classes,
    };
    require(acc.is_standard_layout(), "acc", "a C-contiguous array", "a strided one")?;
    require(weight.is_standard_layout(), "weight", "a C-contiguous array", "a strided one")?;
    if weight.is_empty() || tile_height == 0 || tile_width == 0 {
        return Ok(());
    }
    let lines = acc.axis_iter_mut(Axis(1)).into_par_iter().zip(weight.outer_iter_mut().into_par_iter());
    lines
        .enumerate()
        .with_min_len(16)
        .for_each(|(y, (acc, weight))| dispatch(|| stack.add_row(y as i64, acc, weight)));
    Ok(())
}

fn weights<'a>(name: &'static str, taper: ArrayView1<'a, f32>, len: usize) -> Result<&'a [f32]> {
    same_shape(name, &[len], taper.shape())?;
    let taper = elements(name, &taper)?;
    match taper.iter().find(|t| !(t.is_finite() && **t >= 0.0)) {
        Some(odd) => Err(crate::error::value(name, "finite weights of at least 0", odd)),
        None => Ok(taper),
    }
}

impl Stack<'_> {
    /// Adds every tile that crosses image row `y`.
    #[inline(always)]
    fn add_row(&self, y: i64, mut acc: ArrayViewMut2<f32>, mut weight: ArrayViewMut1<f32>) {
        let (height, width) = (self.taper_y.len(), self.taper_x.len());
        for (tile, (&row, &col)) in self.rows.iter().zip(self.cols).enumerate() {
            if y < row || y - row >= height as i64 {
                continue;
            }
            let line = (y - row) as usize;
            let taper_y = self.taper_y[line];
            if let Some(sums) = weight.as_slice_mut() {
                for (sum, taper_x) in overlap(sums, self.taper_x, col) {
                    *sum += taper_y * taper_x;
                }
            }
            for (class, mut sums) in acc.outer_iter_mut().enumerate() {
                let prob = &self.prob[((tile * self.classes + class) * height + line) * width..][..width];
                let Some(sums) = sums.as_slice_mut() else { continue };
                for ((sum, taper_x), p) in overlap(sums, self.taper_x, col).zip(inside(prob, col)) {
                    *sum += taper_y * taper_x * p;
                }
            }
        }
    }
}

/// Pairs image pixels with the tile values that fall on them; the tile starts at image column `col`.
#[inline(always)]
fn overlap<'a>(
    image: &'a mut [f32],
    tile: &'a [f32],
    col: i64,
) -> impl Iterator<Item = (&'a mut f32, &'a f32)> {
    let start = (col.max(0) as usize).min(image.len());
    image[start..].iter_mut().zip(inside(tile, col))
}

/// Values of a tile row from image column 0 on.
#[inline(always)]
fn inside(tile: &[f32], col: i64) -> std::slice::Iter<'_, f32> {
    let skip = ((-col).max(0) as usize).min(tile.len());
    tile[skip..].iter()
}
