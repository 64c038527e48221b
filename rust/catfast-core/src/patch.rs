//! Cutting normalised tiles out of an image, mirrored at its edges.

use ndarray::{ArrayView1, ArrayView3, ArrayViewMut4};
use rayon::prelude::*;

use crate::error::{INDEX_LIMIT, Result, elements, elements_mut, require, same_shape, value};
use crate::simd::dispatch;

/// Where tiles lie on an image: the row and column of each tile's first pixel; any sign.
#[derive(Clone, Copy, Debug)]
pub struct Tiles<'a> {
    /// Rows, one a tile.
    pub rows: ArrayView1<'a, i64>,
    /// Columns, one a tile.
    pub cols: ArrayView1<'a, i64>,
}

impl<'a> Tiles<'a> {
    /// The positions as slices of length `count`.
    pub(crate) fn check(&self, count: usize) -> Result<(&'a [i64], &'a [i64])> {
        Ok((axis("rows", self.rows, count)?, axis("cols", self.cols, count)?))
    }
}

fn axis<'a>(name: &'static str, places: ArrayView1<'a, i64>, count: usize) -> Result<&'a [i64]> {
    same_shape(name, &[count], places.shape())?;
    let places = elements(name, &places)?;
    match places.iter().find(|&&place| !(-INDEX_LIMIT..INDEX_LIMIT).contains(&place)) {
        Some(place) => Err(value(name, "positions between -2^40 and 2^40", place)),
        None => Ok(places),
    }
}

/// How values are brought to what a network expects: `(clip(x) - mean) / std`, a band each.
#[derive(Clone, Copy, Debug)]
pub struct Normalisation<'a> {
    /// Means (B).
    pub mean: ArrayView1<'a, f32>,
    /// Standard deviations (B), above 0.
    pub std: ArrayView1<'a, f32>,
    /// Lowest and highest value that passes.
    pub clip: (f32, f32),
}

impl<'a> Normalisation<'a> {
    fn check(&self, bands: usize) -> Result<(&'a [f32], &'a [f32])> {
        same_shape("mean", &[bands], self.mean.shape())?;
        same_shape("std", &[bands], self.std.shape())?;
        let (mean, std) = (elements("mean", &self.mean)?, elements("std", &self.std)?);
        require(mean.iter().all(|m| m.is_finite()), "mean", "finite numbers", format!("{mean:?}"))?;
        let positive = std.iter().all(|&s| s.is_finite() && s > 0.0);
        require(positive, "std", "finite numbers above 0", format!("{std:?}"))?;
        let ordered = self.clip.0 <= self.clip.1;
        require(ordered, "clip", "two numbers in ascending order", format!("{:?}", self.clip))?;
        Ok((mean, std))
    }
}

/// Cuts tiles of `out` (n, B, Th, Tw) from `image` (B, H, W), normalised; NaN becomes 0.
///
/// Outside, the image is mirrored without repeating its edge pixels, as often as needed; an axis
/// of one pixel repeats that pixel.
///
/// # Errors
/// Shapes that do not fit, a strided array, an image without pixels, positions beyond 2^40, a
/// normalisation that divides by 0 or is not finite, or a clip out of order.
pub fn cut_tiles_into(
    image: ArrayView3<f32>,
    tiles: &Tiles,
    out: ArrayViewMut4<f32>,
    norm: &Normalisation,
) -> Result<()> {
    let (bands, height, width) = image.dim();
    let (count, _, tile_height, tile_width) = out.dim();
    same_shape("out", &[count, bands, tile_height, tile_width], out.shape())?;
    let (rows, cols) = tiles.check(count)?;
    let (mean, std) = norm.check(bands)?;
    let pixels = elements("image", &image)?;
    if out.is_empty() {
        return Ok(());
    }
    require(!image.is_empty(), "image", "at least one pixel", format!("shape {:?}", image.shape()))?;
    let target = elements_mut("out", out)?;
    target.par_chunks_mut(tile_height * tile_width).enumerate().for_each(|(index, plane)| {
        let (tile, band) = (index / bands, index % bands);
        let source = &pixels[band * height * width..][..height * width];
        let scale = Scale { mean: mean[band], std: std[band], clip: norm.clip };
        let columns = Columns::new(cols[tile], tile_width, width);
        for (y, line) in (rows[tile]..).zip(plane.chunks_mut(tile_width)) {
            let source = &source[mirror(y, height) * width..][..width];
            dispatch(|| columns.copy(source, line, scale));
        }
    });
    Ok(())
}

/// Normalisation of one band.
#[derive(Clone, Copy)]
struct Scale {
    mean: f32,
    std: f32,
    clip: (f32, f32),
}

impl Scale {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        let scaled = (x.max(self.clip.0).min(self.clip.1) - self.mean) / self.std;
        if x.is_nan() { 0.0 } else { scaled }
    }
}

/// Image columns of a tile: one run where it lies inside, else an index for each.
enum Columns {
    Run(usize),
    Mirrored(Vec<usize>),
}

impl Columns {
    fn new(start: i64, count: usize, width: usize) -> Self {
        let end = start + count as i64;
        if start >= 0 && end <= width as i64 {
            return Self::Run(start as usize);
        }
        Self::Mirrored((start..end).map(|x| mirror(x, width)).collect())
    }
    #[inline(always)]
    fn copy(&self, source: &[f32], line: &mut [f32], scale: Scale) {
        match self {
            Self::Run(start) => {
                for (target, &x) in line.iter_mut().zip(&source[*start..]) {
                    *target = scale.apply(x);
                }
            }
            Self::Mirrored(columns) => {
                for (target, &column) in line.iter_mut().zip(columns) {
                    *target = scale.apply(source[column]);
                }
            }
        }
    }
}

/// Index inside `0..size` (`size > 0`) that mirrors `index`, edge pixels not repeated.
fn mirror(index: i64, size: usize) -> usize {
    let last = size as i64 - 1;
    if last == 0 {
        return 0;
    }
    let phase = index.rem_euclid(2 * last);
    (if phase > last { 2 * last - phase } else { phase }) as usize
}
