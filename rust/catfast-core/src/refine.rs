//! What a user may ask of a finished mask: no specks, and a margin around what is left.

use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use crate::error::{Result, elements, elements_mut, require, same_shape};

/// Rows that a thread takes at a time.
const ROWS: usize = 128;

/// Farthest margin, in pixels.
const FARTHEST: f64 = 65_536.0;

/// How far codes reach beyond their own pixels.
#[derive(Clone, Copy, Debug)]
pub struct Margin<'a> {
    /// Codes that grow; an earlier one wins over a later one where both would.
    pub codes: &'a [u8],
    /// Distance from pixel centre to pixel centre up to which they grow, metres.
    pub radius: f64,
    /// Size of a pixel down and across, metres.
    pub gsd: (f64, f64),
    /// Code that nothing grows over.
    pub nodata: u8,
}

impl Margin<'_> {
    /// Rows above and below that can reach into a row.
    fn rows(&self) -> usize {
        (self.radius / self.gsd.0) as usize
    }

    /// For each distance in rows, how many columns to either side lie within the radius.
    fn widths(&self) -> Vec<usize> {
        let width = |row: usize| {
            let down = row as f64 * self.gsd.0;
            ((self.radius * self.radius - down * down).max(0.0).sqrt() / self.gsd.1) as usize
        };
        (0..=self.rows()).map(width).collect()
    }
}

/// Writes rows of `codes` (h, w) from `first` on into `out` (n, w), with their codes grown by `margin`.
///
/// Rows that the margin can reach from must be part of `codes`, or lie outside the scene.
///
/// # Errors
/// Shapes that do not fit, a strided array, or a margin that is not a finite length within 65,536 pixels.
pub fn grow_into(codes: ArrayView2<u8>, first: usize, margin: Margin, out: ArrayViewMut2<u8>) -> Result<()> {
    let (height, width) = codes.dim();
    let rows = out.nrows();
    same_shape("out", &[rows, width], out.shape())?;
    let fits = first.checked_add(rows).is_some_and(|last| last <= height);
    require(fits, "first", "rows of out within codes", first)?;
    for gsd in [margin.gsd.0, margin.gsd.1] {
        let holds = gsd > 0.0 && (0.0..=FARTHEST).contains(&(margin.radius / gsd));
        require(holds, "radius", "metres within 65,536 pixels", margin.radius)?;
    }
    let source = elements("codes", &codes)?;
    let target = elements_mut("out", out)?;
    if width == 0 {
        return Ok(());
    }
    let (reach, widths) = (margin.rows(), margin.widths());
    target.par_chunks_mut(ROWS * width).enumerate().for_each(|(chunk, part)| {
        let start = first + chunk * ROWS;
        let stop = start + part.len() / width;
        let (above, below) = (start.saturating_sub(reach), (stop + reach).min(height));
        let window = &source[above * width..below * width];
        part.copy_from_slice(&source[start * width..stop * width]);
        for &code in margin.codes.iter().rev() {
            grow_one(window, start - above, width, code, &widths, margin, part);
        }
    });
    Ok(())
}

/// Grows one code over `part`, rows `first..` of `window`.
fn grow_one(
    window: &[u8],
    first: usize,
    width: usize,
    code: u8,
    widths: &[usize],
    margin: Margin,
    part: &mut [u8],
) {
    if !window.contains(&code) {
        return;
    }
    let mut apart = vec![u32::MAX; part.len()];
    let height = window.len() / width;
    measure(window, first, width, code, 0..height, &mut apart);
    measure(window, first, width, code, (0..height).rev(), &mut apart);
    let mut edges = vec![0_i32; width + 1];
    for (apart, row) in apart.chunks(width).zip(part.chunks_mut(width)) {
        spread(apart, widths, &mut edges);
        let mut inside = 0;
        for (pixel, edge) in row.iter_mut().zip(&edges) {
            inside += edge;
            if inside > 0 && *pixel != margin.nodata {
                *pixel = code;
            }
        }
    }
}

/// Lowers `apart` to the rows since `code` was last met in a column, on a way through `order`.
fn measure(
    window: &[u8],
    first: usize,
    width: usize,
    code: u8,
    order: impl Iterator<Item = usize>,
    apart: &mut [u32],
) {
    let rows = apart.len() / width;
    let mut since = vec![u32::MAX; width];
    for row in order {
        for (since, &found) in since.iter_mut().zip(&window[row * width..][..width]) {
            *since = if found == code { 0 } else { since.saturating_add(1) };
        }
        if let Some(at) = row.checked_sub(first).filter(|&at| at < rows) {
            for (apart, &since) in apart[at * width..][..width].iter_mut().zip(&since) {
                *apart = since.min(*apart);
            }
        }
    }
}

/// Where intervals around columns begin (+1) and end (-1), for columns `apart` rows from a code.
fn spread(apart: &[u32], widths: &[usize], edges: &mut [i32]) {
    edges.fill(0);
    for (column, &rows) in apart.iter().enumerate() {
        if let Some(&reach) = widths.get(rows as usize) {
            edges[column.saturating_sub(reach)] += 1;
            edges[(column + reach + 1).min(apart.len())] -= 1;
        }
    }
}

/// A run of one code along a row.
struct Run {
    code: u8,
    start: usize,
    stop: usize,
}

/// Writes `codes` (h, w) into `out`, with every region of one of `kinds` that has fewer than `least` pixels
/// given the code `cleared`. Pixels that touch at a corner belong together.
///
/// # Errors
/// Shapes that do not fit, or a strided array.
pub fn drop_small_into(
    codes: ArrayView2<u8>,
    kinds: &[u8],
    least: u64,
    cleared: u8,
    mut out: ArrayViewMut2<u8>,
) -> Result<()> {
    same_shape("out", codes.shape(), out.shape())?;
    elements("codes", &codes)?;
    out.assign(&codes);
    let width = codes.ncols();
    let target = elements_mut("out", out)?;
    if width == 0 {
        return Ok(());
    }
    let mut runs: Vec<Run> = Vec::new();
    let mut ends = vec![0];
    for row in target.chunks(width) {
        runs_of(row, kinds, &mut runs);
        ends.push(runs.len());
    }
    let mut forest = Forest::new(runs.iter().map(|run| (run.stop - run.start) as u64));
    for rows in ends.windows(3) {
        join(&runs, rows, &mut forest);
    }
    for (row, span) in target.chunks_mut(width).zip(ends.windows(2)) {
        for (offset, run) in runs[span[0]..span[1]].iter().enumerate() {
            if forest.size(span[0] + offset) < least {
                row[run.start..run.stop].fill(cleared);
            }
        }
    }
    Ok(())
}

fn runs_of(row: &[u8], kinds: &[u8], runs: &mut Vec<Run>) {
    let mut start = 0;
    for part in row.chunk_by(|a, b| a == b) {
        let stop = start + part.len();
        if kinds.contains(&part[0]) {
            runs.push(Run { code: part[0], start, stop });
        }
        start = stop;
    }
}

/// Joins runs of the rows `rows[0]..rows[1]` and `rows[1]..rows[2]` that touch and have one code.
fn join(runs: &[Run], rows: &[usize], forest: &mut Forest) {
    let mut low = rows[1];
    for above in rows[0]..rows[1] {
        let run = &runs[above];
        while low < rows[2] && runs[low].stop < run.start {
            low += 1;
        }
        for below in (low..rows[2]).take_while(|&below| runs[below].start <= run.stop) {
            if runs[below].code == run.code {
                forest.join(above, below);
            }
        }
    }
}

/// Disjoint sets of runs, each root with its size in pixels.
struct Forest {
    parent: Vec<usize>,
    size: Vec<u64>,
}

impl Forest {
    fn new(sizes: impl Iterator<Item = u64>) -> Self {
        let size: Vec<u64> = sizes.collect();
        Self { parent: (0..size.len()).collect(), size }
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.parent[index] != index {
            self.parent[index] = self.parent[self.parent[index]];
            index = self.parent[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            let (small, large) = if self.size[a] < self.size[b] { (a, b) } else { (b, a) };
            self.parent[small] = large;
            self.size[large] += self.size[small];
        }
    }

    fn size(&mut self, index: usize) -> u64 {
        let root = self.root(index);
        self.size[root]
    }
}
