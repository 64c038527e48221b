//! Blocks into arrays: what was put in comes out whatever the layout, and any bytes get an answer.

#[path = "common/packing.rs"]
mod packing;

use std::io;

use catfast_core::block_pixels::{Fate, Layout, Predictor, read_blocks_into};
use catfast_core::blocks::Codec;
use ndarray::Array3;
use packing::packed;
use proptest::collection::vec;
use proptest::prelude::*;

fn fetch(file: &[u8]) -> impl Fn(u64, &mut [u8]) -> io::Result<()> + Sync {
    |offset, bytes| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = start.checked_add(bytes.len()).and_then(|stop| file.get(start..stop));
        found.map(|found| bytes.copy_from_slice(found)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Samples of a block, pixel after pixel; columns past the edge hold 7.
fn block(image: &Array3<u16>, first: (usize, usize), side: (usize, usize), layout: &Layout) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in first.0..first.0 + side.0 {
        for column in first.1..first.1 + side.1 {
            for band in 0..layout.samples {
                let at = |column: usize| image.get((band, row, column)).copied().unwrap_or(7);
                let left = if column > first.1 { at(column - 1) } else { 0 };
                let sum = layout.predictor == Predictor::Horizontal;
                let sample = if sum { at(column).wrapping_sub(left) } else { at(column) };
                bytes.extend(if layout.big_endian { sample.to_be_bytes() } else { sample.to_le_bytes() });
            }
        }
    }
    bytes
}

proptest! {
    #[test]
    fn what_was_put_in_comes_out(
        (bands, rows, columns) in (1_usize..10, 1_usize..20, 1_usize..20),
        side in (1_usize..8, 1_usize..8),
        big_endian: bool,
        sum: bool,
        seed: u16,
        chosen: prop::sample::Index,
    ) {
        let image = Array3::from_shape_fn((bands, rows, columns), |(b, y, x)| {
            (b as u16 * 977 + y as u16 * 31 + x as u16).wrapping_mul(seed | 1)
        });
        let wanted = [chosen.index(bands), bands - 1];
        let predictor = if sum { Predictor::Horizontal } else { Predictor::None };
        let (codec, samples) = (Codec::Deflate, bands);
        let layout = Layout {
            codec, rows: side.0, columns: side.1, samples, wanted: &wanted, predictor, big_endian,
        };
        let (mut file, mut places) = (Vec::new(), Vec::new());
        for row in (0..rows).step_by(side.0) {
            for column in (0..columns).step_by(side.1) {
                let packed = packed(&block(&image, (row, column), side, &layout), Codec::Deflate);
                places.push((file.len() as u64, packed.len()));
                file.extend(packed);
            }
        }
        let mut out = Array3::<u16>::zeros((2, rows, columns));
        let fates = read_blocks_into(&places, &layout, out.view_mut(), fetch(&file)).unwrap();
        prop_assert!(fates.iter().all(|fate| matches!(fate, Ok(Fate::Read))));
        for (band, &sample) in wanted.iter().enumerate() {
            prop_assert_eq!(out.index_axis(ndarray::Axis(0), band), image.index_axis(ndarray::Axis(0), sample));
        }
        // The last bytes of a block are its checksum.
        let (start, size) = places[places.len() - 1];
        file[start as usize + size - 1] ^= 1;
        let fates = read_blocks_into(&places, &layout, out.view_mut(), fetch(&file)).unwrap();
        prop_assert!(matches!(fates.last(), Some(Ok(Fate::Damaged))));
    }

    #[test]
    fn any_bytes_get_an_answer(
        file in vec(any::<u8>(), 0..300),
        places in vec((0_u64..400, 0_usize..400), 0..9),
        shape in (0_usize..5, 0_usize..9, 0_usize..9),
        side in (0_usize..6, 0_usize..6),
        samples in 0_usize..5,
        wanted in vec(0_usize..5, 0..4),
        zstd: bool,
        tag in 1_u32..4,
    ) {
        let codec = if zstd { Codec::Zstd } else { Codec::Deflate };
        let predictor = Predictor::from_tag(tag).unwrap();
        let layout = Layout {
            codec, rows: side.0, columns: side.1, samples, wanted: &wanted, predictor, big_endian: false,
        };
        let mut out = Array3::<u32>::zeros(shape);
        if let Ok(fates) = read_blocks_into(&places, &layout, out.view_mut(), fetch(&file)) {
            for (fate, place) in fates.iter().zip(&places) {
                let absent = matches!(fate, Ok(Fate::Absent));
                prop_assert_eq!(absent, place.1 == 0);
            }
        }
        let mut out = Array3::<u8>::zeros(shape);
        let _ = read_blocks_into(&places, &layout, out.view_mut(), fetch(&file));
    }
}

#[test]
fn sizes_that_no_codec_makes_are_not_made_room_for() {
    for (codec, fate) in [(Codec::Deflate, Fate::Damaged), (Codec::Zstd, Fate::Strange)] {
        let layout = Layout {
            codec,
            rows: 2,
            columns: 2,
            samples: 1,
            wanted: &[0],
            predictor: Predictor::None,
            big_endian: false,
        };
        let mut out = Array3::<u8>::zeros((1, 2, 2));
        let never = |_: u64, _: &mut [u8]| Err("asked for its bytes");
        let fates = read_blocks_into(&[(0, usize::MAX)], &layout, out.view_mut(), never).unwrap();
        assert_eq!(fates, [Ok(fate)]);
    }
}
