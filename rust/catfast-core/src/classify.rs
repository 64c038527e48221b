//! Class codes of scene pixels from probabilities on the network's coarser grid.

use std::ops::Range;

use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};
use rayon::prelude::*;

use crate::error::{Result, elements, elements_mut, require, same_shape, scene_row};
use crate::grid::{Between, between, check_factor};
use crate::guided::{Detail, Guide, Slopes};
use crate::percent;
use crate::simd::dispatch;

/// Code of a pixel without data.
pub const NODATA: u8 = 255;

/// Blended probabilities on the network grid.
#[derive(Clone, Copy, Debug)]
pub struct Blended<'a> {
    /// Weighted sums of probabilities (C, h, w).
    pub acc: ArrayView3<'a, f32>,
    /// Sums of the weights (h, w); a pixel with 0 is left out.
    pub weight: ArrayView2<'a, f32>,
}

/// How probabilities become codes, and where the rows lie.
#[derive(Clone, Copy, Debug)]
pub struct ClassRule<'a> {
    /// Scene pixels per network pixel, down and across; each at least 1.
    pub factor: (f64, f64),
    /// Scene row of the first output row.
    pub first_row: i64,
    /// Network row of the first row of `acc`.
    pub grid_row: i64,
    /// Code of each class (C).
    pub codes: ArrayView1<'a, u8>,
    /// Cloud from this probability on; `None`: the most probable class.
    pub threshold: Option<f64>,
    /// Index of the cloud class; used with a threshold.
    pub cloud: usize,
}

impl ClassRule<'_> {
    fn check(&self, classes: usize) -> Result<()> {
        check_factor(self.factor)?;
        scene_row("first_row", self.first_row)?;
        scene_row("grid_row", self.grid_row)?;
        same_shape("codes", &[classes], self.codes.shape())?;
        let Some(threshold) = self.threshold else {
            return require(classes > 0, "acc", "at least one class", classes);
        };
        require((0.0..=1.0).contains(&threshold), "threshold", "a number from 0 to 1", threshold)?;
        require(classes > 1, "acc", "at least two classes with a threshold", classes)?;
        require(self.cloud < classes, "cloud", &format!("a class index below {classes}"), self.cloud)
    }
}

/// The network grid as slices.
pub(crate) struct Network<'a> {
    pub acc: &'a [f32],
    pub weight: &'a [f32],
    pub classes: usize,
    pub height: usize,
    pub width: usize,
}

/// Scene pixels interpolated at a time.
const LANES: usize = 4;

/// Where the scene's columns lie on the network grid.
pub(crate) struct Columns {
    /// First scene column of each network column, and the end: network columns share them in runs.
    starts: Vec<usize>,
    /// Way of each scene column to the next network column, and [`LANES`] more.
    pub ways: Vec<f32>,
}

impl Columns {
    fn new(count: usize, factor: f64, width: usize) -> Self {
        let places: Vec<Between> = (0..count as i64).map(|x| between(x, factor, 0, width)).collect();
        let starts = (0..=width).map(|low| places.partition_point(|place| place.low < low)).collect();
        let ways = places.iter().map(|place| place.way).chain([0.0; LANES]).collect();
        Self { starts, ways }
    }

    /// Scene columns in all.
    pub(crate) fn count(&self) -> usize {
        self.ways.len() - LANES
    }

    /// Scene columns from network column `cell` up to the next.
    pub(crate) fn run(&self, cell: usize) -> Range<usize> {
        self.starts[cell]..self.starts[cell + 1]
    }
}

/// Buffers of one thread. A "plane" is a class, or after the classes the presence of a pixel (1 or 0).
#[derive(Default)]
struct Scratch {
    /// Network row whose planes, with those of the row after it, are loaded.
    loaded: Option<usize>,
    /// Whether both loaded rows have a weight everywhere.
    whole: bool,
    /// Probabilities of the two rows, plane by plane.
    rows: [Vec<f32>; 2],
    /// One plane between the two rows: value, and step to the next column.
    line: Vec<[f32; 2]>,
    /// One plane at the scene's pixels.
    value: Vec<f32>,
    /// Largest value so far.
    best: Vec<f32>,
    /// Share of the four neighbours that is present.
    share: Vec<f32>,
    /// What the guide says of one row.
    detail: Detail,
    /// Per cents of all classes together.
    totals: Vec<u16>,
}

/// Writes the class codes of scene pixels into `out` (H, W); counts how often each code was written.
///
/// Probabilities are interpolated bilinearly by pixel centres: scene row `y` lies at network row
/// `(y + 0.5) / fy - 0.5`, clamped to the rows of `acc` (columns likewise). Neighbours without
/// weight are left out and the others count for the whole; without any, the class is the first. The
/// class is the most probable, the first of equals; with a threshold it is cloud where that is
/// reached, else the most probable of the others. Where `valid` (H, W) is 0 the code is 255.
/// `confidence` (C, H, W) gets each class's probability in percent, rounded, or 255. A `guide` draws the
/// edges between classes: see [`crate::guided`]; there, classes that it takes out of 0 to 100 percent are cut
/// off and the others give up what is too much, all by their size, but for cloud under a threshold.
///
/// # Errors
/// Shapes that do not fit, a strided array, an empty network grid, a factor below 1 or not finite,
/// a row below 0, a threshold outside 0 to 1, or a cloud class that does not exist.
pub fn classify_rows_into(
    blended: &Blended,
    guide: Option<&Guide>,
    valid: ArrayView2<u8>,
    out: ArrayViewMut2<u8>,
    mut confidence: Option<ArrayViewMut3<u8>>,
    rule: &ClassRule,
) -> Result<[u64; 256]> {
    let (classes, height, width) = blended.acc.dim();
    let (out_height, out_width) = out.dim();
    rule.check(classes)?;
    same_shape("weight", &[height, width], blended.weight.shape())?;
    same_shape("valid", &[out_height, out_width], valid.shape())?;
    if let Some(percent) = &confidence {
        same_shape("confidence", &[classes, out_height, out_width], percent.shape())?;
        require(percent.is_standard_layout(), "confidence", "a C-contiguous array", "a strided one")?;
    }
    let (acc, weight) = (elements("acc", &blended.acc)?, elements("weight", &blended.weight)?);
    let network = Network { acc, weight, classes, height, width };
    let valid = elements("valid", &valid)?;
    let out = elements_mut("out", out)?;
    if out.is_empty() {
        return Ok([0; 256]);
    }
    require(!weight.is_empty(), "acc", "at least one pixel", format!("shape {:?}", blended.acc.shape()))?;
    let columns = Columns::new(out_width, rule.factor.1, width);
    let slopes = guide.map(|guide| Slopes::new(&network, guide, rule, out_height)).transpose()?;
    let lines = out.par_chunks_mut(out_width).zip(valid.par_chunks(out_width));
    let counts = lines.zip(percent::rows(&mut confidence, out_height)).enumerate().with_min_len(4).map_init(
        || Scratch::new(&network, out_width),
        |scratch, (i, ((codes, valid), percent))| {
            let row = between(rule.first_row + i as i64, rule.factor.0, rule.grid_row, height);
            if let Some(slopes) = &slopes {
                slopes.detail(i, row, &columns, &mut scratch.detail);
            }
            let pixels = Pixels { columns: &columns, slopes: slopes.as_ref(), valid, codes, percent };
            dispatch(|| pixels.classify(&network, row, rule, scratch))
        },
    );
    Ok(counts.reduce(|| [0; 256], |a, b| std::array::from_fn(|code| a[code] + b[code])))
}

/// One output row.
struct Pixels<'a> {
    columns: &'a Columns,
    slopes: Option<&'a Slopes<'a>>,
    valid: &'a [u8],
    codes: &'a mut [u8],
    percent: Option<ArrayViewMut2<'a, u8>>,
}

impl Pixels<'_> {
    #[inline(always)]
    fn classify(
        mut self,
        network: &Network,
        row: Between,
        rule: &ClassRule,
        scratch: &mut Scratch,
    ) -> [u64; 256] {
        scratch.load(network, row);
        if scratch.whole {
            scratch.share.fill(1.0);
        } else {
            scratch.interpolate(network.classes, row.way, self.columns);
            std::mem::swap(&mut scratch.share, &mut scratch.value);
        }
        let cloud = rule.threshold.map(|_| rule.cloud);
        let ranked = (0..network.classes).filter(|class| Some(*class) != cloud);
        for (rank, class) in ranked.enumerate() {
            self.weigh(class, row, scratch);
            self.write_percent(class, scratch);
            self.take_greater(rule.codes[class], scratch, rank == 0);
        }
        if let Some(threshold) = rule.threshold {
            self.weigh(rule.cloud, row, scratch);
            self.write_percent(rule.cloud, scratch);
            self.take_reached(rule.codes[rule.cloud], scratch, threshold as f32);
        }
        self.share_out(cloud, scratch);
        self.mask(rule.codes[0], scratch);
        self.count(rule)
    }

    /// Probability of a class at the scene's pixels.
    #[inline(always)]
    fn weigh(&self, class: usize, row: Between, scratch: &mut Scratch) {
        scratch.interpolate(class, row.way, self.columns);
        if let Some(slopes) = self.slopes {
            slopes.add(class, row, self.columns, &scratch.detail, &mut scratch.value);
        }
    }

    /// Takes the class in `scratch.value` where it exceeds the best so far.
    #[inline(always)]
    fn take_greater(&mut self, class: u8, scratch: &mut Scratch, first: bool) {
        if first {
            self.codes.fill(class);
            std::mem::swap(&mut scratch.best, &mut scratch.value);
            return;
        }
        for ((code, best), &value) in self.codes.iter_mut().zip(&mut scratch.best).zip(&scratch.value) {
            let greater = value > *best;
            *best = if greater { value } else { *best };
            *code = if greater { class } else { *code };
        }
    }

    /// Takes the class in `scratch.value` where its probability reaches the threshold.
    #[inline(always)]
    fn take_reached(&mut self, class: u8, scratch: &Scratch, threshold: f32) {
        for ((code, &share), &value) in self.codes.iter_mut().zip(&scratch.share).zip(&scratch.value) {
            *code = if value >= threshold * share { class } else { *code };
        }
    }

    /// Writes the first class where no neighbour is present, and 255 where there is no data.
    #[inline(always)]
    fn mask(&mut self, first: u8, scratch: &Scratch) {
        if !scratch.whole {
            for (code, &share) in self.codes.iter_mut().zip(&scratch.share) {
                *code = if share > 0.0 { *code } else { first };
            }
        }
        for (code, &valid) in self.codes.iter_mut().zip(self.valid) {
            *code = if valid == 0 { NODATA } else { *code };
        }
    }

    #[inline(always)]
    fn write_percent(&mut self, class: usize, scratch: &Scratch) {
        let Some(percent) = &mut self.percent else { return };
        let line = percent.row_mut(class).into_slice().unwrap_or_default();
        percent::write(line, &scratch.value, &scratch.share, self.valid);
    }

    /// Has the confidences of guided pixels add up.
    #[inline(always)]
    fn share_out(&mut self, kept: Option<usize>, scratch: &mut Scratch) {
        if let (Some(percent), Some(_)) = (&mut self.percent, self.slopes) {
            percent::share_out(percent, self.valid, &mut scratch.totals, kept);
        }
    }

    #[inline(always)]
    fn count(&self, rule: &ClassRule) -> [u64; 256] {
        let mut counts = [0; 256];
        for &code in rule.codes.iter().chain(&[NODATA]) {
            // Sums of at most 192 ones fit a byte, so that 32 pixels are counted at a time.
            let ones = |part: &[u8]| u64::from(part.iter().map(|&c| u8::from(c == code)).sum::<u8>());
            counts[usize::from(code)] = self.codes.chunks(192).map(ones).sum();
        }
        counts
    }
}

impl Scratch {
    fn new(network: &Network, out_width: usize) -> Self {
        let planes = || vec![0.0; (network.classes + 1) * network.width];
        let line = || vec![0.0; out_width + LANES];
        Self {
            rows: [planes(), planes()],
            line: vec![[0.0; 2]; network.width],
            value: line(),
            best: line(),
            share: line(),
            ..Self::default()
        }
    }

    /// Probabilities and presence of the two network rows at `row`.
    #[inline(always)]
    fn load(&mut self, network: &Network, row: Between) {
        if self.loaded.replace(row.low) == Some(row.low) {
            return;
        }
        self.whole = true;
        for (planes, y) in self.rows.iter_mut().zip([row.low, row.high]) {
            let weight = &network.weight[y * network.width..][..network.width];
            let (classes, presence) = planes.split_at_mut(network.classes * network.width);
            for (class, plane) in classes.chunks_mut(network.width).enumerate() {
                let acc = &network.acc[(class * network.height + y) * network.width..][..network.width];
                for ((p, &sum), &weight) in plane.iter_mut().zip(acc).zip(weight) {
                    *p = if weight > 0.0 { sum / weight } else { 0.0 };
                }
            }
            for (present, &weight) in presence.iter_mut().zip(weight) {
                *present = if weight > 0.0 { 1.0 } else { 0.0 };
            }
            self.whole &= presence.iter().all(|&present| present > 0.0);
        }
    }

    /// One plane at the scene's pixels: between the two rows first, then between columns.
    #[inline(always)]
    fn interpolate(&mut self, plane: usize, way: f32, columns: &Columns) {
        let width = self.line.len();
        let [near, far] = self.rows.each_ref().map(|rows| &rows[plane * width..][..width]);
        for ((point, &a), &b) in self.line.iter_mut().zip(near).zip(far) {
            point[0] = a + way * (b - a);
        }
        for x in 1..width {
            self.line[x - 1][1] = self.line[x][0] - self.line[x - 1][0];
        }
        for (&[base, step], run) in self.line.iter().zip(columns.starts.windows(2)) {
            // Whole lanes, then over what they wrote too far: no branch on the length of a run of 4 or less.
            for start in (run[0]..run[1]).step_by(LANES) {
                let ways = columns.ways[start..].first_chunk::<LANES>();
                let values = self.value[start..].first_chunk_mut::<LANES>();
                if let (Some(values), Some(ways)) = (values, ways) {
                    *values = ways.map(|way| base + way * step);
                }
            }
        }
    }
}
