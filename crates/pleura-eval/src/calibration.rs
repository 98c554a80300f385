//! What is fitted on validation films and applied to all others: temperatures and thresholds.
//!
//! A calibration is stored beside the weights that it was fitted for, with the digest of the films it was fitted on, so that what a
//! film is called by can be traced. Nothing here knows a test split: whoever calls [`Calibration::fit`] hands over validation films.

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

/// Temperatures and thresholds of one model, and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of this format: [`FORMAT`].
    pub format: u32,
    /// Name and version of the software that fitted it.
    pub software: String,
    /// Digest of the weights that it belongs to.
    pub model: String,
    /// Exclusive classes or independent findings.
    pub kind: Kind,
    /// Names of the outputs, in order.
    pub findings: Vec<String>,
    /// The films that it was fitted on.
    pub fitted_on: FittedOn,
    /// What logits are divided by: one for exclusive classes, one a finding for independent ones.
    pub temperatures: Vec<Temperature>,
    /// From which calibrated probability a finding is called, by name.
    #[serde(default)]
    pub thresholds: BTreeMap<String, Threshold>,
    /// The validation films before and after the temperatures. The films they were fitted on flatter what comes after.
    pub before: Quality,
    /// See `before`.
    pub after: Quality,
}

/// The films that a calibration was fitted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FittedOn {
    /// Their split: `val`.
    pub split: String,
    /// Digest of their rows in the manifest.
    pub digest: String,
    /// How many.
    pub films: usize,
    /// Different patients among them.
    pub patients: usize,
}

/// How far probabilities can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// See [`Overall::log_loss`](crate::Overall::log_loss).
    pub log_loss: Estimate,
    /// See [`Overall::brier`](crate::Overall::brier).
    pub brier: Estimate,
    /// Expected calibration error of the answer (exclusive classes), or its mean over the findings (independent ones; no interval).
    pub expected_error: Estimate,
}

/// What is to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// Digest of the weights.
    pub model: String,
    /// Digest of the films' rows in their manifest.
    pub films: String,
    /// Whether to fit temperatures; else they are 1.
    pub temperature: bool,
    /// How each finding's threshold is chosen, by name; a finding that is not named gets none.
    pub rules: BTreeMap<String, Rule>,
    /// Level, bootstrap and seed of the intervals.
    pub options: Options,
}

impl Calibration {
    /// Fits temperatures (Guo et al., ICML 2017) and then thresholds on the calibrated probabilities.
    ///
    /// Fails as [`evaluate`] does, where a rule names no finding or cannot be met, and where a finding with a rule lacks films with
    /// or without it.
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

    /// The same answers with calibrated probabilities. Where raw outputs were not kept, they are taken back from the probabilities.
    ///
    /// Fails where the predictions are of other findings, or of the other kind.
    pub fn apply(&self, predictions: &Predictions) -> Result<Predictions, Error> {
        self.check_fits(predictions.kind(), &predictions.findings)?;
        Ok(divided(predictions, &self.temperatures))
    }

    /// Whether every temperature was fitted; where one was not, probabilities are as the network gives them.
    pub fn is_fitted(&self) -> bool {
        self.temperatures.iter().all(|one| one.outcome == Outcome::Fitted)
    }

    /// What [`Options::thresholds`] should be.
    pub fn thresholds(&self) -> BTreeMap<String, f64> {
        self.thresholds
            .iter()
            .map(|(finding, threshold)| (finding.clone(), threshold.threshold))
            .collect()
    }

    /// What the logit of a finding (an index) is divided by.
    pub fn temperature(&self, finding: usize) -> f64 {
        let one = self.temperatures.get(finding).or(self.temperatures.first());
        one.map_or(1.0, |temperature| temperature.value)
    }

    /// Refuses answers of another shape.
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

/// Predictions whose logits are divided by the temperatures; the logits stay as the network gave them.
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
