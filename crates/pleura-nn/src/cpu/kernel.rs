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

/// Blocks of up to six rows against a panel of columns, with `A` read where it lies: value `(r, k)` is `a[r · row + k · step]`.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// Width of a panel of `B`.
    pub(super) columns: usize,
    /// By number of rows, from one.
    run: [RunRows; ROWS],
}

type RunRows = unsafe fn(usize, *const f32, usize, usize, *const f32, *mut f32, usize, bool);

/// Most rows of one block.
const ROWS: usize = 6;

/// A matrix where it lies: value `(r, k)` is `values[r · row + k · step]`.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    pub(super) values: &'a [f32],
    pub(super) row: usize,
    pub(super) step: usize,
}

impl Rows {
    /// `c[r, n] (+)= Σ_k a[r, k] · b[k, n]` for `rows` rows and one panel: `b` is `[steps, columns]`, rows of `c` are `stride` apart.
    pub(super) fn product(
        &self,
        rows: usize,
        steps: usize,
        a: Strided<'_>,
        b: &[f32],
        c: &mut [f32],
        stride: usize,
        add: bool,
    ) {
        if rows == 0 || steps == 0 {
            return;
        }
        assert!(
            a.values.len() > (rows - 1) * a.row + (steps - 1) * a.step,
            "A is too short"
        );
        assert!(b.len() >= steps * self.columns, "B is too short");
        assert!(c.len() >= (rows - 1) * stride + self.columns, "C is too short");
        // Blocks of even height: few rows would leave the multipliers waiting for each other.
        let blocks = rows.div_ceil(ROWS);
        for block in 0..blocks {
            let (first, end) = (block * rows / blocks, (block + 1) * rows / blocks);
            // SAFETY: the lengths were just checked against the last value that each operand is asked for, blocks have one to
            // `ROWS` rows, and a kernel is chosen only where the processor has its instructions.
            unsafe {
                self.run[end - first - 1](
                    steps,
                    a.values.as_ptr().add(first * a.row),
                    a.row,
                    a.step,
                    b.as_ptr(),
                    c.as_mut_ptr().add(first * stride),
                    stride,
                    add,
                );
            }
        }
    }
}

/// The block sizes of a path: `wide` where outputs come in multiples of 4 (every convolution forward and its input
/// gradient), `tall` for weight gradients, whose inner dimension is a convolution's few output channels.
#[derive(Clone, Copy)]
pub(super) struct Kernels {
    pub(super) wide: Micro,
    pub(super) tall: Micro,
    pub(super) rows: Rows,
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
                    run: avx2::micro_4x24,
                },
                tall: Micro {
                    rows: 6,
                    columns: 16,
                    run: avx2::micro::<6, 2>,
                },
                rows: Rows {
                    columns: 16,
                    run: [
                        avx2::rows_1,
                        avx2::rows_2,
                        avx2::rows_3,
                        avx2::rows_4,
                        avx2::rows_5,
                        avx2::rows_6,
                    ],
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
                rows: Rows {
                    columns: 8,
                    run: [
                        portable_rows::<1, 8>,
                        portable_rows::<2, 8>,
                        portable_rows::<3, 8>,
                        portable_rows::<4, 8>,
                        portable_rows::<5, 8>,
                        portable_rows::<6, 8>,
                    ],
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
    use std::arch::asm;
    use std::arch::x86_64::{
        __m256, _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
        _mm256_storeu_ps,
    };

    /// Four rows by 24 columns: twelve accumulators, three vectors of `B` and one weight fill the sixteen registers to the
    /// last. Compilers spill one of them into the loop's critical path, which halves the rate; hence the assembly.
    ///
    /// # Safety
    /// As [`micro`], for `MR` = 4 and `NV` = 3.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn micro_4x24(
        steps: usize,
        a: *const f32,
        b: *const f32,
        offsets: *const u32,
        c: *mut f32,
        stride: usize,
        add: bool,
    ) {
        let mut sums = [[_mm256_setzero_ps(); 3]; 4];
        if steps > 0 {
            // SAFETY: the loop reads `steps` offsets, as many times four values of `A`, and 24 values of `B` from each offset, as
            // the caller promises; it writes registers only.
            unsafe {
                asm!(
                "2:",
                "mov {place:e}, dword ptr [{offsets}]",
                "vmovups ymm12, ymmword ptr [{b} + 4*{place}]",
                "vmovups ymm13, ymmword ptr [{b} + 4*{place} + 32]",
                "vmovups ymm14, ymmword ptr [{b} + 4*{place} + 64]",
                "vbroadcastss ymm15, dword ptr [{a}]",
                "vfmadd231ps ymm0, ymm15, ymm12",
                "vfmadd231ps ymm1, ymm15, ymm13",
                "vfmadd231ps ymm2, ymm15, ymm14",
                "vbroadcastss ymm15, dword ptr [{a} + 4]",
                "vfmadd231ps ymm3, ymm15, ymm12",
                "vfmadd231ps ymm4, ymm15, ymm13",
                "vfmadd231ps ymm5, ymm15, ymm14",
                "vbroadcastss ymm15, dword ptr [{a} + 8]",
                "vfmadd231ps ymm6, ymm15, ymm12",
                "vfmadd231ps ymm7, ymm15, ymm13",
                "vfmadd231ps ymm8, ymm15, ymm14",
                "vbroadcastss ymm15, dword ptr [{a} + 12]",
                "vfmadd231ps ymm9, ymm15, ymm12",
                "vfmadd231ps ymm10, ymm15, ymm13",
                "vfmadd231ps ymm11, ymm15, ymm14",
                "add {a}, 16",
                "add {offsets}, 4",
                "dec {steps}",
                "jnz 2b",
                a = inout(reg) a => _,
                b = in(reg) b,
                offsets = inout(reg) offsets => _,
                steps = inout(reg) steps => _,
                place = out(reg) _,
                inout("ymm0") sums[0][0],
                inout("ymm1") sums[0][1],
                inout("ymm2") sums[0][2],
                inout("ymm3") sums[1][0],
                inout("ymm4") sums[1][1],
                inout("ymm5") sums[1][2],
                inout("ymm6") sums[2][0],
                inout("ymm7") sums[2][1],
                inout("ymm8") sums[2][2],
                inout("ymm9") sums[3][0],
                inout("ymm10") sums[3][1],
                inout("ymm11") sums[3][2],
                out("ymm12") _,
                out("ymm13") _,
                out("ymm14") _,
                out("ymm15") _,
                options(nostack, readonly),
                );
            }
        }
        // SAFETY: the caller promises `c` for four rows of 24 values.
        unsafe { end(&sums, c, stride, add) };
    }

    /// A kernel of `$rows` rows by 16 columns: two vectors of `B` and a weight for up to twelve accumulators.
    macro_rules! rows {
        ($name:ident, $rows:literal, $($line:expr),+) => {
            /// # Safety
            /// The processor has AVX2 and FMA; `a` is readable at `r · row + k · step` for every row and step, `b` for 16 values a
            /// step, `c` writable for 16 values a row, `stride` apart.
            #[target_feature(enable = "avx2,fma")]
            pub(super) unsafe fn $name(
                steps: usize,
                a: *const f32,
                row: usize,
                step: usize,
                b: *const f32,
                c: *mut f32,
                stride: usize,
                add: bool,
            ) {
                let mut sums = [[_mm256_setzero_ps(); 2]; 6];
                if steps > 0 {
                    // SAFETY: the loop reads what the caller promises and writes registers only; the address of the fourth row is
                    // only read where there is one.
                    unsafe {
                        asm!(
                            "2:", // Named here for the kernel of one row, which has no use for it.
                            "# {row}",
                            "vmovups ymm12, ymmword ptr [{b}]",
                            "vmovups ymm13, ymmword ptr [{b} + 32]",
                            $($line,)+
                            "add {a}, {step}",
                            "add {fourth}, {step}",
                            "add {b}, 64",
                            "dec {steps}",
                            "jnz 2b",
                            a = inout(reg) a => _,
                            fourth = inout(reg) a.wrapping_add(3 * row) => _,
                            b = inout(reg) b => _,
                            steps = inout(reg) steps => _,
                            row = in(reg) 4 * row,
                            step = in(reg) 4 * step,
                            inout("ymm0") sums[0][0],
                            inout("ymm1") sums[0][1],
                            inout("ymm2") sums[1][0],
                            inout("ymm3") sums[1][1],
                            inout("ymm4") sums[2][0],
                            inout("ymm5") sums[2][1],
                            inout("ymm6") sums[3][0],
                            inout("ymm7") sums[3][1],
                            inout("ymm8") sums[4][0],
                            inout("ymm9") sums[4][1],
                            inout("ymm10") sums[5][0],
                            inout("ymm11") sums[5][1],
                            out("ymm12") _,
                            out("ymm13") _,
                            out("ymm14") _,
                            out("ymm15") _,
                            options(nostack, readonly),
                        );
                    }
                }
                let sums: [[__m256; 2]; $rows] = std::array::from_fn(|r| sums[r]);
                // SAFETY: the caller promises `c`.
                unsafe { end(&sums, c, stride, add) };
            }
        };
    }

    /// One row: its weight, and its two accumulators.
    macro_rules! row {
        ($address:literal, $weight:literal, $first:literal, $second:literal) => {
            concat!(
                "vbroadcastss ymm",
                $weight,
                ", dword ptr [",
                $address,
                "]\n",
                "vfmadd231ps ymm",
                $first,
                ", ymm",
                $weight,
                ", ymm12\n",
                "vfmadd231ps ymm",
                $second,
                ", ymm",
                $weight,
                ", ymm13"
            )
        };
    }

    rows!(rows_1, 1, row!("{a}", 14, 0, 1));

    rows!(rows_2, 2, row!("{a}", 14, 0, 1), row!("{a} + {row}", 15, 2, 3));

    rows!(
        rows_3,
        3,
        row!("{a}", 14, 0, 1),
        row!("{a} + {row}", 15, 2, 3),
        row!("{a} + 2*{row}", 14, 4, 5)
    );

    rows!(
        rows_4,
        4,
        row!("{a}", 14, 0, 1),
        row!("{a} + {row}", 15, 2, 3),
        row!("{a} + 2*{row}", 14, 4, 5),
        row!("{fourth}", 15, 6, 7)
    );

    rows!(
        rows_5,
        5,
        row!("{a}", 14, 0, 1),
        row!("{a} + {row}", 15, 2, 3),
        row!("{a} + 2*{row}", 14, 4, 5),
        row!("{fourth}", 15, 6, 7),
        row!("{fourth} + {row}", 14, 8, 9)
    );

    rows!(
        rows_6,
        6,
        row!("{a}", 14, 0, 1),
        row!("{a} + {row}", 15, 2, 3),
        row!("{a} + 2*{row}", 14, 4, 5),
        row!("{fourth}", 15, 6, 7),
        row!("{fourth} + {row}", 14, 8, 9),
        row!("{fourth} + 2*{row}", 15, 10, 11)
    );

    /// Writes a block, or adds it to what is there.
    ///
    /// # Safety
    /// The processor has AVX2; `c` is writable for `MR` rows of `8 · NV` values, `stride` apart.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn end<const MR: usize, const NV: usize>(
        sums: &[[__m256; NV]; MR],
        c: *mut f32,
        stride: usize,
        add: bool,
    ) {
        for (r, sum) in sums.iter().enumerate() {
            for (v, &value) in sum.iter().enumerate() {
                // SAFETY: inside the rows that the caller promises.
                unsafe {
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

    /// `MR` rows by `NV` vectors of eight columns; 6×2 makes twelve accumulators, enough to hide the latency of
    /// two fused multiply-adds a cycle, and leaves the compiler a register.
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
            end(&sums, c, stride, add);
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

/// The same rows' product in plain Rust.
///
/// # Safety
/// `a` is readable at `r · row + k · step` for every row and step, `b` for `NR` values a step, `c` writable for `NR` values a row,
/// `stride` apart.
unsafe fn portable_rows<const MR: usize, const NR: usize>(
    steps: usize,
    a: *const f32,
    row: usize,
    step: usize,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    let mut sums = [[0f32; NR]; MR];
    for k in 0..steps {
        // SAFETY: the caller promises `b` for every step.
        let values = unsafe { &*b.add(k * NR).cast::<[f32; NR]>() };
        for (r, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the caller promises `a` for every row and step.
            let weight = unsafe { *a.add(r * row + k * step) };
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
