//! The parts that a set of films is split into.

use serde::{Deserialize, Serialize};

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Split {
    /// `train`: weights are fitted to it.
    #[serde(rename = "train")]
    Train,
    /// `val`: epochs, thresholds and temperatures are chosen on it.
    #[serde(rename = "val")]
    Validation,
    /// `test`: used last, for the results.
    #[serde(rename = "test")]
    Test,
}
