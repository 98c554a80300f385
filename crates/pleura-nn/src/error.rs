//! The errors of this crate.

use std::{io, path::PathBuf};

use pleura_core::FileError;

use crate::architecture::NAMES;

/// An error; its message says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No architecture of this name.
    #[error("no architecture is called {name:?}; there are {}", NAMES.join(", "))]
    UnknownArchitecture {
        /// The name asked for.
        name: String,
    },

    /// No U-Net of this name.
    #[error("no segmentation network is called {name:?}; there are {}", crate::unet::NAMES.join(", "))]
    UnknownUNet {
        /// The name asked for.
        name: String,
    },

    /// The numbers of an architecture describe no valid network.
    #[error("architecture {name:?}: {problem}")]
    Architecture {
        /// Its name.
        name: String,
        /// The problem and its remedy.
        problem: String,
    },

    /// A film is too small for the downsampling of an architecture.
    #[error(
        "films of {size}×{size} pixels are too small for {architecture}, which needs {smallest}×{smallest}"
    )]
    InputTooSmall {
        /// Name of the architecture.
        architecture: String,
        /// The side given.
        size: usize,
        /// The smallest side that works.
        smallest: usize,
    },

    /// A film's side does not fit a segmentation network.
    #[error(
        "films of {size}×{size} pixels do not fit {architecture}; expected a multiple of {multiple} from {multiple} to {largest}"
    )]
    InputSide {
        /// Name of the architecture.
        architecture: String,
        /// The side given.
        size: usize,
        /// The side must be a multiple of it.
        multiple: usize,
        /// The largest side.
        largest: usize,
    },

    /// The numbers given to a pass have the wrong length.
    #[error("{operation}: {what} has {found} numbers, expected {expected}")]
    Length {
        /// The pass or function.
        operation: &'static str,
        /// The argument, with its shape.
        what: String,
        /// The length found.
        found: usize,
        /// The length expected.
        expected: usize,
    },

    /// A trace was made with the wrong statistics.
    #[error("{operation} needs a trace made with {expected}; make one with that `Norm`")]
    Statistics {
        /// The pass or function.
        operation: &'static str,
        /// The statistics needed.
        expected: &'static str,
    },

    /// A rule of relevance does not fit its layer.
    #[error("relevance, {layer}: {problem}")]
    Rule {
        /// The layer, or the kind of layers.
        layer: String,
        /// The problem and its remedy.
        problem: String,
    },

    /// The backend does not have the primitives of LRP-Flex.
    #[error("LRP-Flex: the backend ({backend}) does not have it")]
    NoLrpFlex {
        /// The backend's description of itself.
        backend: String,
    },

    /// A gate's ε that is negative or no number.
    #[error("LRP-Flex: ε is {epsilon}, expected 0 or more (0.01 is usual)")]
    Gate {
        /// The value asked for.
        epsilon: f64,
    },

    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// A weight file has invalid bytes.
    #[error("{name}: {problem}")]
    Format {
        /// File name, for the message only.
        name: String,
        /// The value that was found, and the expected one.
        problem: String,
    },

    /// A pickle asks for something other than tensors, or for too much.
    #[error("{name}: refused at byte {offset} of the pickle: {problem}")]
    Pickle {
        /// File name, for the message only.
        name: String,
        /// Offset in the pickle stream.
        offset: usize,
        /// The request.
        problem: String,
    },

    /// The tensors do not fit the architecture.
    #[error("the weights do not fit {architecture}: {problem}")]
    Weights {
        /// Name of the architecture.
        architecture: String,
        /// The tensors, with found and expected shapes.
        problem: String,
    },

    /// A head cannot be built or read.
    #[error("head: {problem}")]
    Head {
        /// The value that was found, and the expected one.
        problem: String,
    },

    /// No folder for downloads is known.
    #[error("no home folder is known; set PLEURA_HOME to a folder for downloaded weights")]
    NoHome,

    /// A download failed or brought the wrong bytes.
    #[error("cannot download {url}: {problem}. Try again, or download it elsewhere and put the file at {}", path.display())]
    Fetch {
        /// The address.
        url: String,
        /// The problem.
        problem: String,
        /// The path where the file is expected.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }
}
