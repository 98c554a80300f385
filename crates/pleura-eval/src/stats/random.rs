//! Named random streams, and distributions sampled from them.

use pleura_core::rng::{self, ChaCha8Rng, Scheme};
use rand::{Rng, RngExt};

/// Stream `index` of the generator for `seed` and `name`.
///
/// A sample depends on these three only, so samples may be made on any thread in any order. The first 24
/// bytes of `name` count.
pub(crate) fn stream(seed: u64, name: &str, index: u64) -> ChaCha8Rng {
    let mut generator = rng::stream(Scheme::Plain, seed, &[name.as_bytes()]);
    generator.set_stream(index);
    generator
}

/// Writes one sample of Dirichlet(`parameters`), each at least 1, to `out`.
pub(crate) fn dirichlet(generator: &mut impl Rng, parameters: &[f64], out: &mut [f64]) {
    let mut total = 0.0;
    for (slot, &shape) in out.iter_mut().zip(parameters) {
        *slot = gamma(generator, shape);
        total += *slot;
    }
    for slot in out {
        *slot /= total;
    }
}

/// One sample of Gamma(`shape`, 1), `shape` ≥ 1. G. Marsaglia and W. W. Tsang, ACM Transactions on
/// Mathematical Software 26 (2000) 363–372.
fn gamma(generator: &mut impl Rng, shape: f64) -> f64 {
    debug_assert!(shape >= 1.0);
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(generator);
        let cube_root = 1.0 + c * x;
        if cube_root <= 0.0 {
            continue;
        }
        let v = cube_root * cube_root * cube_root;
        // 1 − u lies in (0, 1], so its logarithm is finite.
        let u = 1.0 - generator.random::<f64>();
        if u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            return d * v;
        }
    }
}

/// One standard normal sample by Marsaglia's polar method.
fn normal(generator: &mut impl Rng) -> f64 {
    loop {
        let x = 2.0 * generator.random::<f64>() - 1.0;
        let y = 2.0 * generator.random::<f64>() - 1.0;
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_has_its_moments() {
        for shape in [1.0, 2.5, 51.0] {
            let mut generator = stream(7, "gamma test", 0);
            let draws: Vec<f64> = (0..200_000).map(|_| gamma(&mut generator, shape)).collect();
            let n = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            let third = draws.iter().map(|x| (x - mean).powi(3)).sum::<f64>() / n;
            // Mean and variance equal the shape, the third central moment is twice the shape.
            assert!((mean / shape - 1.0).abs() < 0.01, "{shape}: mean {mean}");
            assert!(
                (variance / shape - 1.0).abs() < 0.03,
                "{shape}: variance {variance}"
            );
            assert!(
                (third / (2.0 * shape) - 1.0).abs() < 0.25,
                "{shape}: third moment {third}"
            );
        }
    }

    #[test]
    fn streams_differ_by_seed_name_and_index() {
        let first = |seed, name, index| stream(seed, name, index).random::<u64>();
        let base = first(1, "a", 0);
        assert_eq!(base, first(1, "a", 0));
        assert!(base != first(2, "a", 0) && base != first(1, "b", 0) && base != first(1, "a", 1));
    }
}
