//! Accesses to test films, and the findings of a series of runs.

use pleura_data::looks::Look;
use pleura_eval::{CrossValidation, LearningCurve};

/// The looks at a table's test split.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TestLooks {
    /// Films of the test split.
    pub films: u64,
    /// Digest of the films, whatever their order and labels.
    pub digest: String,
    /// From the first to the last.
    pub looks: Vec<Look>,
    /// Different models among them.
    pub models: usize,
    /// Looks at other test splits that the same table had before; of a fold's table, where others are folds too, none.
    pub others: usize,
    /// Whether the account was altered after it was written.
    pub altered: bool,
    /// Whether the test split is another than the one that was made.
    pub changed: bool,
}

/// What a series of runs found, beyond what each of them did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesFindings {
    /// Stage by stage, what a cross-validation found.
    pub crossed: Vec<(String, CrossValidation)>,
    /// What a learning curve found.
    pub curve: Option<LearningCurve>,
}
