//! Loops over rows, compiled for several instruction sets and chosen at run time.

/// Compiles a loop for AVX2 and for the build's target, and chooses at run time.
///
/// Both do the same additions and multiplications in the same order without fusing them, so the bits do not
/// depend on the choice.
macro_rules! per_path {
    ($(#[$doc:meta])* $visible:vis fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[allow(unsafe_code, reason = "AVX2 is called where the processor has it")]
        $visible fn $name($($argument: $kind),*) {
            #[inline(always)]
            fn body($($argument: $kind),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $kind),*) {
                    body($($argument),*);
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                                        // SAFETY: AVX2 was detected above.
                    unsafe { avx2($($argument),*) };
                    return;
                }
            }
            body($($argument),*);
        }
    };
}

pub(crate) use per_path;

/// 2²³: `f32` has no fraction from here on. Adding it rounds (halves to even) and leaves the integer in the
/// last bits.
pub(crate) const NO_FRACTION: f32 = 8_388_608.0;

/// Converts a whole number from 0 to 2²³ − 1 to an integer. Unlike a cast, it vectorises.
#[inline]
pub(crate) fn whole(number: f32) -> u32 {
    (number + NO_FRACTION).to_bits() & 0x7f_ffff
}
