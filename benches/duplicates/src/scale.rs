//! Time and memory of a search among very many films.

use std::f32::consts::PI;
use std::time::Instant;

use pleura_core::Progress;
use pleura_duplicates::similar::{candidates, filter_candidates, hamming_radius, hashes};
use pleura_duplicates::{Index, Thumbnail};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

const SIDE: usize = Thumbnail::SIDE;

/// One in this many generated films is a duplicate of the film before it.
const ONE_COPY_IN: usize = 100;

/// Frequencies per axis of generated films.
const FREQUENCIES: usize = 14;

/// Directions in which generated films differ. Few directions make their hashes as similar as those of real
/// films.
const DIRECTIONS: usize = 64;

/// Difference of a duplicate from its film, relative to the difference between films.
const COPY_NOISE: f32 = 0.15;

/// The measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Scale {
    /// Films in the index.
    pub(crate) films: usize,
    /// Number of films that were looked up, from the first.
    pub(crate) looked_up: usize,
    /// Memory a film in bytes: thumbnail, hash, entries of the index.
    pub(crate) bytes_a_film: f64,
    /// Maximum Hamming distance of candidates.
    pub(crate) hamming_radius: u32,
    /// Duplicates of the films looked up.
    pub(crate) copies: usize,
    /// Duplicates that the index returned.
    pub(crate) found: usize,
    /// Pairs that the index returned.
    pub(crate) candidates: usize,
    /// Pairs whose thumbnails agree.
    pub(crate) opened: usize,
    /// Seconds for the hashes and the index.
    pub(crate) index_seconds: f64,
    /// Seconds for the look-ups.
    pub(crate) look_seconds: f64,
    /// Seconds to align the thumbnails of all candidates.
    pub(crate) compare_seconds: f64,
}

/// Generates thumbnails with duplicates among them, and finds the duplicates of the first `looked_up` by
/// thumbnails alone: there is nothing to open.
///
/// Generated films are sums of cosines with random coefficients along a few random directions.
pub(crate) fn scale(films: usize, looked_up: usize, seed: u64, progress: &dyn Progress) -> Scale {
    let generator = Generator::new(seed);
    let thumbnails: Vec<Option<Thumbnail>> = (0..films)
        .into_par_iter()
        .map(|film| Some(generator.film(film)))
        .collect();
    let known: Vec<usize> = (0..films).collect();
    let begin = Instant::now();
    let index = Index::new(hashes(&thumbnails, &known));
    let index_seconds = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let looked_up = looked_up.min(films);
    let candidates = candidates(&thumbnails, &known, looked_up, &index, progress);
    let look_seconds = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let opened = filter_candidates(&thumbnails, &candidates, progress).len();
    let compare_seconds = begin.elapsed().as_secs_f64();
    let is_copy = |(one, other): (usize, usize)| other == one + 1 && Generator::is_copy(other);
    Scale {
        films,
        looked_up,
        bytes_a_film: Thumbnail::BYTES as f64 + index.bytes() as f64 / films.max(1) as f64,
        hamming_radius: hamming_radius(films),
        copies: (0..looked_up).filter(|&film| Generator::is_copy(film)).count(),
        found: candidates
            .iter()
            .filter(|candidate| is_copy(candidate.films()))
            .count(),
        candidates: candidates.len(),
        opened,
        index_seconds,
        look_seconds,
        compare_seconds,
    }
}

struct Generator {
    seed: u64,
    waves: Vec<[f32; SIDE]>,
    /// `[DIRECTIONS][WAVES * WAVES]`
    directions: Vec<Vec<f32>>,
}

impl Generator {
    fn new(seed: u64) -> Self {
        let wave = |wave: usize| {
            std::array::from_fn(|at| (PI * wave as f32 * (2 * at + 1) as f32 / (2 * SIDE) as f32).cos())
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let direction = |rng: &mut ChaCha8Rng| -> Vec<f32> {
            let strength = |at: usize| {
                1.0 / (1.0 + ((at / FREQUENCIES).pow(2) + (at % FREQUENCIES).pow(2)) as f32).sqrt()
            };
            (0..FREQUENCIES * FREQUENCIES)
                .map(|at| normal(rng) * strength(at))
                .collect()
        };
        Self {
            seed,
            waves: (0..FREQUENCIES).map(wave).collect(),
            directions: (0..DIRECTIONS).map(|_| direction(&mut rng)).collect(),
        }
    }

    fn is_copy(film: usize) -> bool {
        film % ONE_COPY_IN == 1
    }

    fn film(&self, film: usize) -> Thumbnail {
        let root = if Self::is_copy(film) { film - 1 } else { film };
        let mut coefficients = self.coefficients(root as u64);
        if root != film {
            for (coefficient, noise) in coefficients.iter_mut().zip(self.coefficients(film as u64)) {
                *coefficient += COPY_NOISE * noise;
            }
        }
        let mut rows = vec![[0.0; SIDE]; FREQUENCIES];
        for (down, line) in coefficients.chunks_exact(FREQUENCIES).enumerate() {
            for (coefficient, wave) in line.iter().zip(&self.waves) {
                for (sum, wave) in rows[down].iter_mut().zip(wave) {
                    *sum += coefficient * wave;
                }
            }
        }
        Thumbnail::from_levels(|at| {
            let (y, x) = (at / SIDE, at % SIDE);
            let level: f32 = rows
                .iter()
                .zip(&self.waves)
                .map(|(row, wave)| row[x] * wave[y])
                .sum();
            (128.0 + 4.0 * level) as u8
        })
    }

    fn coefficients(&self, film: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(film + 1);
        let mut coefficients = vec![0.0; FREQUENCIES * FREQUENCIES];
        for direction in &self.directions {
            let strength = normal(&mut rng);
            for (coefficient, direction) in coefficients.iter_mut().zip(direction) {
                *coefficient += strength * direction;
            }
        }
        coefficients
    }
}

/// Approximately normal: a sum of four uniform numbers.
fn normal(rng: &mut impl Rng) -> f32 {
    (0..4).map(|_| rng.random::<f32>() - 0.5).sum::<f32>() * 3.0_f32.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_among_generated_films_are_found() {
        let scale = scale(1000, 1000, 1, &pleura_core::Silent);
        assert_eq!(scale.copies, 10);
        assert!(scale.found >= 9, "{scale:?}");
        assert!(scale.bytes_a_film < 2600.0, "{scale:?}");
    }
}
