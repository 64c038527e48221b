//! What the tests of several kernels share.

use rayon::ThreadPoolBuilder;

/// Runs `body` on a pool of its own with `threads` threads.
///
/// # Panics
/// Where the pool cannot be made.
pub fn on_threads<R: Send>(threads: usize, body: impl FnOnce() -> R + Send) -> R {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool").install(body)
}

/// Bits of floats, so that NaN equals NaN and -0 differs from 0.
#[allow(dead_code, reason = "not every test compares floats")]
pub fn bits<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    values.into_iter().map(|value| value.to_bits()).collect()
}
