//! The errors of reading a run folder and writing its report.

use std::path::{Path, PathBuf};

use pleura_core::FileError;

/// An error of this crate. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder is not a run.
    #[error("{} is not a run folder: it has no {missing}; expected the folder that `pleura train --out` wrote", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// The file that every run has.
        missing: &'static str,
    },
    /// A JSON file does not hold what it should.
    #[error("{}: {source}; expected the file as this version of pleura writes it", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why parsing stopped.
        source: serde_json::Error,
    },
    /// A picture of the gallery is not a PNG file, or too large.
    #[error("{}: {problem}; expected a PNG file below {limit} bytes", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
        /// Most bytes that a picture may have.
        limit: u64,
    },
    /// A file that a list names lies outside the run.
    #[error("{} names {name:?}, which is outside its folder; expected a plain file name", path.display())]
    Outside {
        /// The list.
        path: PathBuf,
        /// The name in it.
        name: String,
    },
    /// A file of the run cannot be read.
    #[error(transparent)]
    Run(#[from] pleura_run::Error),
    /// A manifest that a stage was trained on cannot be read.
    #[error(transparent)]
    Data(#[from] pleura_manifest::Error),
    /// A table of predictions cannot be read or judged.
    #[error(transparent)]
    Evaluation(#[from] pleura_eval::Error),
}

impl Error {
    /// For `map_err` on input and output.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }
}
