//! The temperature that makes validation probabilities likeliest.
//!
//! C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML 2017: logits divided by one number
//! T > 0, chosen by maximum likelihood. In β = 1/T the log-loss is convex, so its derivative has one root at most.

use serde::{Deserialize, Serialize};

use crate::estimate::quote;
use crate::stats::bootstrap::{Patients, percentiles};
use crate::{Error, Estimate, Kind, Options, Predictions, Truth};

/// Temperatures are looked for between 1/BOUND and BOUND.
const BOUND: f64 = 50.0;

/// What logits are divided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Temperature {
    /// The number; above 1 where the network was too sure of itself.
    pub value: f64,
    /// How it came about.
    pub outcome: Outcome,
    /// The same with an interval from the patient bootstrap, where it was fitted.
    pub measured: Estimate,
}

/// How a temperature came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// By maximum likelihood.
    Fitted,
    /// It is 1 because nothing was to be fitted.
    NotAsked,
    /// It is 1 because films of both kinds, or of two classes, are needed.
    TooFewFilms,
    /// It is 1 because the validation films are answered without error and would be likeliest with no doubt at all (T → 0), or so badly that
    /// only the flattest probabilities would do (T → ∞): they cannot say how sure to be.
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

/// How many temperatures predictions have.
pub(super) fn count(predictions: &Predictions) -> usize {
    match predictions.kind() {
        Kind::Exclusive => 1,
        Kind::Independent => predictions.findings.len(),
    }
}

/// Raw outputs, or what stands for them: logarithms of exclusive probabilities, log-odds of independent ones.
pub(super) fn logits(predictions: &Predictions) -> Vec<f64> {
    if let Some(logits) = &predictions.logits {
        return logits.clone();
    }
    // A probability of 0 has no logarithm; one below the smallest normal number is as good.
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
        // A finding by itself is two classes, of logits 0 and z.
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

    /// The temperature with the least log-loss; `None` where it lies at a bound.
    fn best(&self, weight: impl Fn(u32) -> f64) -> Option<f64> {
        let slopes = |beta: f64| self.slopes(beta, &weight);
        let (mut low, mut high) = (1.0 / BOUND, BOUND);
        if slopes(low).0 >= 0.0 || slopes(high).0 <= 0.0 {
            return None;
        }
        let mut beta = 1.0;
        // Newton's steps inside a bracket that bisection shrinks.
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
