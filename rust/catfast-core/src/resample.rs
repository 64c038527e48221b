//! Area-weighted means on a coarser grid.

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis};

use crate::error::{Result, elements, same_shape, scene_column, scene_row};
use crate::grid::{Span, area_span, check_factor};
use crate::simd::dispatch;
use crate::valid::Sample;

/// Source columns summed at a time: their sums (f64) stay in the L1 cache.
const BLOCK: usize = 1024;

/// How the target grid lies on the scene.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Scene pixels per target pixel, down and across; each at least 1.
    pub factor: (f64, f64),
    /// Target row of the first output row.
    pub first_row: i64,
    /// Scene row of the first input row.
    pub src_row: i64,
    /// Target column of the first output column.
    pub first_column: i64,
    /// Scene column of the first input column.
    pub src_column: i64,
}

impl Default for Area {
    /// The scene's own grid, from its first pixel on.
    fn default() -> Self {
        Self { factor: (1.0, 1.0), first_row: 0, src_row: 0, first_column: 0, src_column: 0 }
    }
}

/// Validity of one block of one source row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    Full,
    Partial,
    Empty,
}

/// The input, as slices.
struct Source<'a, T> {
    dn: &'a [T],
    valid: &'a [u8],
    rows: usize,
    width: usize,
}

impl<T> Source<'_, T> {
    fn dn_row(&self, band: usize, row: usize) -> &[T] {
        &self.dn[(band * self.rows + row) * self.width..][..self.width]
    }

    fn valid_row(&self, row: usize) -> &[u8] {
        &self.valid[row * self.width..][..self.width]
    }
}

/// Buffers of one thread.
struct Scratch {
    sums: Vec<f64>,
    covers: Vec<Cover>,
    weights: Vec<f64>,
}

/// Weighted means of the valid pixels of `dn` (B, h, w) under each pixel of `out` (B, H, W), times `gain` (B).
///
/// Output pixel (i, j) covers the scene rows `[(first_row + i) * fy, (first_row + i + 1) * fy)` and
/// likewise columns, with fractional weights at its edges, clipped to the input. It is NaN where
/// nothing valid lies under it. `valid` (h, w) is nonzero where `dn` counts.
/// Sums are kept in f64, so the only rounding that shows is the last one, to f32.
///
/// # Errors
/// Shapes that do not fit, a strided array, a factor below 1 or not finite, a row or column below 0.
pub fn resample_area_into<T: Sample>(
    dn: ArrayView3<T>,
    valid: ArrayView2<u8>,
    gain: ArrayView1<f64>,
    mut out: ArrayViewMut3<f32>,
    area: &Area,
) -> Result<()> {
    let (bands, rows, width) = dn.dim();
    same_shape("valid", &[rows, width], valid.shape())?;
    same_shape("gain", &[bands], gain.shape())?;
    same_shape("out", &[bands, out.dim().1, out.dim().2], out.shape())?;
    check_factor(area.factor)?;
    scene_row("first_row", area.first_row)?;
    scene_row("src_row", area.src_row)?;
    scene_column("first_column", area.first_column)?;
    scene_column("src_column", area.src_column)?;
    let source = Source { dn: elements("dn", &dn)?, valid: elements("valid", &valid)?, rows, width };
    let gain = elements("gain", &gain)?;
    if out.is_empty() || dn.is_empty() {
        out.fill(f32::NAN);
        return Ok(());
    }
    if area.factor == (1.0, 1.0) {
        out.axis_iter_mut(Axis(1)).into_par_iter().enumerate().for_each(|(i, target)| {
            let row = area.first_row + i as i64 - area.src_row;
            let column = area.first_column - area.src_column;
            dispatch(|| scale_row(&source, (row, column), gain, target));
        });
        return Ok(());
    }
    let column = |j: i64| area_span(area.first_column + j, area.factor.1, area.src_column, width);
    let columns: Vec<Span> = (0..out.dim().2 as i64).map(column).collect();
    let scratch =
        || Scratch { sums: vec![0.0; width], covers: Vec::new(), weights: vec![0.0; columns.len()] };
    out.axis_iter_mut(Axis(1)).into_par_iter().enumerate().for_each_init(scratch, |scratch, (i, target)| {
        let span = area_span(area.first_row + i as i64, area.factor.0, area.src_row, rows);
        dispatch(|| mean_row(&source, &span, &columns, gain, scratch, target));
    });
    Ok(())
}

/// One output row of all bands where output pixels are scene pixels: its first one is the source's `(row, column)`,
/// if there is such a one.
#[inline(always)]
fn scale_row<T: Sample>(
    source: &Source<T>,
    (row, column): (i64, i64),
    gain: &[f64],
    mut target: ArrayViewMut2<f32>,
) {
    target.fill(f32::NAN);
    let Some(row) = usize::try_from(row).ok().filter(|row| *row < source.rows) else { return };
    // Either the first source columns have no place in the output, or the first output columns no source.
    let (skipped, before) = (column.max(0) as usize, (-column).max(0) as usize);
    let Some(valid) = source.valid_row(row).get(skipped..) else { return };
    for (band, mut scaled) in target.outer_iter_mut().enumerate() {
        let values = source.dn_row(band, row)[skipped..].iter().zip(valid);
        scaled.iter_mut().skip(before).zip(values).for_each(|(scaled, (&value, &flag))| {
            let found = (value.into() * gain[band]) as f32;
            *scaled = if flag == 0 { f32::NAN } else { found };
        });
    }
}

/// One output row of all bands.
#[inline(always)]
fn mean_row<T: Sample>(
    source: &Source<T>,
    span: &Span,
    columns: &[Span],
    gain: &[f64],
    scratch: &mut Scratch,
    mut target: ArrayViewMut2<f32>,
) {
    sum_weights(source, span, scratch);
    for (weight, column) in scratch.weights.iter_mut().zip(columns) {
        *weight = across(&scratch.sums, column);
    }
    for (band, mut means) in target.outer_iter_mut().enumerate() {
        sum_values(source, band, span, scratch);
        for ((mean, column), weight) in means.iter_mut().zip(columns).zip(&scratch.weights) {
            // 0 / 0 is the NaN of a pixel with nothing valid under it.
            *mean = (across(&scratch.sums, column) / weight * gain[band]) as f32;
        }
    }
}

/// Column sums of the weights of valid pixels, and the cover of every block for [`sum_values`].
#[inline(always)]
fn sum_weights<T>(source: &Source<T>, span: &Span, scratch: &mut Scratch) {
    scratch.covers.clear();
    for (block, sums) in scratch.sums.chunks_mut(BLOCK).enumerate() {
        sums.fill(0.0);
        for k in 0..span.len {
            let weight = span.weight(k);
            let valid = &source.valid_row(span.start + k)[block * BLOCK..][..sums.len()];
            for (sum, &flag) in sums.iter_mut().zip(valid) {
                *sum += if flag == 0 { 0.0 } else { weight };
            }
            scratch.covers.push(cover(valid));
        }
    }
}

/// Column sums of the weighted valid pixels of one band.
#[inline(always)]
fn sum_values<T: Sample>(source: &Source<T>, band: usize, span: &Span, scratch: &mut Scratch) {
    let mut covers = scratch.covers.iter();
    for (block, sums) in scratch.sums.chunks_mut(BLOCK).enumerate() {
        sums.fill(0.0);
        for (k, cover) in (0..span.len).zip(&mut covers) {
            let weight = span.weight(k);
            let row = span.start + k;
            let values = &source.dn_row(band, row)[block * BLOCK..][..sums.len()];
            match cover {
                Cover::Empty => {}
                Cover::Full => add_all(sums, values, weight),
                Cover::Partial => {
                    let valid = &source.valid_row(row)[block * BLOCK..][..sums.len()];
                    add_valid(sums, values, valid, weight);
                }
            }
        }
    }
}
#[inline(always)]
fn add_all<T: Sample>(sums: &mut [f64], values: &[T], weight: f64) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += weight * value.into();
    }
}
#[inline(always)]
fn add_valid<T: Sample>(sums: &mut [f64], values: &[T], valid: &[u8], weight: f64) {
    for ((sum, &value), &flag) in sums.iter_mut().zip(values).zip(valid) {
        let term = weight * value.into();
        *sum += if flag == 0 { 0.0 } else { term };
    }
}
#[inline(always)]
fn cover(valid: &[u8]) -> Cover {
    let (low, high) = valid.iter().fold((u8::MAX, 0), |(low, high), &flag| (low.min(flag), high.max(flag)));
    match (low, high) {
        (_, 0) => Cover::Empty,
        (0, _) => Cover::Partial,
        _ => Cover::Full,
    }
}

/// Weighted sum of the column sums under one output pixel.
#[inline(always)]
fn across(sums: &[f64], span: &Span) -> f64 {
    match &sums[span.start..][..span.len] {
        [] => 0.0,
        [only] => span.first * only,
        [first, middle @ .., last] => span.first * first + middle.iter().sum::<f64>() + span.last * last,
    }
}
