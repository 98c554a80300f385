//! Loops over rows, compiled for the instructions that this machine has.

/// Compiles a loop twice, for AVX2 and for the build's own target, and takes what the machine can.
///
/// Both do the same additions and multiplications in the same order, and neither fuses them: the bits do not depend on the
/// choice.
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
                    // SAFETY: the processor was just found to have AVX2.
                    unsafe { avx2($($argument),*) };
                    return;
                }
            }
            body($($argument),*);
        }
    };
}

pub(crate) use per_path;

/// 2²³: numbers from here on have no fraction, so adding it rounds, halves to even, and leaves the sum's integer in the last bits.
pub(crate) const NO_FRACTION: f32 = 8_388_608.0;

/// A whole number of 0 to 2²³ − 1 as an integer. Unlike a cast, which must also answer for all other numbers, it vectorises.
#[inline]
pub(crate) fn whole(number: f32) -> u32 {
    (number + NO_FRACTION).to_bits() & 0x7f_ffff
}
