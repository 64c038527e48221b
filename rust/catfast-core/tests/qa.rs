//! The QA decoder against USGS values and against a slow decoder written from the rule.

mod common;

use catfast_core::qa::{CIRRUS, DILATED, FILL, MEDIUM, QaRule, Scheme, decode_qa_into};
use catfast_core::{Error, Result};
use common::on_threads;
use ndarray::Array2;

/// `QA_PIXEL` values of Landsat 8/9 scenes with their code in the full and the binary scheme.
const VECTORS: [(u16, u8, u8); 20] = [
    (1, 255, 255),
    (21824, 0, 0),
    (21762, 255, 255),
    (21826, 255, 255),
    (21888, 4, 0),
    (21952, 4, 0),
    (22080, 255, 255),
    (22280, 1, 1),
    (23826, 255, 255),
    (23888, 2, 0),
    (23952, 2, 0),
    (24088, 1, 1),
    (24344, 1, 1),
    (29986, 255, 255),
    (30048, 3, 0),
    (54534, 255, 255),
    (54596, 0, 0),
    (55052, 1, 1),
    (62820, 3, 0),
    (0, 0, 0),
];

const DEFAULT: u8 = FILL | DILATED | MEDIUM;

fn decode(qa: &[u16], scheme: Scheme, cloud: u8, ignore: u8) -> Result<Vec<u8>> {
    let qa = ndarray::ArrayView2::from_shape((1, qa.len()), qa).expect("one row");
    let mut out = Array2::zeros(qa.dim());
    decode_qa_into(qa, out.view_mut(), &QaRule { scheme, cloud, ignore })?;
    Ok(out.into_raw_vec_and_offset().0)
}

fn slow(qa: u16, scheme: Scheme, cloud: u8, ignore: u8) -> u8 {
    let bit = |n: u16| (qa >> n) & 1 == 1;
    let named = [(DILATED, bit(1)), (MEDIUM, (qa >> 8) & 3 == 2), (CIRRUS, bit(2))];
    let any = |flags: u8| named.iter().any(|&(flag, holds)| holds && flags & flag != 0);
    let surface = |code: u8| if scheme == Scheme::Full { code } else { 0 };
    if bit(0) {
        255
    } else if bit(3) || any(cloud) {
        1
    } else if any(ignore) {
        255
    } else if bit(4) {
        surface(2)
    } else if bit(5) {
        surface(3)
    } else if bit(7) {
        surface(4)
    } else {
        0
    }
}

#[test]
fn usgs_values() {
    let values = VECTORS.map(|(qa, _, _)| qa);
    assert_eq!(decode(&values, Scheme::Full, 0, DEFAULT), Ok(VECTORS.map(|(_, full, _)| full).to_vec()));
    assert_eq!(
        decode(&values, Scheme::Binary, 0, DEFAULT),
        Ok(VECTORS.map(|(_, _, binary)| binary).to_vec())
    );
}

#[test]
fn every_value_under_every_rule() {
    let values: Vec<u16> = (0..=u16::MAX).collect();
    for scheme in [Scheme::Full, Scheme::Binary] {
        for (cloud, ignore) in (0..8).flat_map(|c| (0..16).map(move |i| (c * 2, i))) {
            let expected: Vec<u8> = values.iter().map(|&qa| slow(qa, scheme, cloud, ignore)).collect();
            assert_eq!(decode(&values, scheme, cloud, ignore), Ok(expected), "cloud {cloud} ignore {ignore}");
        }
    }
}

#[test]
fn unknown_flags_are_refused() {
    let error = decode(&[0], Scheme::Full, FILL, 0).unwrap_err();
    assert_eq!(error.to_string(), "cloud: expected flags among DILATED, MEDIUM and CIRRUS, found 1");
    assert!(matches!(decode(&[0], Scheme::Full, 0, 16), Err(Error::Value { name: "ignore", .. })));
    assert!(Scheme::from_name("both").unwrap_err().to_string().ends_with("found 'both'"));
}

#[test]
fn shapes_and_layout_are_checked() {
    let qa = Array2::zeros((3, 4));
    let rule = QaRule { scheme: Scheme::Full, cloud: 0, ignore: DEFAULT };
    let mut out = Array2::zeros((4, 3));
    let error = decode_qa_into(qa.view(), out.view_mut(), &rule).unwrap_err();
    assert_eq!(error.to_string(), "out: expected shape [3, 4], found [4, 3]");
    let error = decode_qa_into(qa.view(), out.view_mut().reversed_axes(), &rule).unwrap_err();
    assert_eq!(error, Error::Layout { name: "out" });
}

#[test]
fn threads_change_nothing() {
    let qa: Vec<u16> = (0..200_003_u32).map(|value| (value.wrapping_mul(40_503) >> 3) as u16).collect();
    let run = || decode(&qa, Scheme::Full, 0, DEFAULT);
    assert_eq!(on_threads(1, run), on_threads(4, run));
}
