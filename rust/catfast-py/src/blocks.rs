//! Binding of the check of compressed TIFF blocks.

use catfast_core::blocks::{Codec, first_damaged};
use numpy::{Ix1, Ix2};
use pyo3::prelude::*;

use crate::arrays::{error, read};
use crate::pool::run;

/// Index of the first compressed block that does not decode with the checksum it carries, None when all do.
///
/// `data` uint8 (n,) holds bytes of a TIFF, `blocks` int64 (k, 2) the offset and size of each block in it;
/// `codec` is `deflate` or `zstd` and `most` the bytes of a decoded block at most.
///
/// Raises `ValueError` for a wrong dtype or shape, or a block that is not in `data`.
#[pyfunction]
#[pyo3(signature = (data, blocks, *, codec, most))]
pub fn first_damaged_block(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    blocks: &Bound<'_, PyAny>,
    codec: &str,
    most: usize,
) -> PyResult<Option<usize>> {
    let codec = Codec::from_name(codec).map_err(error)?;
    let (data, blocks) = (read::<u8, Ix1>("data", data)?, read::<i64, Ix2>("blocks", blocks)?);
    let places: Vec<_> = blocks
        .as_array()
        .rows()
        .into_iter()
        .map(|row| (byte(row.first().copied()), byte(row.get(1).copied())))
        .collect();
    let data = data.as_slice()?;
    run(py, || first_damaged(data, &places, codec, most))
}

/// A place as a kernel takes it; what is none lies past the end of any data.
fn byte(value: Option<i64>) -> usize {
    value.and_then(|value| usize::try_from(value).ok()).unwrap_or(usize::MAX)
}
