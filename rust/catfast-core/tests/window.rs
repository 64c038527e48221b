//! Windows of scenes against slow ones: counts, pixels, and what is refused.

mod common;

use catfast_core::window::{Windows, label_counts_into, pixels_into};
use common::on_threads;
use ndarray::{Array1, Array2, Array3, Array4, s};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// Scenes, and windows inside them.
#[derive(Clone, Debug)]
struct Case {
    images: Array4<u16>,
    labels: Array3<u8>,
    scenes: Array1<i64>,
    rows: Array1<i64>,
    cols: Array1<i64>,
    size: usize,
}

impl Case {
    fn windows(&self) -> Windows<'_> {
        Windows {
            images: self.images.view(),
            labels: self.labels.view(),
            scenes: self.scenes.view(),
            rows: self.rows.view(),
            cols: self.cols.view(),
            size: self.size,
        }
    }

    fn window(&self, index: usize) -> (Array3<u16>, Array2<u8>) {
        let (row, col) = (self.rows[index] as usize, self.cols[index] as usize);
        let scene = self.scenes[index] as usize;
        let (rows, cols) = (row..row + self.size, col..col + self.size);
        let image = self.images.slice(s![scene, .., rows.clone(), cols.clone()]).to_owned();
        (image, self.labels.slice(s![scene, rows, cols]).to_owned())
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..4, 1_usize..30, 0_usize..20, 0_usize..20, 0_usize..7, any::<u64>());
    sizes.prop_map(|(scenes, size, down, across, count, seed)| {
        let (height, width) = (size + down, size + across);
        let mut state = seed | 1;
        let mut draw = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let place = |end: usize, draw: &mut dyn FnMut() -> u64| (draw() % (end as u64 + 1)) as i64;
        let images = Array4::from_shape_simple_fn((scenes, 4, height, width), || match draw() % 5 {
            0 => 0,
            _ => draw() as u16,
        });
        // Runs of ten, as Landsat's pixels are, and single codes between them.
        let labels = Array3::from_shape_fn((scenes, height, width), |(_, y, x)| {
            if draw() % 50 == 0 { 255 } else { ((y / 10 + x / 10) % 5) as u8 }
        });
        Case {
            images,
            labels,
            scenes: Array1::from_shape_simple_fn(count, || place(scenes - 1, &mut draw)),
            rows: Array1::from_shape_simple_fn(count, || place(down, &mut draw)),
            cols: Array1::from_shape_simple_fn(count, || place(across, &mut draw)),
            size,
        }
    })
}

proptest! {
    #[test]
    fn counts_are_those_of_a_slow_loop(case in cases()) {
        let count = case.rows.len();
        let mut found = Array2::from_elem((count, 256), 7_i64);
        label_counts_into(&case.windows(), found.view_mut()).expect("windows inside");
        let mut slow = Array2::<i64>::zeros((count, 256));
        for index in 0..count {
            let (image, label) = case.window(index);
            for ((y, x), &code) in label.indexed_iter() {
                if (0..4).all(|band| image[[band, y, x]] > 0) {
                    slow[[index, usize::from(code)]] += 1;
                }
            }
        }
        prop_assert_eq!(found, slow);
    }

    #[test]
    fn pixels_are_those_of_the_window_whatever_the_threads(case in cases()) {
        let (count, plane) = (case.rows.len(), case.size * case.size);
        let take = || {
            let (mut image, mut label) = (Array2::zeros((count, 8 * plane)), Array2::zeros((count, plane)));
            let digests = pixels_into(&case.windows(), image.view_mut(), label.view_mut());
            (image, label, digests.expect("windows inside"))
        };
        let found = on_threads(3, take);
        prop_assert_eq!(&found, &on_threads(1, take));
        let (images, labels, digests) = found;
        prop_assert_eq!(digests.len(), count);
        for (place, digest) in digests.iter().enumerate() {
            let (image, label) = case.window(place);
            let image: Vec<u8> = image.iter().flat_map(|v| v.to_le_bytes()).collect();
            let label: Vec<u8> = label.iter().copied().collect();
            prop_assert_eq!(images.row(place).to_vec(), &image[..]);
            prop_assert_eq!(labels.row(place).to_vec(), &label[..]);
            let bytes = Sha256::digest([image, label].concat());
            let slow: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(digest, &slow.concat());
        }
    }

    #[test]
    fn windows_outside_are_refused(case in cases(), far in prop_oneof![Just(-1_i64), Just(i64::MIN), Just(i64::MAX), 51..99_i64]) {
        prop_assume!(!case.rows.is_empty());
        for axis in 0..3 {
            let mut outside = case.clone();
            [&mut outside.scenes, &mut outside.rows, &mut outside.cols][axis][0] = far;
            prop_assert!(outside.windows().check().is_err());
        }
    }
}

#[test]
fn misfits_are_refused() {
    let (scenes, rows, cols) = (Array1::zeros(2), Array1::zeros(2), Array1::zeros(2));
    let check = |images: (usize, usize, usize, usize), labels: (usize, usize, usize), size: usize| {
        let (images, labels) = (Array4::zeros(images), Array3::zeros(labels));
        let (images, labels) = (images.view(), labels.view());
        let (scenes, rows, cols) = (scenes.view(), rows.view(), cols.view());
        Windows { images, labels, scenes, rows, cols, size }.check().map(|found| found.len())
    };
    assert_eq!(check((1, 4, 5, 6), (1, 5, 6), 5), Ok(2));
    assert!(check((1, 3, 5, 6), (1, 5, 6), 5).is_err());
    assert!(check((1, 4, 5, 6), (1, 6, 5), 5).is_err());
    assert!(check((2, 4, 5, 6), (1, 5, 6), 5).is_err());
    assert!(check((1, 4, 5, 6), (1, 5, 6), 6).is_err());
    assert!(check((1, 4, 5, 6), (1, 5, 6), 0).is_err());
    assert!(check((0, 4, 5, 6), (0, 5, 6), 5).is_err());
}

#[test]
fn a_strided_scene_and_uneven_places_are_refused() {
    let (images, labels) = (Array4::<u16>::zeros((1, 4, 8, 8)), Array3::<u8>::zeros((1, 8, 8)));
    let (one, two) = (Array1::zeros(1), Array1::zeros(2));
    let windows = Windows {
        images: images.slice(s![.., .., ..;2, ..]),
        labels: labels.slice(s![.., ..;2, ..]),
        scenes: one.view(),
        rows: one.view(),
        cols: one.view(),
        size: 2,
    };
    assert!(windows.check().is_err());
    let whole = Windows { images: images.view(), labels: labels.view(), ..windows };
    assert!(whole.check().is_ok());
    assert!(Windows { rows: two.view(), ..whole }.check().is_err());
    assert!(Windows { cols: two.view(), ..whole }.check().is_err());
    let mut out = Array2::zeros((2, 256));
    assert!(label_counts_into(&whole, out.view_mut()).is_err());
    let put = |image: usize, label: usize| {
        let (mut image, mut label) = (Array2::zeros((1, image)), Array2::zeros((1, label)));
        pixels_into(&whole, image.view_mut(), label.view_mut()).is_ok()
    };
    assert!(put(32, 4));
    assert!(!put(31, 4));
    assert!(!put(32, 5));
}
