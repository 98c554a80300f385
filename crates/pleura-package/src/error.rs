//! Everything that can go wrong in this crate.

use std::path::PathBuf;

use pleura_core::FileError;

/// Says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no package, or not as one is written.
    #[error("{file}: {problem}")]
    Archive {
        /// The file.
        file: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// One entry is not what it was when the package was made.
    #[error(
        "{file}: the entry {entry} {problem}; the package was changed or damaged after it was made: get it again"
    )]
    Entry {
        /// The file.
        file: String,
        /// Name of the entry.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An entry is whole, and does not say what it should.
    #[error("{file}: the entry {entry} cannot be used: {problem}")]
    Document {
        /// The file.
        file: String,
        /// Name of the entry.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The signature is not what was asked for.
    #[error("{file}: {problem}")]
    Signature {
        /// The file.
        file: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A key that cannot be used.
    #[error("{path}: {problem}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// This machine does not compute what the package's golden films say.
    #[error(
        "{file}: golden film {film}: {problem}; this machine does not compute what the package's maker did: do not use its answers, and report it with the \
         output of `pleura doctor`"
    )]
    Golden {
        /// The file.
        file: String,
        /// Which of the golden films.
        film: String,
        /// What differs, and by how much.
        problem: String,
    },
    /// Something of the run that should not leave the house is in a document.
    #[error(
        "the entry {entry} would hold {what} {found:?}, which should not leave with a package; this is a fault of the program: report it"
    )]
    Private {
        /// Name of the entry.
        entry: String,
        /// What it is.
        what: &'static str,
        /// The text.
        found: String,
    },
    /// A setting outside what it may be.
    #[error("{name}: {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: String,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// Films of the run that cannot be used.
    #[error(transparent)]
    Data(#[from] pleura_manifest::Error),
    /// The golden films cannot be drawn.
    #[error(transparent)]
    Synthetic(#[from] pleura_synth::Error),
    /// A film that cannot be decoded.
    #[error(transparent)]
    Film(#[from] pleura_film::Error),
    /// The network refused.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
    /// The network's answer could not be explained.
    #[error(transparent)]
    Explanation(#[from] pleura_explain::Error),
    /// The run's recipe cannot be read.
    #[error(transparent)]
    Run(#[from] pleura_run::Error),
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }
}
