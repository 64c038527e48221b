//! Which pixels of a scene carry data.

use ndarray::{ArrayView3, ArrayViewMut2};
use rayon::prelude::*;

use crate::error::{Result, elements, elements_mut, require, same_shape};
use crate::simd::dispatch;

/// Pixels that a thread takes at a time: the flags stay in the L1 cache while the bands pass.
const CHUNK: usize = 1 << 14;

/// Pixels counted at a time: their sum fits a byte, so that 32 are counted by one instruction.
const COUNTED: usize = 192;

/// Every band so far equals the nodata value.
const SAME: u8 = 1;
/// Some band is NaN.
const NAN: u8 = 2;
/// Some band is infinite.
const INFINITE: u8 = 4;

/// A pixel type that scenes are stored in.
pub trait Sample: Copy + Send + Sync + PartialEq + Into<f64> {
    /// The nodata value as pixels hold it, `None` where no pixel can equal it.
    fn from_nodata(nodata: f64) -> Option<Self>;
    /// NaN and infinity of one value.
    fn is_nan_or_infinite(self) -> (bool, bool);
}

impl Sample for u16 {
    fn from_nodata(nodata: f64) -> Option<Self> {
        let value = nodata as Self;
        (f64::from(value).to_bits() == (nodata + 0.0).to_bits()).then_some(value)
    }
    #[inline(always)]
    fn is_nan_or_infinite(self) -> (bool, bool) {
        (false, false)
    }
}

impl Sample for f32 {
    fn from_nodata(nodata: f64) -> Option<Self> {
        (!nodata.is_nan()).then_some(nodata as Self)
    }
    #[inline(always)]
    fn is_nan_or_infinite(self) -> (bool, bool) {
        (self.is_nan(), self.is_infinite())
    }
}

/// Counts of one [`valid_mask_into`] call, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValidCounts {
    /// Pixels that carry data.
    pub valid: u64,
    /// Pixels with an infinite value in some band, the declared nodata value aside.
    pub infinite: u64,
}

/// Writes 1 where a pixel of `dn` (B, h, w) carries data and 0 elsewhere, into `out` (h, w).
///
/// A pixel is nodata where every band equals `nodata` (`None`: where every band is 0) or any band
/// is NaN. Infinite values are no data either, but they are counted, for a warning.
///
/// # Errors
/// Shapes that do not fit, a strided array, or no band at all.
pub fn valid_mask_into<T: Sample>(
    dn: ArrayView3<T>,
    nodata: Option<f64>,
    out: ArrayViewMut2<u8>,
) -> Result<ValidCounts> {
    let (bands, height, width) = dn.dim();
    same_shape("out", &[height, width], out.shape())?;
    require(bands > 0, "dn", "at least one band", bands)?;
    let source = elements("dn", &dn)?;
    let target = elements_mut("out", out)?;
    let pixels = target.len();
    let nodata = T::from_nodata(nodata.unwrap_or(0.0));
    let count = |(chunk, flags): (usize, &mut [u8])| {
        let (start, len) = (chunk * CHUNK, flags.len());
        let planes = (0..bands).map(|band| &source[band * pixels + start..][..len]);
        dispatch(|| mask_chunk(planes, nodata, flags))
    };
    let sum = |a: ValidCounts, b: ValidCounts| ValidCounts {
        valid: a.valid + b.valid,
        infinite: a.infinite + b.infinite,
    };
    Ok(target.par_chunks_mut(CHUNK).enumerate().map(count).reduce(ValidCounts::default, sum))
}
#[inline(always)]
fn mask_chunk<'a, T: Sample + 'a>(
    planes: impl Iterator<Item = &'a [T]>,
    nodata: Option<T>,
    flags: &mut [u8],
) -> ValidCounts {
    flags.fill(if nodata.is_some() { SAME } else { 0 });
    for plane in planes {
        for (flag, &value) in flags.iter_mut().zip(plane) {
            let (nan, infinite) = value.is_nan_or_infinite();
            let keep = if nodata == Some(value) { u8::MAX } else { !SAME };
            *flag = (*flag & keep) | if nan { NAN } else { 0 } | if infinite { INFINITE } else { 0 };
        }
    }
    let mut counts = ValidCounts::default();
    for part in flags.chunks_mut(COUNTED) {
        let infinite = part.iter().map(|&flag| u8::from(flag & (INFINITE | SAME) == INFINITE)).sum::<u8>();
        for flag in part.iter_mut() {
            *flag = u8::from(*flag == 0);
        }
        counts.infinite += u64::from(infinite);
        counts.valid += u64::from(part.iter().sum::<u8>());
    }
    counts
}
