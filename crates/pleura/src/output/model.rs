//! The model and its calibration, as parts of several documents.

use std::collections::BTreeMap;

use pleura_eval::calibration::FittedOn;
use pleura_film::Preparation;
use schemars::JsonSchema;
use serde::Serialize;

use super::shown;
use crate::{AppliedCalibration, Classifier, Task};

/// The model that answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Model {
    /// The weight file or package.
    pub path: String,
    /// Name of the architecture.
    pub architecture: String,
    /// SHA-256 of the weights' tensors.
    pub digest: String,
    /// Whether findings exclude each other.
    pub kind: Task,
    /// The findings, in the order of the network's outputs.
    pub findings: Vec<String>,
    /// How a film becomes the network's input.
    pub preparation: Preparation,
}

impl Model {
    /// The record of a classifier.
    pub fn of(model: &Classifier) -> Self {
        Self {
            path: shown(model.path()),
            architecture: model.weights().architecture.name().to_owned(),
            digest: model.digest().to_owned(),
            kind: model.task(),
            findings: model.findings().to_vec(),
            preparation: *model.preparation(),
        }
    }
}

/// The calibration that was applied.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Calibration {
    /// The calibration file, or the package that contains it.
    pub path: String,
    /// Divisors of the logits: one for exclusive classes, one for each independent finding.
    pub temperatures: Vec<f64>,
    /// Probability from which a finding is predicted positive, by finding.
    pub thresholds: BTreeMap<String, f64>,
    /// The validation films that it was fitted on.
    pub fitted_on: FittedOn,
}

impl Calibration {
    /// The record of an applied calibration.
    pub fn of(applied: &AppliedCalibration) -> Self {
        Self {
            path: shown(&applied.path),
            temperatures: applied
                .calibration
                .temperatures
                .iter()
                .map(|one| one.value)
                .collect(),
            thresholds: applied.calibration.thresholds(),
            fitted_on: applied.calibration.fitted_on.clone(),
        }
    }
}
