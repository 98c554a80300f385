//! `stage.json`: the result of a finished stage.

use serde::{Deserialize, Serialize};

use crate::json::number;

/// The summary of a finished stage, and the lengths of the logs at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The summary.
    #[serde(flatten)]
    pub summary: StageSummary,
    /// The lengths of the logs.
    pub lengths: LogLengths,
}

/// The result of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageSummary {
    /// Its name.
    pub stage: String,
    /// Epochs trained.
    pub epochs: usize,
    /// Steps taken.
    pub steps: u64,
    /// True if patience ran out before the last epoch.
    pub stopped_early: bool,
    /// The epoch of the best weights, from 0.
    pub best_epoch: usize,
    /// Validation loss of that epoch.
    #[serde(with = "number")]
    pub validation_loss: f64,
    /// Digest of the best weights ([`pleura_nn::Weights::digest`]).
    pub best_weights: String,
    /// Digest of the weights after the last step.
    pub last_weights: String,
    /// Films of the test split; 0 if there is none.
    pub test_films: usize,
    /// Accuracy on the test split, exclusive classes only.
    pub test_accuracy: Option<f64>,
    /// Mean area under the ROC curves on the test split.
    pub test_macro_auc: Option<f64>,
}

/// Lengths in bytes of the files that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLengths {
    /// Of `log.jsonl`.
    pub log: u64,
    /// Of `timing.jsonl`.
    pub timing: u64,
    /// Of the stage's event file.
    pub events: u64,
}
