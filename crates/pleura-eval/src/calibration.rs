//! Temperatures and thresholds: fitted on validation films, applied to all others.
//!
//! A calibration is stored beside its weights, with the digest of the films on which it was fitted, so that
//! every prediction can be traced. This module does not know test splits: the caller of [`Calibration::fit`]
//! provides validation films.

mod file;
mod temperature;
mod threshold;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use file::FORMAT;
pub use temperature::{Outcome, Temperature};
pub use threshold::{Rule, Threshold, choose_threshold};

use crate::{Error, Estimate, Evaluation, Kind, Options, Predictions, evaluate};

/// Temperatures and thresholds of one model, with their origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of the format: [`FORMAT`].
    pub format: u32,
    /// Name and version of the software.
    pub software: String,
    /// Digest of the model's weights.
    pub model: String,
    /// Exclusive classes or independent findings.
    pub kind: Kind,
    /// Names of the outputs, in order.
    pub findings: Vec<String>,
    /// The films of the fit.
    pub fitted_on: FittedOn,
    /// Temperatures: one for exclusive classes, one per finding for independent findings.
    pub temperatures: Vec<Temperature>,
    /// Thresholds on calibrated probabilities, by finding.
    #[serde(default)]
    pub thresholds: BTreeMap<String, Threshold>,
    /// The validation films before the temperatures and (`after`) with them. `after` is optimistic, because
    /// these films chose the temperatures.
    pub before: Quality,
    /// See `before`.
    pub after: Quality,
}

/// Films of a calibration's fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FittedOn {
    /// Their split: `val`.
    pub split: String,
    /// Digest of their manifest rows.
    pub digest: String,
    /// Number of films.
    pub films: usize,
    /// Different patients among them.
    pub patients: usize,
}

/// Quality of probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// See [`Overall::log_loss`](crate::Overall::log_loss).
    pub log_loss: Estimate,
    /// See [`Overall::brier`](crate::Overall::brier).
    pub brier: Estimate,
    /// Expected calibration error of the predicted class (exclusive classes), or its mean over findings
    /// (independent findings; no interval).
    pub expected_error: Estimate,
}

/// Options of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// Digest of the weights.
    pub model: String,
    /// Digest of the films' manifest rows.
    pub films: String,
    /// True to fit temperatures; otherwise they are 1.
    pub temperature: bool,
    /// Rule of each finding's threshold; findings without a rule get no threshold.
    pub rules: BTreeMap<String, Rule>,
    /// Level, bootstrap samples and seed of the intervals.
    pub options: Options,
}

impl Calibration {
    /// Fits temperatures (Guo et al., ICML 2017), then thresholds on the calibrated probabilities.
    ///
    /// Fails as [`evaluate`] does, if a rule names no finding or cannot be met, and if a finding with a rule
    /// lacks films with or without it.
    pub fn fit(validation: &Predictions, fit: &FitOptions) -> Result<Self, Error> {
        validation.check()?;
        let plain = Options {
            thresholds: BTreeMap::new(),
            prevalence: BTreeMap::new(),
            bayes: 0,
            reliability_bins: fit.options.reliability_bins.max(1),
            ..fit.options.clone()
        };
        let before = evaluate(validation, &plain)?;
        let labelled = validation.select(&validation.labelled());
        let temperatures = if fit.temperature {
            temperature::fit(&labelled, &plain)?
        } else {
            vec![Temperature::one(Outcome::NotAsked); temperature::count(validation)]
        };
        let calibrated = divided(&labelled, &temperatures);
        let mut thresholds = BTreeMap::new();
        for (finding, &rule) in &fit.rules {
            thresholds.insert(
                finding.clone(),
                Threshold::fit(&calibrated, finding, rule, &plain)?,
            );
        }
        let after = evaluate(&calibrated, &plain)?;
        Ok(Self {
            format: FORMAT,
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_owned(),
            model: fit.model.clone(),
            kind: validation.kind(),
            findings: validation.findings.clone(),
            fitted_on: FittedOn {
                split: "val".to_owned(),
                digest: fit.films.clone(),
                films: before.films,
                patients: before.patients,
            },
            temperatures,
            thresholds,
            before: Quality::of(&before),
            after: Quality::of(&after),
        })
    }

    /// Calibrated probabilities of raw outputs `[films, findings]`, row-major.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        let width = self.findings.len();
        let cool = |(place, &logit): (usize, &f64)| logit / self.temperature(place % width.max(1));
        let logits: Vec<f64> = logits.iter().enumerate().map(cool).collect();
        self.kind.probabilities(&logits, width)
    }

    /// The same answers with calibrated probabilities. Missing raw outputs are recovered from the
    /// probabilities.
    ///
    /// Fails if the predictions have other findings or another kind.
    pub fn apply(&self, predictions: &Predictions) -> Result<Predictions, Error> {
        self.check_fits(predictions.kind(), &predictions.findings)?;
        Ok(divided(predictions, &self.temperatures))
    }

    /// True if every temperature was fitted; otherwise some probabilities are those of the network.
    pub fn is_fitted(&self) -> bool {
        self.temperatures.iter().all(|one| one.outcome == Outcome::Fitted)
    }

    /// Thresholds for [`Options::thresholds`].
    pub fn thresholds(&self) -> BTreeMap<String, f64> {
        self.thresholds
            .iter()
            .map(|(finding, threshold)| (finding.clone(), threshold.threshold))
            .collect()
    }

    /// Temperature of a finding (index).
    pub fn temperature(&self, finding: usize) -> f64 {
        let one = self.temperatures.get(finding).or(self.temperatures.first());
        one.map_or(1.0, |temperature| temperature.value)
    }

    /// Fails for answers with other findings or another kind.
    pub fn check_fits(&self, kind: Kind, findings: &[String]) -> Result<(), Error> {
        if self.kind == kind && self.findings == findings {
            return Ok(());
        }
        Err(Error::Calibration {
            message: format!(
                "it is for {} findings {:?}, and the answers are {} {findings:?}; fit one for this model with `pleura calibrate`",
                self.kind.name(),
                self.findings,
                kind.name()
            ),
        })
    }
}

impl Quality {
    fn of(evaluation: &Evaluation) -> Self {
        let errors: Vec<&Estimate> = evaluation
            .reliability
            .iter()
            .map(|one| &one.expected_error)
            .collect();
        let expected_error = match (evaluation.kind, errors.first()) {
            (Kind::Exclusive, Some(answer)) => (*answer).clone(),
            _ => {
                let known: Vec<f64> = errors.iter().filter_map(|one| one.value).collect();
                Estimate {
                    value: (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64),
                    n: evaluation.films,
                    patients: evaluation.patients,
                    ..Estimate::undefined(evaluation.options.level)
                }
            }
        };
        Self {
            log_loss: evaluation.overall.log_loss.clone(),
            brier: evaluation.overall.brier.clone(),
            expected_error,
        }
    }
}

/// Predictions with logits divided by the temperatures; the stored logits stay those of the network.
fn divided(predictions: &Predictions, temperatures: &[Temperature]) -> Predictions {
    if temperatures.iter().all(|temperature| temperature.value == 1.0) {
        return predictions.clone();
    }
    let width = predictions.findings.len();
    let value = |finding: usize| {
        let one = temperatures.get(finding).or(temperatures.first());
        one.map_or(1.0, |temperature| temperature.value)
    };
    let cooled: Vec<f64> = temperature::logits(predictions)
        .iter()
        .enumerate()
        .map(|(place, logit)| logit / value(place % width))
        .collect();
    Predictions {
        scores: predictions.kind().probabilities(&cooled, width),
        ..predictions.clone()
    }
}

#[cfg(test)]
mod tests;
