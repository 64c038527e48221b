//! QA on another grid: against slow samplers, the same bits however rows are cut, and never a panic.

mod common;

use catfast_core::Result;
use catfast_core::qa::{DILATED, FILL, MEDIUM, QaRule, Scheme};
use catfast_core::warp::{Method, Placement, WarpCounts, warp_qa_into};
use common::on_threads;
use ndarray::{Array2, Array3, s};
use proptest::prelude::*;

const METHODS: [Method; 4] = [Method::Nearest, Method::Majority, Method::Bilinear, Method::Fraction];
const RULE: QaRule = QaRule { scheme: Scheme::Full, cloud: 0, ignore: FILL | DILATED | MEDIUM };
/// Clear, cloud, shadow, snow, water and medium cloud, with their codes.
const QA: [(u16, u8); 6] = [(21824, 0), (22280, 1), (23888, 2), (30048, 3), (21888, 4), (22080, 255)];

/// An affine map from destination to source: row, column = corner + down * i + along * j, by pixel centres.
#[derive(Clone, Debug)]
struct World {
    kinds: Array2<usize>,
    valid: Array2<u8>,
    corner: [f64; 2],
    down: [f64; 2],
    along: [f64; 2],
    step: usize,
}

impl World {
    fn new(
        source: (usize, usize),
        target: (usize, usize),
        map: (f64, f64, f64),
        step: usize,
        seed: u64,
    ) -> Self {
        let noise = move |n: usize| {
            let mixed = (n as u64 + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed >> 40) as usize
        };
        let (size, turn, shift) = map;
        let (sin, cos) = turn.sin_cos();
        let middle = [source.0 as f64 / 2.0 + shift, source.1 as f64 / 2.0 - shift];
        let (down, along) = ([size * cos, size * sin], [-size * sin, size * cos]);
        let corner = [0, 1]
            .map(|a: usize| middle[a] - down[a] * target.0 as f64 / 2.0 - along[a] * target.1 as f64 / 2.0);
        Self {
            // Clumps of two by two, so that uniform and mixed neighbourhoods both occur.
            kinds: Array2::from_shape_fn(source, |(y, x)| noise(y / 2 * 977 + x / 2) % QA.len()),
            valid: Array2::from_shape_fn(target, |(y, x)| u8::from(noise(y * 613 + x) % 9 != 0)),
            corner,
            down,
            along,
            step,
        }
    }

    fn place(&self, i: f64, j: f64) -> [f64; 2] {
        [0, 1].map(|a: usize| self.corner[a] + self.down[a] * i + self.along[a] * j)
    }

    fn rows(&self, first: usize, last: usize, method: Method) -> Result<(Array2<u8>, WarpCounts)> {
        let width = self.valid.dim().1;
        let low = first / self.step;
        let shape = ((last.max(1) - 1) / self.step + 2 - low, width.max(1).div_ceil(self.step) + 1, 2);
        let nodes = Array3::from_shape_fn(shape, |(k, l, a)| {
            self.place(((low + k) * self.step) as f64 + 0.5, (l * self.step) as f64 + 0.5)[a]
        });
        let qa = self.kinds.mapv(|kind| QA[kind].0);
        let mut out = Array2::zeros((last - first, width));
        let placement =
            Placement { step: self.step, first_row: first as i64, node_row: low as i64, origin: (0, 0) };
        let valid = self.valid.slice(s![first..last, ..]);
        let counts = warp_qa_into(qa.view(), nodes.view(), valid, out.view_mut(), &placement, method, &RULE)?;
        Ok((out, counts))
    }

    fn all(&self, method: Method) -> (Array2<u8>, WarpCounts) {
        self.rows(0, self.valid.dim().0, method).expect("shapes that fit")
    }

    fn code(&self, place: [f64; 2]) -> u8 {
        let (height, width) = self.kinds.dim();
        let inside =
            place[0] >= 0.0 && place[1] >= 0.0 && place[0] < height as f64 && place[1] < width as f64;
        if inside { QA[self.kinds[(place[0] as usize, place[1] as usize)]].1 } else { 255 }
    }

    /// Bilinear weights of 0..4 and 255 at a place, by the distance to every source pixel around.
    fn bilinear(&self, place: [f64; 2]) -> [f64; 6] {
        let near = [0, 1].map(|axis: usize| place[axis].round());
        let mut weights = [0.0; 6];
        for (row, column) in (-2..=2).flat_map(|row| (-2..=2).map(move |column| (row, column))) {
            let middle = [near[0] + f64::from(row) + 0.5, near[1] + f64::from(column) + 0.5];
            let hat = |axis: usize| (1.0 - (place[axis] - middle[axis]).abs()).max(0.0);
            weights[usize::from(self.code(middle)).min(5)] += hat(0) * hat(1);
        }
        weights
    }

    /// Shares of 0..4 and 255 under a pixel, from a dense lattice of points.
    fn shares(&self, i: usize, j: usize) -> [f64; 6] {
        const POINTS: usize = 48;
        let mut shares = [0.0; 6];
        for (p, q) in (0..POINTS).flat_map(|p| (0..POINTS).map(move |q| (p, q))) {
            let part = |n: usize, k: usize| n as f64 + (k as f64 + 0.5) / POINTS as f64;
            let code = self.code(self.place(part(i, p), part(j, q)));
            shares[usize::from(code).min(5)] += 1.0 / (POINTS * POINTS) as f64;
        }
        shares
    }
}

fn world() -> impl Strategy<Value = World> {
    let size = prop_oneof![0.05..0.2_f64, 0.3..1.0_f64, 1.0..4.0_f64, Just(0.1), Just(2.0)];
    let turn = prop_oneof![Just(0.0), -3.2..3.2_f64, Just(std::f64::consts::FRAC_PI_4)];
    let shapes = ((1_usize..9, 1_usize..9), (1_usize..20, 1_usize..20));
    (shapes, size, turn, -1.0..1.0_f64, 1_usize..9, any::<u64>()).prop_map(
        |((source, target), size, turn, shift, step, seed)| {
            World::new(source, target, (size, turn, shift), step, seed)
        },
    )
}

proptest! {
    #[test]
    fn nearest_is_the_pixel_under_the_centre(world in world()) {
        let (out, counts) = world.all(Method::Nearest);
        for ((i, j), &found) in out.indexed_iter() {
            let place = world.place(i as f64 + 0.5, j as f64 + 0.5);
            let at_edge = place.iter().any(|&x| (x - x.round()).abs() < 1e-6);
            let expected = if world.valid[(i, j)] == 0 { 255 } else { world.code(place) };
            prop_assert!(at_edge || found == expected, "{found} for {expected} at {i}, {j}");
        }
        let histogram: Vec<u64> =
            (0..=255).map(|code| out.iter().filter(|&&found| found == code).count() as u64).collect();
        prop_assert_eq!(counts.codes.to_vec(), histogram);
    }

    #[test]
    fn fraction_is_the_share_of_cloud(world in world()) {
        let (out, _) = world.all(Method::Fraction);
        for ((i, j), &found) in out.indexed_iter() {
            let shares = world.shares(i, j);
            let seen: f64 = shares[..5].iter().sum();
            if world.valid[(i, j)] == 0 {
                prop_assert_eq!(found, 255);
            } else if found == 255 {
                prop_assert!(seen < 0.05, "{seen} seen at {i}, {j}");
            } else if seen > 0.1 {
                let expected = 200.0 * shares[1] / seen;
                prop_assert!((f64::from(found) - expected).abs() < 1.0 + 8.0 / seen, "{found}, {expected}");
            }
        }
    }

    #[test]
    fn majority_covers_the_most(world in world()) {
        let (out, _) = world.all(Method::Majority);
        for ((i, j), &found) in out.indexed_iter().filter(|(at, _)| world.valid[*at] != 0) {
            let shares = world.shares(i, j);
            let most = shares.iter().copied().fold(0.0, f64::max);
            prop_assert!(shares[usize::from(found).min(5)] > most - 0.08, "{found} of {shares:?}");
        }
    }

    #[test]
    fn bilinear_has_the_largest_weight(world in world()) {
        let (out, counts) = world.all(Method::Bilinear);
        for ((i, j), &found) in out.indexed_iter().filter(|(at, _)| world.valid[*at] != 0) {
            let place = world.place(i as f64 + 0.5, j as f64 + 0.5);
            let weights = world.bilinear(place);
            let most = weights.iter().copied().fold(0.0, f64::max);
            prop_assert!(weights[usize::from(found).min(5)] > most - 1e-5, "{found} of {weights:?}");
            let tied = weights.iter().filter(|&&weight| weight > most - 1e-9).count() > 1;
            let at_edge = place.iter().any(|&x| (x - x.round()).abs() < 1e-6);
            let under = world.code(place);
            if tied && !at_edge && weights[usize::from(under).min(5)] > most - 1e-9 {
                prop_assert_eq!(found, under);
            }
        }
        prop_assert_eq!(counts.inside, world.all(Method::Nearest).1.inside);
    }

    #[test]
    fn cutting_rows_changes_nothing(world in world(), cut in 0.0..1.0_f64) {
        let height = world.valid.dim().0;
        let cut = (height as f64 * cut) as usize;
        for method in METHODS {
            let (whole, counts) = world.all(method);
            let (upper, above) = world.rows(0, cut, method).expect("shapes that fit");
            let (lower, below) = world.rows(cut, height, method).expect("shapes that fit");
            prop_assert_eq!(ndarray::concatenate![ndarray::Axis(0), upper, lower], whole);
            prop_assert_eq!(above.inside + below.inside, counts.inside);
        }
    }

    #[test]
    fn never_panics(
        shapes in prop::collection::vec(0_usize..5, 8),
        axes in 1_usize..4,
        values in prop::collection::vec(any::<f64>(), 64),
        step in prop_oneof![0_usize..9, any::<usize>()],
        rows in (prop_oneof![-2..9_i64, any::<i64>()], prop_oneof![-2..9_i64, any::<i64>()]),
        origin in (prop_oneof![-2..9_i64, any::<i64>()], -2..9_i64),
        flags in (any::<u8>(), any::<u8>()),
    ) {
        let qa = Array2::from_elem((shapes[0], shapes[1]), 22280_u16);
        let nodes = Array3::from_shape_fn((shapes[2], shapes[3], axes), |(k, l, a)| values[(k * 17 + l * 5 + a) % 64]);
        let valid = Array2::ones((shapes[4], shapes[5]));
        let mut out = Array2::zeros((shapes[6], shapes[7]));
        let placement = Placement { step, first_row: rows.0, node_row: rows.1, origin };
        let rule = QaRule { scheme: Scheme::Full, cloud: flags.0, ignore: flags.1 };
        for method in METHODS {
            let _ = warp_qa_into(qa.view(), nodes.view(), valid.view(), out.view_mut(), &placement, method, &rule);
        }
    }

    #[test]
    fn odd_coordinates_are_outside(
        values in prop::collection::vec(prop_oneof![
            any::<f64>(), -9.0..9.0_f64, Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(-f64::MAX),
        ], 18),
        source in (1_usize..5, 1_usize..5),
    ) {
        let qa = Array2::from_elem(source, 22280_u16);
        let nodes = Array3::from_shape_vec((3, 3, 2), values).expect("18 values");
        let valid = Array2::ones((4, 4));
        let placement = Placement { step: 2, first_row: 0, node_row: 0, origin: (0, 0) };
        for method in METHODS {
            let cloud = if method == Method::Fraction { 200 } else { 1 };
            let mut out = Array2::zeros((4, 4));
            warp_qa_into(qa.view(), nodes.view(), valid.view(), out.view_mut(), &placement, method, &RULE)
                .expect("shapes that fit");
            prop_assert!(out.iter().all(|&code| code == 255 || code == cloud), "{out}");
            for ((i, j), &code) in out.indexed_iter() {
                let cell = nodes.slice(s![i / 2..i / 2 + 2, j / 2..j / 2 + 2, ..]);
                prop_assert!(code == 255 || cell.iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn threads_change_nothing() {
    let world = World::new((60, 70), (400, 500), (0.13, 0.3, 0.0), 64, 7);
    for method in METHODS {
        assert_eq!(on_threads(1, || world.all(method)), on_threads(4, || world.all(method)));
    }
}

#[test]
fn a_window_and_the_whole_source_agree() {
    let world = World::new((60, 70), (90, 90), (0.21, 0.4, 0.0), 16, 3);
    let part = World {
        kinds: world.kinds.slice(s![13..50, 11..60]).to_owned(),
        corner: [world.corner[0] - 13.0, world.corner[1] - 11.0],
        ..world.clone()
    };
    for method in METHODS {
        assert_eq!(world.all(method), part.all(method));
    }
}

#[test]
fn ties_go_to_the_centre_then_to_the_smallest() {
    let mut world = World::new((2, 2), (1, 1), (2.0, 0.0, 0.0), 4, 1);
    world.valid.fill(1);
    world.kinds = ndarray::array![[3, 2], [2, 3]];
    assert_eq!(world.all(Method::Majority).0[(0, 0)], 3, "the centre is the lower right pixel's corner");
    world.kinds = ndarray::array![[2, 1], [1, 5]];
    assert_eq!(world.all(Method::Majority).0[(0, 0)], 1);
    assert_eq!(world.all(Method::Fraction).0[(0, 0)], 133, "two of three seen");
    world.kinds = ndarray::array![[3, 2], [2, 3]];
    assert_eq!(world.all(Method::Bilinear).0[(0, 0)], 3, "a quarter each: the centre's");
    world.kinds = ndarray::array![[3, 2], [3, 5]];
    assert_eq!(world.all(Method::Bilinear).0[(0, 0)], 3);
    world.kinds.fill(5);
    assert_eq!(world.all(Method::Fraction).0[(0, 0)], 255);
}

#[test]
fn nodes_must_reach_around_the_output() {
    let (qa, valid) = (Array2::from_elem((3, 3), 1_u16), Array2::ones((4, 4)));
    let run = |shape: (usize, usize, usize), step: usize, first_row: i64, node_row: i64| {
        let (nodes, mut out) = (Array3::zeros(shape), Array2::zeros((4, 4)));
        let placement = Placement { step, first_row, node_row, origin: (0, 0) };
        warp_qa_into(
            qa.view(),
            nodes.view(),
            valid.view(),
            out.view_mut(),
            &placement,
            Method::Nearest,
            &RULE,
        )
        .map(|counts| counts.codes[255])
        .map_err(|error| error.to_string())
    };
    assert_eq!(run((3, 3, 2), 2, 0, 0), Ok(16));
    let text = "nodes: expected nodes all around the output, found 2 x 3 nodes, 2 pixels apart, for 4 x 4 pixels from row 0";
    assert_eq!(run((2, 3, 2), 2, 0, 0), Err(text.to_owned()));
    assert!(run((3, 3, 2), 2, 1, 0).is_err());
    assert!(run((3, 3, 2), 2, 0, 1).is_err());
    assert_eq!(run((3, 3, 1), 2, 0, 0), Err("nodes: expected shape [3, 3, 2], found [3, 3, 1]".to_owned()));
    assert_eq!(run((3, 3, 2), 0, 0, 0), Err("step: expected 1 to 65536 pixels, found 0".to_owned()));
    assert!(Method::from_name("mode").unwrap_err().to_string().ends_with("found 'mode'"));
}
