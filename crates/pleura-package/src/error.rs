//! Errors of this crate.

use std::path::PathBuf;

use pleura_core::FileError;

/// Errors of packages. Messages give the value found, the value expected and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not a package, or not in the canonical form.
    #[error("{file}: {problem}")]
    Archive {
        /// The file.
        file: String,
        /// The fault, and the expected form.
        problem: String,
    },
    /// An entry was changed after the package was made.
    #[error(
        "{file}: the entry {entry} {problem}; the package was changed or damaged after it was made: get it again"
    )]
    Entry {
        /// The file.
        file: String,
        /// Name of the entry.
        entry: String,
        /// The fault.
        problem: String,
    },
    /// An entry is intact but invalid.
    #[error("{file}: the entry {entry} cannot be used: {problem}")]
    Document {
        /// The file.
        file: String,
        /// Name of the entry.
        entry: String,
        /// The fault.
        problem: String,
    },
    /// The signature is missing, or of another key.
    #[error("{file}: {problem}")]
    Signature {
        /// The file.
        file: String,
        /// The fault, and the remedy.
        problem: String,
    },
    /// A key cannot be used.
    #[error("{path}: {problem}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The fault, and the expected form.
        problem: String,
    },
    /// This machine's answers differ from those of the package's golden films.
    #[error(
        "{file}: golden film {film}: {problem}; this machine does not compute what the package's maker did: do not use its answers, and report it with the \
         output of `pleura doctor`"
    )]
    Golden {
        /// The file.
        file: String,
        /// The golden film.
        film: String,
        /// The difference.
        problem: String,
    },
    /// A document holds private data of the run.
    #[error(
        "the entry {entry} would hold {what} {found:?}, which should not leave with a package; this is a fault of the program: report it"
    )]
    Private {
        /// Name of the entry.
        entry: String,
        /// Kind of the data.
        what: &'static str,
        /// The text.
        found: String,
    },
    /// A setting is out of range.
    #[error("{name}: {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: String,
        /// Its value.
        found: String,
        /// The values allowed.
        expected: String,
    },
    /// Films of the run cannot be used.
    #[error(transparent)]
    Data(#[from] pleura_manifest::Error),
    /// The golden films cannot be drawn.
    #[error(transparent)]
    Synthetic(#[from] pleura_synth::Error),
    /// A film cannot be decoded.
    #[error(transparent)]
    Film(#[from] pleura_film::Error),
    /// The network failed.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
    /// The explanation failed.
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
