//! The checksums that a TIFF's compressed blocks carry: GDAL stops reading a block once its pixels are
//! full, and never looks at them.
//!
//! A deflate block is a zlib stream (RFC 1950) that ends in the Adler-32 of its bytes; a zstd block is a
//! frame (RFC 8878) that may end in a checksum of its own.

use libdeflater::Decompressor as Inflater;
use rayon::prelude::*;
use zstd::bulk::Decompressor as Unzstd;

use crate::error::{Error, Result, require, value};

/// Largest decoded block, in bytes.
pub const MOST: usize = 1 << 31;

/// Bit of a zstd frame's header that says that it ends in a checksum (RFC 8878, 3.1.1.1.1).
const FRAME_CHECKSUM: u8 = 1 << 2;

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// TIFF compression 8 or 32946.
    Deflate,
    /// TIFF compression 50000.
    Zstd,
}

impl Codec {
    /// The codec of a name.
    ///
    /// # Errors
    ///
    /// The name is neither `deflate` nor `zstd`.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "deflate" => Ok(Self::Deflate),
            "zstd" => Ok(Self::Zstd),
            _ => Err(value("codec", "deflate or zstd", name)),
        }
    }
}

/// The first of `blocks`, each an offset into `data` and a size in bytes, that does not decode into at most
/// `most` bytes with the checksum it carries.
///
/// # Errors
///
/// A block reaches past the end of `data`, or `most` is 0 or above [`MOST`].
pub fn first_damaged(
    data: &[u8],
    blocks: &[(usize, usize)],
    codec: Codec,
    most: usize,
) -> Result<Option<usize>> {
    require((1..=MOST).contains(&most), "most", "bytes from 1 to 2^31", most)?;
    let blocks: Vec<&[u8]> = blocks.iter().map(|&block| cut(data, block)).collect::<Result<_>>()?;
    let damaged =
        blocks.par_iter().map_init(|| Decoder::new(codec), |decoder, block| decoder.fails(block, most));
    let damaged: Vec<bool> = damaged.collect::<Result<_>>()?;
    Ok(damaged.iter().position(|&damaged| damaged))
}

fn cut(data: &[u8], (start, size): (usize, usize)) -> Result<&[u8]> {
    let stop = start.checked_add(size);
    stop.and_then(|stop| data.get(start..stop)).ok_or_else(|| Error::Value {
        name: "blocks",
        expected: format!("bytes within the {} of data", data.len()),
        found: format!("{size} from {start}"),
    })
}

/// What a block turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// So many bytes, equal to the checksum where it carries one.
    Bytes(usize),
    /// Not what its checksum says.
    Damaged,
    /// Not decodable, and without a checksum that could say why.
    Unknown,
}

/// One thread's decoder and the memory it decodes into.
pub(crate) struct Decoder {
    codec: Codec,
    inflater: Inflater,
    scratch: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, inflater: Inflater::new(), scratch: Vec::new() }
    }

    /// The bytes of what was decoded last.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.scratch
    }

    /// Decodes `block` into at most `most` bytes.
    pub(crate) fn decode(&mut self, block: &[u8], most: usize) -> Result<Decoded> {
        if self.scratch.len() < most {
            let room = self.scratch.try_reserve_exact(most - self.scratch.len());
            require(room.is_ok(), "most", "bytes that the memory has room for", most)?;
            self.scratch.resize(most, 0);
        }
        let scratch = &mut self.scratch[..most];
        let size = match self.codec {
            Codec::Deflate => self.inflater.zlib_decompress(block, scratch).ok(),
            Codec::Zstd => {
                Unzstd::new().and_then(|mut decoder| decoder.decompress_to_buffer(block, scratch)).ok()
            }
        };
        let otherwise = if self.summed(block) { Decoded::Damaged } else { Decoded::Unknown };
        Ok(size.map_or(otherwise, Decoded::Bytes))
    }

    /// Whether `block` carries a checksum; one too short to tell is taken to.
    fn summed(&self, block: &[u8]) -> bool {
        self.codec == Codec::Deflate || block.get(4).is_none_or(|header| header & FRAME_CHECKSUM != 0)
    }

    /// Whether `block` is not what its checksum says.
    fn fails(&mut self, block: &[u8], most: usize) -> Result<bool> {
        Ok(self.summed(block) && self.decode(block, most)? == Decoded::Damaged)
    }
}
