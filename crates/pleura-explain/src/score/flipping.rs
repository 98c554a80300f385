//! Pixel flipping: the pixels with the greatest relevance are covered first, and the answer should fall fast.
//!
//! Bach et al., `PLoS` ONE 10, 2015; Samek et al., IEEE Transactions on Neural Networks and Learning Systems
//! 28, 2017, whose area over the perturbation curve this is: with `f_k` the question's number after `k` of
//! `L` steps, `AOPC = 1/(L+1) Σ_k (f_0 − f_k)`. Quantus returns the curve, `f_k`. Ours flips square patches,
//! ranked by their sum; with patches of one pixel and steps of as many pixels it equals Quantus's.

use pleura_nn::backend::{Backend, Real};
use pleura_nn::{Network, relevance};

use super::random::{shuffled, stream};
use super::{Film, Settings};
use crate::Error;
use crate::method::value;

/// Flipped films in one batch.
const TOGETHER: usize = 32;

/// A film that is flipped patch by patch.
pub struct Flips<'a> {
    grey: &'a [f32],
    size: usize,
    fill: Vec<f32>,
    patch: usize,
    /// Number of flipped patches after each step.
    steps: Vec<usize>,
}

impl<'a> Flips<'a> {
    /// Uses the settings' patch, steps, share and fill.
    pub fn new(film: &Film<'a>, settings: &Settings) -> Self {
        let patch = settings.patch.clamp(1, film.size);
        let count = film.size.div_ceil(patch).pow(2) as f64;
        let steps = settings.flips.min(count as usize);
        let step = |step: usize| {
            let share = settings.flip_share * step as f64 / steps as f64;
            (share * count).round() as usize
        };
        Self {
            grey: film.grey,
            size: film.size,
            fill: settings.fill.film(film.grey, film.size),
            patch,
            steps: (1..=steps).map(step).collect(),
        }
    }

    fn across(&self) -> usize {
        self.size.div_ceil(self.patch)
    }

    /// The pixels of a patch; at the right and lower border it may be cut off.
    fn places(&self, patch: usize) -> impl Iterator<Item = usize> + use<'_> {
        let (row, column) = (patch / self.across(), patch % self.across());
        let reach = |begin: usize| begin * self.patch..((begin + 1) * self.patch).min(self.size);
        reach(row).flat_map(move |row| reach(column).map(move |column| row * self.size + column))
    }

    /// Patches by falling sum of their values; equal ones in random order.
    pub fn order(&self, heatmap: &[f32], seed: u64, film: &str) -> Vec<usize> {
        let count = self.across().pow(2);
        // Zeros of both signs are equal.
        let sum = |patch: usize| {
            self.places(patch)
                .map(|place| f64::from(heatmap[place]))
                .sum::<f64>()
                + 0.0
        };
        let sums: Vec<f64> = (0..count).map(sum).collect();
        let mut order = shuffled(count, &mut stream(seed, "equal patches", film));
        order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]));
        order
    }

    /// A random order of the patches.
    pub fn random_order(&self, seed: u64, film: &str, number: usize) -> Vec<usize> {
        let purpose = format!("patches in random order {number}");
        shuffled(self.across().pow(2), &mut stream(seed, &purpose, film))
    }

    /// The logits of the film as it is, and after each step.
    ///
    /// # Errors
    /// As [`Network::infer`].
    pub fn logits<B: Backend>(&self, network: &Network<B>, order: &[usize]) -> Result<Vec<Vec<f64>>, Error> {
        let mut flipped = self.grey.to_vec();
        let (mut done, mut waiting, mut logits) = (0, self.grey.to_vec(), Vec::new());
        let pixels = self.size * self.size;
        for (number, &step) in self.steps.iter().enumerate() {
            for &patch in &order[done..step] {
                for place in self.places(patch) {
                    flipped[place] = self.fill[place];
                }
            }
            done = step;
            waiting.extend(&flipped);
            let films = waiting.len() / pixels;
            if films == TOGETHER || number + 1 == self.steps.len() {
                let answers = network.infer(&waiting, films, self.size)?;
                let answers = answers.chunks_exact(answers.len() / films);
                logits.extend(answers.map(|answer| answer.iter().map(|z| z.to_f64()).collect()));
                waiting.clear();
            }
        }
        Ok(logits)
    }
}

/// The question's number at each step.
pub(super) fn curve(asked: &relevance::Start, logits: &[Vec<f64>]) -> Vec<f64> {
    logits.iter().map(|logits| value(asked, logits)).collect()
}

/// Area over a perturbation curve: the mean drop over all steps, including the start.
pub fn aopc(curve: &[f64]) -> f64 {
    let first = curve.first().copied().unwrap_or(f64::NAN);
    curve.iter().map(|now| first - now).sum::<f64>() / curve.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fill;

    fn film(grey: &[f32], size: usize) -> Film<'_> {
        Film {
            name: "a",
            grey,
            size,
            masks: &[],
        }
    }

    #[test]
    fn patches_cover_the_film_and_come_by_their_sums() {
        let grey = vec![0.5; 49];
        let settings = Settings {
            patch: 3,
            flips: 4,
            fill: Fill::Black,
            ..Settings::default()
        };
        let flips = Flips::new(&film(&grey, 7), &settings);
        assert_eq!(flips.steps, [2, 5, 7, 9]);
        let mut seen = [0; 49];
        for patch in 0..9 {
            flips.places(patch).for_each(|place| seen[place] += 1);
        }
        assert!(seen.iter().all(|&times| times == 1));
        let mut heatmap = vec![0.0; 49];
        heatmap[48] = 3.0;
        heatmap[7 * 4 + 1] = 2.0;
        heatmap[0] = -1.0;
        let order = flips.order(&heatmap, 1, "a");
        assert_eq!((order[0], order[1], order[8]), (8, 3, 0));
        assert_ne!(order[2..8], flips.order(&heatmap, 2, "a")[2..8]);
        let mut random = flips.random_order(1, "a", 0);
        assert_ne!(random, flips.random_order(1, "a", 1));
        random.sort_unstable();
        assert_eq!(random, (0..9).collect::<Vec<_>>());
    }

    #[test]
    fn the_area_is_the_mean_fall() {
        assert!((aopc(&[2.0, 1.0, -1.0]) - 4.0 / 3.0).abs() < 1e-15);
        assert_eq!(aopc(&[5.0, 5.0]), 0.0);
    }
}
