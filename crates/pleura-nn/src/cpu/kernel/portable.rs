//! Plain Rust, for processors without another instruction set.

use super::block::{self, Register};
use super::{Kernels, Micro, Rows};

/// Eight values that the compiler keeps wherever it can.
#[derive(Clone, Copy)]
struct Eight([f32; 8]);

impl Register for Eight {
    const LEN: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller promises eight values; an array of them needs no more alignment than one.
        Self(unsafe { *from.cast() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller promises eight places.
        unsafe { *to.cast() = self.0 };
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    unsafe fn fused(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
    }
}

/// Kernels of `WIDE` and `PANEL` times eight columns.
pub(super) const fn kernels<const WIDE: usize, const PANEL: usize>() -> Kernels {
    Kernels {
        wide: Micro {
            rows: 4,
            columns: WIDE * Eight::LEN,
            run: block::wide::<Eight, 4, WIDE>,
            tail: Eight::LEN,
            run_tail: block::tail::<Eight, 4>,
        },
        rows: Rows {
            columns: PANEL * Eight::LEN,
            run: [
                block::rows::<Eight, 1, PANEL>,
                block::rows::<Eight, 2, PANEL>,
                block::rows::<Eight, 3, PANEL>,
                block::rows::<Eight, 4, PANEL>,
                block::rows::<Eight, 5, PANEL>,
                block::rows::<Eight, 6, PANEL>,
            ],
        },
    }
}
