//! What can go wrong between a folder of films and a batch.

use std::path::{Path, PathBuf};

use pleura_core::FileError;

/// Every failure of this crate: where it was, what was found, what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// A split that was asked for cannot be made of these films.
    #[error("cannot split: {0}")]
    Split(String),
    /// A film could not be decoded.
    #[error("film {film}: {source}")]
    Film {
        /// The film's name in the manifest.
        film: String,
        /// Its file, which the decoder's word names too.
        path: PathBuf,
        /// The decoder's word.
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
        /// Digest of the file as it is now.
        found: String,
        /// Digest in the manifest.
        expected: String,
    },
    /// A film that a batch needs is not in the cache, or its entry there is damaged.
    #[error("film {film} (sha256 {sha256}) is not in the film cache {}: fill the cache first", cache.display())]
    NotCached {
        /// The film's name in the manifest.
        film: String,
        /// Its digest.
        sha256: String,
        /// The cache's folder.
        cache: PathBuf,
    },
    /// A batch was asked for with a row that the manifest does not have.
    #[error("row {row} was asked for; the manifest has {rows} rows")]
    Row {
        /// The row, counted from 0.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// A worker that prepares batches ended without delivering.
    #[error("a thread that prepares batches ended unexpectedly; batch {batch} was never made")]
    LoaderStopped {
        /// Number of the batch in its epoch.
        batch: usize,
    },
    /// A phantom was asked for that cannot be drawn.
    #[error("phantoms: {0}")]
    Phantom(String),
    /// Fractals were asked for that cannot be drawn.
    #[error("fractals: {0}")]
    Fractal(String),
    /// JSON beside a manifest could not be written or read.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
}

impl Error {
    /// Wraps an operating-system error with the path it happened at.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }

    /// A fault of a table as a whole.
    pub(crate) fn table(file: &Path, problem: impl Into<String>) -> Self {
        Self::Table {
            file: file.to_path_buf(),
            problem: problem.into(),
        }
    }
}
