//! The errors of reading datasets.

use std::path::{Path, PathBuf};

use pleura_core::FileError;

/// An error of this crate. Each message names the file, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A manifest, its sidecar or a film could not be read or written.
    #[error(transparent)]
    Manifest(#[from] pleura_manifest::Error),
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A cell of a table holds a value that its column does not allow.
    #[error("{}: row {row}, column {column}: found {found:?}, expected {expected}", file.display())]
    Cell {
        /// The table.
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
    /// A table is malformed: no header, a missing or repeated column, a row of another length.
    #[error("{}: {problem}", file.display())]
    Table {
        /// The table.
        file: PathBuf,
        /// The problem, and how to solve it.
        problem: String,
    },
    /// A folder does not have the layout of its dataset.
    #[error("{}: not laid out as {dataset}: {problem}", folder.display())]
    Layout {
        /// The dataset.
        dataset: &'static str,
        /// The folder.
        folder: PathBuf,
        /// The missing file or folder.
        problem: String,
    },
    /// A class map, a list of views or another rule is invalid.
    #[error("{what} {text:?}: {problem}")]
    Rule {
        /// The kind of rule.
        what: &'static str,
        /// Its text.
        text: String,
        /// The problem.
        problem: String,
    },
}

impl Error {
    /// Wraps an operating-system error with the failed action and the path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }

    /// A problem of a table as a whole.
    pub(crate) fn table(file: &Path, problem: impl Into<String>) -> Self {
        Self::Table {
            file: file.to_path_buf(),
            problem: problem.into(),
        }
    }
}
