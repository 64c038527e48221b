//! Pixels of a TIFF's compressed blocks: decoded, compared with the checksum they carry, freed of their
//! predictor and put into an array, in one pass, so that what is checked is what is read.
//!
//! Predictors are those of TIFF 6.0, section 14 (2), and Adobe's TIFF Technical Note 3 (3).

use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayViewMut3, Axis};

use crate::blocks::{Codec, Decoded, Decoder, MOST};
use crate::error::{Result, require, same_shape, value};
use crate::simd::{Body, dispatch_body};
use crate::spread::each;

/// What stands in a block in place of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    /// The samples.
    None,
    /// Differences to the sample on the left.
    Horizontal,
    /// Bytes of floating point numbers, the first ones of all first, as differences.
    Floating,
}

impl Predictor {
    /// The predictor of a TIFF tag's value.
    ///
    /// # Errors
    ///
    /// The value is not 1, 2 or 3.
    pub fn from_tag(tag: u32) -> Result<Self> {
        match tag {
            1 => Ok(Self::None),
            2 => Ok(Self::Horizontal),
            3 => Ok(Self::Floating),
            _ => Err(value("predictor", "1, 2 or 3", tag)),
        }
    }
}

/// How the blocks of a file hold its pixels.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// How they are compressed.
    pub codec: Codec,
    /// Rows of a block.
    pub rows: usize,
    /// Columns of a block.
    pub columns: usize,
    /// Samples of a pixel in a block: all bands, or 1 where each band has blocks of its own.
    pub samples: usize,
    /// Which of these are wanted.
    pub wanted: &'a [usize],
    /// What stands in place of the samples.
    pub predictor: Predictor,
    /// Whether samples have their first byte first.
    pub big_endian: bool,
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its pixels are in the array.
    Read,
    /// It has no bytes; its part of the array is as it was.
    Absent,
    /// It is not what its checksum says; its part of the array is as it was.
    Damaged,
    /// It is of another kind, or too short for its pixels; its part of the array is as it was.
    Strange,
}

/// A sample: unsigned numbers stand for all types of their size.
pub trait Sample: Copy + Default + Send {
    /// Bytes of a sample.
    const BYTES: usize;
    /// The sample of its bytes, the last ones first.
    fn of(bytes: &[u8]) -> Self;
    /// The sum, wrapped around.
    #[must_use]
    fn plus(self, other: Self) -> Self;
}

macro_rules! sample {
    ($($kind:ty),*) => {$(
        impl Sample for $kind {
            const BYTES: usize = size_of::<$kind>();
            #[inline(always)]
            fn of(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(0, |bytes| <$kind>::from_le_bytes(*bytes))
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
        }
    )*};
}
sample!(u8, u16, u32, u64);

impl Layout<'_> {
    /// Bytes of a row of a block, and of a block.
    fn bytes<T: Sample>(&self) -> Result<(usize, usize)> {
        let row = self.columns.checked_mul(self.samples).and_then(|row| row.checked_mul(T::BYTES));
        let block = row.and_then(|row| row.checked_mul(self.rows)).filter(|block| (1..=MOST).contains(block));
        row.zip(block).ok_or_else(|| {
            let found = format!("{} x {} pixels of {} samples", self.rows, self.columns, self.samples);
            value("block", "from 1 to 2^31 bytes", found)
        })
    }

    fn check<T: Sample>(&self) -> Result<()> {
        let inside = !self.wanted.is_empty() && self.wanted.iter().all(|&sample| sample < self.samples);
        require(inside, "wanted", "samples of a pixel", format!("{:?}", self.wanted))?;
        let floats = self.predictor != Predictor::Floating || T::BYTES > 1;
        require(floats, "predictor", "1 or 2 for samples of a byte", 3)
    }
}

/// Decodes blocks into `out` (bands, rows, columns), and says what became of each.
///
/// `out` is made up of the whole blocks of `places`, each its first byte and its size, the wanted samples of a
/// block one band each, plane after plane, row after row; the last block of a row or column may hang over.
/// `fetch` fills its buffer with the file's bytes from an offset on. Blocks of size 0 are passed over.
///
/// # Errors
///
/// `out` is not made up of these blocks, or the layout is none. What `fetch` refuses stands in place of a fate.
pub fn read_blocks_into<T: Sample, E: Send>(
    places: &[(u64, usize)],
    layout: &Layout,
    out: ArrayViewMut3<T>,
    fetch: impl Fn(u64, &mut [u8]) -> std::result::Result<(), E> + Sync,
) -> Result<Vec<std::result::Result<Fate, E>>> {
    layout.check::<T>()?;
    let (row, most) = layout.bytes::<T>()?;
    require(!out.is_empty(), "out", "at least one pixel", format!("shape {:?}", out.shape()))?;
    let (bands, side) = (out.shape()[0], [layout.wanted.len(), layout.rows, layout.columns]);
    require(bands.is_multiple_of(side[0]), "out", "as many bands a plane as are wanted", bands)?;
    let pieces = cut(out, &side);
    same_shape("places", &[pieces.len()], &[places.len()])?;
    let pieces: Vec<_> = pieces.into_iter().map(Mutex::new).collect();
    let done = each(
        pieces.len(),
        || Reader::new(layout, row, most),
        |reader, index| {
            let mut piece = pieces[index].lock().unwrap_or_else(PoisonError::into_inner);
            reader.read(places[index], &mut piece, &fetch)
        },
    );
    done.into_iter().collect()
}

/// `view` in pieces of `sides` along its axes, in C order.
fn cut<'a, T>(view: ArrayViewMut3<'a, T>, sides: &[usize; 3]) -> Vec<ArrayViewMut3<'a, T>> {
    let along = |views: Vec<ArrayViewMut3<'a, T>>, (axis, &side): (usize, &usize)| {
        let mut pieces = Vec::new();
        for mut rest in views {
            while rest.len_of(Axis(axis)) > side {
                let (first, after) = rest.split_at(Axis(axis), side);
                pieces.push(first);
                rest = after;
            }
            pieces.push(rest);
        }
        pieces
    };
    sides.iter().enumerate().fold(vec![view], along)
}

/// One thread's buffers.
struct Reader<'a> {
    layout: &'a Layout<'a>,
    row: usize,
    most: usize,
    decoder: Decoder,
    packed: Vec<u8>,
    line: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(layout: &'a Layout, row: usize, most: usize) -> Self {
        let decoder = Decoder::new(layout.codec);
        Self { layout, row, most, decoder, packed: Vec::new(), line: Vec::new() }
    }

    fn read<T: Sample, E>(
        &mut self,
        (offset, size): (u64, usize),
        out: &mut ArrayViewMut3<T>,
        fetch: impl Fn(u64, &mut [u8]) -> std::result::Result<(), E>,
    ) -> Result<std::result::Result<Fate, E>> {
        if size == 0 {
            return Ok(Ok(Fate::Absent));
        }
        // No codec makes a block this much larger: it is another's, and not to be made room for.
        if size > self.most.saturating_mul(2).saturating_add(4096) {
            let deflate = self.layout.codec == Codec::Deflate;
            return Ok(Ok(if deflate { Fate::Damaged } else { Fate::Strange }));
        }
        self.packed.resize(size, 0);
        if let Err(error) = fetch(offset, &mut self.packed) {
            return Ok(Err(error));
        }
        Ok(Ok(match self.decoder.decode(&self.packed, self.most)? {
            Decoded::Bytes(found) if found >= out.len_of(Axis(1)) * self.row => {
                self.put(out);
                Fate::Read
            }
            Decoded::Damaged => Fate::Damaged,
            Decoded::Bytes(_) | Decoded::Unknown => Fate::Strange,
        }))
    }

    /// Puts the decoded block into its piece of the array.
    fn put<T: Sample>(&mut self, out: &mut ArrayViewMut3<T>) {
        let lines = self.decoder.bytes().chunks_exact_mut(self.row);
        for (line, mut bands) in lines.zip(out.axis_iter_mut(Axis(1))) {
            let line = plain::<T>(line, self.layout, &mut self.line);
            let targets = bands.outer_iter_mut().zip(self.layout.wanted);
            for (target, sample) in targets.filter_map(|(row, sample)| Some((row.into_slice()?, sample))) {
                let sum = self.layout.predictor == Predictor::Horizontal;
                dispatch_body(Band { line, samples: self.layout.samples, sample: *sample, sum, target });
            }
        }
    }
}

/// A row of a block with the last byte of each sample first, freed of the predictor of floating point numbers.
fn plain<'a, T: Sample>(line: &'a mut [u8], layout: &Layout, spare: &'a mut Vec<u8>) -> &'a [u8] {
    if layout.predictor == Predictor::Floating {
        for at in layout.samples..line.len() {
            line[at] = line[at].wrapping_add(line[at - layout.samples]);
        }
        spare.resize(line.len(), 0);
        let count = line.len() / T::BYTES;
        for (index, sample) in spare.chunks_exact_mut(T::BYTES).enumerate() {
            for (k, byte) in sample.iter_mut().rev().enumerate() {
                *byte = line[k * count + index];
            }
        }
        return spare;
    }
    if layout.big_endian {
        line.chunks_exact_mut(T::BYTES).for_each(<[u8]>::reverse);
    }
    line
}

/// One band of a row of a block on its way into the array.
struct Band<'a, T> {
    line: &'a [u8],
    samples: usize,
    sample: usize,
    sum: bool,
    target: &'a mut [T],
}

impl<T: Sample> Body for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.samples {
            1 => self.pick::<1>(),
            3 => self.pick::<3>(),
            4 => self.pick::<4>(),
            8 => self.pick::<8>(),
            _ => {
                let (stride, at) = (self.samples * T::BYTES, self.sample * T::BYTES);
                let found = self.line.chunks_exact(stride).map(|pixel| T::of(&pixel[at..]));
                fill(found, self.sum, self.target);
            }
        }
    }
}

impl<T: Sample> Band<'_, T> {
    /// For a number of samples that is known to the compiler.
    #[inline(always)]
    fn pick<const SAMPLES: usize>(self) {
        let at = self.sample.min(SAMPLES - 1) * T::BYTES;
        let found = self.line.chunks_exact(SAMPLES * T::BYTES).map(|pixel| T::of(&pixel[at..at + T::BYTES]));
        fill(found, self.sum, self.target);
    }
}

#[inline(always)]
fn fill<T: Sample>(found: impl Iterator<Item = T>, sum: bool, target: &mut [T]) {
    if sum {
        let mut total = T::default();
        for (target, step) in target.iter_mut().zip(found) {
            total = total.plus(step);
            *target = total;
        }
    } else {
        for (target, sample) in target.iter_mut().zip(found) {
            *target = sample;
        }
    }
}
