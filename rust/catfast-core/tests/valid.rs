//! The mask of valid pixels against a slow one.

mod common;

use std::cmp::Ordering;

use catfast_core::valid::{Sample, ValidCounts, valid_mask_into};
use common::on_threads;
use ndarray::{Array2, Array3, Axis};
use proptest::prelude::*;

fn mask<T: Sample>(dn: &Array3<T>, nodata: Option<f64>) -> (Array2<u8>, ValidCounts) {
    let mut out = Array2::from_elem((dn.dim().1, dn.dim().2), 7);
    let counts = valid_mask_into(dn.view(), nodata, out.view_mut()).expect("shapes that fit");
    (out, counts)
}

fn slow(dn: &Array3<f32>, nodata: Option<f64>) -> (Array2<u8>, ValidCounts) {
    let nodata = nodata.unwrap_or(0.0);
    let mut counts = ValidCounts::default();
    let out = dn.map_axis(Axis(0), |pixel| {
        let same = pixel.iter().all(|&v| f64::from(v).partial_cmp(&nodata).is_some_and(Ordering::is_eq));
        let infinite = pixel.iter().any(|v| v.is_infinite()) && !same;
        let valid = !same && !infinite && !pixel.iter().any(|v| v.is_nan());
        counts.infinite += u64::from(infinite);
        counts.valid += u64::from(valid);
        u8::from(valid)
    });
    (out, counts)
}

fn pixel() -> impl Strategy<Value = f32> {
    prop_oneof![4 => Just(0.0), 1 => Just(-0.0), 4 => Just(1.0), 1 => Just(-9999.0), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)]
}

fn scene() -> impl Strategy<Value = Array3<f32>> {
    (1_usize..4, 0_usize..9, 0_usize..9).prop_flat_map(|shape| {
        let pixels = prop::collection::vec(pixel(), shape.0 * shape.1 * shape.2);
        pixels.prop_map(move |pixels| Array3::from_shape_vec(shape, pixels).expect("as many as the shape"))
    })
}

fn nodata() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        Just(None),
        Just(Some(0.0)),
        Just(Some(-9999.0)),
        Just(Some(f64::NAN)),
        Just(Some(f64::INFINITY))
    ]
}

proptest! {
    #[test]
    fn same_as_slow(dn in scene(), nodata in nodata()) {
        prop_assert_eq!(mask(&dn, nodata), slow(&dn, nodata));
    }

    #[test]
    fn integers_as_floats(shape in (1_usize..4, 1_usize..9, 1_usize..9), seed: u16, nodata in nodata()) {
        let dn = Array3::from_shape_fn(shape, |(b, y, x)| (x + y * 3 + b * usize::from(seed)) as u16 % 3);
        prop_assert_eq!(mask(&dn, nodata), mask(&dn.mapv(f32::from), nodata));
    }
}

#[test]
fn nodata_that_integers_cannot_hold_matches_nothing() {
    let dn = Array3::from_elem((1, 2, 2), 0_u16);
    for nodata in [-1.0, 0.5, 65536.0, f64::NAN, f64::INFINITY] {
        assert_eq!(mask(&dn, Some(nodata)).1.valid, 4, "{nodata}");
    }
    assert_eq!(mask(&dn, Some(-0.0)).1.valid, 0);
    assert_eq!(mask(&Array3::from_elem((1, 2, 2), 65535_u16), Some(65535.0)).1.valid, 0);
}

#[test]
fn threads_change_nothing() {
    let dn = Array3::from_shape_fn((3, 300, 500), |(b, y, x)| (x * y % (5 + b)) as f32);
    assert_eq!(on_threads(1, || mask(&dn, None)), on_threads(4, || mask(&dn, None)));
}

#[test]
fn no_band_is_refused() {
    let dn = Array3::<u16>::zeros((0, 2, 2));
    let error = valid_mask_into(dn.view(), None, Array2::zeros((2, 2)).view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "dn: expected at least one band, found 0");
}
