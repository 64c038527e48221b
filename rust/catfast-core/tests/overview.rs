//! Overviews of codes against counting.

mod common;

use catfast_core::overview::halve_codes_into;
use common::on_threads;
use ndarray::{Array2, s};
use proptest::prelude::*;

fn counted(codes: &Array2<u8>, row: usize, column: usize) -> u8 {
    let (height, width) = codes.dim();
    let block = codes
        .slice(s![2 * row..(2 * row + 2).min(height), 2 * column..(2 * column + 2).min(width)])
        .to_owned();
    let seen: Vec<u8> = block.iter().copied().filter(|&code| code != 255).collect();
    let count = |code: u8| seen.iter().map(|&other| usize::from(other == code)).sum::<usize>();
    let most = seen.iter().map(|&code| count(code)).max().unwrap_or(0);
    seen.iter().copied().find(|&code| count(code) == most).unwrap_or(255)
}

proptest! {
    #[test]
    fn is_the_most_frequent_code(
        shape in (0_usize..9, 0_usize..70),
        values in prop::collection::vec(prop_oneof![0_u8..4, Just(255)], 640),
    ) {
        let codes = Array2::from_shape_fn(shape, |(y, x)| values[(y * 70 + x) % 640]);
        let mut out = Array2::from_elem((shape.0.div_ceil(2), shape.1.div_ceil(2)), 77);
        halve_codes_into(codes.view(), out.view_mut(), 255).expect("shapes that fit");
        for ((row, column), &code) in out.indexed_iter() {
            prop_assert_eq!(code, counted(&codes, row, column));
        }
    }
}

#[test]
fn threads_change_nothing_and_shapes_are_checked() {
    let codes = Array2::from_shape_fn((301, 203), |(y, x)| ((y * 7 + x * x) % 4) as u8);
    let run = || {
        let mut out = Array2::zeros((151, 102));
        halve_codes_into(codes.view(), out.view_mut(), 255).expect("shapes that fit");
        out
    };
    assert_eq!(on_threads(1, run), on_threads(4, run));
    let mut out = Array2::zeros((150, 102));
    let found = halve_codes_into(codes.view(), out.view_mut(), 255).unwrap_err().to_string();
    assert_eq!(found, "out: expected shape [151, 102], found [150, 102]");
}
