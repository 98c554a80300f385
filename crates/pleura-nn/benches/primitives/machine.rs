//! The machine's limits: multiply-adds in registers, and copying between large buffers, on all threads.
#![allow(unsafe_code, reason = "functions for instruction sets that the processor has")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;

/// The machine's two limits.
pub(crate) struct Machine {
    /// Floating-point operations a second; a multiply-add is two.
    pub(crate) flops: f64,
    /// Bytes per second, reads and writes together.
    pub(crate) bytes: f64,
}

/// Independent sums, enough to hide a multiply-add's latency, in vectors of any width up to 512 bits.
const SUMS: usize = 12 * 16;
const ROUNDS: usize = 200_000;
/// Numbers per buffer: 128 MiB, much larger than the caches.
const NUMBERS: usize = 32 << 20;

impl Machine {
    /// The best of several tries: slower ones were disturbed by other programs.
    pub(crate) fn measured() -> Self {
        let flops = (2 * SUMS * ROUNDS * rayon::current_num_threads()) as f64;
        let source = vec![1.0_f32; NUMBERS];
        let mut target = vec![0.0_f32; NUMBERS];
        let chunk = NUMBERS.div_ceil(8 * rayon::current_num_threads());
        Self {
            flops: flops
                / best(8, || {
                    rayon::broadcast(|_| black_box(multiply_adds(black_box(0.999))));
                }),
            bytes: (2 * NUMBERS * size_of::<f32>()) as f64
                / best(8, || {
                    target
                        .par_chunks_mut(chunk)
                        .zip(source.par_chunks(chunk))
                        .for_each(|(to, from)| to.copy_from_slice(from));
                    black_box(&mut target);
                }),
        }
    }
}

fn best(tries: usize, mut done: impl FnMut()) -> f64 {
    let shortest = (0..tries).map(|_| {
        let start = Instant::now();
        done();
        start.elapsed()
    });
    shortest.min().unwrap_or(Duration::MAX).as_secs_f64()
}

fn multiply_adds(factor: f32) -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512.
            return unsafe { with_avx512(factor) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            return unsafe { with_avx2(factor) };
        }
    }
    fused::<SUMS>(factor)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn with_avx512(factor: f32) -> f32 {
    fused::<SUMS>(factor)
}

/// With half as many sums: sixteen registers of eight numbers hold no more.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(factor: f32) -> f32 {
    fused::<{ SUMS / 2 }>(factor) + fused::<{ SUMS / 2 }>(factor)
}

/// `SUMS · ROUNDS` multiply-adds in registers when all are done; compiled to the caller's vectors.
#[expect(
    clippy::inline_always,
    reason = "only inlined does it have its caller's vectors"
)]
#[inline(always)]
fn fused<const N: usize>(factor: f32) -> f32 {
    let mut sums = [1.0_f32; N];
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, 0.5);
        }
    }
    sums.iter().sum()
}
