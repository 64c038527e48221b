//! Runtime choice of the vector instructions that the compiler may use for a kernel.

/// Runs `body` compiled for AVX2 where the processor has it, else for the baseline.
///
/// Both compile the same safe code, and neither contracts `a * b + c`, so the bits are the same.
#[inline]
pub(crate) fn dispatch<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: `avx2` only asks for the processor feature that was detected on the line above.
        #[allow(unsafe_code)]
        return unsafe { with_avx2(body) };
    }
    body()
}

/// A kernel body too large for the compiler to inline into [`dispatch`] by itself: its `run` is marked
/// `inline(always)`, which a closure cannot be.
pub(crate) trait Body {
    /// What comes out.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;
}

/// [`dispatch`] of a [`Body`].
#[inline]
pub(crate) fn dispatch_body<B: Body>(body: B) -> B::Output {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        return unsafe { body_with_avx2(body) };
    }
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn body_with_avx2<B: Body>(body: B) -> B::Output {
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// Processor features that the kernels use here, by their Rust names; empty for the baseline.
#[must_use]
pub fn cpu_features() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        found.push("avx2");
    }
    found.shrink_to_fit();
    found
}
