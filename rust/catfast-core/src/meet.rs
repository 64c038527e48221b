//! Which scenes of two catalogues can meet: taken within a time of each other, bounds touching.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayView1, ArrayViewMut1};
use rayon::prelude::*;

use crate::error::{Result, elements, elements_mut, require, same_shape};

/// Scenes that a thread takes at a time.
const CHUNK: usize = 1 << 12;

/// Scenes of one catalogue, column by column.
#[derive(Clone, Copy, Debug)]
pub struct Scenes<'a> {
    /// Times, milliseconds.
    pub times: ArrayView1<'a, i64>,
    /// Least x, least y, largest x and largest y of each; a NaN touches nothing.
    pub sides: [ArrayView1<'a, f64>; 4],
}

/// A catalogue whose arrays have one length and no gaps.
struct Columns<'a> {
    times: &'a [i64],
    sides: [&'a [f64]; 4],
}

impl<'a> Columns<'a> {
    fn of(name: &'static str, scenes: &Scenes<'a>) -> Result<Self> {
        for side in &scenes.sides {
            same_shape(name, scenes.times.shape(), side.shape())?;
        }
        let [west, south, east, north] = &scenes.sides;
        let sides =
            [elements(name, west)?, elements(name, south)?, elements(name, east)?, elements(name, north)?];
        Ok(Self { times: elements(name, &scenes.times)?, sides })
    }

    fn touches(&self, index: usize, other: &Columns<'_>, place: usize) -> bool {
        let before = |low: usize, high: usize| {
            self.sides[low][index] <= other.sides[high][place]
                && other.sides[low][place] <= self.sides[high][index]
        };
        before(0, 2) && before(1, 3)
    }
}

/// Sets `met` of each scene of `many` that one of `few` can meet, `met_few` of the latter; leaves the rest.
///
/// # Errors
///
/// Lengths that differ, strided arrays, times of `few` that are not in order, or a negative window.
pub fn mark_meeting(
    many: &Scenes<'_>,
    few: &Scenes<'_>,
    window: i64,
    met: ArrayViewMut1<'_, bool>,
    met_few: ArrayViewMut1<'_, bool>,
) -> Result<()> {
    let (ours, theirs) = (Columns::of("many", many)?, Columns::of("few", few)?);
    same_shape("met", many.times.shape(), met.shape())?;
    same_shape("met_few", few.times.shape(), met_few.shape())?;
    require(theirs.times.is_sorted(), "few", "times in order", "one that is before its neighbour")?;
    require(window >= 0, "window", "at least 0 ms", window)?;
    let met_few = elements_mut("met_few", met_few)?;
    let flags: Vec<AtomicBool> = met_few.iter().map(|&flag| AtomicBool::new(flag)).collect();
    elements_mut("met", met)?.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, met)| {
        let mut first = 0;
        for (index, met) in (chunk * CHUNK..).zip(met) {
            let (from, until) =
                (ours.times[index].saturating_sub(window), ours.times[index].saturating_add(window));
            first = first_from(theirs.times, from, first);
            let near = theirs.times[first..].iter().take_while(|&&time| time <= until).count();
            for (place, flag) in flags.iter().enumerate().skip(first).take(near) {
                if ours.touches(index, &theirs, place) {
                    *met = true;
                    flag.store(true, Ordering::Relaxed);
                }
            }
        }
    });
    for (met, flag) in met_few.iter_mut().zip(flags) {
        *met = flag.into_inner();
    }
    Ok(())
}

/// Place of the first of `times`, which are in order, that is not before `from`; quickest near `guess`.
fn first_from(times: &[i64], from: i64, guess: usize) -> usize {
    if guess > 0 && times[guess - 1] >= from {
        return times[..guess].partition_point(|&time| time < from);
    }
    let mut reach = 1;
    while guess + reach < times.len() && times[guess + reach] < from {
        reach *= 2;
    }
    let end = (guess + reach).min(times.len());
    guess + times[guess..end].partition_point(|&time| time < from)
}
