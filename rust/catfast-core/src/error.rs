//! The one error of the crate, and the checks that raise it.

use ndarray::{ArrayView, ArrayViewMut, Dimension};

/// A kernel refused its arguments; the text says what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An array has another shape than the arrays beside it.
    #[error("{name}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// Name of the argument.
        name: &'static str,
        /// Shape that fits the other arguments.
        expected: Vec<usize>,
        /// Shape of the argument.
        found: Vec<usize>,
    },
    /// An array is not C-contiguous.
    #[error("{name}: expected a C-contiguous array, found a strided one")]
    Layout {
        /// Name of the argument.
        name: &'static str,
    },
    /// A value lies outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Value {
        /// Name of the argument.
        name: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
}

/// Result of a kernel.
pub type Result<T> = std::result::Result<T, Error>;

/// An [`Error::Value`].
pub(crate) fn value(name: &'static str, expected: impl Into<String>, found: impl ToString) -> Error {
    Error::Value { name, expected: expected.into(), found: found.to_string() }
}

/// `Ok` where `holds`, else the [`Error::Value`] of the other arguments.
pub(crate) fn require(holds: bool, name: &'static str, expected: &str, found: impl ToString) -> Result<()> {
    if holds { Ok(()) } else { Err(value(name, expected, found)) }
}

/// `Ok` where the shapes agree.
pub(crate) fn same_shape(name: &'static str, expected: &[usize], found: &[usize]) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Shape { name, expected: expected.to_vec(), found: found.to_vec() })
}

/// The elements of a C-contiguous view.
pub(crate) fn elements<'a, T, D: Dimension>(
    name: &'static str,
    view: &ArrayView<'a, T, D>,
) -> Result<&'a [T]> {
    view.to_slice().ok_or(Error::Layout { name })
}

/// The elements of a C-contiguous mutable view.
pub(crate) fn elements_mut<'a, T, D: Dimension>(
    name: &'static str,
    view: ArrayViewMut<'a, T, D>,
) -> Result<&'a mut [T]> {
    view.into_slice().ok_or(Error::Layout { name })
}

/// Largest row or column index that a kernel takes; keeps all index sums exact in `i64` and `f64`.
pub(crate) const INDEX_LIMIT: i64 = 1 << 40;

/// `Ok` where `row` is a row of a scene: not negative, and below [`INDEX_LIMIT`].
pub(crate) fn scene_row(name: &'static str, row: i64) -> Result<()> {
    require((0..INDEX_LIMIT).contains(&row), name, "a row from 0 up to 2^40", row)
}

/// `Ok` where `column` is a column of a scene: not negative, and below [`INDEX_LIMIT`].
pub(crate) fn scene_column(name: &'static str, column: i64) -> Result<()> {
    require((0..INDEX_LIMIT).contains(&column), name, "a column from 0 up to 2^40", column)
}
