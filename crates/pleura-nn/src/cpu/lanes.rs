//! Eight values at once, with the instructions of an instruction set.

/// Eight `f32`. `fused(k, c)` is `self · k + c`, in one rounding if the instruction set has it.
///
/// Methods must be called from code that is compiled for the instruction set, as [`super::path::per_path`]
/// does.
pub(super) trait Lanes: Copy {
    /// Eight equal values.
    fn all(value: f32) -> Self;
    /// The first eight values.
    fn load(from: &[f32]) -> Self;
    /// Writes the first eight places.
    fn store(self, to: &mut [f32]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn fused(self, factor: f32, add: Self) -> Self;
    /// `max(scale · self + shift, floor)`, in two roundings on every instruction set.
    fn scaled(self, scale: f32, shift: f32, floor: f32) -> Self;
}

/// Eight values in plain Rust.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 8]);

impl Lanes for Plain {
    #[inline(always)]
    fn all(value: f32) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        Self(std::array::from_fn(|i| from[..8][i]))
    }
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[..8].copy_from_slice(&self.0);
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
    #[inline(always)]
    fn fused(self, factor: f32, add: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * factor + add.0[i]))
    }
    #[inline(always)]
    fn scaled(self, scale: f32, shift: f32, floor: f32) -> Self {
        Self(self.0.map(|x| (scale * x + shift).max(floor)))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_mul_ps,
        _mm256_set1_ps, _mm256_storeu_ps, _mm256_sub_ps,
    };

    /// One register. Used only in code that is compiled for AVX2 and FMA and runs where both exist.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Register(__m256);

    impl super::Lanes for Register {
        #[inline(always)]
        fn all(value: f32) -> Self {
            // SAFETY: only code of the AVX2 path uses this type.
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        fn load(from: &[f32]) -> Self {
            let from = &from[..8];
            // SAFETY: as above; eight values are there.
            Self(unsafe { _mm256_loadu_ps(from.as_ptr()) })
        }
        #[inline(always)]
        fn store(self, to: &mut [f32]) {
            let to = &mut to[..8];
            // SAFETY: as above; eight places are there.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) };
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn fused(self, factor: f32, add: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_fmadd_ps(self.0, _mm256_set1_ps(factor), add.0) })
        }
        #[inline(always)]
        fn scaled(self, scale: f32, shift: f32, floor: f32) -> Self {
            // SAFETY: as above.
            Self(unsafe {
                let x = _mm256_mul_ps(_mm256_set1_ps(scale), self.0);
                _mm256_max_ps(_mm256_add_ps(x, _mm256_set1_ps(shift)), _mm256_set1_ps(floor))
            })
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Register;
