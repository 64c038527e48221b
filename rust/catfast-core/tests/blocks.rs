//! Checksums of compressed blocks: any bytes get an answer, and a changed byte is found.

#[path = "common/packing.rs"]
mod packing;

use catfast_core::blocks::{Codec, first_damaged};
use packing::packed;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_get_an_answer(
        data in vec(any::<u8>(), 0..400),
        blocks in vec((0_usize..500, 0_usize..500), 0..20),
        most in 0_usize..5000,
        zstd: bool,
    ) {
        let codec = if zstd { Codec::Zstd } else { Codec::Deflate };
        let found = first_damaged(&data, &blocks, codec, most);
        let inside = blocks.iter().all(|&(start, size)| start + size <= data.len());
        prop_assert_eq!(found.is_ok(), inside && most > 0);
    }

    #[test]
    fn a_changed_byte_is_found(
        blocks in vec(vec(0_u8..9, 1..3000), 1..9),
        which: prop::sample::Index,
        place: prop::sample::Index,
        flip in 1_u8..,
    ) {
        let packed: Vec<Vec<u8>> = blocks.iter().map(|block| packed(block, Codec::Deflate)).collect();
        let mut data = packed.concat();
        let mut places = Vec::new();
        for block in &packed {
            places.push((places.last().map_or(0, |&(start, size)| start + size), block.len()));
        }
        prop_assert_eq!(first_damaged(&data, &places, Codec::Deflate, 3000).unwrap(), None);
        let which = which.index(blocks.len());
        let (start, size) = places[which];
        // The last four bytes are the checksum: whatever happens to them must be seen.
        data[start + size - 1 - place.index(4)] ^= flip;
        prop_assert_eq!(first_damaged(&data, &places, Codec::Deflate, 3000).unwrap(), Some(which));
    }
}
