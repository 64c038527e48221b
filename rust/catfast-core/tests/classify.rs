//! Classes of scene rows: against a slow classifier, and the same codes however a scene is cut.

mod common;

use catfast_core::classify::{Blended, ClassRule, classify_rows_into};
use common::on_threads;
use ndarray::{Array1, Array2, Array3, ArrayView1, Axis, concatenate, s};
use proptest::prelude::*;

const CODES: [u8; 4] = [0, 1, 2, 4];

#[derive(Debug)]
struct Grid {
    acc: Array3<f32>,
    weight: Array2<f32>,
    factor: (f64, f64),
    size: (usize, usize),
    threshold: Option<f64>,
}

type Classified = (Array2<u8>, Array3<u8>, [u64; 256]);

impl Grid {
    fn new(shape: (usize, usize, usize), factor: (f64, f64), threshold: Option<f64>, seed: u64) -> Self {
        let noise = move |n: usize| {
            ((n as u64 + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32
                / 16_777_216.0
        };
        let acc = Array3::from_shape_fn(shape, |(c, y, x)| noise((c * shape.1 + y) * shape.2 + x));
        let weight = Array2::from_shape_fn((shape.1, shape.2), |(y, x)| {
            if noise(y * 977 + x + 5) < 0.2 { 0.0 } else { noise(y * 977 + x) + 0.5 }
        });
        let size = ((shape.1 as f64 * factor.0) as usize, (shape.2 as f64 * factor.1) as usize);
        Self { acc, weight, factor, size, threshold }
    }

    fn valid(&self) -> Array2<u8> {
        Array2::from_shape_fn(self.size, |(y, x)| u8::from((y * 3 + x) % 11 != 0))
    }

    /// Scene rows `first..last`, from no more network rows than they need.
    fn rows(&self, first: usize, last: usize) -> Classified {
        let (classes, height, _) = self.acc.dim();
        let low = (((first as f64 + 0.5) / self.factor.0 - 0.5).floor().max(0.0) as usize).min(height - 1);
        let high =
            ((((last as f64 + 0.5) / self.factor.0 - 0.5).floor() + 2.0) as usize).clamp(low + 1, height);
        let acc = self.acc.slice(s![.., low..high, ..]).as_standard_layout().into_owned();
        let blended = Blended { acc: acc.view(), weight: self.weight.slice(s![low..high, ..]) };
        let valid = self.valid();
        let mut out = Array2::zeros((last - first, self.size.1));
        let mut percent = Array3::zeros((classes, last - first, self.size.1));
        let rule = ClassRule {
            factor: self.factor,
            first_row: first as i64,
            grid_row: low as i64,
            codes: ArrayView1::from(&CODES[..classes]),
            threshold: self.threshold,
            cloud: 1,
        };
        let valid = valid.slice(s![first..last, ..]);
        let counts =
            classify_rows_into(&blended, None, valid, out.view_mut(), Some(percent.view_mut()), &rule);
        (out, percent, counts.expect("shapes that fit"))
    }

    /// Probabilities at a scene pixel; `None` where no neighbour is present.
    fn slow(&self, y: usize, x: usize) -> Option<Vec<f64>> {
        let (classes, height, width) = self.acc.dim();
        let place = |i: usize, f: f64, n: usize| ((i as f64 + 0.5) / f - 0.5).clamp(0.0, n as f64 - 1.0);
        let (v, u) = (place(y, self.factor.0, height), place(x, self.factor.1, width));
        let (mut sums, mut total) = (vec![0.0; classes], 0.0);
        for ((i, j), &weight) in self.weight.indexed_iter() {
            let near = (1.0 - (i as f64 - v).abs()).max(0.0) * (1.0 - (j as f64 - u).abs()).max(0.0);
            if weight > 0.0 && near > 0.0 {
                total += near;
                for (c, sum) in sums.iter_mut().enumerate() {
                    *sum += near * f64::from(self.acc[(c, i, j)]) / f64::from(weight);
                }
            }
        }
        (total > 0.0).then(|| sums.iter().map(|sum| sum / total).collect())
    }

    fn fits(&self, probability: &[f64], code: u8) -> bool {
        let near = 1e-5;
        let class = CODES.iter().position(|&c| c == code).expect("a known code");
        let best = |skip: usize| {
            let others = probability.iter().enumerate().filter(|(c, _)| *c != skip);
            others.map(|(_, &p)| p).fold(f64::MIN, f64::max)
        };
        match self.threshold {
            None => probability[class] >= best(usize::MAX) - near,
            Some(t) if class == 1 => probability[1] >= t - near,
            Some(t) => probability[1] < t + near && probability[class] >= best(1) - near,
        }
    }
}

fn grid() -> impl Strategy<Value = Grid> {
    let factor = || prop_oneof![Just(1.0), Just(10.0 / 3.0), 1.0..6.0_f64];
    let threshold = prop_oneof![Just(None), (0.0..1.0_f64).prop_map(Some)];
    ((2_usize..5, 1_usize..7, 1_usize..7), (factor(), factor()), threshold, any::<u64>())
        .prop_map(|(shape, factor, threshold, seed)| Grid::new(shape, factor, threshold, seed))
}

proptest! {
    #[test]
    fn same_as_slow(grid in grid()) {
        let (out, percent, counts) = grid.rows(0, grid.size.0);
        for (((y, x), &code), &valid) in out.indexed_iter().zip(&grid.valid()) {
            let found = percent.slice(s![.., y, x]);
            match (valid, grid.slow(y, x)) {
                (0, _) => prop_assert!(code == 255 && found.iter().all(|&p| p == 255)),
                (_, None) => prop_assert!(code == CODES[0] && found.iter().all(|&p| p == 0)),
                (_, Some(probability)) => {
                    prop_assert!(grid.fits(&probability, code), "{probability:?} gave {code}");
                    for (&percent, p) in found.iter().zip(probability) {
                        prop_assert!((f64::from(percent) - 100.0 * p.min(1.0)).abs() <= 0.501);
                    }
                }
            }
        }
        for (code, &count) in counts.iter().enumerate() {
            prop_assert_eq!(count, out.iter().filter(|&&c| usize::from(c) == code).count() as u64);
        }
    }

    #[test]
    fn cutting_rows_changes_no_code(grid in grid(), cut in 0.0..1.0_f64) {
        let cut = (grid.size.0 as f64 * cut) as usize;
        let (top, bottom) = (grid.rows(0, cut), grid.rows(cut, grid.size.0));
        let (out, percent, _) = grid.rows(0, grid.size.0);
        let joined = concatenate(Axis(0), &[top.0.view(), bottom.0.view()]).expect("same columns");
        prop_assert_eq!(joined, out);
        let joined = concatenate(Axis(1), &[top.1.view(), bottom.1.view()]).expect("same columns");
        prop_assert_eq!(joined, percent);
    }

    #[test]
    fn never_panics(
        shapes in prop::collection::vec(0_usize..4, 12),
        factor in prop_oneof![Just((2.0, 2.0)), (any::<f64>(), any::<f64>())],
        rows in prop_oneof![Just((0, 0)), (any::<i64>(), any::<i64>()), (0..1_i64 << 40, 0..1_i64 << 40)],
        threshold in prop_oneof![Just(None), Just(Some(0.5)), any::<f64>().prop_map(Some)],
        cloud in 0_usize..3,
        fit: bool,
        value: f32,
    ) {
        let pick = |free: usize, fitting: usize| shapes[if fit { fitting } else { free }];
        let acc = Array3::from_elem((shapes[0], shapes[1], shapes[2]), value);
        let weight = Array2::from_elem((pick(3, 1), pick(4, 2)), value);
        let valid = Array2::ones((shapes[5], shapes[6]));
        let mut out = Array2::zeros((pick(7, 5), pick(8, 6)));
        let mut percent = Array3::zeros((pick(9, 0), pick(10, 5), shapes[6]));
        let codes = Array1::zeros(pick(11, 0));
        let blended = Blended { acc: acc.view(), weight: weight.view() };
        let (first_row, grid_row) = rows;
        let rule = ClassRule { factor, first_row, grid_row, codes: codes.view(), threshold, cloud };
        let _ = classify_rows_into(&blended, None, valid.view(), out.view_mut(), Some(percent.view_mut()), &rule);
        let _ = classify_rows_into(&blended, None, valid.view(), out.view_mut(), None, &rule);
    }
}

#[test]
fn threads_change_nothing() {
    let grid = Grid::new((3, 60, 400), (10.0 / 3.0, 10.0 / 3.0), None, 5);
    let run = || grid.rows(0, grid.size.0);
    assert_eq!(on_threads(1, run), on_threads(4, run));
}

#[test]
fn a_constant_field_reaches_its_own_threshold() {
    let mut grid = Grid::new((3, 9, 9), (10.0 / 3.0, 10.0 / 3.0), Some(f64::from(0.3_f32)), 5);
    grid.weight.fill(1.0);
    grid.acc.fill(0.3);
    let (out, _, counts) = grid.rows(0, grid.size.0);
    assert_eq!(counts[1] + counts[255], out.len() as u64);
}

#[test]
fn the_first_of_equals_wins() {
    let mut grid = Grid::new((3, 9, 9), (10.0 / 3.0, 10.0 / 3.0), None, 5);
    grid.acc.fill(0.25);
    let (out, _, counts) = grid.rows(0, grid.size.0);
    assert_eq!(counts[0] + counts[255], out.len() as u64);
}
