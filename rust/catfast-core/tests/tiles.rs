//! Cutting and blending tiles.

mod common;

use catfast_core::blend::{Taper, blend_tiles_into};
use catfast_core::patch::{Normalisation, Tiles, cut_tiles_into};
use catfast_core::{Error, Result};
use common::{bits, on_threads};
use ndarray::{Array1, Array2, Array3, Array4, s};
use proptest::prelude::*;

fn cut(image: &Array3<f32>, rows: &[i64], cols: &[i64], size: (usize, usize)) -> Result<Array4<f32>> {
    let bands = image.dim().0;
    let mut out = Array4::zeros((rows.len(), bands, size.0, size.1));
    let (mean, std) = (Array1::zeros(bands), Array1::ones(bands));
    let clip = (f32::NEG_INFINITY, f32::INFINITY);
    let norm = Normalisation { mean: mean.view(), std: std.view(), clip };
    cut_tiles_into(image.view(), &Tiles { rows: rows.into(), cols: cols.into() }, out.view_mut(), &norm)?;
    Ok(out)
}

fn image(bands: usize, height: usize, width: usize) -> Array3<f32> {
    Array3::from_shape_fn((bands, height, width), |(b, y, x)| (b * 10_000 + y * 100 + x) as f32)
}

/// Walks from pixel 0 in unit steps, turning round at the edges.
fn walk(index: i64, size: usize) -> usize {
    let (mut place, mut step) = (0_i64, 1_i64);
    for _ in 0..index.unsigned_abs() {
        if !(0..size as i64).contains(&(place + step)) {
            step = -step;
        }
        if size > 1 {
            place += step;
        }
    }
    place as usize
}

proptest! {
    #[test]
    fn mirrors_like_a_walk(height in 1_usize..6, width in 1_usize..6, row in -20_i64..20, col in -20_i64..20) {
        let image = image(2, height, width);
        let out = cut(&image, &[row], &[col], (7, 9)).expect("shapes that fit");
        for ((_, b, y, x), &found) in out.indexed_iter() {
            let expected = image[(b, walk(row + y as i64, height), walk(col + x as i64, width))];
            prop_assert_eq!(found.to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn cutting_never_panics(
        shapes in prop::collection::vec(0_usize..4, 11),
        place: i64,
        clip: (f32, f32),
        std: f32,
    ) {
        let image = Array3::zeros((shapes[0], shapes[1], shapes[2]));
        let (rows, cols) = (Array1::from_elem(shapes[3], place), Array1::from_elem(shapes[4], place));
        let mut out = Array4::zeros((shapes[5], shapes[6], shapes[7], shapes[8]));
        let (mean, std) = (Array1::zeros(shapes[9]), Array1::from_elem(shapes[10], std));
        let norm = Normalisation { mean: mean.view(), std: std.view(), clip };
        let tiles = Tiles { rows: rows.view(), cols: cols.view() };
        let _ = cut_tiles_into(image.view(), &tiles, out.view_mut(), &norm);
    }

    #[test]
    fn cutting_far_away_never_panics(place in -(1_i64 << 40)..1 << 40, shape in (0_usize..3, 0_usize..3, 0_usize..3)) {
        let _ = cut(&image(shape.0, shape.1, shape.2), &[place], &[place], (3, 2));
    }

    #[test]
    fn blending_never_panics(shapes in prop::collection::vec(0_usize..4, 13), place: i64, taper: f32) {
        let prob = Array4::zeros((shapes[0], shapes[1], shapes[2], shapes[3]));
        let (rows, cols) = (Array1::from_elem(shapes[4], place), Array1::from_elem(shapes[5], place));
        let (y, x) = (Array1::from_elem(shapes[6], taper), Array1::from_elem(shapes[7], taper));
        let mut acc = Array3::zeros((shapes[8], shapes[9], shapes[10]));
        let mut weight = Array2::zeros((shapes[11], shapes[12]));
        let tiles = Tiles { rows: rows.view(), cols: cols.view() };
        let taper = Taper { y: y.view(), x: x.view() };
        let _ = blend_tiles_into(prob.view(), &tiles, &taper, acc.view_mut(), weight.view_mut());
    }
}

fn ramp(len: usize) -> Array1<f32> {
    Array1::from_shape_fn(len, |i| (i + 1) as f32 / len as f32)
}

fn blend(prob: &Array4<f32>, rows: &[i64], cols: &[i64], size: (usize, usize)) -> (Array3<f32>, Array2<f32>) {
    let (_, classes, height, width) = prob.dim();
    let (y, x) = (ramp(height), ramp(width));
    let mut acc = Array3::zeros((classes, size.0, size.1));
    let mut weight = Array2::zeros(size);
    let taper = Taper { y: y.view(), x: x.view() };
    let tiles = Tiles { rows: rows.into(), cols: cols.into() };
    blend_tiles_into(prob.view(), &tiles, &taper, acc.view_mut(), weight.view_mut())
        .expect("shapes that fit");
    (acc, weight)
}

fn tiles(count: usize) -> (Array4<f32>, Vec<i64>, Vec<i64>) {
    let prob = Array4::from_shape_fn((count, 3, 40, 50), |(t, c, y, x)| {
        ((t * 31 + c * 7 + y * x) % 97) as f32 / 97.0
    });
    let place = |step: i64| (0..count as i64).map(|t| (t * step) % 120 - 15).collect();
    (prob, place(37), place(53))
}

#[test]
fn threads_change_nothing() {
    let (prob, rows, cols) = tiles(40);
    let blended = |threads| {
        let (acc, weight) = on_threads(threads, || blend(&prob, &rows, &cols, (110, 130)));
        (bits(&acc), bits(&weight))
    };
    assert_eq!(blended(1), blended(4));
    let image = image(3, 90, 80);
    let tiles = |threads| on_threads(threads, || cut(&image, &rows, &cols, (40, 50)));
    assert_eq!(tiles(1), tiles(4));
}

#[test]
fn batches_change_nothing() {
    let (prob, rows, cols) = tiles(10);
    let whole = blend(&prob, &rows, &cols, (110, 130));
    let mut acc = Array3::zeros((3, 110, 130));
    let mut weight = Array2::zeros((110, 130));
    let (y, x) = (ramp(40), ramp(50));
    for part in [0..4, 4..4, 4..10] {
        let tiles = Tiles { rows: rows[part.clone()].into(), cols: cols[part.clone()].into() };
        let taper = Taper { y: y.view(), x: x.view() };
        let prob = prob.slice(s![part, .., .., ..]);
        blend_tiles_into(prob, &tiles, &taper, acc.view_mut(), weight.view_mut()).expect("shapes that fit");
    }
    assert_eq!((bits(&acc), bits(&weight)), (bits(&whole.0), bits(&whole.1)));
}

#[test]
fn odd_arguments_are_refused() {
    let image = image(1, 4, 4);
    assert!(matches!(cut(&image, &[0], &[i64::MAX], (2, 2)), Err(Error::Value { name: "cols", .. })));
    assert!(matches!(cut(&image, &[0], &[], (2, 2)), Err(Error::Shape { name: "cols", .. })));
    let empty = Array3::zeros((1, 0, 4));
    let error = cut(&empty, &[0], &[0], (2, 2)).unwrap_err();
    assert_eq!(error.to_string(), "image: expected at least one pixel, found shape [1, 0, 4]");
}
