//! Positions of pixels between two grids, always from absolute indexes so that a scene may be cut anywhere.

use crate::error::{Result, require};

/// Edges closer than this to a whole pixel are that pixel's edge: `index * factor` carries rounding.
const SNAP: f64 = 1e-9;

/// Consecutive source pixels under one target pixel, and how much of the two at the ends counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    /// First source pixel, from the start of the array.
    pub start: usize,
    /// Number of source pixels; 0 where the target pixel lies outside the array.
    pub len: usize,
    /// Share of the first pixel.
    pub first: f64,
    /// Share of the last pixel; equals `first` where there is but one.
    pub last: f64,
}

impl Span {
    const EMPTY: Self = Self { start: 0, len: 0, first: 0.0, last: 0.0 };

    /// Share of the `k`-th pixel that counts.
    pub(crate) fn weight(&self, k: usize) -> f64 {
        if k == 0 {
            self.first
        } else if k + 1 == self.len {
            self.last
        } else {
            1.0
        }
    }
}

/// Source pixels under target pixel `index`, each `factor` source pixels wide, clipped to the
/// `len` pixels whose first one is source pixel `origin`.
pub(crate) fn area_span(index: i64, factor: f64, origin: i64, len: usize) -> Span {
    let (bottom, top) = (origin as f64, origin as f64 + len as f64);
    let low = snap(index as f64 * factor).clamp(bottom, top);
    let high = snap((index + 1) as f64 * factor).clamp(bottom, top);
    if high <= low {
        return Span::EMPTY;
    }
    let (start, end) = (low.floor(), high.ceil());
    Span {
        start: (start - bottom) as usize,
        len: (end - start) as usize,
        first: high.min(start + 1.0) - low,
        last: high - low.max(end - 1.0),
    }
}

fn snap(edge: f64) -> f64 {
    let whole = edge.round();
    if (edge - whole).abs() < SNAP { whole } else { edge }
}

/// Two neighbours on the coarse grid and the way from the first to the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Between {
    /// First neighbour, from the start of the array.
    pub low: usize,
    /// Second neighbour; the same one at the far edge.
    pub high: usize,
    /// 0 at the first, towards 1 at the second.
    pub way: f32,
}

/// Where fine pixel `index` lies on a grid `factor` times as coarse, by pixel centres, clamped to
/// the `len > 0` coarse pixels whose first one is pixel `origin`.
pub(crate) fn between(index: i64, factor: f64, origin: i64, len: usize) -> Between {
    let bottom = origin as f64;
    let place = ((index as f64 + 0.5) / factor - 0.5).clamp(bottom, bottom + (len - 1) as f64);
    let floor = place.floor();
    let low = (floor - bottom) as usize;
    Between { low, high: (low + 1).min(len - 1), way: (place - floor) as f32 }
}

/// `Ok` where both factors are finite and at least 1.
pub(crate) fn check_factor(factor: (f64, f64)) -> Result<()> {
    let fits = |f: f64| f.is_finite() && f >= 1.0;
    require(
        fits(factor.0) && fits(factor.1),
        "factor",
        "two finite numbers of at least 1",
        format!("{factor:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_ten_thirds_meet_at_whole_pixels() {
        let factor = 10.0 / 3.0;
        for index in (0..30_000).step_by(3) {
            let span = area_span(index, factor, 0, 1 << 20);
            assert_eq!((span.start as i64, span.first), (index / 3 * 10, 1.0));
            let span = area_span(index + 2, factor, 0, 1 << 20);
            assert_eq!(((span.start + span.len) as i64, span.last), (index / 3 * 10 + 10, 1.0));
        }
    }

    #[test]
    fn spans_are_clipped_to_the_array() {
        assert_eq!(area_span(0, 3.0, 2, 5), Span { start: 0, len: 1, first: 1.0, last: 1.0 });
        assert_eq!(area_span(2, 3.0, 2, 5).len, 1);
        assert_eq!(area_span(3, 3.0, 2, 5), Span::EMPTY);
        assert_eq!(area_span(i64::from(u32::MAX), 1e300, 2, 5), Span::EMPTY);
    }

    #[test]
    fn a_span_within_one_pixel_has_one_weight() {
        let span = area_span(1, 1.0, 0, 4);
        assert_eq!((span.len, span.weight(0)), (1, 1.0));
        let span = area_span(0, 10.0 / 3.0, 0, 4);
        assert!(
            (span.weight(0) + span.weight(1) + span.weight(2) + span.weight(3) - 10.0 / 3.0).abs() < 1e-12
        );
    }

    #[test]
    fn centres_meet_and_ends_are_clamped() {
        assert_eq!(between(0, 2.0, 0, 3), Between { low: 0, high: 1, way: 0.0 });
        assert_eq!(between(1, 2.0, 0, 3), Between { low: 0, high: 1, way: 0.25 });
        assert_eq!(between(99, 2.0, 0, 3), Between { low: 2, high: 2, way: 0.0 });
    }
}
