//! Blocks as a TIFF holds them, for the tests of what reads them.

use catfast_core::blocks::Codec;
use libdeflater::{CompressionLvl, Compressor};

/// `data` as a block: a zlib stream, or a zstd frame without a checksum, as GDAL writes them.
///
/// # Panics
/// Where there is no memory.
pub fn packed(data: &[u8], codec: Codec) -> Vec<u8> {
    if codec == Codec::Zstd {
        return zstd::bulk::compress(data, 1).expect("zstd");
    }
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut out = vec![0; compressor.zlib_compress_bound(data.len())];
    let size = compressor.zlib_compress(data, &mut out).expect("the bound holds");
    out.truncate(size);
    out
}
