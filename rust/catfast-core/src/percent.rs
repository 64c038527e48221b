//! Probabilities in per cent, as scene pixels get them.

use ndarray::{ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis};

use crate::classify::NODATA;

/// Pixels looked at together: most stretches have nothing to be shared out.
const STRETCH: usize = 64;

/// The confidence (C, W) of each output row, or nothing for each.
pub(crate) fn rows<'a>(
    confidence: &'a mut Option<ArrayViewMut3<u8>>,
    rows: usize,
) -> Vec<Option<ArrayViewMut2<'a, u8>>> {
    match confidence {
        Some(percent) => percent.axis_iter_mut(Axis(1)).map(Some).collect(),
        None => (0..rows).map(|_| None).collect(),
    }
}

/// Writes `value` over `share` as per cent of one class, 255 where `valid` is 0.
#[inline(always)]
pub(crate) fn write(line: &mut [u8], value: &[f32], share: &[f32], valid: &[u8]) {
    let shares = value.iter().zip(share).zip(valid);
    for (percent, ((&value, &share), &valid)) in line.iter_mut().zip(shares) {
        let probability = if share > 0.0 { value / share } else { 0.0 };
        let rounded = (probability * 100.0 + 0.5).clamp(0.0, 100.0) as u8;
        *percent = if valid == 0 { NODATA } else { rounded };
    }
}

/// Brings the classes of a row (C, W) of guided pixels back to a whole where [`write`] cut some of them off.
///
/// Slopes may take a class below 0 or above 100 per cent; what is cut off there, the others have too much.
/// They give it up by their size, but never the `kept` class: a threshold was compared with that. `totals`
/// is lent for the sums.
#[inline(always)]
pub(crate) fn share_out(
    percent: &mut ArrayViewMut2<u8>,
    valid: &[u8],
    totals: &mut Vec<u16>,
    kept: Option<usize>,
) {
    let whole = 100 + percent.nrows() as u16 / 2;
    totals.clear();
    totals.resize(valid.len(), 0);
    for line in percent.rows() {
        for (total, &part) in totals.iter_mut().zip(line.to_slice().unwrap_or_default()) {
            *total = total.saturating_add(u16::from(part));
        }
    }
    for (total, &valid) in totals.iter_mut().zip(valid) {
        *total = if valid == 0 { 0 } else { *total };
    }
    for (some, totals) in totals.chunks(STRETCH).enumerate() {
        if totals.iter().fold(0, |most, &total| total.max(most)) > whole {
            for (x, &total) in totals.iter().enumerate().filter(|(_, total)| **total > whole) {
                rescale(percent.column_mut(some * STRETCH + x), u32::from(total), kept);
            }
        }
    }
}

/// Makes the parts of one pixel, which add up to `total`, add up to 100; one of them as it is.
fn rescale(mut pixel: ArrayViewMut1<u8>, total: u32, kept: Option<usize>) {
    let fixed = kept.map_or(0, |class| u32::from(pixel[class]));
    let (left, others) = (100 - fixed, total - fixed);
    for (_, part) in pixel.iter_mut().enumerate().filter(|(class, _)| Some(*class) != kept) {
        *part = ((2 * u32::from(*part) * left + others) / (2 * others)) as u8;
    }
}
