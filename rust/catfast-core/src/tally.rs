//! The last touch to a row of labels: what was not seen, and how often each value occurs.

use crate::method::Method;
use crate::warp::WarpCounts;

/// Writes 255 where nothing was seen, and counts.
#[inline(always)]
pub(crate) fn finish(target: &mut [u8], valid: &[u8], method: Method, sums: &mut WarpCounts) {
    if target.is_empty() {
        return;
    }
    for (code, &seen) in target.iter_mut().zip(valid) {
        *code = if seen == 0 { 255 } else { *code };
    }
    if method == Method::Fraction {
        histogram(target, &mut sums.codes);
    } else {
        tally(target, &mut sums.codes);
    }
}

/// Whether no element is 0.
#[inline(always)]
pub(crate) fn all_seen(valid: &[u8]) -> bool {
    valid.iter().fold(u8::MAX, |least, &seen| least.min(seen)) > 0
}

/// Adds how often each code of the decoder occurs, 255 being the rest; sums of up to 192 fit a byte.
#[inline(always)]
fn tally(codes: &[u8], counts: &mut [u64; 256]) {
    let mut found = [0; 5];
    for part in codes.chunks(192) {
        for (code, count) in (0_u8..5).zip(&mut found) {
            *count += u64::from(part.iter().map(|&other| u8::from(other == code)).sum::<u8>());
        }
    }
    counts.iter_mut().zip(found).for_each(|(sum, count)| *sum += count);
    counts[255] += codes.len() as u64 - found.iter().sum::<u64>();
}

/// Adds how often each value occurs; four tables, so that runs of one value do not wait for each other.
fn histogram(values: &[u8], counts: &mut [u64; 256]) {
    let mut tables = [[0_u32; 256]; 4];
    let (fours, rest) = values.as_chunks::<4>();
    for four in fours {
        for (table, &value) in tables.iter_mut().zip(four) {
            table[usize::from(value)] += 1;
        }
    }
    for &value in rest {
        tables[0][usize::from(value)] += 1;
    }
    for (value, sum) in counts.iter_mut().enumerate() {
        *sum += tables.iter().map(|table| u64::from(table[value])).sum::<u64>();
    }
}
