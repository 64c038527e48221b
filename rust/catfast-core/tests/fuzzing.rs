//! The fuzz targets under proptest: a short form of `make fuzz`; `PROPTEST_CASES` makes it a long one.

mod fuzz;

use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn qa(data in vec(any::<u8>(), 0..900)) {
        fuzz::qa(&data);
    }

    #[test]
    fn warp(data in vec(any::<u8>(), 0..1500)) {
        fuzz::warp(&data);
    }

    #[test]
    fn tiles(data in vec(any::<u8>(), 0..1200)) {
        fuzz::tiles(&data);
    }

    #[test]
    fn blend(data in vec(any::<u8>(), 0..900)) {
        fuzz::blend(&data);
    }

    #[test]
    fn blocks(data in vec(any::<u8>(), 0..600)) {
        fuzz::blocks(&data);
    }

    #[test]
    fn geotiff(data in vec(any::<u8>(), 0..1500)) {
        fuzz::geotiff(&data);
    }

    #[test]
    fn pixels(data in vec(any::<u8>(), 0..1800)) {
        fuzz::pixels(&data);
    }

    #[test]
    fn guided(data in vec(any::<u8>(), 0..1200)) {
        fuzz::guided(&data);
    }

    #[test]
    fn meet(data in vec(any::<u8>(), 0..1500)) {
        fuzz::meet(&data);
    }
}
