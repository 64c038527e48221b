//! Square windows of scenes: what patches are before they are files.

use ndarray::{ArrayView1, ArrayView3, ArrayView4, ArrayViewMut2};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::error::{Result, elements, elements_mut, require, same_shape, value};
use crate::simd::dispatch;

/// Bands of a patch.
pub const BANDS: usize = 4;

/// Values that a label byte can have.
const CODES: usize = 256;

/// Labels that are counted at a time where they are equal.
const RUN: usize = 8;

/// Windows of a stack of scenes.
#[derive(Clone, Copy, Debug)]
pub struct Windows<'a> {
    /// Pixels (S, 4, h, w); a pixel was seen where no band is 0.
    pub images: ArrayView4<'a, u16>,
    /// Label codes (S, h, w).
    pub labels: ArrayView3<'a, u8>,
    /// Scene of each window (n).
    pub scenes: ArrayView1<'a, i64>,
    /// First row of each window (n).
    pub rows: ArrayView1<'a, i64>,
    /// First column of each window (n).
    pub cols: ArrayView1<'a, i64>,
    /// Rows and columns of a window, at least 1.
    pub size: usize,
}

impl<'a> Windows<'a> {
    /// Number of windows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scenes.len()
    }

    /// The windows, each inside its scene.
    ///
    /// # Errors
    /// Shapes that do not fit, a strided array, another number of bands, or a window not inside its scene.
    pub fn check(&self) -> Result<Vec<Window<'a>>> {
        let (scenes, bands, height, width) = self.images.dim();
        require(bands == BANDS, "images", "4 bands", bands)?;
        require(self.size > 0, "size", "at least one pixel", self.size)?;
        same_shape("labels", &[scenes, height, width], self.labels.shape())?;
        same_shape("rows", &[self.count()], self.rows.shape())?;
        same_shape("cols", &[self.count()], self.cols.shape())?;
        let images = elements("images", &self.images)?;
        let labels = elements("labels", &self.labels)?;
        let pixels = height * width;
        let at = |index: usize| {
            let scene = inside("scenes", self.scenes[index], 1, scenes)?;
            let row = inside("rows", self.rows[index], self.size, height)?;
            let col = inside("cols", self.cols[index], self.size, width)?;
            let image = &images[scene * BANDS * pixels..][..BANDS * pixels];
            let label = &labels[scene * pixels..][..pixels];
            Ok(Window { image, label, width, first: row * width + col, size: self.size })
        };
        (0..self.count()).map(at).collect()
    }
}

/// `place` as an index from which `size` elements lie below `end`.
fn inside(name: &'static str, place: i64, size: usize, end: usize) -> Result<usize> {
    let found =
        usize::try_from(place).ok().filter(|&start| start.checked_add(size).is_some_and(|e| e <= end));
    found.ok_or_else(|| value(name, format!("{size} elements inside {end}"), format!("those from {place}")))
}

/// One window.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    image: &'a [u16],
    label: &'a [u8],
    width: usize,
    first: usize,
    size: usize,
}

impl<'a> Window<'a> {
    /// Rows and columns.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// One row of the bands.
    pub(crate) fn image_row(&self, row: usize) -> [&'a [u16]; BANDS] {
        std::array::from_fn(|band| self.band_row(band, row))
    }

    fn band_row(&self, band: usize, row: usize) -> &'a [u16] {
        let plane = self.image.len() / BANDS;
        &self.image[band * plane + self.first + row * self.width..][..self.size]
    }

    /// One row of labels.
    pub(crate) fn label_row(&self, row: usize) -> &'a [u8] {
        &self.label[self.first + row * self.width..][..self.size]
    }

    /// Writes image and label, each band digested while it is in the cache; the digest.
    fn put(&self, image: &mut [u8], label: &mut [u8]) -> String {
        let mut digest = Sha256::new();
        for (band, plane) in image.chunks_exact_mut(2 * self.size * self.size).enumerate() {
            for (row, line) in plane.chunks_exact_mut(2 * self.size).enumerate() {
                little_endian(self.band_row(band, row), line);
            }
            digest.update(plane);
        }
        for (row, line) in label.chunks_exact_mut(self.size).enumerate() {
            line.copy_from_slice(self.label_row(row));
        }
        hexadecimal(digest.chain_update(label))
    }
}

fn little_endian(row: &[u16], bytes: &mut [u8]) {
    for (bytes, value) in bytes.chunks_exact_mut(2).zip(row) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
}

/// A digest in hexadecimal.
pub(crate) fn hexadecimal(digest: Sha256) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    digest.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Writes the pixels of every window as shards have them, and returns SHA-256 of each one's, in order.
///
/// `image` (n, bytes) gets bands, rows, columns, little-endian; `label` (n, bytes) rows, columns. The digest is
/// that of the image's bytes followed by the label's.
///
/// # Errors
/// As [`Windows::check`], or a target of another shape or strided.
pub fn pixels_into(
    windows: &Windows,
    image: ArrayViewMut2<u8>,
    label: ArrayViewMut2<u8>,
) -> Result<Vec<String>> {
    let found = windows.check()?;
    let plane = windows.size * windows.size;
    same_shape("image", &[found.len(), 2 * BANDS * plane], image.shape())?;
    same_shape("label", &[found.len(), plane], label.shape())?;
    let images = elements_mut("image", image)?.par_chunks_exact_mut(2 * BANDS * plane);
    let labels = elements_mut("label", label)?.par_chunks_exact_mut(plane);
    Ok(images.zip(labels).zip(found).map(|((image, label), window)| window.put(image, label)).collect())
}

/// Writes into `out` (n, 256) how often each label code lies on a seen pixel of each window.
///
/// # Errors
/// As [`Windows::check`], or an `out` of another shape or strided.
pub fn label_counts_into(windows: &Windows, out: ArrayViewMut2<i64>) -> Result<()> {
    same_shape("out", &[windows.count(), CODES], out.shape())?;
    let found = windows.check()?;
    let target = elements_mut("out", out)?;
    target.par_chunks_exact_mut(CODES).zip(found).for_each_init(Vec::new, |seen, (counts, window)| {
        counts.fill(0);
        seen.resize(window.size, 0);
        for row in 0..window.size {
            let bands = window.image_row(row);
            dispatch(|| mark_seen(bands, seen));
            count_row(window.label_row(row), seen, counts);
        }
    });
    Ok(())
}

/// 1 where all bands are above 0, else 0.
#[inline(always)]
fn mark_seen(bands: [&[u16]; BANDS], seen: &mut [u8]) {
    let [blue, green, red, nir] = bands;
    for ((((flag, b), g), r), n) in seen.iter_mut().zip(blue).zip(green).zip(red).zip(nir) {
        *flag = u8::from((*b).min(*g).min((*r).min(*n)) > 0);
    }
}

/// Adds one row to the counts; runs of one code, as clouds and the ground between them are, go fast.
fn count_row(label: &[u8], seen: &[u8], counts: &mut [i64]) {
    let (labels, tail) = label.as_chunks::<RUN>();
    let (flags, tail_flags) = seen.as_chunks::<RUN>();
    for (codes, flags) in labels.iter().zip(flags) {
        if *codes == [codes[0]; RUN] && *flags == [1; RUN] {
            counts[usize::from(codes[0])] += RUN as i64;
        } else {
            count_each(codes, flags, counts);
        }
    }
    count_each(tail, tail_flags, counts);
}

fn count_each(label: &[u8], seen: &[u8], counts: &mut [i64]) {
    for (&code, &flag) in label.iter().zip(seen) {
        counts[usize::from(code)] += i64::from(flag);
    }
}
