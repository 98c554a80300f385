//! The errors of this crate.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use pleura_core::FileError;

/// A file of a run that cannot be read or written, or a recipe that contradicts itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe that does not parse, or has impossible values.
    #[error("{}", recipe_message(path, *line, key, problem))]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// Line in the recipe, counted from 1, if known.
        line: Option<usize>,
        /// The entry at fault, as `stage.target.freeze`; empty where the message names it.
        key: String,
        /// The value found and those expected.
        problem: String,
    },

    /// A file whose contents were not written by this program.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem and its remedy.
        problem: String,
    },

    /// A line of a log that was not written by this program.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// The log.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's message.
        problem: String,
    },

    /// Another process writes this run.
    #[error("{}: another process is training in this run; wait for it, or choose another folder", folder.display())]
    Locked {
        /// The run.
        folder: PathBuf,
    },

    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Error {
    /// Makes an I/O error into one that names the file and the action.
    pub fn file(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }
}

fn recipe_message(path: &Path, line: Option<usize>, key: &str, problem: &str) -> String {
    let mut message = path.display().to_string();
    if let Some(line) = line {
        let _ = write!(message, ":{line}");
    }
    if !key.is_empty() {
        let _ = write!(message, ": {key}");
    }
    let _ = write!(message, ": {problem}");
    message
}
