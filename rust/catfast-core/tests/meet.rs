//! The search for scenes that can meet, against all of both.

mod common;

use catfast_core::Error;
use catfast_core::meet::{Scenes, mark_meeting};
use common::on_threads;
use ndarray::Array1;
use proptest::prelude::*;

type Scene = (i64, f64, f64, f64, f64);

struct Table {
    times: Array1<i64>,
    sides: [Array1<f64>; 4],
}

impl Table {
    fn of(scenes: &[Scene]) -> Self {
        let side = |of: fn(&Scene) -> f64| scenes.iter().map(of).collect();
        Self {
            times: scenes.iter().map(|scene| scene.0).collect(),
            sides: [side(|s| s.1), side(|s| s.2), side(|s| s.1 + s.3), side(|s| s.2 + s.4)],
        }
    }

    fn scenes(&self) -> Scenes<'_> {
        let [a, b, c, d] = &self.sides;
        Scenes { times: self.times.view(), sides: [a.view(), b.view(), c.view(), d.view()] }
    }
}

fn meeting(many: &[Scene], few: &[Scene], window: i64) -> (Vec<bool>, Vec<bool>) {
    let (left, right) = (Table::of(many), Table::of(few));
    let mut met = Array1::from_elem(many.len(), false);
    let mut met_few = Array1::from_elem(few.len(), false);
    mark_meeting(&left.scenes(), &right.scenes(), window, met.view_mut(), met_few.view_mut()).expect("fits");
    (met.to_vec(), met_few.to_vec())
}

fn slow(many: &[Scene], few: &[Scene], window: i64) -> (Vec<bool>, Vec<bool>) {
    let meets = |a: &Scene, b: &Scene| {
        (i128::from(a.0) - i128::from(b.0)).abs() <= i128::from(window)
            && a.1 <= b.1 + b.3
            && b.1 <= a.1 + a.3
            && a.2 <= b.2 + b.4
            && b.2 <= a.2 + a.4
    };
    let met = many.iter().map(|a| few.iter().any(|b| meets(a, b)));
    (met.collect(), few.iter().map(|b| many.iter().any(|a| meets(a, b))).collect())
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![20 => -40_i64..40, 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
}

fn scenes(most: usize) -> impl Strategy<Value = Vec<Scene>> {
    let place = prop_oneof![20 => -9.0..9.0, 1 => Just(f64::NAN)];
    let whole = (-4..4_i32).prop_map(f64::from);
    let scene = (time(), place, whole, 0.0..3.0, 0.0..3.0);
    prop::collection::vec(scene, 0..most)
}

proptest! {
    #[test]
    fn same_as_slow(many in scenes(200), mut few in scenes(30), window in 0_i64..20, order: bool) {
        let mut many = many;
        few.sort_by_key(|scene| scene.0);
        if order {
            many.sort_by_key(|scene| scene.0);
        }
        prop_assert_eq!(meeting(&many, &few, window), slow(&many, &few, window));
    }
}

#[test]
fn threads_do_not_show() {
    let scene = |index: i64| (index * 7919 % 20_000, (index % 97) as f64, (index % 89) as f64, 2.0, 2.0);
    let many: Vec<Scene> = (0..20_000).map(scene).collect();
    let mut few: Vec<Scene> = (0..500).map(|index| scene(index * 37 + 5)).collect();
    few.sort_by_key(|scene| scene.0);
    let alone = on_threads(1, || meeting(&many, &few, 15));
    assert_eq!(on_threads(4, || meeting(&many, &few, 15)), alone);
    assert_eq!(alone, slow(&many, &few, 15));
}

#[test]
fn what_was_marked_stays() {
    let (left, right) = (Table::of(&[(0, 0.0, 0.0, 1.0, 1.0)]), Table::of(&[(9, 0.0, 0.0, 1.0, 1.0)]));
    let (mut met, mut met_few) = (Array1::from_elem(1, true), Array1::from_elem(1, true));
    mark_meeting(&left.scenes(), &right.scenes(), 5, met.view_mut(), met_few.view_mut()).expect("fits");
    assert!(met[0] && met_few[0]);
}

#[test]
fn refusals() {
    let scenes = Table::of(&[(5, 0.0, 0.0, 1.0, 1.0), (4, 0.0, 0.0, 1.0, 1.0)]);
    let refused = |window: i64, count: usize| {
        let (mut met, mut met_few) = (Array1::from_elem(count, false), Array1::from_elem(2, false));
        mark_meeting(&scenes.scenes(), &scenes.scenes(), window, met.view_mut(), met_few.view_mut())
            .expect_err("refused")
    };
    assert!(matches!(refused(1, 2), Error::Value { name: "few", .. }));
    assert!(matches!(refused(1, 3), Error::Shape { name: "met", .. }));
}
