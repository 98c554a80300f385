//! What looking for copies costs where there are very many films.

use std::f32::consts::PI;
use std::time::Instant;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::Progress;
use crate::find::{candidates, hashes, reach, worth_opening};
use crate::index::Index;
use crate::sketch::{SIDE, Sketch};

/// Of so many made-up films, one is a copy of the one before it.
const ONE_COPY_IN: usize = 100;

/// Waves across and down that made-up films consist of.
const WAVES: usize = 14;

/// Directions in which made-up films differ: few, so that their hashes are as near each other as real films' are.
const DIRECTIONS: usize = 64;

/// What a copy differs by from its film, as a share of what films differ by.
const COPY_NOISE: f32 = 0.15;

/// What it cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scale {
    /// Films in the index.
    pub films: usize,
    /// Films that were looked up, the first so many.
    pub looked_up: usize,
    /// Bytes a film that stay in memory: its sketch, its hash, its places in the index.
    pub bytes_a_film: f64,
    /// Bits that hashes may differ in.
    pub reach: u32,
    /// Copies among the films looked up.
    pub copies: usize,
    /// Copies that the index gave.
    pub found: usize,
    /// Pairs that the index gave.
    pub candidates: usize,
    /// Pairs that would be opened: their sketches agree.
    pub opened: usize,
    /// Seconds to make the hashes and the index.
    pub index_seconds: f64,
    /// Seconds to look those films up.
    pub look_seconds: f64,
    /// Seconds to lay the sketches of all candidates over each other.
    pub compare_seconds: f64,
}

/// Makes films up, among them copies, and finds copies of the first `looked_up` by sketches alone, since there is nothing to open.
///
/// Made-up films are sums of cosines of random strength along a few random directions.
pub fn scale(films: usize, looked_up: usize, seed: u64, progress: Progress<'_>) -> Scale {
    let maker = Maker::new(seed);
    let sketches: Vec<Option<Sketch>> = (0..films)
        .into_par_iter()
        .map(|film| Some(maker.film(film)))
        .collect();
    let known: Vec<usize> = (0..films).collect();
    let begin = Instant::now();
    let index = Index::new(hashes(&sketches, &known));
    let index_seconds = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let looked_up = looked_up.min(films);
    let candidates = candidates(&sketches, &known, looked_up, &index, progress);
    let look_seconds = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let opened = worth_opening(&sketches, &candidates, progress).len();
    let compare_seconds = begin.elapsed().as_secs_f64();
    let is_copy = |(one, other): (usize, usize)| other == one + 1 && Maker::is_copy(other);
    Scale {
        films,
        looked_up,
        bytes_a_film: Sketch::BYTES as f64 + index.bytes() as f64 / films.max(1) as f64,
        reach: reach(films),
        copies: (0..looked_up).filter(|&film| Maker::is_copy(film)).count(),
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

struct Maker {
    seed: u64,
    waves: Vec<[f32; SIDE]>,
    /// `[DIRECTIONS][WAVES * WAVES]`
    directions: Vec<Vec<f32>>,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let wave = |wave: usize| {
            std::array::from_fn(|at| (PI * wave as f32 * (2 * at + 1) as f32 / (2 * SIDE) as f32).cos())
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let direction = |rng: &mut ChaCha8Rng| -> Vec<f32> {
            let strength =
                |at: usize| 1.0 / (1.0 + ((at / WAVES).pow(2) + (at % WAVES).pow(2)) as f32).sqrt();
            (0..WAVES * WAVES).map(|at| normal(rng) * strength(at)).collect()
        };
        Self {
            seed,
            waves: (0..WAVES).map(wave).collect(),
            directions: (0..DIRECTIONS).map(|_| direction(&mut rng)).collect(),
        }
    }

    fn is_copy(film: usize) -> bool {
        film % ONE_COPY_IN == 1
    }

    fn film(&self, film: usize) -> Sketch {
        let root = if Self::is_copy(film) { film - 1 } else { film };
        let mut shares = self.shares(root as u64);
        if root != film {
            for (share, noise) in shares.iter_mut().zip(self.shares(film as u64)) {
                *share += COPY_NOISE * noise;
            }
        }
        let mut rows = vec![[0.0; SIDE]; WAVES];
        for (down, line) in shares.chunks_exact(WAVES).enumerate() {
            for (share, wave) in line.iter().zip(&self.waves) {
                for (sum, wave) in rows[down].iter_mut().zip(wave) {
                    *sum += share * wave;
                }
            }
        }
        Sketch::from_levels(|at| {
            let (y, x) = (at / SIDE, at % SIDE);
            let level: f32 = rows
                .iter()
                .zip(&self.waves)
                .map(|(row, wave)| row[x] * wave[y])
                .sum();
            (128.0 + 4.0 * level) as u8
        })
    }

    fn shares(&self, film: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(film + 1);
        let mut shares = vec![0.0; WAVES * WAVES];
        for direction in &self.directions {
            let strength = normal(&mut rng);
            for (share, direction) in shares.iter_mut().zip(direction) {
                *share += strength * direction;
            }
        }
        shares
    }
}

/// Nearly normal: the sum of four even numbers.
fn normal(rng: &mut impl Rng) -> f32 {
    (0..4).map(|_| rng.random::<f32>() - 0.5).sum::<f32>() * 3.0_f32.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_among_made_up_films_are_found() {
        let scale = scale(1000, 1000, 1, &|_, _, _| {});
        assert_eq!(scale.copies, 10);
        assert!(scale.found >= 9, "{scale:?}");
        assert!(scale.bytes_a_film < 2600.0, "{scale:?}");
    }
}
