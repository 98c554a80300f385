//! The errors of caching and loading films.

use std::path::{Path, PathBuf};

use pleura_core::FileError;

/// An error of this crate. Each message names the file, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A manifest, its sidecar or a film could not be read or written.
    #[error(transparent)]
    Manifest(#[from] pleura_manifest::Error),
    /// A fractal could not be drawn.
    #[error(transparent)]
    Synthetic(#[from] pleura_synth::Error),
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A film of a batch is not in the cache, or its entry is damaged.
    #[error("film {film} (sha256 {sha256}) is not in the film cache {}: fill the cache first", cache.display())]
    NotCached {
        /// The film's name in the manifest.
        film: String,
        /// Its digest.
        sha256: String,
        /// The cache's folder.
        cache: PathBuf,
    },
    /// A row number is outside the manifest.
    #[error("row {row} was asked for; the manifest has {rows} rows")]
    Row {
        /// The row, counted from 0.
        row: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A thread that prepares batches stopped.
    #[error("a thread that prepares batches ended unexpectedly; batch {batch} was never made")]
    LoaderStopped {
        /// Number of the batch in its epoch.
        batch: usize,
    },
}

impl Error {
    /// Wraps an operating-system error with the failed action and the path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let named = FileError::of(action, path);
        move |source| named(source).into()
    }
}
