//! Named random streams: a patient does not depend on the patients drawn before.

use pleura_core::rng::{self, ChaCha8Rng, Scheme};
use rand::RngExt;

/// The random number generator.
pub(crate) type Stream = ChaCha8Rng;

/// The stream of `name` under `seed`.
pub(crate) fn stream(seed: u64, name: &str) -> Stream {
    rng::stream(Scheme::Prefixed("pleura phantom 1"), seed, &[name.as_bytes()])
}

/// A seed for `name` under `seed`.
pub(crate) fn derive(seed: u64, name: &str) -> u64 {
    stream(seed, name).random()
}

/// Uniform in `low..high`.
pub(crate) fn between(rng: &mut Stream, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// Approximately normal with mean 0 and variance 1, within ±3.5: four 16-bit uniforms from one draw, so that
/// every machine computes the same bits.
pub(crate) fn normal(rng: &mut Stream) -> f32 {
    let word: u64 = rng.random();
    let sum = (word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48);
    (sum as f32 / 65_535.0 - 2.0) * 3.0_f32.sqrt()
}

/// One of `items`; `items` is never empty here.
pub(crate) fn pick<'a, T>(rng: &mut Stream, items: &'a [T]) -> &'a T {
    &items[rng.random_range(0..items.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_name_and_by_seed_and_repeat() {
        assert_eq!(derive(7, "a"), derive(7, "a"));
        assert_ne!(derive(7, "a"), derive(7, "b"));
        assert_ne!(derive(7, "a"), derive(8, "a"));
    }

    #[test]
    fn normal_has_mean_zero_and_variance_one() {
        let mut rng = stream(1, "normal");
        let draws: Vec<f32> = (0..40_000).map(|_| normal(&mut rng)).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / draws.len() as f32;
        assert!(mean.abs() < 0.02, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.03, "variance {variance}");
    }
}
