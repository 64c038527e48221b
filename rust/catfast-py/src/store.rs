//! Bindings of the patch store's kernels; what they make goes straight to its files, on the thread that made it.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use catfast_core::geotiff::{Encoded, Files, Header, for_files};
use catfast_core::window::{Pixels, Windows, for_pixels, label_counts_into};
use numpy::{Ix1, Ix2, Ix3, Ix4};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arrays::{os_error, read, write};
use crate::pool::run;

/// Digests of the image file, of the label file, and of the one followed by the other.
type Digests = (String, String, String);

/// A header's bytes, and the places of strip offset, strip length, x and y.
type HeaderParts = (Vec<u8>, usize, usize, usize, usize);

/// Count how often each label code lies on a seen pixel.
///
/// `images` uint16 (S, 4, h, w) and `labels` uint8 (S, h, w) are scenes; `scenes`, `rows`, `cols` int64
/// (n,) say where windows of `size` x `size` pixels begin. A pixel was seen where no band is 0. `out` int64
/// (n, 256) gets the counts.
///
/// Raises `ValueError` for a wrong dtype, shape or layout, or a window that is not inside its scene.
#[pyfunction]
#[pyo3(signature = (images, labels, scenes, rows, cols, out, *, size))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn patch_counts(
    py: Python<'_>,
    images: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    scenes: &Bound<'_, PyAny>,
    rows: &Bound<'_, PyAny>,
    cols: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    size: usize,
) -> PyResult<()> {
    let arrays = read_windows(images, labels, scenes, rows, cols)?;
    let mut out = write::<i64, Ix2>("out", out)?;
    let (windows, out) = (arrays.windows(size), out.as_array_mut());
    run(py, || label_counts_into(&windows, out))
}

/// Write two `GeoTIFF`s a window, zstd level 1 and predictor 2, and return the digests of each.
///
/// Windows are as in `patch_counts`. `image_header` and `label_header` are the bytes before the strip and
/// the places in it of the strip's offset and length (uint32) and the corner's x and y (float64); `corners`
/// float64 (n, 2) are the corners. The files are made, or emptied first. Returns SHA-256 of
/// the image file, of the label file, and of the one followed by the other, for each window.
///
/// Raises `ValueError` for arguments that do not fit and `OSError` where the disk does not take a file.
#[pyfunction]
#[pyo3(signature = (
    images, labels, scenes, rows, cols, *, size, image_header, label_header, corners, image_paths, label_paths
))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn write_patch_tiffs(
    py: Python<'_>,
    images: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    scenes: &Bound<'_, PyAny>,
    rows: &Bound<'_, PyAny>,
    cols: &Bound<'_, PyAny>,
    size: usize,
    image_header: HeaderParts,
    label_header: HeaderParts,
    corners: &Bound<'_, PyAny>,
    image_paths: Vec<PathBuf>,
    label_paths: Vec<PathBuf>,
) -> PyResult<Vec<Digests>> {
    let arrays = read_windows(images, labels, scenes, rows, cols)?;
    let corners = read::<f64, Ix2>("corners", corners)?;
    let windows = arrays.windows(size);
    same_count("image_paths", windows.count(), image_paths.len())?;
    same_count("label_paths", windows.count(), label_paths.len())?;
    let files =
        Files { image: header(&image_header), label: header(&label_header), corners: corners.as_array() };
    let save = |index: usize, files: Encoded| -> io::Result<Digests> {
        fs::write(&image_paths[index], files.image)?;
        fs::write(&label_paths[index], files.label)?;
        Ok(files.sha256().into())
    };
    let saved = run(py, || for_files(&windows, &files, save))?;
    saved.into_iter().map(|digests| digests.map_err(|error| os_error(&error))).collect()
}

/// Write windows one after another into two files, and return the digest of each window's pixels.
///
/// Windows are as in `patch_counts`. Images, uint16 little-endian, bands first, go to `image_path` from byte
/// `image_offset` on; labels to `label_path` from `label_offset` on. Both files must be there.
///
/// Raises `ValueError` for arguments that do not fit and `OSError` where the disk does not take them.
#[pyfunction]
#[pyo3(signature = (
    images, labels, scenes, rows, cols, *, size, image_path, image_offset, label_path, label_offset
))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn write_patch_rows(
    py: Python<'_>,
    images: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    scenes: &Bound<'_, PyAny>,
    rows: &Bound<'_, PyAny>,
    cols: &Bound<'_, PyAny>,
    size: usize,
    image_path: PathBuf,
    image_offset: u64,
    label_path: PathBuf,
    label_offset: u64,
) -> PyResult<Vec<String>> {
    let arrays = read_windows(images, labels, scenes, rows, cols)?;
    let windows = arrays.windows(size);
    let save = |index: usize, pixels: &Pixels| -> io::Result<String> {
        write_row(&image_path, image_offset, index, &pixels.image)?;
        write_row(&label_path, label_offset, index, &pixels.label)?;
        Ok(pixels.sha256())
    };
    let saved = run(py, || for_pixels(&windows, save))?;
    saved.into_iter().map(|digest| digest.map_err(|error| os_error(&error))).collect()
}

/// Writes row `index` of a file whose rows are as long as `bytes` and begin at `start`.
fn write_row(path: &PathBuf, start: u64, index: usize, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let beyond = || io::Error::from(io::ErrorKind::FileTooLarge);
    let before = (index as u64).checked_mul(bytes.len() as u64).ok_or_else(beyond)?;
    file.seek(SeekFrom::Start(start.checked_add(before).ok_or_else(beyond)?))?;
    file.write_all(bytes)
}

fn same_count(name: &str, expected: usize, found: usize) -> PyResult<()> {
    if expected == found {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{name}: expected {expected} paths, found {found}")))
}

fn header(parts: &HeaderParts) -> Header<'_> {
    let (bytes, strip_offset_at, strip_bytes_at, x_at, y_at) = parts;
    Header {
        bytes,
        strip_offset_at: *strip_offset_at,
        strip_bytes_at: *strip_bytes_at,
        x_at: *x_at,
        y_at: *y_at,
    }
}

/// The arrays of windows, borrowed from Python.
struct Arrays<'py> {
    images: numpy::PyReadonlyArray<'py, u16, Ix4>,
    labels: numpy::PyReadonlyArray<'py, u8, Ix3>,
    scenes: numpy::PyReadonlyArray<'py, i64, Ix1>,
    rows: numpy::PyReadonlyArray<'py, i64, Ix1>,
    cols: numpy::PyReadonlyArray<'py, i64, Ix1>,
}

fn read_windows<'py>(
    images: &Bound<'py, PyAny>,
    labels: &Bound<'py, PyAny>,
    scenes: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    cols: &Bound<'py, PyAny>,
) -> PyResult<Arrays<'py>> {
    Ok(Arrays {
        images: read("images", images)?,
        labels: read("labels", labels)?,
        scenes: read("scenes", scenes)?,
        rows: read("rows", rows)?,
        cols: read("cols", cols)?,
    })
}

impl Arrays<'_> {
    fn windows(&self, size: usize) -> Windows<'_> {
        Windows {
            images: self.images.as_array(),
            labels: self.labels.as_array(),
            scenes: self.scenes.as_array(),
            rows: self.rows.as_array(),
            cols: self.cols.as_array(),
            size,
        }
    }
}
