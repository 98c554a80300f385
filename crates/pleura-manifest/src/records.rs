//! Counts of films left out, and remarks: what a sidecar records about how a manifest was made.

use serde::{Deserialize, Serialize};

/// One reason to leave films out, and how many it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The reason, in words.
    pub reason: String,
    /// Films left out.
    pub excluded: usize,
    /// Films left.
    pub left: usize,
    /// A few of the films left out.
    pub examples: Vec<String>,
}

/// Something noticed, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What was noticed.
    pub what: String,
    /// How many times.
    pub count: usize,
    /// A few examples.
    pub examples: Vec<String>,
}

/// How many examples are kept for a step or a remark.
pub const EXAMPLES: usize = 5;

impl Remark {
    /// A remark on some cases; none on no case.
    pub fn of(what: impl Into<String>, cases: &[String]) -> Option<Self> {
        let examples = cases.iter().take(EXAMPLES).cloned().collect();
        (!cases.is_empty()).then(|| Self {
            what: what.into(),
            count: cases.len(),
            examples,
        })
    }
}
