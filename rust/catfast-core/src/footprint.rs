//! How much of a destination pixel each class covers: exact areas of parallelograms on square pixels.

use rayon::prelude::*;

use crate::method::{Method, slot};

/// Overlaps narrower than this (source pixels) are rounding, not overlap.
const THIN: f64 = 1e-9;

/// Codes of a window of the source; the last element, beyond the window, is 255.
pub(crate) struct Labels {
    pub codes: Vec<u8>,
    pub rows: usize,
    pub columns: usize,
    /// Source row and column of the first element.
    pub origin: [f64; 2],
}

/// Marks a source pixel whose neighbours would not all make the same of a footprint.
pub(crate) const MIXED: u8 = 254;
/// Footprints that reach no further than this (source pixels) from their centre stay among its neighbours.
pub(crate) const NEAR: f64 = 1.0;

impl Labels {
    /// What footprints no larger than [`NEAR`] become whose centre lies in a pixel, [`MIXED`] where that
    /// takes a look: cloud is smooth, so most of a scene takes none.
    pub(crate) fn calm(&self, method: Method) -> Vec<u8> {
        let (rows, columns) = (self.rows, self.columns);
        let mut calm = vec![MIXED; self.codes.len()];
        if rows < 3 || columns < 3 {
            return calm;
        }
        let made: Vec<u8> = self.codes.iter().map(|&code| method.of_one(code)).collect();
        let inner = calm[columns..(rows - 1) * columns].par_chunks_mut(columns).enumerate();
        inner.for_each(|(above, target)| {
            let line = |row: usize| &made[(above + row) * columns..][..columns];
            let lines = [line(0), line(1), line(2)];
            for (column, calm) in target[1..columns - 1].iter_mut().enumerate() {
                let middle = lines[1][column + 1];
                let differs = |line: &&[u8]| line[column..column + 3].iter().any(|&code| code != middle);
                *calm = if lines.iter().any(differs) { MIXED } else { middle };
            }
        });
        calm
    }

    /// For each pixel the code of it and of its neighbours to the right, below, and both, [`MIXED`] where
    /// they differ.
    pub(crate) fn fours(&self) -> Vec<u8> {
        let columns = self.columns;
        let mut fours = vec![MIXED; self.codes.len()];
        if self.rows < 2 || columns < 2 {
            return fours;
        }
        let upper = fours[..(self.rows - 1) * columns].par_chunks_mut(columns);
        upper.zip(self.codes.par_windows(2 * columns).step_by(columns)).for_each(|(fours, lines)| {
            let (above, below) = lines.split_at(columns);
            for (column, four) in fours[..columns - 1].iter_mut().enumerate() {
                let code = above[column];
                let others = [above[column + 1], below[column], below[column + 1]];
                *four = if others.iter().all(|&other| other == code) { code } else { MIXED };
            }
        });
        fours
    }

    /// Codes of the pixel at an index and of its neighbours to the right, below, and both.
    #[inline(always)]
    pub(crate) fn four(&self, index: usize) -> [u8; 4] {
        let (upper, lower) = (&self.codes[index..index + 2], &self.codes[index + self.columns..][..2]);
        [upper[0], upper[1], lower[0], lower[1]]
    }

    /// The same of a pixel at a row and column of the source; 255 outside the window.
    pub(crate) fn four_around(&self, place: [f64; 2]) -> [u8; 4] {
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].map(|away| {
            let [row, column] = [0, 1].map(|axis: usize| place[axis] + away[axis] - self.origin[axis]);
            let holds = row >= 0.0 && row < self.rows as f64 && column >= 0.0 && column < self.columns as f64;
            if holds { self.codes[row as usize * self.columns + column as usize] } else { 255 }
        })
    }

    /// Source pixels `first..end` along one axis that reach `half` from `centre` touches, within the window.
    #[inline(always)]
    fn touched(&self, axis: usize, centre: f64, half: f64) -> Touched {
        let origin = self.origin[axis];
        let size = if axis == 0 { self.rows } else { self.columns } as f64;
        let low = (centre - half + THIN).floor() - origin;
        let high = (centre + half - THIN).ceil().max(low + origin + 1.0) - origin;
        Touched {
            first: low.clamp(0.0, size) as usize,
            end: high.clamp(0.0, size) as usize,
            whole: low >= 0.0 && high <= size,
        }
    }
}

/// See [`Labels::touched`]; `whole` where the window cuts nothing off.
struct Touched {
    first: usize,
    end: usize,
    whole: bool,
}

/// One destination pixel on the source: its centre, and its sides down and along.
pub(crate) struct Footprint {
    pub centre: [f64; 2],
    pub down: [f64; 2],
    pub along: [f64; 2],
    /// Half its bounding box, or more.
    pub half: [f64; 2],
}

impl Footprint {
    /// What the pixel becomes.
    #[inline(always)]
    pub(crate) fn sample(&self, labels: &Labels, method: Method, centre: u8) -> u8 {
        if self.lies_in_one_pixel() {
            return method.of_one(centre);
        }
        if !(self.centre[0] + self.centre[1] + self.half[0] + self.half[1]).is_finite() {
            return 255;
        }
        let total = self.area();
        if !(total > 0.0 && total.is_finite()) {
            return method.of_one(centre);
        }
        let rows = labels.touched(0, self.centre[0], self.half[0]);
        let columns = labels.touched(1, self.centre[1], self.half[1]);
        if rows.whole && columns.whole {
            if rows.end - rows.first <= 2 && columns.end - columns.first <= 2 {
                return self.sample_few(labels, &rows, &columns, method, centre);
            }
            let first = method.of_one(labels.codes[rows.first * labels.columns + columns.first]);
            let line = |row: usize| &labels.codes[row * labels.columns..][columns.first..columns.end];
            let same = |row: usize| line(row).iter().all(|&code| method.of_one(code) == first);
            if (rows.first..rows.end).all(same) {
                return first;
            }
        }
        self.weigh(labels, &rows, &columns, method, centre)
    }

    /// Whether it touches no source pixel but that under its centre; not where anything is not finite.
    #[allow(clippy::needless_bitwise_bool, reason = "lazy operators would branch")]
    #[inline(always)]
    fn lies_in_one_pixel(&self) -> bool {
        let room = |axis: usize| {
            let within = self.centre[axis] - self.centre[axis].floor();
            (within - self.half[axis] >= 0.0) & (within + self.half[axis] <= 1.0)
        };
        room(0) & room(1)
    }

    /// Where at most two rows and columns are touched, which one edge most often divides.
    #[inline(always)]
    fn sample_few(
        &self,
        labels: &Labels,
        rows: &Touched,
        columns: &Touched,
        method: Method,
        centre: u8,
    ) -> u8 {
        let code = |row: usize, column: usize| labels.codes[row * labels.columns + column];
        let upper = [code(rows.first, columns.first), code(rows.first, columns.end - 1)];
        let lower = [code(rows.end - 1, columns.first), code(rows.end - 1, columns.end - 1)];
        let (axis, codes, end) = if upper == lower {
            (1, upper, columns.end)
        } else if upper[0] == upper[1] && lower[0] == lower[1] {
            (0, [upper[0], lower[0]], rows.end)
        } else {
            return self.weigh(labels, rows, columns, method, centre);
        };
        if codes[0] == codes[1] {
            return method.of_one(codes[0]);
        }
        // What one line divides has most of its area where its centre is.
        if method == Method::Majority {
            return centre;
        }
        let share = self.share_before(axis, (end - 1) as f64 + labels.origin[axis]);
        let mut areas = [0.0; 6];
        areas[slot(codes[0])] += share;
        areas[slot(codes[1])] += 1.0 - share;
        method.of_areas(areas, 1.0, centre)
    }

    /// Share of the parallelogram that lies before `edge` along an axis: the sum of two uniform
    /// distributions, as wide as its sides, is a trapezoid.
    #[inline(always)]
    fn share_before(&self, axis: usize, edge: f64) -> f64 {
        let sides = [0.5 * self.down[axis].abs(), 0.5 * self.along[axis].abs()];
        let (wide, narrow) = (sides[0].max(sides[1]), sides[0].min(sides[1]));
        let distance = edge - self.centre[axis];
        if distance.abs() <= wide - narrow {
            return (0.5 + 0.5 * distance / wide).clamp(0.0, 1.0);
        }
        let beyond = (wide + narrow - distance.abs()).max(0.0);
        let tail = beyond * beyond / (8.0 * wide * narrow);
        if distance < 0.0 { tail } else { 1.0 - tail }
    }

    #[inline(never)]
    fn weigh(&self, labels: &Labels, rows: &Touched, columns: &Touched, method: Method, centre: u8) -> u8 {
        // Relative to a pixel of the source, not of the window: the same bits whatever the window.
        let base = self.centre.map(f64::floor);
        let outline = self.outline(base);
        let [top, left] = [labels.origin[0] - base[0], labels.origin[1] - base[1]];
        let mut areas = [0.0; 6];
        for row in rows.first..rows.end {
            let strip = outline.between(0, row as f64 + top);
            if strip.len < 3 {
                continue;
            }
            for column in columns.first..columns.end {
                let code = labels.codes[row * labels.columns + column];
                areas[slot(code)] += strip.between(1, column as f64 + left).area();
            }
        }
        method.of_areas(areas, self.area(), centre)
    }

    #[inline(always)]
    fn area(&self) -> f64 {
        (self.down[0] * self.along[1] - self.down[1] * self.along[0]).abs()
    }

    fn outline(&self, base: [f64; 2]) -> Polygon {
        let mut outline = Polygon { corners: [[0.0; 2]; 8], len: 0 };
        for (d, a) in [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)] {
            let corner =
                |axis: usize| self.centre[axis] - base[axis] + d * self.down[axis] + a * self.along[axis];
            outline.push([corner(0), corner(1)]);
        }
        outline
    }
}

/// A convex polygon: a quadrilateral that at most four lines cut.
#[derive(Clone, Copy)]
struct Polygon {
    corners: [[f64; 2]; 8],
    len: usize,
}

impl Polygon {
    fn push(&mut self, corner: [f64; 2]) {
        if let Some(place) = self.corners.get_mut(self.len) {
            *place = corner;
            self.len += 1;
        }
    }

    /// What lies from `low` to `low + 1` along `axis` (Sutherland and Hodgman, CACM 17, 1974).
    fn between(&self, axis: usize, low: f64) -> Self {
        self.cut(axis, low, 1.0).cut(axis, low + 1.0, -1.0)
    }

    fn cut(&self, axis: usize, edge: f64, sign: f64) -> Self {
        let mut kept = Self { corners: [[0.0; 2]; 8], len: 0 };
        let corners = &self.corners[..self.len];
        let Some(mut from) = corners.last().copied() else { return kept };
        for &to in corners {
            let (a, b) = ((from[axis] - edge) * sign, (to[axis] - edge) * sign);
            if (a < 0.0) != (b < 0.0) {
                let way = a / (a - b);
                let mut cross = [from[0] + (to[0] - from[0]) * way, from[1] + (to[1] - from[1]) * way];
                cross[axis] = edge;
                kept.push(cross);
            }
            if b >= 0.0 {
                kept.push(to);
            }
            from = to;
        }
        kept
    }

    /// Shoelace formula, about the first corner so that large coordinates cancel.
    fn area(&self) -> f64 {
        let Some(&[row, column]) = self.corners[..self.len].first() else { return 0.0 };
        let corners = &self.corners[1..self.len];
        let doubled = corners.windows(2).map(|pair| {
            let (a, b) = ([pair[0][0] - row, pair[0][1] - column], [pair[1][0] - row, pair[1][1] - column]);
            a[0] * b[1] - a[1] * b[0]
        });
        doubled.sum::<f64>().abs() / 2.0
    }
}

/// `runs[k]`: how many equal elements `made` has from `k` on, up to 255.
pub(crate) fn measure_runs(made: &[u8], runs: &mut [u8]) {
    let mut end = made.len();
    for place in (0..made.len()).rev() {
        let ends = made.get(place + 1).is_none_or(|&next| next != made[place]);
        end = if ends { place + 1 } else { end };
        runs[place] = (end - place).min(255) as u8;
    }
}
