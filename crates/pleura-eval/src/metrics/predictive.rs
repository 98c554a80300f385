//! Positive and negative predictive values at the user's prevalence.
//!
//! A test set's precision holds at the test set's own prevalence, which its makers chose. Sensitivity and
//! specificity transfer better. Bayes' rule gives PPV = s π / (s π + (1 − t)(1 − π)) and NPV = t (1 − π) / (t
//! (1 − π) + (1 − s) π) for sensitivity s, specificity t and prevalence π.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::proportion_interval;
use crate::stats::bayes::hdi_of;
use crate::stats::random::{dirichlet, stream};
use crate::{Estimate, Interval, Method, Options};

/// Predictive values of a finding at a prevalence that the user gives.
///
/// The quoted interval includes the uncertainty of sensitivity and specificity. Their exact intervals, each
/// at 1 − (1 − level)/2, hold simultaneously with probability `level` or more (Bonferroni). Both predictive
/// values rise with both rates, so their ends are those of the corners. The interval is conservative; it
/// counts patients where patients have several films. `others` has the patient bootstrap (no width where
/// sensitivity or specificity is 1) and the Bayesian interval (flat Beta priors; assumes independent films).
/// The prevalence is taken as known, and sensitivity and specificity as equal to those on these films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictiveValues {
    /// The finding.
    pub finding: String,
    /// Share of films with the finding, as given by the user.
    pub prevalence: f64,
    /// Probability from which the finding is predicted positive; `None` if the most probable class is
    /// predicted.
    pub threshold: Option<f64>,
    /// Share of predicted positives that have the finding.
    pub positive: Estimate,
    /// Share of predicted negatives that do not have it.
    pub negative: Estimate,
}

/// Positive predictive value: the share of predicted positives that have the finding. NaN if no film is
/// predicted positive.
/// ```
/// // A test that is right 9 times in 10, for a finding of 1 film in 100.
/// assert!((pleura_eval::positive_predictive_value(0.9, 0.9, 0.01) - 1.0 / 12.0).abs() < 1e-12);
/// ```
pub fn positive_predictive_value(sensitivity: f64, specificity: f64, prevalence: f64) -> f64 {
    let hit = sensitivity * prevalence;
    hit / (hit + (1.0 - specificity) * (1.0 - prevalence))
}

/// Negative predictive value: the share of predicted negatives without the finding. NaN if every film is
/// predicted positive.
pub fn negative_predictive_value(sensitivity: f64, specificity: f64, prevalence: f64) -> f64 {
    let hit = specificity * (1.0 - prevalence);
    hit / (hit + (1.0 - sensitivity) * prevalence)
}

/// Counts of a finding for predictive values.
pub(crate) struct Rates<'a> {
    /// For each patient with films of the finding: films predicted positive, and all.
    pub(crate) with: &'a [(usize, usize)],
    /// For each patient with films without it: films predicted negative, and all.
    pub(crate) without: &'a [(usize, usize)],
    /// Sensitivity and specificity of each bootstrap sample.
    pub(crate) draws: &'a [(f64, f64)],
}

impl PredictiveValues {
    pub(crate) fn of(
        finding: &str,
        threshold: Option<f64>,
        prevalence: f64,
        rates: &Rates<'_>,
        options: &Options,
    ) -> Self {
        let posterior = posterior(rates, options);
        let value = |of: fn(f64, f64, f64) -> f64| {
            measure(rates, &posterior, options, |sensitivity, specificity| {
                of(sensitivity, specificity, prevalence)
            })
        };
        Self {
            finding: finding.to_owned(),
            prevalence,
            threshold,
            positive: value(positive_predictive_value),
            negative: value(negative_predictive_value),
        }
    }
}

fn measure(
    rates: &Rates<'_>,
    posterior: &[(f64, f64)],
    options: &Options,
    of: impl Fn(f64, f64) -> f64,
) -> Estimate {
    let level = options.level;
    let share = |counts: &[(usize, usize)]| {
        let right: usize = counts.iter().map(|count| count.0).sum();
        let films: usize = counts.iter().map(|count| count.1).sum();
        right as f64 / films as f64
    };
    let value = Some(of(share(rates.with), share(rates.without))).filter(|value| !value.is_nan());
    let each = f64::midpoint(1.0, level);
    let ends = |counts| proportion_interval(counts, each);
    let both = ends(rates.with).zip(ends(rates.without)).map(|(s, t)| {
        // 0/0 at a corner gives no bound.
        let (low, high) = (of(s.0, t.0), of(s.1, t.1));
        (
            if low.is_nan() { 0.0 } else { low },
            if high.is_nan() { 1.0 } else { high },
        )
    });
    let both = both.filter(|_| value.is_some());
    let bootstrap =
        crate::stats::bootstrap::percentiles(rates.draws.iter().map(|draw| of(draw.0, draw.1)), level).0;
    let bootstrap = bootstrap.filter(|_| value.is_some()).map(|(low, high)| Interval {
        method: Method::PatientBootstrap,
        centre: None,
        low,
        high,
    });
    let bayes = hdi_of(posterior.iter().map(|draw| of(draw.0, draw.1)), level);
    let films = |counts: &[(usize, usize)]| counts.iter().map(|count| count.1).sum::<usize>();
    Estimate {
        value,
        low: both.map(|ends| ends.0),
        high: both.map(|ends| ends.1),
        method: if both.is_some() {
            Method::ClopperPearsonOfBoth
        } else {
            Method::None
        },
        n: films(rates.with) + films(rates.without),
        patients: rates.with.len().max(rates.without.len()),
        others: bootstrap
            .into_iter()
            .chain(bayes.filter(|_| value.is_some()))
            .collect(),
        ..Estimate::undefined(level)
    }
}

/// Samples of sensitivity and specificity: each Beta(1 + right, 1 + wrong), as in the Bayesian model of a
/// confusion matrix.
fn posterior(rates: &Rates<'_>, options: &Options) -> Vec<(f64, f64)> {
    let parameters = |counts: &[(usize, usize)]| {
        let right: usize = counts.iter().map(|count| count.0).sum();
        let films: usize = counts.iter().map(|count| count.1).sum();
        [1.0 + right as f64, 1.0 + (films - right) as f64]
    };
    let (with, without) = (parameters(rates.with), parameters(rates.without));
    (0..options.bayes as u64)
        .into_par_iter()
        .map(|draw| {
            let mut generator = stream(options.seed, "predictive values", draw);
            let mut share = |parameters: &[f64; 2]| {
                let mut out = [0.0; 2];
                dirichlet(&mut generator, parameters, &mut out);
                out[0]
            };
            (share(&with), share(&without))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    fn values(with: (usize, usize), without: (usize, usize), prevalence: f64) -> PredictiveValues {
        let films = |(right, of): (usize, usize)| -> Vec<(usize, usize)> {
            (0..of).map(|film| (usize::from(film < right), 1)).collect()
        };
        let rates = Rates {
            with: &films(with),
            without: &films(without),
            draws: &[],
        };
        let options = Options {
            bayes: 20_000,
            ..Options::points()
        };
        PredictiveValues::of("a", None, prevalence, &rates, &options)
    }

    #[test]
    fn a_perfect_specificity_does_not_promise_a_perfect_answer() {
        let found = values((45, 50), (50, 50), 0.01);
        assert_eq!(found.positive.value, Some(1.0));
        // By the corner: sensitivity and specificity at the ends of their 97.5 % intervals.
        let tail = 0.0125_f64;
        let specificity = tail.powf(1.0 / 50.0);
        let sensitivity = crate::clopper_pearson(45, 50, 0.975).unwrap().0;
        let low = positive_predictive_value(sensitivity, specificity, 0.01);
        assert!((found.positive.low.unwrap() - low).abs() < 1e-12);
        assert!(low < 0.1, "fifty films cannot prove more: {low}");
        assert_eq!(found.positive.high, Some(1.0));
        let negative = found.negative.value.unwrap();
        assert!((negative - 0.99 / (0.99 + 0.1 * 0.01)).abs() < 1e-12);
    }

    #[test]
    fn nothing_called_leaves_the_positive_value_open() {
        let found = values((0, 20), (30, 30), 0.1);
        assert_eq!((found.positive.value, found.positive.low), (None, None));
        assert!((found.negative.value.unwrap() - 0.9).abs() < 1e-12);
    }

    #[test]
    fn the_interval_covers() {
        // Sensitivity 0.85 of 40 films and specificity 0.9 of 60, at 5 %: PPV 0.309.
        let mut generator = stream(11, "coverage", 0);
        let truth = positive_predictive_value(0.85, 0.9, 0.05);
        let mut inside = 0;
        for _ in 0..1000 {
            let mut count =
                |of: usize, share: f64| (0..of).filter(|_| generator.random::<f64>() < share).count();
            let (right, wrong) = (count(40, 0.85), count(60, 0.9));
            let films = |right: usize, of: usize| -> Vec<(usize, usize)> {
                (0..of).map(|film| (usize::from(film < right), 1)).collect()
            };
            let rates = Rates {
                with: &films(right, 40),
                without: &films(wrong, 60),
                draws: &[],
            };
            let found = PredictiveValues::of("a", None, 0.05, &rates, &Options::points()).positive;
            inside += usize::from(found.low.unwrap() <= truth && truth <= found.high.unwrap());
        }
        assert!(inside >= 950, "{inside} of 1000");
    }
}
