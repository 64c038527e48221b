//! Landsat's QA band, decoded and sampled on another grid in one go.

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut2};
use rayon::prelude::*;

use crate::error::{INDEX_LIMIT, Result, elements, elements_mut, require, same_shape, scene_row};
use crate::footprint::{Footprint, Labels, MIXED, NEAR};
use crate::qa::{QaRule, decode_qa_into};
use crate::simd::{Body, dispatch_body};

pub use crate::footprint::Method;

/// Centres this close (source pixels) before an edge belong behind it: ties do not hang on rounding.
const SNAP: f64 = 1e-8;

/// Most destination pixels between two nodes.
const STEP_LIMIT: usize = 1 << 16;

/// How the arrays of one call lie on their grids.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Destination pixels between two nodes.
    pub step: usize,
    /// Destination row of the first output row.
    pub first_row: i64,
    /// Row of nodes (destination row / step) of the first row of `nodes`.
    pub node_row: i64,
    /// Source row and column of the first pixel of `qa`.
    pub origin: (i64, i64),
}

/// What one call wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarpCounts {
    /// Pixels whose centre lies in the window of the source, valid or not.
    pub inside: u64,
    /// How often each value was written.
    pub codes: [u64; 256],
}

impl WarpCounts {
    const NONE: Self = Self { inside: 0, codes: [0; 256] };

    fn and(mut self, other: Self) -> Self {
        self.inside += other.inside;
        self.codes.iter_mut().zip(other.codes).for_each(|(sum, count)| *sum += count);
        self
    }
}

/// Decodes the window `qa` (h, w) of a source and samples it at the pixels of `out` (H, W).
///
/// `nodes` (gh, gw, 2) are source rows and columns, in pixels from the source's upper left corner, of
/// the centres of destination pixels `step` apart: node (k, l) belongs to destination row
/// `(node_row + k) * step` and column `l * step`. Between them coordinates are bilinear, in f64. `out`
/// becomes 255 where `valid` (H, W) is 0, where a node of the cell is not finite, and where the
/// centre (nearest) or all of the footprint lies outside `qa`.
///
/// The footprint of a destination pixel is the parallelogram that the derivatives of the coordinates
/// span at its centre, and its areas on source pixels are exact: its sides are straight, which is off by
/// less than the interpolation itself.
///
/// # Errors
/// Shapes that do not fit, a strided array, nodes that do not reach around the output, unknown flags.
pub fn warp_qa_into(
    qa: ArrayView2<u16>,
    nodes: ArrayView3<f64>,
    valid: ArrayView2<u8>,
    out: ArrayViewMut2<u8>,
    placement: &Placement,
    method: Method,
    rule: &QaRule,
) -> Result<WarpCounts> {
    let (height, width) = out.dim();
    same_shape("valid", &[height, width], valid.shape())?;
    let nodes = Nodes::new(&nodes, placement, height, width)?;
    let labels = decode(qa, placement.origin, *rule)?;
    let calm = if method == Method::Nearest { Vec::new() } else { labels.calm(method) };
    let valid = elements("valid", &valid)?;
    let target = elements_mut("out", out)?;
    if target.is_empty() {
        return Ok(WarpCounts::NONE);
    }
    let scratch = || (Scratch::default(), WarpCounts::NONE);
    let rows = target.par_chunks_mut(width).zip(valid.par_chunks(width)).enumerate();
    let done = rows.fold(scratch, |(mut scratch, mut counts), (row, (target, valid))| {
        scratch.place(&nodes, row);
        let (row_scratch, step) = (&mut scratch, placement.step);
        let (labels, calm, sums) = (&labels, &calm[..], &mut counts);
        dispatch_body(Row { scratch: row_scratch, labels, calm, step, target, valid, method, sums });
        (scratch, counts)
    });
    Ok(done.map(|(_, counts)| counts).reduce(|| WarpCounts::NONE, WarpCounts::and))
}

fn decode(qa: ArrayView2<u16>, (top, left): (i64, i64), rule: QaRule) -> Result<Labels> {
    let (rows, columns) = qa.dim();
    require(qa.len() < i32::MAX as usize, "qa", "fewer than 2^31 pixels", qa.len())?;
    scene_row("origin", top)?;
    scene_row("origin", left)?;
    let mut codes = Array2::zeros((rows, columns));
    decode_qa_into(qa, codes.view_mut(), &rule)?;
    let mut codes = codes.into_raw_vec_and_offset().0;
    codes.push(255);
    Ok(Labels { codes, rows, columns, origin: [top as f64, left as f64] })
}

/// The sparse grid, as a slice.
struct Nodes<'a> {
    places: &'a [[f64; 2]],
    columns: usize,
    step: usize,
    /// Output row 0 lies this many destination rows below the first row of nodes.
    below: usize,
}

impl<'a> Nodes<'a> {
    fn new(nodes: &ArrayView3<'a, f64>, placement: &Placement, height: usize, width: usize) -> Result<Self> {
        let (rows, columns, axes) = nodes.dim();
        let Placement { step, first_row, node_row, .. } = *placement;
        same_shape("nodes", &[rows, columns, 2], &[rows, columns, axes])?;
        require((1..=STEP_LIMIT).contains(&step), "step", "1 to 65536 pixels", step)?;
        scene_row("first_row", first_row)?;
        require(
            (0..INDEX_LIMIT / step as i64).contains(&node_row),
            "node_row",
            "a row of the scene",
            node_row,
        )?;
        let below = first_row - node_row * step as i64;
        // Every pixel lies in a cell, its last row and column of nodes excluded: no cut changes a cell.
        let reaches = |nodes: usize, pixels: usize| nodes > 0 && (nodes - 1).saturating_mul(step) >= pixels;
        let around =
            below >= 0 && reaches(rows, height.saturating_add(below as usize)) && reaches(columns, width);
        require(
            around || height == 0 || width == 0,
            "nodes",
            "nodes all around the output",
            format!(
                "{rows} x {columns} nodes, {step} pixels apart, for {height} x {width} pixels from row {below}"
            ),
        )?;
        let (places, _) = elements("nodes", nodes)?.as_chunks();
        Ok(Self { places, columns, step, below: below.max(0) as usize })
    }
}

/// What one thread needs for a row: coordinates and steps at its nodes, and where its pixels lie.
#[derive(Default)]
struct Scratch {
    centres: Vec<[f64; 2]>,
    downs: Vec<[f64; 2]>,
    indexes: Vec<u32>,
}

impl Scratch {
    /// Interpolates the nodes at output row `row`.
    fn place(&mut self, nodes: &Nodes, row: usize) {
        let (line, rest) = ((nodes.below + row) / nodes.step, (nodes.below + row) % nodes.step);
        let step = nodes.step as f64;
        let way = rest as f64 / step;
        let upper = &nodes.places[line * nodes.columns..][..nodes.columns];
        let lower = &nodes.places[(line + 1) * nodes.columns..][..nodes.columns];
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
struct Row<'a> {
    scratch: &'a mut Scratch,
    labels: &'a Labels,
    calm: &'a [u8],
    step: usize,
    target: &'a mut [u8],
    valid: &'a [u8],
    method: Method,
    sums: &'a mut WarpCounts,
}

impl Body for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { scratch, labels, calm, step, target, valid, method, sums } = self;
        sums.inside += find(scratch, labels, step, target.len());
        let source = if method == Method::Nearest { &labels.codes } else { calm };
        gather(source, &scratch.indexes, target);
        for (code, &seen) in target.iter_mut().zip(valid) {
            *code = if seen == 0 { 255 } else { *code };
        }
        if method == Method::Nearest {
            return tally(target, &mut sums.codes);
        }
        for (cell, (codes, valid)) in target.chunks_mut(step).zip(valid.chunks(step)).enumerate() {
            weigh_cell(scratch, labels, step, cell, codes, valid, method);
        }
        if method == Method::Fraction {
            histogram(target, &mut sums.codes);
        } else {
            tally(target, &mut sums.codes);
        }
    }
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

/// Index into the labels of every pixel of the row, their end where it lies outside; how many lie inside.
#[allow(clippy::needless_bitwise_bool, reason = "lazy operators would branch")]
#[inline(always)]
fn find(scratch: &mut Scratch, labels: &Labels, step: usize, width: usize) -> u64 {
    let [top, left] = labels.origin;
    let (rows, columns) = (labels.rows as f64, labels.columns as f64);
    let beyond = labels.codes.len() as f64 - 1.0;
    scratch.indexes.resize(width, 0);
    let within = |place: f64, origin: f64, size: f64| (place >= origin + 1.0) & (place < origin + size - 1.0);
    let amid = |centre: &[f64; 2]| within(centre[0], top, rows) & within(centre[1], left, columns);
    // Between nodes that lie a pixel inside, everything lies inside.
    let amid = scratch.centres.iter().all(amid);
    let mut inside = 0;
    for (indexes, ends) in scratch.indexes.chunks_mut(step).zip(scratch.centres.windows(2)) {
        let (from, slope) = along(ends, step);
        let start = [from[0] + SNAP, from[1] + SNAP];
        let row_at = |j: f64| (start[0] + slope[0] * j).floor() - top;
        let column_at = |j: f64| (start[1] + slope[1] * j).floor() - left;
        let last = (indexes.len() - 1) as f64;
        let places = indexes.iter_mut().enumerate().map(|(j, index)| (f64::from(j as u32 as i32), index));
        let row = row_at(0.0);
        if !amid {
            let mut found = 0_u32;
            for (j, index) in places {
                let (row, column) = (row_at(j), column_at(j));
                let holds = (row >= 0.0) & (row < rows) & (column >= 0.0) & (column < columns);
                *index = whole(if holds { row * columns + column } else { beyond });
                found += u32::from(holds);
            }
            inside += u64::from(found);
        } else if row.to_bits() == row_at(last).to_bits() {
            // Rounding keeps a line monotone: a row that both ends share is the row of all.
            let line = row * columns;
            places.for_each(|(j, index)| *index = whole(line + column_at(j)));
        } else {
            places.for_each(|(j, index)| *index = whole(row_at(j) * columns + column_at(j)));
        }
    }
    if amid { width as u64 } else { inside }
}

/// A whole number from 0 to 2^32 - 1 as an integer: added to 2^52 it stands in the lowest bits. A cast
/// would check what is known here, and not vectorise.
#[inline(always)]
fn whole(number: f64) -> u32 {
    const HIGH: f64 = (1_u64 << 52) as f64;
    (number + HIGH).to_bits() as u32
}

/// First coordinates of a cell on this row, and their change a pixel. Where a node is not finite, no
/// product below is: infinity times 0 is NaN.
#[inline(always)]
fn along(ends: &[[f64; 2]], step: usize) -> ([f64; 2], [f64; 2]) {
    let (from, to, step) = (ends[0], ends[1], step as f64);
    let slope = [(to[0] - from[0]) / step, (to[1] - from[1]) / step];
    (from, slope)
}

/// Weighs the footprints of one cell: all of them if they are large, else those still [`MIXED`].
#[inline(always)]
fn weigh_cell(
    scratch: &Scratch,
    labels: &Labels,
    step: usize,
    cell: usize,
    codes: &mut [u8],
    valid: &[u8],
    method: Method,
) {
    let (from, slope) = along(&scratch.centres[cell..][..2], step);
    let (near, far) = (scratch.downs[cell], scratch.downs[cell + 1]);
    let turn = [(far[0] - near[0]) / step as f64, (far[1] - near[1]) / step as f64];
    let half = [0, 1].map(|axis: usize| 0.5 * (slope[axis].abs() + near[axis].abs().max(far[axis].abs())));
    let large = !(half[0] <= NEAR && half[1] <= NEAR);
    if !large && !codes.contains(&MIXED) {
        return;
    }
    let indexes = &scratch.indexes[cell * step..];
    for (j, ((code, &seen), &index)) in codes.iter_mut().zip(valid).zip(indexes).enumerate() {
        if seen != 0 && (large || *code == MIXED) {
            let place = j as f64;
            let centre = [from[0] + slope[0] * place, from[1] + slope[1] * place];
            let down = [near[0] + turn[0] * place, near[1] + turn[1] * place];
            let footprint = Footprint { centre, down, along: slope, half };
            *code = footprint.sample(labels, method, labels.codes[index as usize]);
        }
    }
}

/// Adds how often each code of the decoder occurs, 255 being the rest; sums of up to 192 fit a byte.
#[inline(always)]
fn tally(codes: &[u8], counts: &mut [u64; 256]) {
    let mut found = [0; 5];
    for part in codes.chunks(192) {
        for (code, count) in (0_u8..5).zip(&mut found) {
            *count += u64::from(part.iter().map(|&other| u8::from(other == code)).sum::<u8>());
        }
    }
    counts.iter_mut().zip(found).for_each(|(sum, count)| *sum += count);
    counts[255] += codes.len() as u64 - found.iter().sum::<u64>();
}

/// Adds how often each value occurs; four tables, so that runs of one value do not wait for each other.
fn histogram(values: &[u8], counts: &mut [u64; 256]) {
    let mut tables = [[0_u32; 256]; 4];
    let (fours, rest) = values.as_chunks::<4>();
    for four in fours {
        for (table, &value) in tables.iter_mut().zip(four) {
            table[usize::from(value)] += 1;
        }
    }
    for &value in rest {
        tables[0][usize::from(value)] += 1;
    }
    for (value, sum) in counts.iter_mut().enumerate() {
        *sum += tables.iter().map(|table| u64::from(table[value])).sum::<u64>();
    }
}
