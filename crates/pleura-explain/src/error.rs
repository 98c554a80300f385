//! Everything that can go wrong in this crate.

use pleura_core::FileError;

use crate::{composite, method};

/// Says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No composite of this name.
    #[error("no composite is called {name:?}; there are {}", composite::NAMES.join(", "))]
    UnknownComposite {
        /// What was asked for.
        name: String,
    },
    /// No method of this name.
    #[error(
        "no method is called {name:?}; composites of LRP are {}; other methods are {}",
        composite::NAMES.join(", "), method::NAMES.join(", ")
    )]
    UnknownMethod {
        /// What was asked for.
        name: String,
    },
    /// A method's options that cannot be.
    #[error("{name}: {problem}")]
    Method {
        /// The method.
        name: String,
        /// What was found, and what would be right.
        problem: String,
    },
    /// Scores that cannot be measured.
    #[error("scores: {problem}")]
    Score {
        /// What was found, and what would be right.
        problem: String,
    },
    /// A composite that cannot be read as one, or that the network's layers do not allow.
    #[error("{}", composite_message(place, *line, key, problem))]
    Composite {
        /// The file, or the composite's name.
        place: String,
        /// Line in the file, counted from 1, where one is known.
        line: Option<usize>,
        /// The entry at fault; empty where the message names it.
        key: String,
        /// What was found, and what would be right.
        problem: String,
    },
    /// A threshold that no probability can be.
    #[error("a threshold is a probability between 0 and 1, and {probability} is none")]
    Threshold {
        /// What was asked for.
        probability: f64,
    },
    /// The network has no output of this name.
    #[error("the network has no output {name:?}; it has {}", .findings.join(", "))]
    UnknownFinding {
        /// What was asked for.
        name: String,
        /// What there is.
        findings: Vec<String>,
    },
    /// The network could not run.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
    /// A picture could not be drawn or written.
    #[error(transparent)]
    Picture(#[from] pleura_draw::Error),
    /// Numbers that do not have their shape.
    #[error("raw relevance: {problem}")]
    Format {
        /// What does not fit.
        problem: String,
    },
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

fn composite_message(place: &str, line: Option<usize>, key: &str, problem: &str) -> String {
    let line = line.map_or_else(String::new, |line| format!(", line {line}"));
    let key = if key.is_empty() {
        String::new()
    } else {
        format!(", `{key}`")
    };
    format!("{place}{line}{key}: {problem}")
}
