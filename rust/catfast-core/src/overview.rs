//! Codes at half their size, for the overviews of a mask.

use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use crate::error::{Result, elements, elements_mut, same_shape};
use crate::simd::dispatch;

/// Fills `out` (ceil(h / 2), ceil(w / 2)) with the most frequent of each two by two pixels of `codes` (h, w).
///
/// Of equally frequent ones the first in reading order wins; `nodata` only where all four are. Along an odd
/// edge there are fewer than four.
///
/// # Errors
/// Shapes that do not fit, or a strided array.
pub fn halve_codes_into(codes: ArrayView2<u8>, out: ArrayViewMut2<u8>, nodata: u8) -> Result<()> {
    let (height, width) = codes.dim();
    same_shape("out", &[height.div_ceil(2), width.div_ceil(2)], out.shape())?;
    let source = elements("codes", &codes)?;
    let target = elements_mut("out", out)?;
    if target.is_empty() {
        return Ok(());
    }
    let lines = target.par_chunks_mut(width.div_ceil(2)).zip(source.par_chunks(2 * width));
    lines.with_min_len(16).for_each(|(target, lines)| {
        let (upper, lower) = lines.split_at(width);
        let lower = if lower.is_empty() { upper } else { lower };
        dispatch(|| halve_line(upper, lower, target, nodata));
    });
    Ok(())
}

/// A line that is missing is given twice: that changes no order of frequencies.
#[inline(always)]
fn halve_line(upper: &[u8], lower: &[u8], target: &mut [u8], nodata: u8) {
    let (pairs, last) = upper.as_chunks::<2>();
    let (below, last_below) = lower.as_chunks::<2>();
    for ((code, &[a, b]), &[c, d]) in target.iter_mut().zip(pairs).zip(below) {
        *code = most_frequent([a, b, c, d], nodata);
    }
    if let ([a], [c], Some(code)) = (last, last_below, target.last_mut()) {
        *code = most_frequent([*a, *a, *c, *c], nodata);
    }
}

#[inline(always)]
fn most_frequent(four: [u8; 4], nodata: u8) -> u8 {
    let [a, b, c, d] = four;
    let same = |x: u8, y: u8| u8::from(x == y);
    let seen = |x: u8, count: u8| if x == nodata { 0 } else { count };
    // Later ones win by being more frequent only, so that what came before need not be counted again.
    let counts = [
        seen(a, 1 + same(a, b) + same(a, c) + same(a, d)),
        seen(b, 1 + same(b, c) + same(b, d)),
        seen(c, 1 + same(c, d)),
        seen(d, 1),
    ];
    let mut best = (a, counts[0]);
    for (code, count) in [(b, counts[1]), (c, counts[2]), (d, counts[3])] {
        best = if count > best.1 { (code, count) } else { best };
    }
    best.0
}
