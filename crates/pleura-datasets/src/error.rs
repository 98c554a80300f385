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
    /// A cell of a table holds what its column does not allow.
    #[error("{}: row {row}, column {column}: found {found:?}, expected {expected}", file.display())]
    Cell {
        /// The table.
        file: PathBuf,
        /// Line of the file, the header being line 1.
        row: u64,
        /// Name of the column.
        column: String,
        /// The cell as it stands.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A table as a whole is not what it should be (no header, a column missing or twice, a ragged row).
    #[error("{}: {problem}", file.display())]
    Table {
        /// The table.
        file: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A folder does not have the layout of the dataset it is said to be.
    #[error("{}: not laid out as {dataset}: {problem}", folder.display())]
    Layout {
        /// The dataset that was asked for.
        dataset: &'static str,
        /// The folder that was given.
        folder: PathBuf,
        /// What was looked for and not found.
        problem: String,
    },
    /// A class map, a view list or another rule cannot be understood.
    #[error("{what} {text:?}: {problem}")]
    Rule {
        /// Which rule.
        what: &'static str,
        /// The text as typed.
        text: String,
        /// What is wrong with it.
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
