//! Everything that can go wrong in this crate.

use std::{io, path::PathBuf};

use pleura_core::FileError;

use crate::architecture::NAMES;

/// Says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No architecture of this name.
    #[error("no architecture is called {name:?}; there are {}", NAMES.join(", "))]
    UnknownArchitecture {
        /// What was asked for.
        name: String,
    },

    /// The numbers that describe an architecture make no network.
    #[error("architecture {name:?}: {problem}")]
    Architecture {
        /// Its name.
        name: String,
        /// What is wrong, and what would be right.
        problem: String,
    },

    /// A film too small for all the halvings of an architecture.
    #[error(
        "films of {size}×{size} pixels are too small for {architecture}, which needs {smallest}×{smallest}"
    )]
    InputTooSmall {
        /// Name of the architecture.
        architecture: String,
        /// Side that was given.
        size: usize,
        /// Side that would do.
        smallest: usize,
    },

    /// Numbers handed to a pass do not have the length that its shapes say.
    #[error("{operation}: {what} has {found} numbers, expected {expected}")]
    Length {
        /// The pass or function.
        operation: &'static str,
        /// The argument, with its shape.
        what: String,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },

    /// A trace was made with the other statistics.
    #[error("{operation} needs a trace made with {expected}; make one with that `Norm`")]
    Statistics {
        /// The pass or function.
        operation: &'static str,
        /// Those it needs.
        expected: &'static str,
    },

    /// A rule of relevance that cannot stand where it shall.
    #[error("relevance, {layer}: {problem}")]
    Rule {
        /// The layer, or the kind of layers.
        layer: String,
        /// What is wrong, and what would be right.
        problem: String,
    },

    /// A backend without the primitives of LRP-Flex.
    #[error("LRP-Flex: the backend ({backend}) does not have it")]
    NoLrpFlex {
        /// The backend's description of itself.
        backend: String,
    },

    /// A gate's ε that is negative or no number.
    #[error("LRP-Flex: ε is {epsilon}, expected 0 or more (0.01 is usual)")]
    Gate {
        /// What was asked for.
        epsilon: f64,
    },

    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// A weight file whose bytes are not what they should be.
    #[error("{name}: {problem}")]
    Format {
        /// File name, for the message alone.
        name: String,
        /// What was found and what was expected.
        problem: String,
    },

    /// A pickle asks for something other than tensors, or for too much of them.
    #[error("{name}: refused at byte {offset} of the pickle: {problem}")]
    Pickle {
        /// File name, for the message alone.
        name: String,
        /// Where in the pickle stream.
        offset: usize,
        /// What it asked for.
        problem: String,
    },

    /// Tensors that do not make the network they should.
    #[error("the weights do not fit {architecture}: {problem}")]
    Weights {
        /// Name of the architecture.
        architecture: String,
        /// Which tensors, found and expected shapes.
        problem: String,
    },

    /// A head that cannot be built or read.
    #[error("head: {problem}")]
    Head {
        /// What was found and what was expected.
        problem: String,
    },

    /// No folder to keep downloads in.
    #[error("no home folder is known; set PLEURA_HOME to a folder for downloaded weights")]
    NoHome,

    /// A download that did not happen or did not bring the right bytes.
    #[error("could not fetch {url}: {problem}. Try again, or fetch it elsewhere and put the file at {}", path.display())]
    Fetch {
        /// What was asked for.
        url: String,
        /// What came instead.
        problem: String,
        /// Where the file is looked for.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }
}
