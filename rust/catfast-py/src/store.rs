//! Bindings of the patch store's kernels; `GeoTIFF`s go straight to their files, on the thread that made them.

use std::fs;
use std::io;
use std::path::PathBuf;

use catfast_core::geotiff::{Encoded, Files, Header, for_files};
use catfast_core::window::{Windows, label_counts_into, pixels_into};
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

/// Write the pixels of windows as shards have them, and return the digest of each window's.
///
/// Windows are as in `patch_counts`. `image_out` uint8 (n, bytes) gets images, uint16 little-endian, bands first;
/// `label_out` uint8 (n, bytes) labels.
///
/// Raises `ValueError` for arguments that do not fit.
#[pyfunction]
#[pyo3(signature = (images, labels, scenes, rows, cols, image_out, label_out, *, size))]
#[allow(clippy::too_many_arguments, reason = "the Python signature")]
pub fn patch_rows(
    py: Python<'_>,
    images: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    scenes: &Bound<'_, PyAny>,
    rows: &Bound<'_, PyAny>,
    cols: &Bound<'_, PyAny>,
    image_out: &Bound<'_, PyAny>,
    label_out: &Bound<'_, PyAny>,
    size: usize,
) -> PyResult<Vec<String>> {
    let arrays = read_windows(images, labels, scenes, rows, cols)?;
    let mut image = write::<u8, Ix2>("image_out", image_out)?;
    let mut label = write::<u8, Ix2>("label_out", label_out)?;
    let (windows, image, label) = (arrays.windows(size), image.as_array_mut(), label.as_array_mut());
    run(py, || pixels_into(&windows, image, label))
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
