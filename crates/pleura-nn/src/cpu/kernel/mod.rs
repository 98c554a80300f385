//! The micro-kernel: a small block of a matrix product, held in registers.
//!
//! One form is for products whose outputs are rows (1×1 and direct 3×3 convolutions, input gradients): `C[r,
//! n] (+)= Σ_k A[k, r] · B[offset(k) + n]`. `A` is packed, so that the `MR` values of step `k` are
//! contiguous. Row `k` of `B` begins at `offsets[k]`, so that a 3×3 convolution reads one activated tile nine
//! times, shifted, and im2col is never written. The other form ([`Rows`]) reads `A` in place, with any
//! distance between rows and between steps: weight gradients and the products of transformed squares.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use super::path::Path;

/// One block size: `rows` values of `A` against `columns` of `B`.
#[derive(Clone, Copy)]
pub(super) struct Micro {
    /// `MR`.
    pub(super) rows: usize,
    /// `NR`.
    pub(super) columns: usize,
    run: unsafe fn(usize, *const f32, *const f32, *const u32, *mut f32, usize, bool),
    /// The most columns at the end of a map for [`Micro::run_tail`].
    pub(super) tail: usize,
    run_tail: unsafe fn(usize, [*const f32; 2], *const f32, *const u32, *mut f32, usize, bool),
}

/// Blocks of up to six rows against a panel of columns. `A` is read in place: value `(r, k)` is `a[r · row +
/// k · step]`.
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

/// A matrix read in place: value `(r, k)` is `values[r · row + k · step]`.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    pub(super) values: &'a [f32],
    pub(super) row: usize,
    pub(super) step: usize,
}

impl Rows {
    /// `c[r, n] (+)= Σ_k a[r, k] · b[k, n]` for `rows` rows and one panel: `b` is `[steps, columns]`, rows of
    /// `c` are `stride` apart.
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
        // Blocks of equal height: with few rows the multipliers would wait for each other.
        let blocks = rows.div_ceil(ROWS);
        for block in 0..blocks {
            let (first, end) = (block * rows / blocks, (block + 1) * rows / blocks);
            // SAFETY: the lengths were just checked against the last value of each operand, blocks have one
            // to `ROWS` rows, and a kernel is chosen only where the processor has its instructions.
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

/// The block sizes of an instruction set: `wide` for products whose `B` is read in panels of columns, `rows`
/// for those whose `A` is read in place.
#[derive(Clone, Copy)]
pub(super) struct Kernels {
    pub(super) wide: Micro,
    pub(super) rows: Rows,
}

impl Kernels {
    /// The kernels of an instruction set.
    pub(super) fn of(path: Path) -> Self {
        match path {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => avx512::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => avx2::KERNELS,
            #[cfg(target_arch = "aarch64")]
            Path::Neon => neon::KERNELS,
            Path::Portable => portable::kernels::<1, 1>(),
        }
    }

    /// Plain kernels with the block sizes of the widest instruction set, to test their users on processors
    /// without it.
    #[cfg(test)]
    pub(super) fn as_wide_as_avx512() -> Self {
        portable::kernels::<6, 4>()
    }
}

impl Micro {
    /// Adds a block product to `c`, or overwrites it.
    ///
    /// `a` holds `offsets.len()` steps of `rows` values; row `k` of `b` is `b[offsets[k]..][..columns]`; `c`
    /// has `rows` rows, `stride` apart.
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
            c.len() >= (self.rows - 1) * stride + self.columns,
            "C is too short"
        );
        // SAFETY: as just checked.
        unsafe { self.run_at(a, b, offsets, c.as_mut_ptr(), stride, add) };
    }

    /// [`Micro::run`] of two panels of `A` with consecutive outputs and only `tail` columns.
    #[inline]
    pub(super) fn run_tail(
        &self,
        a: [&[f32]; 2],
        b: &[f32],
        offsets: Offsets<'_>,
        c: &mut [f32],
        stride: usize,
        add: bool,
    ) {
        let steps = offsets.steps.len();
        assert!(
            c.len() >= (2 * self.rows - 1) * stride + self.tail,
            "C is too short"
        );
        assert!(
            a.iter().all(|a| a.len() >= steps * self.rows),
            "A is packed too short"
        );
        assert!(
            b.len() >= offsets.largest as usize + self.tail,
            "B is too short for its offsets"
        );
        // SAFETY: as in `run_at`, and as just checked.
        unsafe {
            (self.run_tail)(
                steps,
                a.map(<[f32]>::as_ptr),
                b.as_ptr(),
                offsets.steps.as_ptr(),
                c.as_mut_ptr(),
                stride,
                add,
            );
        }
    }

    /// [`Micro::run`] where `c` is part of a map that other threads write elsewhere.
    ///
    /// # Safety
    /// `c` is writable for `rows` rows of `columns` values, `stride` apart, and no other thread uses it
    /// meanwhile.
    #[inline]
    pub(super) unsafe fn run_at(
        &self,
        a: &[f32],
        b: &[f32],
        offsets: Offsets<'_>,
        c: *mut f32,
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
        // SAFETY: the lengths were just checked against every address that the kernel computes; `largest`
        // bounds every offset by construction, the caller promises `c`, and a kernel is chosen only where the
        // processor has its instructions.
        unsafe {
            (self.run)(
                offsets.steps.len(),
                a.as_ptr(),
                b.as_ptr(),
                offsets.steps.as_ptr(),
                c,
                stride,
                add,
            );
        }
    }
}

/// The start of each row of `B`, with the largest of them.
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
