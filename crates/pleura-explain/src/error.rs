//! Everything that can go wrong in this crate.

use std::io;
use std::path::PathBuf;

use crate::composite;

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
    Picture(#[from] pleura_film::Error),
    /// Numbers that do not have their shape.
    #[error("raw relevance: {problem}")]
    Format {
        /// What does not fit.
        problem: String,
    },
    /// A file could not be written.
    #[error("{}: could not be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
}
