//! Patch files: the strip undone by a slow reader gives the pixels back, and misfits are refused.

mod common;

use catfast_core::geotiff::{Files, Header, for_files};
use catfast_core::window::Windows;
use common::on_threads;
use ndarray::{Array1, Array2, Array3, Array4, s};
use proptest::prelude::*;

const HEADER: [u8; 48] = [7; 48];

fn header(bytes: &[u8]) -> Header<'_> {
    Header { bytes, strip_offset_at: 2, strip_bytes_at: 10, x_at: 17, y_at: 40 }
}

/// Undoes zstd, and predictor 2 with `samples` of `width` bytes a pixel.
fn unpacked(file: &[u8], size: usize, samples: usize, width: usize) -> Vec<u64> {
    let offset = u32::from_le_bytes(file[2..6].try_into().expect("4 bytes")) as usize;
    let length = u32::from_le_bytes(file[10..14].try_into().expect("4 bytes")) as usize;
    assert_eq!(offset + length, file.len());
    let strip = zstd::bulk::decompress(&file[offset..], size * size * samples * width).expect("zstd");
    let mask = (1 << (8 * width)) - 1;
    let mut values: Vec<u64> = strip
        .chunks(width)
        .map(|bytes| bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
        .collect();
    for row in values.chunks_mut(size * samples) {
        for at in samples..row.len() {
            row[at] = (row[at] + row[at - samples]) & mask;
        }
    }
    values
}

proptest! {
    #[test]
    fn the_strip_holds_the_pixels(
        size in 1_usize..40, down in 0_usize..5, across in 0_usize..5, rough: bool, seed: u16,
        corner in (-1e7..1e7_f64, -1e7..1e7_f64),
    ) {
        let (height, width) = (size + down, size + across);
        let value = |b: usize, y: usize, x: usize| {
            let smooth = (b * 1000 + y * 3 + x) as u16;
            if rough { smooth.wrapping_mul(seed) } else { smooth }
        };
        let images = Array4::from_shape_fn((1, 4, height, width), |(_, b, y, x)| value(b, y, x));
        let labels = Array3::from_shape_fn((1, height, width), |(_, y, x)| value(0, y, x) as u8);
        let scenes = Array1::zeros(2);
        let rows = Array1::from_vec(vec![0, down as i64]);
        let cols = Array1::from_vec(vec![across as i64, 0]);
        let windows = Windows {
            images: images.view(), labels: labels.view(),
            scenes: scenes.view(), rows: rows.view(), cols: cols.view(), size,
        };
        let corners = Array2::from_shape_vec((2, 2), vec![corner.0, corner.1, 1.5, -2.5]).expect("4 values");
        let files = Files { image: header(&HEADER), label: header(&HEADER), corners: corners.view() };
        let take = || for_files(&windows, &files, |_, made| (made.image.to_vec(), made.label.to_vec(), made.sha256()));
        let found = on_threads(3, take).expect("windows inside");
        prop_assert_eq!(&found, &on_threads(1, take).expect("windows inside"));
        for (index, (image, label, digests)) in found.iter().enumerate() {
            let (row, col) = (rows[index] as usize, cols[index] as usize);
            let cut = images.slice(s![0, .., row..row + size, col..col + size]).to_owned();
            let by_pixel = cut.permuted_axes([1, 2, 0]);
            let expected: Vec<u64> = by_pixel.iter().map(|&v| u64::from(v)).collect();
            prop_assert_eq!(unpacked(image, size, 4, 2), expected);
            let cut = labels.slice(s![0, row..row + size, col..col + size]);
            prop_assert_eq!(unpacked(label, size, 1, 1), cut.iter().map(|&v| u64::from(v)).collect::<Vec<_>>());
            for file in [image, label] {
                prop_assert_eq!(&file[17..25], &corners[[index, 0]].to_le_bytes()[..]);
                prop_assert_eq!(&file[40..48], &corners[[index, 1]].to_le_bytes()[..]);
                prop_assert_eq!(&file[25..40], &HEADER[25..40]);
            }
            prop_assert!(digests[0] != digests[2]);
        }
    }
}

#[test]
fn misfits_are_refused() {
    let (images, labels) = (Array4::ones((1, 4, 4, 4)), Array3::zeros((1, 4, 4)));
    let one = Array1::zeros(1);
    let windows = Windows {
        images: images.view(),
        labels: labels.view(),
        scenes: one.view(),
        rows: one.view(),
        cols: one.view(),
        size: 4,
    };
    let (corners, nowhere) = (Array2::zeros((1, 2)), Array2::from_elem((1, 2), f64::NAN));
    let make = |image: Header, corners: &Array2<f64>| {
        let files = Files { image, label: header(&HEADER), corners: corners.view() };
        for_files(&windows, &files, |index, _| index)
    };
    let good = header(&HEADER);
    assert_eq!(make(good, &corners), Ok(vec![0]));
    assert!(make(good, &nowhere).is_err());
    assert!(make(good, &Array2::zeros((2, 2))).is_err());
    for broken in [
        Header { strip_offset_at: 45, ..good },
        Header { strip_bytes_at: usize::MAX, ..good },
        Header { x_at: 41, ..good },
        Header { y_at: 48, ..good },
        Header { bytes: &[], ..good },
    ] {
        assert!(make(broken, &corners).is_err());
    }
}
