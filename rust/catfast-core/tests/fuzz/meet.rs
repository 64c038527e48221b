//! Scenes that can meet, against all of both.

use catfast_core::meet::{Scenes, mark_meeting};
use ndarray::Array1;

use super::Bytes;

struct Table {
    times: Array1<i64>,
    sides: [Array1<f64>; 4],
}

impl Table {
    fn of(bytes: &mut Bytes, count: usize) -> Self {
        let times = bytes.places(count);
        Self { times, sides: [(); 4].map(|()| Array1::from(bytes.reals(count))) }
    }

    fn scenes(&self) -> Scenes<'_> {
        Scenes { times: self.times.view(), sides: self.sides.each_ref().map(|side| side.view()) }
    }

    fn touches(&self, index: usize, other: &Self, place: usize) -> bool {
        let within = |low: usize| {
            let (ours, theirs) = (&self.sides, &other.sides);
            ours[low][index] <= theirs[low + 2][place] && theirs[low][place] <= ours[low + 2][index]
        };
        within(0) && within(1)
    }
}

/// What meets is marked, what does not is left; times out of order are refused.
pub fn meet(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (count, fewer, window) = (bytes.side(30), bytes.side(9), bytes.place());
    let many = Table::of(&mut bytes, count);
    let mut few = Table::of(&mut bytes, fewer);
    let mixed = bytes.byte() > 240;
    if !mixed {
        few.times.as_slice_mut().expect("no gaps").sort_unstable();
    }
    let mut met = Array1::from_elem(count, false);
    let mut met_few = Array1::from_elem(fewer, false);
    let done = mark_meeting(&many.scenes(), &few.scenes(), window, met.view_mut(), met_few.view_mut());
    let ordered = few.times.windows(2).into_iter().all(|pair| pair[0] <= pair[1]);
    assert_eq!(done.is_ok(), ordered && window >= 0);
    if done.is_err() {
        return;
    }
    // A sum that saturates at either end of time is as far away as can be.
    let meets = |index: usize, place: usize| {
        let (ours, theirs) = (i128::from(many.times[index]), i128::from(few.times[place]));
        (ours - theirs).abs() <= i128::from(window) && many.touches(index, &few, place)
    };
    for (index, &met) in met.indexed_iter() {
        assert_eq!(met, (0..fewer).any(|place| meets(index, place)));
    }
    for (place, &met) in met_few.indexed_iter() {
        assert_eq!(met, (0..count).any(|index| meets(index, place)));
    }
}
