//! The micro-kernel: a small block of a matrix product held in registers.
//!
//! One form serves all five products of a DenseNet (1×1 and 3×3 convolutions and their gradients):
//! `C[r, n] (+)= Σ_k A[k, r] · B[offset(k) + n]`. `A` is packed so that step `k` finds its `MR` values side by side; row
//! `k` of `B` begins wherever `offsets[k]` says, so that a 3×3 convolution reads one activated tile nine times,
//! shifted, and no im2col is ever written.

use super::path::Path;

/// One block size: `rows` values of `A` against `columns` of `B`.
#[derive(Clone, Copy)]
pub(super) struct Micro {
    /// `MR`.
    pub(super) rows: usize,
    /// `NR`.
    pub(super) columns: usize,
    run: unsafe fn(usize, *const f32, *const f32, *const u32, *mut f32, usize, bool),
}

/// The two block sizes of a path: `wide` where outputs come in multiples of 4 (every convolution forward and its input
/// gradient), `tall` for weight gradients, whose inner dimension is a convolution's few output channels.
#[derive(Clone, Copy)]
pub(super) struct Kernels {
    pub(super) wide: Micro,
    pub(super) tall: Micro,
}

impl Kernels {
    /// The kernels of a path.
    pub(super) fn of(path: Path) -> Self {
        match path {
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => Self {
                wide: Micro {
                    rows: 4,
                    columns: 24,
                    run: avx2::micro::<4, 3>,
                },
                tall: Micro {
                    rows: 6,
                    columns: 16,
                    run: avx2::micro::<6, 2>,
                },
            },
            Path::Portable => Self {
                wide: Micro {
                    rows: 4,
                    columns: 8,
                    run: portable::<4, 8>,
                },
                tall: Micro {
                    rows: 4,
                    columns: 8,
                    run: portable::<4, 8>,
                },
            },
        }
    }
}

impl Micro {
    /// Adds a block product to `c`, or begins it.
    ///
    /// `a` holds `offsets.len()` steps of `rows` values; row `k` of `b` is `b[offsets[k]..][..columns]`; `c` has `rows` rows,
    /// `stride` apart.
    #[inline]
    pub(super) fn run(
        &self,
        a: &[f32],
        b: &[f32],
        offsets: Offsets<'_>,
        c: &mut [f32],
        stride: usize,
        add: bool,
    ) {
        assert!(
            a.len() >= offsets.steps.len() * self.rows,
            "A is packed too short"
        );
        assert!(
            b.len() >= offsets.largest as usize + self.columns,
            "B is too short for its offsets"
        );
        assert!(
            c.len() >= (self.rows - 1) * stride + self.columns,
            "C is too short"
        );
        // SAFETY: the lengths were just checked against every address that the kernel computes; `largest` bounds
        // every offset by construction, and a kernel is chosen only where the processor has its instructions.
        unsafe {
            (self.run)(
                offsets.steps.len(),
                a.as_ptr(),
                b.as_ptr(),
                offsets.steps.as_ptr(),
                c.as_mut_ptr(),
                stride,
                add,
            );
        }
    }
}

/// Where each row of `B` begins, with the largest of these places.
#[derive(Clone, Copy)]
pub(super) struct Offsets<'a> {
    steps: &'a [u32],
    largest: u32,
}

/// An owned list of [`Offsets`].
pub(super) struct OffsetList {
    steps: Vec<u32>,
    largest: u32,
}

impl OffsetList {
    pub(super) fn new(steps: impl Iterator<Item = usize>) -> Self {
        let steps: Vec<u32> = steps.map(|step| step as u32).collect();
        let largest = steps.iter().copied().max().unwrap_or(0);
        Self { steps, largest }
    }

    /// Rows `stride` apart.
    pub(super) fn regular(rows: usize, stride: usize) -> Self {
        Self::new((0..rows).map(|row| row * stride))
    }

    /// All rows.
    pub(super) fn all(&self) -> Offsets<'_> {
        Offsets {
            steps: &self.steps,
            largest: self.largest,
        }
    }

    /// The first `rows` rows of a list whose offsets grow.
    pub(super) fn within(&self, rows: usize) -> Offsets<'_> {
        let steps = &self.steps[..rows];
        debug_assert!(self.steps.is_sorted());
        Offsets {
            steps,
            largest: steps.last().copied().unwrap_or(0),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
        _mm256_storeu_ps,
    };

    /// `MR` rows by `NV` vectors of eight columns; 4×3 and 6×2 leave twelve accumulators, enough to hide the latency of
    /// two fused multiply-adds a cycle.
    ///
    /// # Safety
    /// The processor has AVX2 and FMA; `a` is readable for `steps · MR` values, `b` for `8 · NV` values from each offset,
    /// `offsets` for `steps`, and `c` writable for `MR` rows of `8 · NV` values, `stride` apart.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn micro<const MR: usize, const NV: usize>(
        steps: usize,
        mut a: *const f32,
        b: *const f32,
        offsets: *const u32,
        c: *mut f32,
        stride: usize,
        add: bool,
    ) {
        // SAFETY: every address below is inside the ranges that the caller promises.
        unsafe {
            let mut sums = [[_mm256_setzero_ps(); NV]; MR];
            for k in 0..steps {
                let row = b.add(*offsets.add(k) as usize);
                let mut values = [_mm256_setzero_ps(); NV];
                for (v, value) in values.iter_mut().enumerate() {
                    *value = _mm256_loadu_ps(row.add(8 * v));
                }
                for (r, sum) in sums.iter_mut().enumerate() {
                    let weight = _mm256_broadcast_ss(&*a.add(r));
                    for v in 0..NV {
                        sum[v] = _mm256_fmadd_ps(weight, values[v], sum[v]);
                    }
                }
                a = a.add(MR);
            }
            for (r, sum) in sums.iter().enumerate() {
                for (v, &value) in sum.iter().enumerate() {
                    let place = c.add(r * stride + 8 * v);
                    let value = if add {
                        _mm256_add_ps(_mm256_loadu_ps(place), value)
                    } else {
                        value
                    };
                    _mm256_storeu_ps(place, value);
                }
            }
        }
    }
}

/// The same block product in plain Rust, for processors without a path of their own.
///
/// # Safety
/// As for the AVX2 kernel, with `NR` columns.
unsafe fn portable<const MR: usize, const NR: usize>(
    steps: usize,
    a: *const f32,
    b: *const f32,
    offsets: *const u32,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    let mut sums = [[0f32; NR]; MR];
    for k in 0..steps {
        // SAFETY: the caller promises `steps · MR` values of `a`, and `NR` values of `b` from each of `steps` offsets.
        let (weights, values) = unsafe {
            let row = b.add(*offsets.add(k) as usize);
            (&*a.add(k * MR).cast::<[f32; MR]>(), &*row.cast::<[f32; NR]>())
        };
        for (sum, weight) in sums.iter_mut().zip(weights) {
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        // SAFETY: the caller promises `MR` rows of `NR` values, `stride` apart.
        let row = unsafe { &mut *c.add(r * stride).cast::<[f32; NR]>() };
        for (place, sum) in row.iter_mut().zip(sum) {
            *place = if add { *place + sum } else { *sum };
        }
    }
}
