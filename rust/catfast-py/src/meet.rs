//! Binding of the search for scenes that can meet.

use catfast_core::meet::{Scenes, mark_meeting as mark};
use numpy::{Ix1, PyReadonlyArray};
use pyo3::prelude::*;

use crate::arrays::{read, write};
use crate::pool::run;

/// Mark the scenes of two catalogues that can meet: within `window` (ms) of each other, bounds touching.
///
/// `times` int64 (n,) and `sides`, least x, least y, largest x and largest y, float64 (n,) each, are of one
/// catalogue; `few_times` (m,), in order, and `few_sides` of the other. Elements of `met` bool (n,) and
/// `met_few` (m,) become true where there is a scene to meet; the others stay.
///
/// Raises `ValueError` for a wrong dtype, shape or layout, times of the few out of order, a negative window.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "two catalogues, column by column")]
pub fn mark_meeting(
    py: Python<'_>,
    times: &Bound<'_, PyAny>,
    sides: [Bound<'_, PyAny>; 4],
    few_times: &Bound<'_, PyAny>,
    few_sides: [Bound<'_, PyAny>; 4],
    window: i64,
    met: &Bound<'_, PyAny>,
    met_few: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (times, few_times) = (read::<i64, Ix1>("times", times)?, read::<i64, Ix1>("few_times", few_times)?);
    let (sides, few_sides) = (each("sides", &sides)?, each("few_sides", &few_sides)?);
    let (mut met, mut met_few) = (write::<bool, Ix1>("met", met)?, write::<bool, Ix1>("met_few", met_few)?);
    let many = Scenes { times: times.as_array(), sides: views(&sides) };
    let few = Scenes { times: few_times.as_array(), sides: views(&few_sides) };
    let (met, met_few) = (met.as_array_mut(), met_few.as_array_mut());
    run(py, || mark(&many, &few, window, met, met_few))
}

type Side<'py> = PyReadonlyArray<'py, f64, Ix1>;

fn each<'py>(name: &str, sides: &[Bound<'py, PyAny>; 4]) -> PyResult<[Side<'py>; 4]> {
    let [west, south, east, north] = sides;
    Ok([read(name, west)?, read(name, south)?, read(name, east)?, read(name, north)?])
}

fn views<'a>(sides: &'a [Side<'_>; 4]) -> [numpy::ndarray::ArrayView1<'a, f64>; 4] {
    [0, 1, 2, 3].map(|side: usize| sides[side].as_array())
}
