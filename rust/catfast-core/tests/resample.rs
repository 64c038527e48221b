//! Area means: against a slow mean, and the same bits however a scene is cut.

mod common;

use catfast_core::resample::{Area, resample_area_into};
use common::{bits, on_threads};
use ndarray::{Array1, Array2, Array3, Axis, concatenate, s};
use proptest::prelude::*;

#[derive(Debug)]
struct Scene {
    dn: Array3<u16>,
    valid: Array2<u8>,
    gain: Array1<f64>,
    factor: (f64, f64),
}

impl Scene {
    fn new(shape: (usize, usize, usize), factor: (f64, f64), seed: u64) -> Self {
        let noise =
            move |n: usize| (n as u64 + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let dn = Array3::from_shape_fn(shape, |(b, y, x)| noise((b * shape.1 + y) * shape.2 + x) as u16);
        let valid = Array2::from_shape_fn((shape.1, shape.2), |(y, x)| u8::from(noise(y * 977 + x) % 4 != 0));
        Self { dn, valid, gain: Array1::from_elem(shape.0, 1e-4), factor }
    }

    fn grid(&self) -> (usize, usize) {
        let (_, height, width) = self.dn.dim();
        ((height as f64 / self.factor.0).ceil() as usize, (width as f64 / self.factor.1).ceil() as usize)
    }

    /// Grid rows `first..last`, from no more source rows than they need.
    fn rows(&self, first: usize, last: usize) -> Array3<f32> {
        let height = self.dn.dim().1;
        let start = ((first as f64 * self.factor.0).floor() as usize).min(height);
        let end = ((last as f64 * self.factor.0).ceil() as usize).min(height);
        let mut out = Array3::zeros((self.dn.dim().0, last - first, self.grid().1));
        let area =
            Area { factor: self.factor, first_row: first as i64, src_row: start as i64, ..Area::default() };
        let dn = self.dn.slice(s![.., start..end, ..]).as_standard_layout().into_owned();
        let valid = self.valid.slice(s![start..end, ..]);
        resample_area_into(dn.view(), valid, self.gain.view(), out.view_mut(), &area)
            .expect("shapes that fit");
        out
    }

    /// Grid columns `first..last`, from no more source columns than they need.
    fn columns(&self, first: usize, last: usize) -> Array3<f32> {
        let width = self.dn.dim().2;
        let start = ((first as f64 * self.factor.1).floor() as usize).min(width);
        let end = ((last as f64 * self.factor.1).ceil() as usize).min(width);
        let mut out = Array3::zeros((self.dn.dim().0, self.grid().0, last - first));
        let whole = Area { factor: self.factor, ..Area::default() };
        let area = Area { first_column: first as i64, src_column: start as i64, ..whole };
        let dn = self.dn.slice(s![.., .., start..end]).as_standard_layout().into_owned();
        let valid = self.valid.slice(s![.., start..end]).as_standard_layout().into_owned();
        resample_area_into(dn.view(), valid.view(), self.gain.view(), out.view_mut(), &area)
            .expect("shapes that fit");
        out
    }

    fn slow(&self, band: usize, i: usize, j: usize) -> f64 {
        let overlap = |k: usize, cell: usize, factor: f64| {
            let (low, high) = (cell as f64 * factor, (cell + 1) as f64 * factor);
            ((k as f64 + 1.0).min(high) - (k as f64).max(low)).max(0.0)
        };
        let (mut sum, mut total) = (0.0, 0.0);
        for ((y, x), &valid) in self.valid.indexed_iter() {
            let weight = overlap(y, i, self.factor.0) * overlap(x, j, self.factor.1) * f64::from(valid);
            sum += weight * f64::from(self.dn[(band, y, x)]);
            total += weight;
        }
        if total > 1e-8 { sum / total * self.gain[band] } else { f64::NAN }
    }
}

fn scene() -> impl Strategy<Value = Scene> {
    let factor = || prop_oneof![Just(1.0), Just(2.0), Just(10.0 / 3.0), Just(10.0 / 3.7), 1.0..9.0_f64];
    let shape = (1_usize..3, 1_usize..24, 1_usize..24);
    (shape, (factor(), factor()), any::<u64>())
        .prop_map(|(shape, factor, seed)| Scene::new(shape, factor, seed))
}

proptest! {
    #[test]
    fn same_as_slow(scene in scene()) {
        let out = scene.rows(0, scene.grid().0);
        for ((band, i, j), &found) in out.indexed_iter() {
            let expected = scene.slow(band, i, j);
            let close = (f64::from(found) - expected).abs() <= 1e-6 * expected.abs();
            prop_assert!(close || (found.is_nan() && expected.is_nan()), "{found} for {expected}");
        }
    }

    #[test]
    fn cutting_rows_changes_no_bit(scene in scene(), cut in 0.0..1.0_f64) {
        let rows = scene.grid().0;
        let cut = (rows as f64 * cut) as usize;
        let parts = [scene.rows(0, cut), scene.rows(cut, rows)];
        let joined = concatenate(Axis(1), &[parts[0].view(), parts[1].view()]).expect("same columns");
        prop_assert_eq!(bits(&joined), bits(&scene.rows(0, rows)));
    }

    #[test]
    fn cutting_columns_changes_no_bit(scene in scene(), cut in 0.0..1.0_f64) {
        let columns = scene.grid().1;
        let cut = (columns as f64 * cut) as usize;
        let parts = [scene.columns(0, cut), scene.columns(cut, columns)];
        let joined = concatenate(Axis(2), &[parts[0].view(), parts[1].view()]).expect("same rows");
        prop_assert_eq!(bits(&joined), bits(&scene.columns(0, columns)));
    }

    #[test]
    fn never_panics(
        shapes in prop::collection::vec(0_usize..4, 9),
        factor in (any::<f64>(), any::<f64>()),
        rows in (any::<i64>(), any::<i64>()),
        columns in (any::<i64>(), any::<i64>()),
    ) {
        let dn = Array3::<f32>::zeros((shapes[0], shapes[1], shapes[2]));
        let valid = Array2::zeros((shapes[1], shapes[3]));
        let gain = Array1::zeros(shapes[4]);
        let mut out = Array3::zeros((shapes[5], shapes[6], shapes[7]));
        let area = Area { factor, first_row: rows.0, src_row: rows.1, first_column: columns.0, src_column: columns.1 };
        let _ = resample_area_into(dn.view(), valid.view(), gain.view(), out.view_mut(), &area);
    }

    #[test]
    fn never_panics_where_shapes_fit(
        shape in (0_usize..3, 0_usize..4, 0_usize..4),
        grid in (0_usize..4, 0_usize..4),
        factor in (1.0..1e308_f64, 1.0..1e308_f64),
        rows in (0..1_i64 << 40, 0..1_i64 << 40),
        columns in (0..1_i64 << 40, 0..1_i64 << 40),
    ) {
        let dn = Array3::<u16>::zeros(shape);
        let valid = Array2::ones((shape.1, shape.2));
        let mut out = Array3::zeros((shape.0, grid.0, grid.1));
        let area = Area { factor, first_row: rows.0, src_row: rows.1, first_column: columns.0, src_column: columns.1 };
        let gain = Array1::ones(shape.0);
        prop_assert!(resample_area_into(dn.view(), valid.view(), gain.view(), out.view_mut(), &area).is_ok());
    }
}

#[test]
fn threads_change_nothing() {
    let scene = Scene::new((4, 400, 2500), (10.0 / 3.0, 10.0 / 3.0), 5);
    let run = || bits(&scene.rows(0, scene.grid().0));
    assert_eq!(on_threads(1, run), on_threads(4, run));
}

#[test]
fn full_and_empty_blocks_agree_with_partial_ones() {
    let mut scene = Scene::new((1, 40, 3000), (10.0 / 3.0, 10.0 / 3.0), 9);
    scene.valid.fill(1);
    scene.valid.slice_mut(s![.., 1024..2048]).fill(0);
    scene.valid.slice_mut(s![5..9, ..]).fill(0);
    let out = scene.rows(0, scene.grid().0);
    for ((band, i, j), &found) in out.indexed_iter().filter(|((_, i, j), _)| i * 7 + j % 50 == 0) {
        let expected = scene.slow(band, i, j);
        assert!((f64::from(found) - expected).abs() <= 1e-6 || (found.is_nan() && expected.is_nan()));
    }
    assert!(out[(0, 5, 400)].is_nan());
}

#[test]
fn odd_factors_and_rows_are_refused() {
    let scene = Scene::new((1, 4, 4), (2.0, 2.0), 1);
    let refused = |area: Area| {
        let mut out = Array3::zeros((1, 2, 2));
        resample_area_into(scene.dn.view(), scene.valid.view(), scene.gain.view(), out.view_mut(), &area)
            .unwrap_err()
            .to_string()
    };
    for factor in [(0.5, 2.0), (f64::NAN, 2.0), (2.0, f64::INFINITY), (-2.0, 2.0)] {
        let area = Area { factor, ..Area::default() };
        assert!(refused(area).starts_with("factor: expected two finite numbers of at least 1, found"));
    }
    let own = Area::default();
    let wrong = [
        (Area { first_row: -1, ..own }, "first_row: expected a row from 0 up to 2^40, found -1"),
        (Area { src_row: -3, ..own }, "src_row: expected a row from 0 up to 2^40, found -3"),
        (Area { first_column: -1, ..own }, "first_column: expected a column from 0 up to 2^40, found -1"),
        (
            Area { src_column: 1 << 40, ..own },
            "src_column: expected a column from 0 up to 2^40, found 1099511627776",
        ),
    ];
    for (area, expected) in wrong {
        assert_eq!(refused(area), expected);
    }
}
