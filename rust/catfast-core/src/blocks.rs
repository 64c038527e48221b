//! The checksums that a TIFF's compressed blocks carry: GDAL stops reading a block once its pixels are
//! full, and never looks at them.
//!
//! A deflate block is a zlib stream (RFC 1950) that ends in the Adler-32 of its bytes; a zstd block is a
//! frame (RFC 8878) that may end in a checksum of its own.

use libdeflater::Decompressor as Inflater;
use rayon::prelude::*;
use zstd::bulk::Decompressor as Unzstd;

use crate::error::{Error, Result, require, value};

/// Largest block that is decoded, in bytes.
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

/// One thread's decoder and the memory it decodes into.
struct Decoder {
    codec: Codec,
    inflater: Inflater,
    scratch: Vec<u8>,
}

impl Decoder {
    fn new(codec: Codec) -> Self {
        Self { codec, inflater: Inflater::new(), scratch: Vec::new() }
    }

    /// Whether `block` is not what its checksum says.
    fn fails(&mut self, block: &[u8], most: usize) -> Result<bool> {
        if self.codec == Codec::Zstd && block.get(4).is_some_and(|header| header & FRAME_CHECKSUM == 0) {
            return Ok(false);
        }
        if self.scratch.len() < most {
            let room = self.scratch.try_reserve_exact(most);
            require(room.is_ok(), "most", "bytes that the memory has room for", most)?;
            self.scratch.resize(most, 0);
        }
        Ok(match self.codec {
            Codec::Deflate => self.inflater.zlib_decompress(block, &mut self.scratch).is_err(),
            Codec::Zstd => Unzstd::new()
                .and_then(|mut decoder| decoder.decompress_to_buffer(block, &mut self.scratch[..]))
                .is_err(),
        })
    }
}
