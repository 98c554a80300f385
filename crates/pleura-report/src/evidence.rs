//! Accesses to test films, and the results of a series of runs.

use pleura_eval::{CrossValidation, LearningCurve};
use pleura_manifest::access_log::TestAccess;

/// The recorded accesses to a manifest's test split.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TestAccesses {
    /// Films of the test split.
    pub films: u64,
    /// The digest of the films, independent of their order and labels.
    pub digest: String,
    /// The accesses, the oldest first.
    pub accesses: Vec<TestAccess>,
    /// The number of different models.
    pub models: usize,
    /// Accesses to earlier test splits of the manifest; 0 for the manifest of a fold.
    pub others: usize,
    /// True if lines of the log cannot be read.
    pub unreadable: bool,
    /// True if the test split was changed after it was made.
    pub changed: bool,
}

/// The joint results of a series of runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesFindings {
    /// The cross-validation of each stage, by name.
    pub crossed: Vec<(String, CrossValidation)>,
    /// The learning curve.
    pub curve: Option<LearningCurve>,
}
