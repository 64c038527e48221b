//! Edges between classes from the image: what bilinear interpolation of coarse probabilities cannot know.
//!
//! Where classes meet, the probabilities of the cells around a network pixel are regressed on their
//! brightness, as in the guided filter (He, Sun, Tang, IEEE TPAMI 35, 2013). Unlike there the fit does
//! not replace the probabilities: its slopes only turn the brightness that a scene pixel has beyond the
//! interpolated one into probability, as pan-sharpening injects detail. All that the network knew is kept.

use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::classify::{ClassRule, Columns, Network};
use crate::error::{Result, elements, elements_mut, same_shape};
use crate::grid::{Between, between};
use crate::simd::dispatch;
use crate::valid::Sample;

/// Network pixels on each side of a cell that its slopes are fitted to, where classes meet among them.
pub const REACH: usize = 1;

/// Reflectance of one count of a guide.
const STEP: f32 = 1e-4;

/// Variance of reflectance that counts as noise: a slope needs more contrast than its root, 0.0055.
const NOISE: f64 = 3e-5;

/// How far detail is trusted: a fit of 10 m cells tells less of an edge than the edge itself shows.
const GAIN: f32 = 1.5;

/// A cell without probabilities or without brightness.
const ABSENT: u8 = u8::MAX;

/// Brightness that edges follow: the mean reflectance of blue, green and red.
#[derive(Clone, Copy, Debug)]
pub struct Guide<'a> {
    /// Scene pixels (H, W), in steps of 1e-4: see [`brightness_into`].
    pub fine: ArrayView2<'a, u16>,
    /// Network pixels (h, w); NaN where nothing was seen.
    pub coarse: ArrayView2<'a, f32>,
}

/// Writes the mean of the first three bands of `dn` (B, h, w), each times its `gain`, plus `offset`, into
/// `out` (h, w), in steps of 1e-4 from 0 to 6.5535.
///
/// # Errors
/// Shapes that do not fit, a strided array, or fewer than three bands.
pub fn brightness_into<T: Sample>(
    dn: ArrayView3<T>,
    gain: [f64; 3],
    offset: f64,
    out: ArrayViewMut2<u16>,
) -> Result<()> {
    let (bands, height, width) = dn.dim();
    crate::error::require(bands >= 3, "dn", "at least three bands", bands)?;
    same_shape("out", &[height, width], out.shape())?;
    let (source, out) = (elements("dn", &dn)?, elements_mut("out", out)?);
    let pixels = out.len();
    let steps = gain.map(|gain| gain / 3.0 / f64::from(STEP)).map(|weight| weight as f32);
    let least = (offset / f64::from(STEP)) as f32 + 0.5;
    let line = width.max(1) * 16;
    out.par_chunks_mut(line).enumerate().for_each(|(chunk, out)| {
        let [blue, green, red] = [0, 1, 2].map(|band| &source[band * pixels + chunk * line..][..out.len()]);
        dispatch(|| {
            for (((count, &b), &g), &r) in out.iter_mut().zip(blue).zip(green).zip(red) {
                let [b, g, r] = [b, g, r].map(|value| value.into() as f32);
                *count = (b * steps[0] + g * steps[1] + r * steps[2] + least) as u16;
            }
        });
    });
    Ok(())
}

/// Change of each class's probability with brightness, at the network pixels where classes meet.
pub(crate) struct Slopes<'a> {
    fine: &'a [u16],
    coarse: &'a [f32],
    width: usize,
    /// Network row of the first of `rows`.
    first: usize,
    rows: Vec<SlopeRow>,
}

/// Slopes of one network row.
struct SlopeRow {
    /// Class by class, (C, w); 0 where nothing is guided.
    slopes: Vec<f32>,
    /// Whether a network pixel has slopes.
    guided: Vec<bool>,
}

/// Scene columns of one row to be guided, and the detail there.
#[derive(Default)]
pub(crate) struct Detail {
    /// Network columns whose scene columns are guided.
    cells: Vec<usize>,
    /// Brightness beyond the interpolated one at each scene column, times [`GAIN`].
    values: Vec<f32>,
    /// Network row that `cells` belong to.
    loaded: Option<usize>,
}

impl<'a> Slopes<'a> {
    /// Slopes at the network rows under `count` scene rows from `rule.first_row` on.
    pub(crate) fn new(network: &Network, guide: &Guide<'a>, rule: &ClassRule, count: usize) -> Result<Self> {
        let Network { height, width, .. } = *network;
        same_shape("coarse", &[height, width], guide.coarse.shape())?;
        same_shape("fine", &[count, guide.fine.len_of(Axis(1))], guide.fine.shape())?;
        let (fine, coarse) = (elements("fine", &guide.fine)?, elements("coarse", &guide.coarse)?);
        let at = |row: usize| between(rule.first_row + row as i64, rule.factor.0, rule.grid_row, height);
        let (first, last) = (at(0).low, at(count.saturating_sub(1)).high);
        let top = first.saturating_sub(REACH);
        let end = (last + REACH + 1).min(height);
        let classes: Vec<Vec<u8>> = (top..end)
            .into_par_iter()
            .map(|y| network.decide(y, rule, &coarse[y * width..][..width]))
            .collect();
        let cells = Cells { network, coarse, classes: &classes, top };
        let rows = (first..=last).into_par_iter().map(|y| cells.slopes(y)).collect();
        Ok(Self { fine, coarse, width, first, rows })
    }

    /// The detail of scene row `index` of the guide, which lies at network row `row`.
    pub(crate) fn detail(&self, index: usize, row: Between, columns: &Columns, detail: &mut Detail) {
        let [near, far] = [row.low, row.high].map(|y| &self.rows[y - self.first].guided);
        if detail.loaded.replace(row.low) != Some(row.low) {
            let meets = |x: &usize| {
                near[*x] || far[*x] || near[(x + 1).min(self.width - 1)] || far[(x + 1).min(self.width - 1)]
            };
            detail.cells.clear();
            detail.cells.extend((0..self.width).filter(meets));
        }
        let scene = columns.count();
        detail.values.resize(scene, 0.0);
        let fine = &self.fine[index * scene..][..scene];
        let [near, far] = [row.low, row.high].map(|y| &self.coarse[y * self.width..][..self.width]);
        for &cell in &detail.cells {
            let (base, step) = slant(near, far, cell, row.way);
            for x in columns.run(cell) {
                let expected = base + columns.ways[x] * step;
                detail.values[x] = GAIN * (f32::from(fine[x]) * STEP - expected);
            }
        }
    }

    /// Adds what the detail of a scene row tells of `class` to its probabilities.
    pub(crate) fn add(
        &self,
        class: usize,
        row: Between,
        columns: &Columns,
        detail: &Detail,
        value: &mut [f32],
    ) {
        let [near, far] = [row.low, row.high]
            .map(|y| &self.rows[y - self.first].slopes[class * self.width..][..self.width]);
        for &cell in &detail.cells {
            let (base, step) = slant(near, far, cell, row.way);
            for x in columns.run(cell) {
                value[x] += (base + columns.ways[x] * step) * detail.values[x];
            }
        }
    }
}

/// Value between two rows at `cell`, and the step to the next cell.
#[inline]
fn slant(near: &[f32], far: &[f32], cell: usize, way: f32) -> (f32, f32) {
    let at = |x: usize| near[x] + way * (far[x] - near[x]);
    (at(cell), at((cell + 1).min(near.len() - 1)) - at(cell))
}

/// Network pixels and the class of each.
struct Cells<'a> {
    network: &'a Network<'a>,
    coarse: &'a [f32],
    classes: &'a [Vec<u8>],
    /// Network row of the first of `classes`.
    top: usize,
}

impl Cells<'_> {
    /// Slopes of network row `y`.
    fn slopes(&self, y: usize) -> SlopeRow {
        let (classes, width) = (self.network.classes, self.network.width);
        let mut row = SlopeRow { slopes: vec![0.0; classes * width], guided: self.meeting(y) };
        for x in (0..width).filter(|x| row.guided[*x]) {
            self.fit(y, x, &mut row.slopes);
        }
        row
    }

    /// Where in row `y` two classes meet among cells that are all present.
    fn meeting(&self, y: usize) -> Vec<bool> {
        let rows = &self.classes
            [y.saturating_sub(REACH) - self.top..=(y + REACH).min(self.network.height - 1) - self.top];
        let (low, high) = (around(rows, u8::min), around(rows, u8::max));
        low.iter().zip(&high).map(|(low, high)| low != high && *high != ABSENT).collect()
    }

    /// Cells at most [`REACH`] rows and columns away.
    fn near(&self, y: usize, x: usize) -> impl Iterator<Item = usize> {
        let Network { height, width, .. } = *self.network;
        let columns = x.saturating_sub(REACH)..=(x + REACH).min(width - 1);
        let rows = y.saturating_sub(REACH)..=(y + REACH).min(height - 1);
        rows.flat_map(move |y| columns.clone().map(move |x| y * width + x))
    }

    /// Least squares over the cells around one, ridged by [`NOISE`].
    fn fit(&self, y: usize, x: usize, slopes: &mut [f32]) {
        let Network { classes, width, .. } = *self.network;
        let here = f64::from(self.coarse[y * width + x]);
        let around = || self.near(y, x);
        let beyond = |cell: usize| f64::from(self.coarse[cell]) - here;
        let count = around().count() as f64;
        let mean = around().map(beyond).sum::<f64>() / count;
        let variance = around().map(|cell| (beyond(cell) - mean).powi(2)).sum::<f64>() / count;
        for class in 0..classes {
            let together = |cell| (beyond(cell) - mean) * f64::from(self.network.probability(class, cell));
            let covariance = around().map(together).sum::<f64>() / count;
            slopes[class * width + x] = (covariance / (variance + NOISE)) as f32;
        }
    }
}

/// What `pick` leaves of the classes at most [`REACH`] away, within rows that are as near.
fn around(rows: &[Vec<u8>], pick: fn(u8, u8) -> u8) -> Vec<u8> {
    let mut column = rows[0].clone();
    for row in &rows[1..] {
        column.iter_mut().zip(row).for_each(|(kept, &class)| *kept = pick(*kept, class));
    }
    let mut found = column.clone();
    for step in 1..=REACH.min(column.len() - 1) {
        found[step..].iter_mut().zip(&column).for_each(|(kept, &class)| *kept = pick(*kept, class));
        found.iter_mut().zip(&column[step..]).for_each(|(kept, &class)| *kept = pick(*kept, class));
    }
    found
}

impl Network<'_> {
    fn probability(&self, class: usize, cell: usize) -> f32 {
        self.acc[class * self.height * self.width + cell] / self.weight[cell]
    }

    /// The class of each pixel of row `y`, [`ABSENT`] without weight or `brightness`.
    fn decide(&self, y: usize, rule: &ClassRule, brightness: &[f32]) -> Vec<u8> {
        let cell = |(x, light): (usize, &f32)| {
            let cell = y * self.width + x;
            if self.weight[cell] > 0.0 && light.is_finite() { self.class(cell, rule) } else { ABSENT }
        };
        brightness.iter().enumerate().map(cell).collect()
    }

    fn class(&self, cell: usize, rule: &ClassRule) -> u8 {
        let cloud = rule.threshold.map(|_| rule.cloud);
        if rule.threshold.is_some_and(|least| self.probability(rule.cloud, cell) >= least as f32) {
            return rule.cloud as u8;
        }
        let mut best = (f32::NEG_INFINITY, 0);
        for class in (0..self.classes).filter(|class| Some(*class) != cloud) {
            let sum = self.acc[class * self.height * self.width + cell];
            if sum > best.0 {
                best = (sum, class as u8);
            }
        }
        best.1
    }
}
