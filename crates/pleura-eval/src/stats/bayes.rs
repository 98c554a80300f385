//! Bassi and Attux's Bayesian model of a confusion matrix, without Markov chains.
//!
//! The model is that of the authors' follow-up on lung segmentation (P. R. A. S. Bassi and R. Attux,
//! *COVID-19 detection using chest X-rays: is lung segmentation important for generalization?*, 2021). The
//! prevalence of the classes μ and each class's distribution of answers θ_j have flat Dirichlet priors and
//! multinomial likelihoods. Both are conjugate, so the posterior is a product of Dirichlets and is sampled
//! directly.

use rayon::prelude::*;

use crate::metrics::confusion::{Outcomes, agreement, one_versus_rest};
use crate::metrics::figures::{Figures, Scope, Whole};
use crate::stats::random::{dirichlet, stream};
use crate::{Confusion, Interval, Method};

/// The posterior: μ ~ Dirichlet(1 + films of each class), θ_j ~ Dirichlet(1 + answers to class j).
///
/// Films are assumed independent. The flat priors pull small test sets towards chance: the mean accuracy for
/// 150 of 150 correct in three balanced classes is 153/159.
#[derive(Debug, Clone, PartialEq)]
pub struct Dirichlets {
    classes: usize,
    /// 1 + films of each class.
    prevalence: Vec<f64>,
    /// `[truth, answer]`, row-major: 1 + films.
    answers: Vec<f64>,
}

impl Dirichlets {
    /// The posterior after the films of `confusion`.
    pub fn after(confusion: &Confusion) -> Self {
        Self {
            classes: confusion.classes.len(),
            prevalence: confusion
                .films()
                .iter()
                .map(|&films| 1.0 + films as f64)
                .collect(),
            answers: confusion
                .counts
                .iter()
                .flatten()
                .map(|&films| 1.0 + films as f64)
                .collect(),
        }
    }

    /// Posterior mean of the accuracy in closed form, `Σ E μ_j · E θ_jj`.
    pub fn mean_accuracy(&self) -> f64 {
        let films: f64 = self.prevalence.iter().sum();
        (0..self.classes)
            .map(|class| {
                let row = &self.answers[class * self.classes..(class + 1) * self.classes];
                self.prevalence[class] / films * row[class] / row.iter().sum::<f64>()
            })
            .sum()
    }

    /// Posterior mean and shortest interval of the accuracy `Σ μ_j θ_jj` from `draws` samples.
    ///
    /// `None` without samples or unless 0 < `level` < 1. Equal on any number of threads.
    pub fn accuracy(&self, draws: usize, seed: u64, level: f64) -> Option<Interval> {
        let drawn = self.draws(draws, seed);
        hdi_of(
            drawn
                .iter()
                .map(|figures| figures.0[Figures::whole(Whole::Accuracy)]),
            level,
        )
    }

    /// All metrics that follow from the confusion matrix, for each sample.
    pub(crate) fn draws(&self, draws: usize, seed: u64) -> Vec<Figures> {
        // Every cell has mass in every sample, so every class counts.
        let everywhere = vec![
            Outcomes {
                true_positives: 1.0,
                false_positives: 1.0,
                false_negatives: 1.0,
                true_negatives: 1.0
            };
            self.classes
        ];
        let scope = Scope::of(&everywhere);
        (0..draws as u64)
            .into_par_iter()
            .map(|draw| {
                let joint = self.joint(seed, draw);
                let mut figures = Figures::new(self.classes);
                figures.set_rates(&one_versus_rest(&joint, self.classes), &scope);
                let (accuracy, kappa) = agreement(&joint, self.classes);
                figures.set_whole(Whole::Accuracy, accuracy);
                figures.set_whole(Whole::Kappa, kappa);
                figures
            })
            .collect()
    }

    /// One sample of the joint distribution `μ_j θ_jk` of class and answer, `[truth, answer]`.
    fn joint(&self, seed: u64, draw: u64) -> Vec<f64> {
        let mut generator = stream(seed, "bayes posterior", draw);
        let mut prevalence = vec![0.0; self.classes];
        dirichlet(&mut generator, &self.prevalence, &mut prevalence);
        let mut joint = vec![0.0; self.classes * self.classes];
        for (class, row) in joint.chunks_mut(self.classes).enumerate() {
            let parameters = &self.answers[class * self.classes..(class + 1) * self.classes];
            dirichlet(&mut generator, parameters, row);
            for cell in row {
                *cell *= prevalence[class];
            }
        }
        joint
    }
}

/// The shortest interval that holds the share `level` of `draws`; the first of equals.
///
/// `None` without samples, with a sample that is not finite, or unless 0 < `level` < 1. Assumes one mode.
pub fn highest_density_interval(draws: &[f64], level: f64) -> Option<(f64, f64)> {
    if draws.is_empty() || !(level > 0.0 && level < 1.0) || draws.iter().any(|draw| !draw.is_finite()) {
        return None;
    }
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let span = (level * sorted.len() as f64).floor() as usize;
    sorted
        .iter()
        .zip(&sorted[span..])
        .map(|(&low, &high)| (low, high))
        .reduce(|best, next| {
            if next.1 - next.0 < best.1 - best.0 {
                next
            } else {
                best
            }
        })
}

/// Mean and shortest interval of a metric over the samples; `None` if undefined.
pub(crate) fn hdi_of(draws: impl Iterator<Item = f64>, level: f64) -> Option<Interval> {
    let draws: Vec<f64> = draws.collect();
    let (low, high) = highest_density_interval(&draws, level)?;
    let centre = Some(draws.iter().sum::<f64>() / draws.len() as f64);
    Some(Interval {
        method: Method::BayesHdi,
        centre,
        low,
        high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(counts: [[u64; 3]; 3]) -> Confusion {
        let classes = ["COVID-19", "pneumonia", "normal"].map(str::to_owned).to_vec();
        Confusion {
            classes,
            counts: counts.map(|row| row.to_vec()).to_vec(),
        }
    }

    /// The two results of Bassi and Attux's follow-up, as docs/method.md gives them: 118 and 111 of 3 × 50
    /// correct.
    #[test]
    fn published_intervals_come_out() {
        for (counts, expected) in [
            ([[40, 6, 4], [5, 39, 6], [4, 7, 39]], (0.761, 0.695, 0.826)),
            ([[37, 8, 5], [6, 37, 7], [5, 8, 37]], (0.717, 0.646, 0.786)),
            // The place of the mistakes matters little.
            ([[48, 1, 1], [5, 40, 5], [10, 10, 30]], (0.761, 0.695, 0.826)),
        ] {
            let posterior = Dirichlets::after(&confusion(counts));
            let right: u64 = (0..3).map(|class| counts[class][class]).sum();
            let mean = (right + 3) as f64 / 159.0;
            assert!((posterior.mean_accuracy() - mean).abs() < 1e-15);
            let found = posterior.accuracy(400_000, 11, 0.95).unwrap();
            assert!((found.centre.unwrap() - mean).abs() < 5e-4, "{found:?}");
            assert!((found.centre.unwrap() - expected.0).abs() < 2e-3, "{found:?}");
            assert!((found.low - expected.1).abs() < 2e-3, "{found:?}");
            assert!((found.high - expected.2).abs() < 2e-3, "{found:?}");
        }
    }

    #[test]
    fn draws_do_not_depend_on_threads() {
        let posterior = Dirichlets::after(&confusion([[9, 1, 0], [2, 8, 0], [0, 0, 10]]));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| posterior.accuracy(20_000, 5, 0.95))
        };
        assert_eq!(on(1), on(3));
        assert_ne!(on(1), posterior.accuracy(20_000, 6, 0.95));
    }

    #[test]
    fn shortest_interval_of_a_skewed_sample() {
        // Exponential quantiles: the shortest interval starts at the lowest draw.
        let draws: Vec<f64> = (0..1000).map(|k| -(1.0 - f64::from(k) / 1000.0).ln()).collect();
        let (low, high) = highest_density_interval(&draws, 0.9).unwrap();
        assert_eq!(low, 0.0);
        assert!((high - 10.0_f64.ln()).abs() < 1e-2);
        assert_eq!(highest_density_interval(&[], 0.9), None);
        assert_eq!(highest_density_interval(&[1.0, f64::NAN], 0.9), None);
    }
}
