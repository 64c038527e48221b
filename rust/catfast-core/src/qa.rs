//! Landsat Collection 2 `QA_PIXEL` bits to class codes (USGS LSDS-1619 and LSDS-1328, their bit table).

use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use crate::error::{Result, elements, elements_mut, require, same_shape, value};
use crate::simd::dispatch;

/// Flag of [`QaRule::ignore`]: fill pixels (bit 0). They are 255 with or without it.
pub const FILL: u8 = 1;
/// Flag: dilated cloud (bit 1).
pub const DILATED: u8 = 2;
/// Flag: medium cloud confidence (bits 8-9 are 2).
pub const MEDIUM: u8 = 4;
/// Flag: high-confidence cirrus (bit 2).
pub const CIRRUS: u8 = 8;

/// Pixels that a thread takes at a time: input and output stay in the L2 cache.
const CHUNK: usize = 1 << 16;

/// Which codes the decoder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// 0 clear, 1 cloud, 2 shadow, 3 snow or ice, 4 water, 255 ignore.
    Full,
    /// 0 not cloud, 1 cloud, 255 ignore: 2, 3 and 4 of the full scheme become 0.
    Binary,
}

impl Scheme {
    /// The scheme called `name`: `full` or `binary`.
    ///
    /// # Errors
    /// [`crate::Error::Value`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "full" => Ok(Self::Full),
            "binary" => Ok(Self::Binary),
            other => Err(value("scheme", "'full' or 'binary'", format!("'{other}'"))),
        }
    }
}

/// How bits become codes; see [`decode_qa_into`].
#[derive(Clone, Copy, Debug)]
pub struct QaRule {
    /// Which codes are written.
    pub scheme: Scheme,
    /// Flags of the kinds counted as cloud besides bit 3.
    pub cloud: u8,
    /// Flags of the kinds written as 255.
    pub ignore: u8,
}

/// Bits of the QA band that a set of flags names.
#[derive(Clone, Copy)]
struct Selector {
    bits: u16,
    medium: bool,
}

impl Selector {
    fn new(flags: u8, always: u16) -> Self {
        let dilated = if flags & DILATED == 0 { 0 } else { 1 << 1 };
        let cirrus = if flags & CIRRUS == 0 { 0 } else { 1 << 2 };
        Self { bits: always | dilated | cirrus, medium: flags & MEDIUM != 0 }
    }
    #[allow(clippy::needless_bitwise_bool, reason = "lazy operators would branch")]
    #[inline(always)]
    fn matches(self, qa: u16) -> bool {
        (qa & self.bits != 0) | (self.medium & (qa & 0x300 == 0x200))
    }
}

/// Decodes QA bits (h, w) into class codes (h, w).
///
/// The first that holds: fill 255; bit 3, or a kind named in `cloud`, 1; a kind named in `ignore`
/// 255; bit 4 (shadow) 2; bit 5 (snow) 3; bit 7 (water) 4; else 0.
///
/// # Errors
/// Shapes that differ, a strided array, or flags that do not exist.
pub fn decode_qa_into(qa: ArrayView2<u16>, out: ArrayViewMut2<u8>, rule: &QaRule) -> Result<()> {
    same_shape("out", qa.shape(), out.shape())?;
    let cloud_flags = DILATED | MEDIUM | CIRRUS;
    require(rule.cloud & !cloud_flags == 0, "cloud", "flags among DILATED, MEDIUM and CIRRUS", rule.cloud)?;
    let known = cloud_flags | FILL;
    require(
        rule.ignore & !known == 0,
        "ignore",
        "flags among FILL, DILATED, MEDIUM and CIRRUS",
        rule.ignore,
    )?;
    let source = elements("qa", &qa)?;
    let target = elements_mut("out", out)?;
    target
        .par_chunks_mut(CHUNK)
        .zip(source.par_chunks(CHUNK))
        .for_each(|(target, source)| dispatch(|| decode_chunk(source, target, rule)));
    Ok(())
}
#[inline(always)]
fn decode_chunk(source: &[u16], target: &mut [u8], rule: &QaRule) {
    let cloud = Selector::new(rule.cloud, 1 << 3);
    let ignore = Selector::new(rule.ignore, 0);
    let [shadow, snow, water] = match rule.scheme {
        Scheme::Full => [2, 3, 4],
        Scheme::Binary => [0, 0, 0],
    };
    for (code, &qa) in target.iter_mut().zip(source) {
        // From the weakest rule to the strongest: selects, not branches, so that it vectorises.
        let mut found: u16 = if qa & (1 << 7) == 0 { 0 } else { water };
        found = if qa & (1 << 5) == 0 { found } else { snow };
        found = if qa & (1 << 4) == 0 { found } else { shadow };
        found = if ignore.matches(qa) { 255 } else { found };
        found = if cloud.matches(qa) { 1 } else { found };
        found = if qa & 1 == 0 { found } else { 255 };
        *code = found as u8;
    }
}
