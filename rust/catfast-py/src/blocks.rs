//! Bindings of the kernels of compressed TIFF blocks; each thread reads what it decodes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use catfast_core::block_pixels::{Fate, Layout, Predictor, Sample, read_blocks_into};
use catfast_core::blocks::{Codec, first_damaged};
use numpy::{Element, Ix1, Ix2, Ix3, Ix4};
use pyo3::prelude::*;

use crate::arrays::{error, holds, os_error, read, write};
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

/// Decode blocks of a TIFF into an array.
///
/// `places` int64 (planes, down, across, 2) holds the first byte and the size of each block, size 0 where there is
/// nothing to decode; `out` (planes * wanted, rows, columns) of unsigned samples is made up of these blocks, of
/// `block` (rows, columns), but that the last of a row or column hang over. A block has `samples` to a pixel, of
/// which `wanted` are put into `out`; `codec` is `deflate` or `zstd`, `predictor` as in TIFF.
///
/// Returns the indexes of blocks that are not what their checksum says, and of those that are of another
/// kind; both leave their part of `out` as it was. Raises `ValueError` for a wrong dtype or shape and
/// `OSError` where the file cannot be read.
#[pyfunction]
#[pyo3(signature = (path, places, out, *, codec, block, samples, wanted, predictor, big_endian))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn read_blocks(
    py: Python<'_>,
    path: PathBuf,
    places: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    codec: &str,
    block: (usize, usize),
    samples: usize,
    wanted: Vec<usize>,
    predictor: u32,
    big_endian: bool,
) -> PyResult<(Vec<usize>, Vec<usize>)> {
    let layout = Layout {
        codec: Codec::from_name(codec).map_err(error)?,
        rows: block.0,
        columns: block.1,
        samples,
        wanted: &wanted,
        predictor: Predictor::from_tag(predictor).map_err(error)?,
        big_endian,
    };
    let places = read::<i64, Ix4>("places", places)?;
    let places: Vec<(u64, usize)> = places
        .as_slice()?
        .chunks_exact(2)
        .map(|place| (byte(place.first().copied()) as u64, byte(place.get(1).copied())))
        .collect();
    if holds::<u8>(out) {
        decode::<u8>(py, &path, &places, &layout, out)
    } else if holds::<u16>(out) {
        decode::<u16>(py, &path, &places, &layout, out)
    } else if holds::<u32>(out) {
        decode::<u32>(py, &path, &places, &layout, out)
    } else {
        decode::<u64>(py, &path, &places, &layout, out)
    }
}

fn decode<T: Sample + Element>(
    py: Python<'_>,
    path: &Path,
    places: &[(u64, usize)],
    layout: &Layout,
    out: &Bound<'_, PyAny>,
) -> PyResult<(Vec<usize>, Vec<usize>)> {
    let mut out = write::<T, Ix3>("out", out)?;
    let out = out.as_array_mut();
    let fates = run(py, || {
        let file = File::open(path);
        let fetch = |offset: u64, bytes: &mut [u8]| match &file {
            Ok(file) => read_at(file, bytes, offset),
            Err(error) => Err(copied(error)),
        };
        read_blocks_into(places, layout, out, fetch)
    })?;
    let fates = fates.into_iter().collect::<io::Result<Vec<_>>>().map_err(|error| os_error(&error))?;
    let those = |wanted: Fate| (0..fates.len()).filter(|&index| fates[index] == wanted).collect();
    Ok((those(Fate::Damaged), those(Fate::Strange)))
}

fn copied(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[count..];
        offset += count as u64;
    }
    Ok(())
}
