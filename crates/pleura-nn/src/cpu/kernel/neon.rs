//! NEON: 32 registers of four values. Every 64-bit ARM processor has it.

use std::arch::aarch64::{float32x4_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vst1q_f32};

use super::block::{Register, kernels};

// SAFETY of the methods: NEON is part of the target.
impl Register for float32x4_t {
    const LEN: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: see above.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above; the caller promises four values.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above; the caller promises four places.
        unsafe { vst1q_f32(to, self) };
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn fused(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        unsafe { vfmaq_f32(self, a, b) }
    }
}

kernels!(float32x4_t, #[target_feature(enable = "neon")] 4 x 6, 4);
