//! AVX2 and FMA: sixteen registers of eight values.

use std::arch::asm;
use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_storeu_ps,
};

use super::block::{self, Register};
use super::{Kernels, Micro, Rows};

// SAFETY of the methods: the trait requires callers that are compiled for AVX2 and FMA and run where they
// exist.
impl Register for __m256 {
    const LEN: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: see above.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above; the caller promises eight values.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above; the caller promises eight places.
        unsafe { _mm256_storeu_ps(to, self) };
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { _mm256_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn fused(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        unsafe { _mm256_fmadd_ps(a, b, self) }
    }
}

/// Four rows by 24 columns: twelve accumulators, three vectors of `B` and one weight use all sixteen
/// registers. Compilers spill one of them in the loop's critical path, which halves the rate; hence the
/// assembly.
///
/// # Safety
/// The processor has AVX2 and FMA; `a` is readable for `4 · steps` values, `b` for 24 values from each
/// offset, `offsets` for `steps`, and `c` writable for four rows of 24 values, `stride` apart.
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
        // SAFETY: the loop reads `steps` offsets, `steps` times four values of `A`, and 24 values of `B` from
        // each offset, as the caller promises. It writes only registers.
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
    unsafe { block::end(&sums, c, stride, add) };
}

/// A kernel of `$rows` rows by 16 columns: two vectors of `B` and a weight for up to twelve accumulators.
macro_rules! rows {
    ($name:ident, $rows:literal, $($line:expr),+) => {
        /// # Safety
        /// The processor has AVX2 and FMA; `a` is readable at `r · row + k · step` for every row and step,
        /// `b` for 16 values a step, `c` writable for 16 values a row, `stride` apart.
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
                // SAFETY: the loop reads only what the caller promises and writes only registers. The address
                // of the fourth row is read only if there is one.
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
            unsafe { block::end(&sums, c, stride, add) };
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

/// # Safety
/// The processor has AVX2 and FMA; else as [`block::tail`].
#[target_feature(enable = "avx2,fma")]
unsafe fn tail(
    steps: usize,
    a: [*const f32; 2],
    b: *const f32,
    offsets: *const u32,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    // SAFETY: the caller promises the conditions.
    unsafe { block::tail::<__m256, 4>(steps, a, b, offsets, c, stride, add) };
}

pub(super) const KERNELS: Kernels = Kernels {
    wide: Micro {
        rows: 4,
        columns: 24,
        run: micro_4x24,
        tail: <__m256 as Register>::LEN,
        run_tail: tail,
    },
    rows: Rows {
        columns: 16,
        run: [rows_1, rows_2, rows_3, rows_4, rows_5, rows_6],
    },
};
