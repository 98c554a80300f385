//! Errors of drawing.

use pleura_core::FileError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of values does not match the size.
    #[error("{what}: {found} values, expected {width}×{height} = {expected}")]
    Shape {
        /// The values.
        what: &'static str,
        /// Their number.
        found: usize,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// The number of values that the size needs.
        expected: usize,
    },
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A picture could not be encoded.
    #[error(transparent)]
    Film(#[from] pleura_film::Error),
    /// The page of a film cannot be made.
    #[error("cannot make the page of film {film:?}: {problem}")]
    Viewer {
        /// The film's name.
        film: String,
        /// The problem.
        problem: String,
    },
}
