//! Landsat's QA band, decoded and sampled on another grid in one go.

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut2};
use rayon::prelude::*;

use crate::error::{INDEX_LIMIT, Result, elements, elements_mut, require, same_shape, scene_row};
use crate::footprint::Labels;
use crate::qa::{QaRule, decode_qa_into};
use crate::simd::dispatch_body;
use crate::warp_row::{Row, Scratch, Source};

pub use crate::method::Method;

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
    let source = Source::new(&labels, method);
    let valid = elements("valid", &valid)?;
    let target = elements_mut("out", out)?;
    if target.is_empty() {
        return Ok(WarpCounts::NONE);
    }
    let scratch = || (Scratch::default(), WarpCounts::NONE);
    let rows = target.par_chunks_mut(width).zip(valid.par_chunks(width)).enumerate();
    let done = rows.fold(scratch, |(mut scratch, mut counts), (row, (target, valid))| {
        let (upper, lower, way) = nodes.around(row);
        scratch.place(upper, lower, way, placement.step);
        let (scratch_row, source, sums) = (&mut scratch, &source, &mut counts);
        dispatch_body(Row { scratch: scratch_row, source, step: placement.step, target, valid, sums });
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

    /// The two lines of nodes around output row `row`, and the way from the first to the second.
    fn around(&self, row: usize) -> (&[[f64; 2]], &[[f64; 2]], f64) {
        let (line, rest) = ((self.below + row) / self.step, (self.below + row) % self.step);
        let nodes = |line: usize| &self.places[line * self.columns..][..self.columns];
        (nodes(line), nodes(line + 1), rest as f64 / self.step as f64)
    }
}
