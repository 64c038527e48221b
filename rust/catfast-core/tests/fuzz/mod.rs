//! What is done with arbitrary bytes: by cargo-fuzz from `rust/fuzz`, and by proptest from `tests/fuzzing.rs`.
//!
//! Each target reads its arguments, sound or not, from the bytes. A kernel answers them or refuses them; it
//! never panics, and an answer is checked for what must hold of any.
#![allow(dead_code, clippy::missing_panics_doc)]

mod guided;
mod meet;
#[path = "../common/packing.rs"]
mod packing;
mod pixels;

use catfast_core::blend::{Taper, blend_tiles_into};
use catfast_core::blocks::{Codec, first_damaged};
use catfast_core::geotiff::{Files, Header, for_files};
use catfast_core::patch::{Normalisation, Tiles, cut_tiles_into};
use catfast_core::qa::{QaRule, Scheme, decode_qa_into};
use catfast_core::warp::{Method, Placement, warp_qa_into};
use catfast_core::window::Windows;
use ndarray::{Array1, Array2, Array3, Array4};

pub use self::guided::guided;
pub use self::meet::meet;
use self::packing::packed;
pub use self::pixels::pixels;

/// A reader of bytes that gives zeros once they are used up.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let count = N.min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        out
    }

    fn byte(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    fn word(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    /// From 0 to `most`.
    fn side(&mut self, most: usize) -> usize {
        usize::from(self.byte()) % (most + 1)
    }

    /// Small, or anything.
    fn place(&mut self) -> i64 {
        if self.byte() < 240 { i64::from(self.byte().cast_signed()) } else { i64::from_le_bytes(self.take()) }
    }

    /// Near a small grid, or any bits at all.
    fn real(&mut self) -> f64 {
        if self.byte() < 240 {
            f64::from(self.word().cast_signed()) / 512.0
        } else {
            f64::from_bits(u64::from_le_bytes(self.take()))
        }
    }

    fn single(&mut self) -> f32 {
        self.real() as f32
    }

    fn reals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.real()).collect()
    }

    fn singles(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.single()).collect()
    }

    fn places(&mut self, count: usize) -> Array1<i64> {
        (0..count).map(|_| self.place()).collect()
    }

    fn rule(&mut self) -> QaRule {
        let scheme = if self.byte().is_multiple_of(2) { Scheme::Full } else { Scheme::Binary };
        // Half of the flags are known ones.
        let mask = if self.byte().is_multiple_of(2) { 0x0f } else { 0xff };
        QaRule { scheme, cloud: self.byte() & mask & !u8::from(mask == 0x0f), ignore: self.byte() & mask }
    }
}

/// QA decoding: codes are of the scheme, and fill is 255.
pub fn qa(data: &[u8]) {
    let mut bytes = Bytes(data);
    let rule = bytes.rule();
    let (height, width) = (bytes.side(20), bytes.side(20));
    let qa = Array2::from_shape_simple_fn((height, width), || bytes.word());
    let misfit = usize::from(bytes.byte() > 250);
    let mut out = Array2::from_elem((height, width + misfit), 77);
    let answer = decode_qa_into(qa.view(), out.view_mut(), &rule);
    let known = rule.cloud & !0x0e == 0 && rule.ignore & !0x0f == 0;
    assert_eq!(answer.is_ok(), known && misfit == 0);
    if answer.is_ok() {
        let most = if rule.scheme == Scheme::Full { 4 } else { 1 };
        for (&code, &bits) in out.iter().zip(&qa) {
            assert!(code <= most || code == 255, "{code} of {bits:016b}");
            assert!(bits & 1 == 0 || code == 255);
        }
    }
}

/// Warping on arbitrary grids: every pixel is written once and counted.
pub fn warp(data: &[u8]) {
    let mut bytes = Bytes(data);
    let rule = bytes.rule();
    let name = ["nearest", "majority", "bilinear", "fraction"][bytes.side(3)];
    let method = Method::from_name(name).expect("a known name");
    let placement = Placement {
        step: if bytes.byte() < 250 { bytes.side(8) } else { usize::from(bytes.word()) << 8 },
        first_row: bytes.place(),
        node_row: bytes.place(),
        origin: (bytes.place(), bytes.place()),
    };
    let (height, width) = (bytes.side(12), bytes.side(12));
    let (down, across) = (bytes.side(6), bytes.side(6));
    let (rows, cols) = (bytes.side(9), bytes.side(9));
    let nodes = Array3::from_shape_vec((down, across, 2), bytes.reals(down * across * 2)).expect("its size");
    let valid = Array2::from_shape_simple_fn((height, width), || bytes.byte() % 4);
    let qa = Array2::from_shape_simple_fn((rows, cols), || bytes.word());
    let mut out = Array2::from_elem((height, width), 77);
    if let Ok(counts) =
        warp_qa_into(qa.view(), nodes.view(), valid.view(), out.view_mut(), &placement, method, &rule)
    {
        let mut found = [0; 256];
        out.iter().for_each(|&code| found[usize::from(code)] += 1);
        assert_eq!(counts.codes, found);
        assert!(counts.inside as usize <= out.len());
        let most = if name == "fraction" { 200 } else { 4 };
        assert!(out.iter().all(|&code| code <= most || code == 255));
        assert!(out.iter().zip(&valid).all(|(&code, &valid)| valid != 0 || code == 255));
    }
}

/// Cutting tiles: inside the image a tile holds the image, normalised.
pub fn tiles(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (bands, height, width) = (bytes.side(4), bytes.side(9), bytes.side(9));
    let (count, tall, wide) = (bytes.side(3), bytes.side(7), bytes.side(7));
    let (rows, cols) = (bytes.places(count), bytes.places(count));
    let (mean, std) = (Array1::from(bytes.singles(bands)), Array1::from(bytes.singles(bands)));
    let clip = (bytes.single(), bytes.single());
    let image = Array3::from_shape_vec((bands, height, width), bytes.singles(bands * height * width))
        .expect("its size");
    let mut out = Array4::from_elem((count, bands, tall, wide), f32::NAN);
    let places = Tiles { rows: rows.view(), cols: cols.view() };
    let norm = Normalisation { mean: mean.view(), std: std.view(), clip };
    if cut_tiles_into(image.view(), &places, out.view_mut(), &norm).is_err() {
        return;
    }
    for ((tile, band, row, col), &value) in out.indexed_iter() {
        let (y, x) = (rows[tile] + row as i64, cols[tile] + col as i64);
        if (0..height as i64).contains(&y) && (0..width as i64).contains(&x) {
            let pixel = image[[band, y as usize, x as usize]];
            let clipped = pixel.max(clip.0).min(clip.1);
            let expected = if pixel.is_nan() { 0.0 } else { (clipped - mean[band]) / std[band] };
            let near = (value - expected).abs() <= 1e-5 * (1.0 + expected.abs());
            assert!(near || !expected.is_finite(), "{value} for {expected}");
        }
    }
}

/// Blending tiles: the sums are those of a slow loop.
pub fn blend(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (classes, height, width) = (bytes.side(3), bytes.side(9), bytes.side(9));
    let (count, tall, wide) = (bytes.side(3), bytes.side(7), bytes.side(7));
    let (rows, cols) = (bytes.places(count), bytes.places(count));
    let (down, across) = (Array1::from(bytes.singles(tall)), Array1::from(bytes.singles(wide)));
    let sides = (count, classes, tall, wide);
    let size = count * classes * tall * wide;
    let prob = Array4::from_shape_simple_fn(sides, || f32::from(bytes.byte()) / 255.0);
    assert_eq!(prob.len(), size);
    let mut acc = Array3::zeros((classes, height, width));
    let mut weight = Array2::zeros((height, width));
    let places = Tiles { rows: rows.view(), cols: cols.view() };
    let taper = Taper { y: down.view(), x: across.view() };
    if blend_tiles_into(prob.view(), &places, &taper, acc.view_mut(), weight.view_mut()).is_err() {
        return;
    }
    let mut expected = Array2::<f64>::zeros((height, width));
    for tile in 0..count {
        for (row, col) in (0..tall).flat_map(|row| (0..wide).map(move |col| (row, col))) {
            let (y, x) = (rows[tile] + row as i64, cols[tile] + col as i64);
            if (0..height as i64).contains(&y) && (0..width as i64).contains(&x) {
                expected[[y as usize, x as usize]] += f64::from(down[row]) * f64::from(across[col]);
            }
        }
    }
    for (&found, &expected) in weight.iter().zip(&expected) {
        let near = (f64::from(found) - expected).abs() <= 1e-4 * (1.0 + expected.abs());
        assert!(near || expected > 1e30, "{found} for {expected}");
    }
}

/// Checksums of arbitrary byte ranges: sound blocks pass, and no other bytes do harm.
pub fn blocks(data: &[u8]) {
    let mut bytes = Bytes(data);
    let codec = if bytes.byte().is_multiple_of(2) { Codec::Deflate } else { Codec::Zstd };
    let most = if bytes.byte() < 250 { usize::from(bytes.word()) } else { usize::MAX - bytes.side(9) };
    let count = bytes.side(4);
    let range = |bytes: &mut Bytes| {
        if bytes.byte() < 240 {
            (bytes.side(200), bytes.side(200))
        } else {
            (usize::from_le_bytes(bytes.take()), usize::from_le_bytes(bytes.take()))
        }
    };
    let places: Vec<_> = (0..count).map(|_| range(&mut bytes)).collect();
    let rest = bytes.0;
    if let Ok(Some(damaged)) = first_damaged(rest, &places, codec, most) {
        assert!(damaged < count);
    }
    let sound = packed(rest, codec);
    let room = rest.len().max(1);
    assert_eq!(first_damaged(&sound, &[(0, sound.len())], codec, room).expect("sound arguments"), None);
    if codec == Codec::Deflate && !rest.is_empty() {
        // The last four bytes are the checksum: no other value of them is right.
        let mut spoilt = sound.clone();
        *spoilt.last_mut().expect("a checksum") ^= 1;
        assert_eq!(first_damaged(&spoilt, &[(0, spoilt.len())], codec, room).expect("arguments"), Some(0));
    }
}

/// Patch files of arbitrary windows and headers: what is written unpacks into the window.
pub fn geotiff(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (scenes, height, width) = (bytes.side(2), bytes.side(9), bytes.side(9));
    let bands = if bytes.byte() < 250 { 4 } else { bytes.side(5) };
    let (count, size) = (bytes.side(3), bytes.side(6));
    let (of, rows, cols) = (bytes.places(count), bytes.places(count), bytes.places(count));
    let corners = Array2::from_shape_vec((count, 2), bytes.reals(2 * count)).expect("its size");
    let text: Vec<u8> = (0..bytes.side(60)).map(|_| bytes.byte()).collect();
    let mut at = || if bytes.byte() < 250 { bytes.side(50) } else { usize::MAX - bytes.side(9) };
    let header = Header { bytes: &text, strip_offset_at: at(), strip_bytes_at: at(), x_at: at(), y_at: at() };
    let images = Array4::from_shape_simple_fn((scenes, bands, height, width), || bytes.word());
    let labels = Array3::from_shape_simple_fn((scenes, height, width), || bytes.byte());
    let windows = Windows {
        images: images.view(),
        labels: labels.view(),
        scenes: of.view(),
        rows: rows.view(),
        cols: cols.view(),
        size,
    };
    let files = Files { image: header, label: header, corners: corners.view() };
    let Ok(made) = for_files(&windows, &files, |_, made| made.label.to_vec()) else { return };
    for (index, file) in made.iter().enumerate() {
        let strip = zstd::bulk::decompress(&file[text.len()..], size * size).expect("a zstd strip");
        let (scene, top, left) = (of[index] as usize, rows[index] as usize, cols[index] as usize);
        for row in 0..size {
            let mut value = 0_u8;
            for col in 0..size {
                value = value.wrapping_add(strip[row * size + col]);
                assert_eq!(value, labels[[scene, top + row, left + col]]);
            }
        }
    }
}
