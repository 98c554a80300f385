//! Temperature scaling by maximum likelihood on validation films.
//!
//! C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML 2017:
//! logits are divided by one number T > 0. The log-loss is convex in β = 1/T, so its derivative has at most
//! one root.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::quote;
use crate::stats::bootstrap::{Patients, percentiles};
use crate::{Error, Estimate, Kind, Options, Predictions, Truth};

/// Temperatures are searched between 1/BOUND and BOUND.
const BOUND: f64 = 50.0;

/// Divisor of the logits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Temperature {
    /// The temperature; above 1 for an overconfident network.
    pub value: f64,
    /// Result of the fit.
    pub outcome: Outcome,
    /// The temperature with a patient-bootstrap interval, if it was fitted.
    pub measured: Estimate,
}

/// Result of a temperature fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Fitted by maximum likelihood.
    Fitted,
    /// 1, because no fit was requested.
    NotAsked,
    /// 1, because films of both kinds, or of two classes, are missing.
    TooFewFilms,
    /// 1, because no finite maximum exists: the validation films are all answered correctly (T → 0), or so
    /// badly that flat probabilities are best (T → ∞).
    NoBest,
}

impl Temperature {
    pub(super) fn one(outcome: Outcome) -> Self {
        Self {
            value: 1.0,
            outcome,
            measured: Estimate::undefined(0.95),
        }
    }
}

/// Number of temperatures of some predictions.
pub(super) fn count(predictions: &Predictions) -> usize {
    match predictions.kind() {
        Kind::Exclusive => 1,
        Kind::Independent => predictions.findings.len(),
    }
}

/// Raw outputs, or their substitutes: logarithms of exclusive probabilities, log-odds of independent ones.
pub(super) fn logits(predictions: &Predictions) -> Vec<f64> {
    if let Some(logits) = &predictions.logits {
        return logits.clone();
    }
    // A probability of 0 has no logarithm; the smallest normal number replaces it.
    let floor = |p: f64| p.max(f64::MIN_POSITIVE);
    let back = |&p: &f64| match predictions.kind() {
        Kind::Exclusive => floor(p).ln(),
        Kind::Independent => floor(p).ln() - floor(1.0 - p).ln(),
    };
    predictions.scores.iter().map(back).collect()
}

/// Fits every temperature; all films must be labelled.
pub(super) fn fit(predictions: &Predictions, options: &Options) -> Result<Vec<Temperature>, Error> {
    let patients = Patients::new(predictions, options.stratify)?;
    let width = predictions.findings.len();
    let logits = logits(predictions);
    let problems: Vec<Problem> = match &predictions.truth {
        Truth::Exclusive(classes) => {
            let films = classes.iter().enumerate().filter_map(|(film, class)| {
                let row = logits[film * width..(film + 1) * width].to_vec();
                Some((film as u32, row, (*class)?))
            });
            vec![Problem {
                films: films.collect(),
            }]
        }
        // An independent finding is two classes with logits 0 and z.
        Truth::Independent(_) => (0..width)
            .map(|finding| Problem {
                films: (0..predictions.len())
                    .filter_map(|film| {
                        let has = predictions.has(film, finding)?;
                        let row = vec![0.0, logits[film * width + finding]];
                        Some((film as u32, row, usize::from(has)))
                    })
                    .collect(),
            })
            .collect(),
    };
    let fitted = problems.iter().map(|problem| problem.fit(&patients, options));
    Ok(fitted.collect())
}

/// Films with their logits and classes.
struct Problem {
    films: Vec<(u32, Vec<f64>, usize)>,
}

impl Problem {
    fn fit(&self, patients: &Patients, options: &Options) -> Temperature {
        let first = self.films.first().map(|film| film.2);
        if self.films.iter().all(|film| Some(film.2) == first) {
            return Temperature::one(Outcome::TooFewFilms);
        }
        let Some(value) = self.best(|_| 1.0) else {
            return Temperature::one(Outcome::NoBest);
        };
        let draws = patients.draws(options, |weights| {
            self.best(|film| f64::from(weights[film as usize]))
                .unwrap_or(f64::NAN)
        });
        let films = self.films.iter().map(|film| (film.0, false));
        let counts = patients.tally(films);
        let bootstrap = percentiles(draws.into_iter(), options.level).0;
        Temperature {
            value,
            outcome: Outcome::Fitted,
            measured: quote(Some(value), &counts, false, bootstrap, None, options.level),
        }
    }

    /// The temperature with the least log-loss; `None` at a bound.
    fn best(&self, weight: impl Fn(u32) -> f64) -> Option<f64> {
        let slopes = |beta: f64| self.slopes(beta, &weight);
        let (mut low, mut high) = (1.0 / BOUND, BOUND);
        if slopes(low).0 >= 0.0 || slopes(high).0 <= 0.0 {
            return None;
        }
        let mut beta = 1.0;
        // Newton steps inside a bracket that bisection shrinks.
        for _ in 0..200 {
            let (slope, curvature) = slopes(beta);
            if slope < 0.0 {
                low = beta;
            } else {
                high = beta;
            }
            let mut next = beta - slope / curvature;
            if !(next > low && next < high) {
                next = f64::midpoint(low, high);
            }
            if (next - beta).abs() <= 1e-14 * beta {
                break;
            }
            beta = next;
        }
        Some(1.0 / beta)
    }

    /// First and second derivative in β of Σ weight · (ln Σ exp(β z) − β z_class).
    fn slopes(&self, beta: f64, weight: &impl Fn(u32) -> f64) -> (f64, f64) {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (film, logits, class) in &self.films {
            let weight = weight(*film);
            if weight == 0.0 {
                continue;
            }
            let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (mut sum, mut mean, mut square) = (0.0, 0.0, 0.0);
            for &z in logits {
                let z = z - top;
                let power = (beta * z).exp();
                sum += power;
                mean += power * z;
                square += power * z * z;
            }
            let mean = mean / sum;
            slope += weight * (mean - (logits[*class] - top));
            curvature += weight * (square / sum - mean * mean);
        }
        (slope, curvature)
    }
}
