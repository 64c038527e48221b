//! One row of the warp: most of it in runs of one code, the rest pixel by pixel.

use rayon::prelude::*;

use crate::footprint::{Footprint, Labels, MIXED, NEAR, measure_runs};
use crate::method::{Method, SNAP, bilinear};
use crate::simd::Body;
use crate::tally::{all_seen, finish};
use crate::warp::WarpCounts;

/// Cells that are first tried as one.
const GROUP: usize = 4;

/// Pixels of a group that are worth being counted at once.
const WORTH: usize = 64;

/// What pixels are taken from.
pub(crate) struct Source<'a> {
    labels: &'a Labels,
    method: Method,
    /// The codes (nearest), or what small footprints become and [`MIXED`]; bilinear: of the four pixels
    /// that meet in the lower right corner of each.
    made: Vec<u8>,
    /// From each source pixel on, how many along its row are made the same, up to 255.
    runs: Vec<u8>,
    /// From a place on the source to one in `made`.
    shift: f64,
}

impl<'a> Source<'a> {
    pub(crate) fn new(labels: &'a Labels, method: Method) -> Self {
        let made = match method {
            Method::Nearest => labels.codes.clone(),
            Method::Bilinear => labels.fours(),
            Method::Majority | Method::Fraction => labels.calm(method),
        };
        let mut runs = vec![1_u8; made.len()];
        let lines = runs.par_chunks_mut(labels.columns.max(1)).zip(made.par_chunks(labels.columns.max(1)));
        lines.for_each(|(runs, made)| measure_runs(made, runs));
        let shift = if method == Method::Bilinear { 0.5 } else { 0.0 };
        Self { labels, method, made, runs, shift }
    }

    /// Whether a pixel is done with what the source makes of its centre.
    #[inline(always)]
    fn takes(&self, made: u8) -> bool {
        self.method == Method::Nearest || made != MIXED
    }

    /// What all centres between `centres` become, where that is one thing; they lie inside the window.
    #[inline(always)]
    fn of_group(&self, centres: &[[f64; 2]]) -> Option<u8> {
        let (mut low, mut high) = (centres[0], centres[0]);
        for centre in &centres[1..] {
            for axis in 0..2 {
                low[axis] = low[axis].min(centre[axis]);
                high[axis] = high[axis].max(centre[axis]);
            }
        }
        let place = |corner: [f64; 2], reach: f64| {
            [0, 1].map(|axis: usize| (corner[axis] - self.shift + reach).floor() - self.labels.origin[axis])
        };
        self.of_rectangle(place(low, -2.0 * SNAP), place(high, 2.0 * SNAP))
    }

    /// What source pixels between two corners inside the window are made, where that is one thing.
    #[inline(always)]
    fn of_rectangle(&self, first: [f64; 2], end: [f64; 2]) -> Option<u8> {
        let (first, end) = (first.map(whole), end.map(whole));
        let columns = self.labels.columns;
        let (left, span) = (first[1].min(end[1]), first[1].abs_diff(end[1]));
        let start = first[0] as usize * columns + left as usize;
        let made = self.made[start];
        let mut same = u32::from(self.runs[start]) > span;
        if first[0] != end[0] {
            let other = end[0] as usize * columns + left as usize;
            same &= first[0].abs_diff(end[0]) == 1;
            same &= self.made[other] == made && u32::from(self.runs[other]) > span;
        }
        same.then_some(made)
    }
}

/// The centres of the pixels of one cell on one row, relative to the window.
struct Line {
    from: [f64; 2],
    slope: [f64; 2],
    origin: [f64; 2],
}

impl Line {
    /// Where a node is not finite, no place is: infinity times 0 is NaN.
    #[inline(always)]
    fn new(ends: &[[f64; 2]], step: usize, origin: [f64; 2]) -> Self {
        let (from, to) = (ends[0], ends[1]);
        let slope = [(to[0] - from[0]) / step as f64, (to[1] - from[1]) / step as f64];
        Self { from, slope, origin }
    }

    /// The same line from a place as far up and to the left.
    #[inline(always)]
    fn shifted(&self, shift: f64) -> Self {
        Self { from: self.from.map(|place| place - shift), slope: self.slope, origin: self.origin }
    }

    /// Row and column of the source pixel under the `j`-th centre.
    #[inline(always)]
    fn place(&self, j: f64) -> [f64; 2] {
        [0, 1].map(|axis: usize| (self.from[axis] + SNAP + self.slope[axis] * j).floor() - self.origin[axis])
    }
}

/// What one thread needs for a row: coordinates and steps at its nodes, and where pixels of a cell lie.
#[derive(Default)]
pub(crate) struct Scratch {
    centres: Vec<[f64; 2]>,
    downs: Vec<[f64; 2]>,
    indexes: Vec<u32>,
}

impl Scratch {
    /// Interpolates between two lines of nodes.
    pub(crate) fn place(&mut self, upper: &[[f64; 2]], lower: &[[f64; 2]], way: f64, step: usize) {
        let step = step as f64;
        self.centres.clear();
        self.downs.clear();
        for (a, b) in upper.iter().zip(lower) {
            let change = [b[0] - a[0], b[1] - a[1]];
            self.centres.push([a[0] + change[0] * way, a[1] + change[1] * way]);
            self.downs.push([change[0] / step, change[1] / step]);
        }
    }
}

/// One output row.
pub(crate) struct Row<'a> {
    pub scratch: &'a mut Scratch,
    pub source: &'a Source<'a>,
    pub step: usize,
    pub target: &'a mut [u8],
    pub valid: &'a [u8],
    pub sums: &'a mut WarpCounts,
}

impl Body for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { scratch, source, step, target, valid: seen, sums } = self;
        let amid = all_amid(&scratch.centres, source.labels);
        let small = !source.method.is_by_area() || all_small(scratch, step);
        scratch.indexes.resize(step.min(target.len()), 0);
        let wide = step * GROUP;
        let mut open = 0;
        for start in (0..target.len()).step_by(wide) {
            let end = (start + wide).min(target.len());
            let (first, length) = (start / step, end - start);
            let (codes, valid) = (&mut target[start..end], &seen[start..end]);
            if amid && small {
                let made = source.of_group(&scratch.centres[first..][..=length.div_ceil(step)]);
                if let Some(made) = made.filter(|&made| source.takes(made)) {
                    sums.inside += length as u64;
                    codes.fill(made);
                    if length >= WORTH && all_seen(valid) {
                        finish(&mut target[open..start], &seen[open..start], source.method, sums);
                        sums.codes[usize::from(made)] += length as u64;
                        open = end;
                    }
                    continue;
                }
            }
            for (cell, (codes, valid)) in codes.chunks_mut(step).zip(valid.chunks(step)).enumerate() {
                sums.inside += warp_cell(scratch, source, step, first + cell, amid, codes, valid);
            }
        }
        finish(&mut target[open..], &seen[open..], source.method, sums);
    }
}

/// One cell of a row; returns how many of its centres lie inside the window.
#[inline(always)]
fn warp_cell(
    scratch: &mut Scratch,
    source: &Source,
    step: usize,
    cell: usize,
    amid: bool,
    codes: &mut [u8],
    valid: &[u8],
) -> u64 {
    let labels = source.labels;
    let line = Line::new(&scratch.centres[cell..][..2], step, labels.origin);
    let downs = &scratch.downs[cell..][..2];
    let weigher = (source.method != Method::Nearest).then(|| Weigher::new(source, &line, downs, step));
    let indexes = &mut scratch.indexes[..codes.len()];
    let mut inside = codes.len() as u64;
    if amid {
        let shifted = line.shifted(source.shift);
        // Rounding keeps a line monotone: its pixels lie between those of its ends.
        let made = source.of_rectangle(shifted.place(0.0), shifted.place((codes.len() - 1) as f64));
        let done = |&made: &u8| weigher.as_ref().is_none_or(|weigher| weigher.takes(made));
        if let Some(made) = made.filter(done) {
            codes.fill(made);
            return inside;
        }
        find_inside(&shifted, labels, indexes);
        gather(&source.made, indexes, codes);
    } else {
        inside = find(&line, labels, indexes);
        gather(&source.made, indexes, codes);
        if source.method == Method::Bilinear {
            codes.fill(MIXED);
        }
    }
    if let Some(weigher) = weigher {
        weigher.weigh(codes, valid, indexes, amid);
    }
    inside
}

/// Whether no footprint of the row reaches beyond the neighbours of the source pixel under its centre.
#[inline(always)]
fn all_small(scratch: &Scratch, step: usize) -> bool {
    let cells = scratch.centres.windows(2).zip(scratch.downs.windows(2));
    cells.fold(true, |small, (ends, downs)| {
        let half = |axis: usize| {
            let along = ((ends[1][axis] - ends[0][axis]) / step as f64).abs();
            0.5 * (along + downs[0][axis].abs().max(downs[1][axis].abs()))
        };
        small & (half(0) <= NEAR) & (half(1) <= NEAR)
    })
}

/// Whether everything between the nodes lies inside the window: they do, by a pixel or more.
#[allow(clippy::needless_bitwise_bool, reason = "lazy operators would branch")]
#[inline(always)]
fn all_amid(centres: &[[f64; 2]], labels: &Labels) -> bool {
    let [top, left] = labels.origin;
    let within =
        |place: f64, origin: f64, size: usize| (place >= origin + 1.0) & (place < origin + size as f64 - 1.0);
    centres.iter().all(|place| within(place[0], top, labels.rows) & within(place[1], left, labels.columns))
}

/// Index into the labels of every pixel of a cell, their end where it lies outside; how many lie inside.
#[allow(clippy::needless_bitwise_bool, reason = "lazy operators would branch")]
#[inline(always)]
fn find(line: &Line, labels: &Labels, indexes: &mut [u32]) -> u64 {
    let (rows, columns) = (labels.rows as f64, labels.columns as f64);
    let beyond = labels.codes.len() as f64 - 1.0;
    let mut found = 0_u32;
    for (j, index) in indexes.iter_mut().enumerate() {
        let [row, column] = line.place(f64::from(j as u32 as i32));
        let holds = (row >= 0.0) & (row < rows) & (column >= 0.0) & (column < columns);
        *index = whole(if holds { row * columns + column } else { beyond });
        found += u32::from(holds);
    }
    u64::from(found)
}

/// [`find`] for a cell that lies inside.
#[inline(always)]
fn find_inside(line: &Line, labels: &Labels, indexes: &mut [u32]) {
    for (j, index) in indexes.iter_mut().enumerate() {
        let [row, column] = line.place(f64::from(j as u32 as i32));
        *index = whole(row * labels.columns as f64 + column);
    }
}

/// A whole number from 0 to 2^32 - 1 as an integer: added to 2^52 it stands in the lowest bits. A cast
/// would check what is known here, and not vectorise.
#[inline(always)]
fn whole(number: f64) -> u32 {
    const HIGH: f64 = (1_u64 << 52) as f64;
    (number + HIGH).to_bits() as u32
}

/// `found[k] = source[indexes[k]]`, eight at a time.
#[inline(always)]
fn gather(source: &[u8], indexes: &[u32], found: &mut [u8]) {
    let (eights, rest) = found.as_chunks_mut::<8>();
    let (places, last) = indexes.as_chunks::<8>();
    for (eight, places) in eights.iter_mut().zip(places) {
        *eight = places.map(|place| source[place as usize]);
    }
    for (code, &place) in rest.iter_mut().zip(last) {
        *code = source[place as usize];
    }
}

/// The footprints of one cell.
struct Weigher<'a> {
    source: &'a Source<'a>,
    line: &'a Line,
    near: [f64; 2],
    turn: [f64; 2],
    half: [f64; 2],
    large: bool,
}

impl<'a> Weigher<'a> {
    #[inline(always)]
    fn new(source: &'a Source<'a>, line: &'a Line, downs: &[[f64; 2]], step: usize) -> Self {
        let (near, far) = (downs[0], downs[1]);
        let turn = [(far[0] - near[0]) / step as f64, (far[1] - near[1]) / step as f64];
        let half =
            [0, 1].map(|axis: usize| 0.5 * (line.slope[axis].abs() + near[axis].abs().max(far[axis].abs())));
        let large = source.method.is_by_area() && !(half[0] <= NEAR && half[1] <= NEAR);
        Self { source, line, near, turn, half, large }
    }

    /// Whether a pixel is done with what the source makes of its centre.
    #[inline(always)]
    fn takes(&self, made: u8) -> bool {
        !self.large && self.source.takes(made)
    }

    /// Weighs what is not done, of pixels that were seen; `indexes` as found for the line, `amid` or not.
    #[inline(always)]
    fn weigh(&self, codes: &mut [u8], valid: &[u8], indexes: &[u32], amid: bool) {
        if !self.large && !codes.contains(&MIXED) {
            return;
        }
        for (j, ((code, &seen), &index)) in codes.iter_mut().zip(valid).zip(indexes).enumerate() {
            if seen != 0 && !self.takes(*code) {
                *code = self.weighed(j as f64, index as usize, amid);
            }
        }
    }

    #[inline(always)]
    fn weighed(&self, j: f64, index: usize, amid: bool) -> u8 {
        let Source { labels, method, .. } = *self.source;
        let (from, slope) = (self.line.from, self.line.slope);
        let centre = [from[0] + slope[0] * j, from[1] + slope[1] * j];
        if method == Method::Bilinear {
            // As the index was found: an edge within rounding is behind the centre.
            let first = centre.map(|place| (place - 0.5 + SNAP).floor());
            let codes = if amid { labels.four(index) } else { labels.four_around(first) };
            return bilinear(codes, [centre[0] - 0.5 - first[0], centre[1] - 0.5 - first[1]]);
        }
        let down = [self.near[0] + self.turn[0] * j, self.near[1] + self.turn[1] * j];
        let footprint = Footprint { centre, down, along: slope, half: self.half };
        footprint.sample(labels, method, labels.codes[index])
    }
}
