//! Errors of this crate.

use pleura_core::FileError;

use crate::{composite, method};

/// Errors of explanations. Messages give the value found, the value expected and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No composite has this name.
    #[error("no composite is called {name:?}; there are {}", composite::NAMES.join(", "))]
    UnknownComposite {
        /// The requested name.
        name: String,
    },
    /// No method has this name.
    #[error(
        "no method is called {name:?}; composites of LRP are {}; other methods are {}",
        composite::NAMES.join(", "), method::NAMES.join(", ")
    )]
    UnknownMethod {
        /// The requested name.
        name: String,
    },
    /// Invalid options of a method.
    #[error("{name}: {problem}")]
    Method {
        /// The method.
        name: String,
        /// The value found, and the values allowed.
        problem: String,
    },
    /// Scores that cannot be computed.
    #[error("scores: {problem}")]
    Score {
        /// The value found, and the values allowed.
        problem: String,
    },
    /// An invalid composite, or one that does not fit the network's layers.
    #[error("{}", composite_message(place, *line, key, problem))]
    Composite {
        /// The file, or the composite's name.
        place: String,
        /// Line in the file, from 1, if known.
        line: Option<usize>,
        /// The faulty key; empty if the message names it.
        key: String,
        /// The value found, and the values allowed.
        problem: String,
    },
    /// A threshold that is not a probability.
    #[error("a threshold is a probability between 0 and 1, and {probability} is none")]
    Threshold {
        /// The requested value.
        probability: f64,
    },
    /// The network has no output of this name.
    #[error("the network has no output {name:?}; it has {}", .findings.join(", "))]
    UnknownFinding {
        /// The requested name.
        name: String,
        /// The network's outputs.
        findings: Vec<String>,
    },
    /// The network failed.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
    /// A picture cannot be drawn or written.
    #[error(transparent)]
    Picture(#[from] pleura_draw::Error),
    /// An array has another size than its shape.
    #[error("raw relevance: {problem}")]
    Format {
        /// The mismatch.
        problem: String,
    },
    /// A file or folder cannot be read or written.
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
