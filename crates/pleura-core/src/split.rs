//! The parts that a set of films is split into.

use std::fmt;

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

impl Split {
    /// The three splits, in the order they are used.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// `train`, `val` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "val",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
