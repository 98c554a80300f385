//! Records of a build: films left out, and remarks.

use serde::{Deserialize, Serialize};

/// Films left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The reason.
    pub reason: String,
    /// Number of films left out.
    pub excluded: usize,
    /// Number of films left.
    pub left: usize,
    /// Some of the films left out.
    pub examples: Vec<String>,
}

/// A remark on some films or cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The observation.
    pub what: String,
    /// Number of cases.
    pub count: usize,
    /// Some of the cases.
    pub examples: Vec<String>,
}

/// Maximum number of examples of an exclusion or a remark.
pub const EXAMPLES: usize = 5;

impl Remark {
    /// A remark on some cases; `None` without cases.
    pub fn of(what: impl Into<String>, cases: &[String]) -> Option<Self> {
        let examples = cases.iter().take(EXAMPLES).cloned().collect();
        (!cases.is_empty()).then(|| Self {
            what: what.into(),
            count: cases.len(),
            examples,
        })
    }
}
