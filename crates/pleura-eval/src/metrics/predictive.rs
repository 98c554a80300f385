//! What a positive or a negative answer is worth where the finding is as common as the user says.
//!
//! A test set's own precision holds at its own prevalence, which is what its makers chose. Sensitivity and specificity carry over
//! further, and Bayes' rule makes predictive values of them: PPV = s π / (s π + (1 − t)(1 − π)), NPV = t (1 − π) / (t (1 − π) + (1 − s) π)
//! at sensitivity s, specificity t and prevalence π.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::estimate::proportion_interval;
use crate::stats::bayes::hdi_of;
use crate::stats::random::{dirichlet, stream};
use crate::{Estimate, Interval, Method, Options};

/// Predictive values of one finding at a prevalence that the user gave.
///
/// The quoted interval carries the uncertainty of sensitivity and of specificity: their exact intervals, each at 1 − (1 − level)/2, hold
/// together with at least `level` (Bonferroni), and both predictive values rise with both, so their ends are those of the corners. Like the
/// intervals it is made of, it is over patients where they have several films, and cautious. Beside it stand the patient bootstrap, which
/// has no width where sensitivity or specificity is 1, and the Bayesian interval (flat Beta priors, films taken as independent).
/// The prevalence is taken as known, and sensitivity and specificity as the same there as on these films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictiveValues {
    /// The finding.
    pub finding: String,
    /// Share of films that have it, as given.
    pub prevalence: f64,
    /// Probability from which it counts as called; `None` where the most probable class is.
    pub threshold: Option<f64>,
    /// Share that has it among films called.
    pub positive: Estimate,
    /// Share that does not have it among films not called.
    pub negative: Estimate,
}

/// Share that has the finding among films called. NaN where no film would be called.
///
/// ```
/// // A film with a positive answer of a test that is right 9 times in 10, where one film in 100 has the finding.
/// assert!((pleura_eval::positive_predictive_value(0.9, 0.9, 0.01) - 1.0 / 12.0).abs() < 1e-12);
/// ```
pub fn positive_predictive_value(sensitivity: f64, specificity: f64, prevalence: f64) -> f64 {
    let hit = sensitivity * prevalence;
    hit / (hit + (1.0 - specificity) * (1.0 - prevalence))
}

/// Share that does not have the finding among films not called. NaN where every film would be called.
pub fn negative_predictive_value(sensitivity: f64, specificity: f64, prevalence: f64) -> f64 {
    let hit = specificity * (1.0 - prevalence);
    hit / (hit + (1.0 - sensitivity) * prevalence)
}

/// Calls of one finding, as far as predictive values need them.
pub(crate) struct Rates<'a> {
    /// For each patient with films that have the finding: films called, and all.
    pub(crate) with: &'a [(usize, usize)],
    /// For each patient with films that do not: films not called, and all.
    pub(crate) without: &'a [(usize, usize)],
    /// Sensitivity and specificity of each bootstrap draw.
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
        // 0/0 at a corner bounds nothing.
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

/// Draws of sensitivity and specificity: each Beta(1 + right, 1 + wrong), as in the Bayesian model of a confusion matrix.
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
