//! The errors of reading, writing and splitting a manifest.

use std::path::{Path, PathBuf};

use pleura_core::FileError;

/// An error of this crate. Each message names the file, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A cell of the manifest holds a value that its column does not allow.
    #[error("{}: row {row}, column {column}: found {found:?}, expected {expected}", file.display())]
    Cell {
        /// The manifest.
        file: PathBuf,
        /// Line of the file; the header is line 1.
        row: u64,
        /// Name of the column.
        column: String,
        /// The cell's text.
        found: String,
        /// The values that are allowed.
        expected: String,
    },
    /// The manifest as a whole is malformed: no header, a missing or repeated column, a row of another
    /// length.
    #[error("{}: {problem}", file.display())]
    Table {
        /// The manifest.
        file: PathBuf,
        /// The problem, and how to solve it.
        problem: String,
    },
    /// An attribute that no column holds.
    #[error("the manifest has no attribute {name:?}; expected one of {}", known.join(", "))]
    Attribute {
        /// The requested name.
        name: String,
        /// The manifest's attributes.
        known: Vec<String>,
    },
    /// The requested split or folds cannot be made of these films.
    #[error("cannot split: {0}")]
    Split(String),
    /// A film could not be decoded.
    #[error("film {film}: {source}")]
    Film {
        /// The film's name in the manifest.
        film: String,
        /// Its file, which the decoder's message names too.
        path: PathBuf,
        /// The decoder's error.
        source: Box<pleura_film::Error>,
    },
    /// A film's file is not the file that the manifest describes.
    #[error(
        "film {film} ({}): the file's sha256 is {found}, the manifest says {expected}: \
         restore the file, or build the manifest again", path.display()
    )]
    Changed {
        /// The film's name in the manifest.
        film: String,
        /// Its file.
        path: PathBuf,
        /// The file's digest now.
        found: String,
        /// The digest in the manifest.
        expected: String,
    },
    /// JSON beside a manifest could not be written or read.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: serde_json::Error,
    },
}

impl Error {
    /// Wraps an operating-system error with the failed action and the path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }

    /// A problem of the manifest as a whole.
    pub(crate) fn table(file: &Path, problem: impl Into<String>) -> Self {
        Self::Table {
            file: file.to_path_buf(),
            problem: problem.into(),
        }
    }
}
