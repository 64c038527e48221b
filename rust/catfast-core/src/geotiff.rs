//! Small `GeoTIFF`s: zstd level 1, predictor 2, one strip, after a header that GDAL made.

use ndarray::ArrayView2;
use sha2::{Digest, Sha256};
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use crate::error::{Error, Result, elements, require, same_shape, value};
use crate::simd::{Body, dispatch, dispatch_body};
use crate::spread::each;
use crate::window::{BANDS, Window, Windows, hexadecimal};

/// What GDAL writes before the strip, and where a patch's own numbers stand in it.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// A little-endian classic TIFF that ends where the strip begins.
    pub bytes: &'a [u8],
    /// Place of the strip's offset, a `u32`.
    pub strip_offset_at: usize,
    /// Place of the strip's length, a `u32`.
    pub strip_bytes_at: usize,
    /// Place of the upper left corner's x, an `f64`.
    pub x_at: usize,
    /// Place of its y.
    pub y_at: usize,
}

impl Header<'_> {
    fn check(&self) -> Result<()> {
        let length = self.bytes.len();
        let places = [(self.strip_offset_at, 4), (self.strip_bytes_at, 4), (self.x_at, 8), (self.y_at, 8)];
        let fits = |&(at, bytes): &(usize, usize)| at.checked_add(bytes).is_some_and(|end| end <= length);
        match places.iter().find(|place| !fits(place)) {
            Some((at, _)) => Err(value("header", format!("places inside its {length} bytes"), at)),
            None => Ok(()),
        }
    }

    /// Writes the header with `corner` in its place, and after it `strip` compressed, to the front of `file`,
    /// which grows where it must; returns the file's length.
    fn write(
        &self,
        corner: [f64; 2],
        strip: &[u8],
        compressor: &mut Compressor,
        file: &mut Vec<u8>,
    ) -> Result<usize> {
        let start = self.bytes.len();
        let room = start + compress_bound(strip.len());
        if file.len() < room {
            file.resize(room, 0);
        }
        let length =
            compressor.compress_to_buffer(strip, &mut file[start..]).map_err(|error| refused(&error))?;
        file[..start].copy_from_slice(self.bytes);
        put(file, self.strip_offset_at, &number(start)?.to_le_bytes());
        put(file, self.strip_bytes_at, &number(length)?.to_le_bytes());
        put(file, self.x_at, &corner[0].to_le_bytes());
        put(file, self.y_at, &corner[1].to_le_bytes());
        Ok(start + length)
    }
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn number(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| value("size", "a file of less than 4 GiB", bytes))
}

fn refused(error: &std::io::Error) -> Error {
    value("size", "a strip that zstd takes", error)
}

/// What the patches of one call have in common, and each one's corner.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// Of images: 4 bands of `u16`, pixels interleaved.
    pub image: Header<'a>,
    /// Of labels: 1 band of `u8`.
    pub label: Header<'a>,
    /// x and y of each upper left corner (n, 2).
    pub corners: ArrayView2<'a, f64>,
}

/// The two files of one patch.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    /// Image.
    pub image: &'a [u8],
    /// Label.
    pub label: &'a [u8],
}

impl Encoded<'_> {
    /// SHA-256 of the image, of the label, and of the image followed by the label, hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> [String; 3] {
        let image = Sha256::new().chain_update(self.image);
        let label = Sha256::new().chain_update(self.label);
        let both = image.clone().chain_update(self.label);
        [image, label, both].map(hexadecimal)
    }
}

/// Buffers of one thread.
struct Encoder {
    compressor: Compressor<'static>,
    image_strip: Vec<u8>,
    label_strip: Vec<u8>,
    differences: [Vec<u16>; BANDS],
    image: Vec<u8>,
    label: Vec<u8>,
}

impl Encoder {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(1)?,
            image_strip: Vec::new(),
            label_strip: Vec::new(),
            differences: std::array::from_fn(|_| Vec::new()),
            image: Vec::new(),
            label: Vec::new(),
        })
    }

    fn encode(&mut self, window: &Window, files: &Files, corner: [f64; 2]) -> Result<Encoded<'_>> {
        self.fill_image(window);
        let image = files.image.write(corner, &self.image_strip, &mut self.compressor, &mut self.image)?;
        self.fill_label(window);
        let label = files.label.write(corner, &self.label_strip, &mut self.compressor, &mut self.label)?;
        Ok(Encoded { image: &self.image[..image], label: &self.label[..label] })
    }

    /// The strip of an image: differences to the left neighbour, bands of a pixel side by side.
    fn fill_image(&mut self, window: &Window) {
        let size = window.size();
        self.image_strip.resize(2 * BANDS * size * size, 0);
        for band in &mut self.differences {
            band.resize(size, 0);
        }
        for (row, line) in self.image_strip.chunks_exact_mut(2 * BANDS * size).enumerate() {
            let bands = window.image_row(row);
            dispatch_body(ImageRow { bands, differences: &mut self.differences, line });
        }
    }

    fn fill_label(&mut self, window: &Window) {
        let size = window.size();
        self.label_strip.resize(size * size, 0);
        for (row, line) in self.label_strip.chunks_exact_mut(size).enumerate() {
            let labels = window.label_row(row);
            dispatch(|| differ(labels, line, u8::wrapping_sub));
        }
    }
}

/// One row of an image on its way into the strip.
struct ImageRow<'a> {
    bands: [&'a [u16]; BANDS],
    differences: &'a mut [Vec<u16>; BANDS],
    line: &'a mut [u8],
}

impl Body for ImageRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (band, target) in self.bands.iter().zip(self.differences.iter_mut()) {
            differ(band, target, u16::wrapping_sub);
        }
        interleave(self.differences, self.line);
    }
}

/// Predictor 2 of TIFF 6.0: each sample less its left neighbour, the first as it is.
#[inline(always)]
fn differ<T: Copy>(row: &[T], out: &mut [T], minus: fn(T, T) -> T) {
    out[0] = row[0];
    for (target, pair) in out[1..].iter_mut().zip(row.windows(2)) {
        *target = minus(pair[1], pair[0]);
    }
}

#[inline(always)]
fn interleave(bands: &[Vec<u16>; BANDS], line: &mut [u8]) {
    let [blue, green, red, nir] = bands;
    let (pixels, _) = line.as_chunks_mut::<8>();
    for ((((pixel, &b), &g), &r), &n) in pixels.iter_mut().zip(blue).zip(green).zip(red).zip(nir) {
        let word = u64::from(b) | u64::from(g) << 16 | u64::from(r) << 32 | u64::from(n) << 48;
        *pixel = word.to_le_bytes();
    }
}

/// Calls `sink` with the index and files of every window, on all threads; what it returned, in order.
///
/// The bytes do not depend on the threads.
///
/// # Errors
/// As [`Windows::check`]; corners that do not fit, a header without a place, a file beyond 4 GiB.
pub fn for_files<R: Send>(
    windows: &Windows,
    files: &Files,
    sink: impl Fn(usize, Encoded) -> R + Sync,
) -> Result<Vec<R>> {
    same_shape("corners", &[windows.count(), 2], files.corners.shape())?;
    let corners = elements("corners", &files.corners)?;
    files.image.check()?;
    files.label.check()?;
    require(corners.iter().all(|c| c.is_finite()), "corners", "finite numbers", "another")?;
    let found = windows.check()?;
    each(found.len(), Encoder::new, |encoder, index| {
        let encoder = encoder.as_mut().map_err(|error| refused(error))?;
        let corner = [corners[2 * index], corners[2 * index + 1]];
        Ok(sink(index, encoder.encode(&found[index], files, corner)?))
    })
    .into_iter()
    .collect()
}
