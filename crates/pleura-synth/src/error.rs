//! The errors of drawing synthetic films.

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
    /// The requested phantoms cannot be drawn.
    #[error("phantoms: {0}")]
    Phantom(String),
    /// The requested fractals cannot be drawn.
    #[error("fractals: {0}")]
    Fractal(String),
    /// A row number is outside the manifest.
    #[error("row {row} was asked for; the manifest has {rows} rows")]
    Row {
        /// The row, counted from 0.
        row: usize,
        /// Number of rows.
        rows: usize,
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
}
