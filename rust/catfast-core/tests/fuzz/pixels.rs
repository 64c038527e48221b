//! Blocks into pixels: what was put in comes out, and spoilt blocks leave their part of the array alone.

use std::fmt::Debug;

use catfast_core::block_pixels::{Fate, Layout, Predictor, Sample, read_blocks_into};
use catfast_core::blocks::Codec;
use ndarray::{Array3, s};

use super::Bytes;
use super::packing::packed;

/// What the array holds before.
const BEFORE: u8 = 77;

/// Sides of an image and of its blocks.
struct Shape {
    planes: usize,
    rows: usize,
    columns: usize,
}

/// A sample that has bytes.
trait Whole: Sample + PartialEq + Debug + From<u8> {
    fn big(self) -> Vec<u8>;
    fn minus(self, other: Self) -> Self;
}

macro_rules! whole {
    ($($kind:ty),*) => {$(
        impl Whole for $kind {
            fn big(self) -> Vec<u8> {
                self.to_be_bytes().to_vec()
            }
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        }
    )*};
}
whole!(u8, u16, u32, u64);

/// Blocks of all layouts, sparse, spoilt or neither.
pub fn pixels(data: &[u8]) {
    let mut bytes = Bytes(data);
    match bytes.side(3) {
        0 => of::<u8>(bytes),
        1 => of::<u16>(bytes),
        2 => of::<u32>(bytes),
        _ => of::<u64>(bytes),
    }
}

fn of<T: Whole>(mut bytes: Bytes) {
    let samples = 1 + bytes.side(8);
    let wanted: Vec<usize> = (0..=bytes.side(2)).map(|_| bytes.side(samples - 1)).collect();
    let predictor = Predictor::from_tag(1 + bytes.side(if T::BYTES > 1 { 2 } else { 1 }) as u32);
    let layout = Layout {
        codec: if bytes.byte().is_multiple_of(2) { Codec::Deflate } else { Codec::Zstd },
        rows: 1 + bytes.side(5),
        columns: 1 + bytes.side(5),
        samples,
        wanted: &wanted,
        predictor: predictor.expect("a known tag"),
        big_endian: bytes.byte().is_multiple_of(2),
    };
    let shape = Shape { planes: 1 + bytes.side(2), rows: 1 + bytes.side(11), columns: 1 + bytes.side(11) };
    let (holes, flips) = (bytes.byte(), bytes.side(3));
    let spoilt: Vec<(u16, u8)> = (0..flips).map(|_| (bytes.word(), bytes.byte())).collect();
    let wild = (bytes.byte() > 250).then(|| u64::from_le_bytes(bytes.take()));
    let image = Array3::from_shape_simple_fn((shape.planes * samples, shape.rows, shape.columns), || {
        T::of(&bytes.take::<8>())
    });
    let (mut file, mut places) = written(&image, &shape, &layout, holes);
    let sound = file.clone();
    for (place, flip) in spoilt.iter().filter(|_| !sound.is_empty()) {
        file[usize::from(*place) % sound.len()] ^= flip;
    }
    if let (Some(wild), Some(first)) = (wild, places.first_mut()) {
        *first = (wild, wild as usize);
    }
    let mut out =
        Array3::from_elem((shape.planes * wanted.len(), shape.rows, shape.columns), T::from(BEFORE));
    let fates = read_blocks_into(&places, &layout, out.view_mut(), fetch(&file)).expect("a sound layout");
    for (index, (fate, &(start, size))) in fates.into_iter().zip(&places).enumerate() {
        let range = (start as usize).checked_add(size).map(|stop| start as usize..stop);
        let same = range.clone().is_some_and(|range| file.get(range.clone()) == sound.get(range));
        let inside = range.is_some_and(|range| range.end <= file.len());
        let read = fate == Ok(Fate::Read);
        assert_eq!(fate == Ok(Fate::Absent), size == 0);
        assert!(inside || !read, "{fate:?}");
        assert!(wild.is_some() || !same || size == 0 || read, "{fate:?} of a sound block");
        // Deflate has a checksum; whatever else decodes may be other pixels.
        if wild.is_none() && (!read || same || layout.codec == Codec::Deflate) {
            look(&image, &out, index, &shape, &layout, read);
        }
    }
}

fn fetch(file: &[u8]) -> impl Fn(u64, &mut [u8]) -> Result<(), &'static str> + Sync {
    |offset, bytes| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = start.checked_add(bytes.len()).and_then(|stop| file.get(start..stop));
        found.map(|found| bytes.copy_from_slice(found)).ok_or("past the end")
    }
}

/// First plane, row and column of each block.
fn corners(shape: &Shape, layout: &Layout) -> Vec<(usize, usize, usize)> {
    let across = |plane, row| (0..shape.columns).step_by(layout.columns).map(move |x| (plane, row, x));
    let down = |plane| (0..shape.rows).step_by(layout.rows).flat_map(move |row| across(plane, row));
    (0..shape.planes).flat_map(down).collect()
}

/// A file and where its blocks are; every bit of `holes` leaves one of eight out.
fn written<T: Whole>(
    image: &Array3<T>,
    shape: &Shape,
    layout: &Layout,
    holes: u8,
) -> (Vec<u8>, Vec<(u64, usize)>) {
    let (mut file, mut places) = (Vec::new(), Vec::new());
    for (index, corner) in corners(shape, layout).into_iter().enumerate() {
        if holes >> (index % 8) & 1 == 1 {
            places.push((0, 0));
            continue;
        }
        let lines = (0..layout.rows).flat_map(|row| line(image, corner, row, layout));
        let block = packed(&lines.collect::<Vec<u8>>(), layout.codec);
        places.push((file.len() as u64, block.len()));
        file.extend(block);
    }
    (file, places)
}

/// A row of a block as TIFF 6.0 and Technical Note 3 have it; what hangs over the edge is 5.
fn line<T: Whole>(image: &Array3<T>, corner: (usize, usize, usize), row: usize, layout: &Layout) -> Vec<u8> {
    let at = |column: usize, sample: usize| {
        let place = (corner.0 * layout.samples + sample, corner.1 + row, corner.2 + column);
        image.get(place).copied().unwrap_or(T::from(5))
    };
    let mut found: Vec<T> = Vec::new();
    for column in 0..layout.columns {
        for sample in 0..layout.samples {
            let left = if column > 0 { at(column - 1, sample) } else { T::default() };
            let sum = layout.predictor == Predictor::Horizontal;
            found.push(if sum { at(column, sample).minus(left) } else { at(column, sample) });
        }
    }
    if layout.predictor == Predictor::Floating {
        let planes = (0..T::BYTES).flat_map(|byte| found.iter().map(move |value| value.big()[byte]));
        let bytes: Vec<u8> = planes.collect();
        let left = |index: usize| index.checked_sub(layout.samples).map_or(0, |index| bytes[index]);
        return (0..bytes.len()).map(|index| bytes[index].wrapping_sub(left(index))).collect();
    }
    let ordered = |value: &T| {
        let mut bytes = value.big();
        if !layout.big_endian {
            bytes.reverse();
        }
        bytes
    };
    found.iter().flat_map(ordered).collect()
}

/// The block's part of the array is the image where it was read, else what it was before.
fn look<T: Whole>(
    image: &Array3<T>,
    out: &Array3<T>,
    index: usize,
    shape: &Shape,
    layout: &Layout,
    read: bool,
) {
    let (plane, top, left) = corners(shape, layout)[index];
    let (bottom, right) = ((top + layout.rows).min(shape.rows), (left + layout.columns).min(shape.columns));
    for (band, &sample) in layout.wanted.iter().enumerate() {
        let found = out.slice(s![plane * layout.wanted.len() + band, top..bottom, left..right]);
        let put = image.slice(s![plane * layout.samples + sample, top..bottom, left..right]);
        if read {
            assert_eq!(found, put, "block {index}, band {band}");
        } else {
            assert!(found.iter().all(|&value| value == T::from(BEFORE)), "block {index} was written");
        }
    }
}
