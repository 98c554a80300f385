//! What can go wrong, with the place where it did.

use std::path::PathBuf;

use pleura_core::FileError;

/// Every error of this crate. Messages say what was found, what was expected, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not a rectangular CSV table in UTF-8.
    #[error("{}: not a CSV table: {source}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The parser's answer, with its line.
        source: csv::Error,
    },
    /// A JSON file could not be written, or is not what this crate writes.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's answer, with its line.
        source: serde_json::Error,
    },
    /// The header of a predictions table lacks a column, or has one too many.
    #[error("{}: header: {message}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong and what is expected.
        message: String,
    },
    /// One cell of a predictions table cannot be what it says.
    #[error("{}, line {line}, column `{column}`: found {found}, expected {expected}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line in the file; the header is line 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// One film's entry in predictions held in memory is not valid.
    #[error("predictions, film `{film}` (row {row}), `{column}`: found {found}, expected {expected}")]
    Film {
        /// Identifier of the film.
        film: String,
        /// Its row, from 0.
        row: usize,
        /// The column it would have in the table.
        column: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A column of the predictions has the wrong length.
    #[error(
        "predictions: `{what}` has {found} entries, expected {expected} ({films} films, {findings} findings)"
    )]
    Shape {
        /// The column.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
        /// Number of films.
        films: usize,
        /// Number of findings.
        findings: usize,
    },
    /// The list of findings is empty, repeats a name, or is too short for exclusive classes.
    #[error("predictions: findings {found:?}: {expected}")]
    Findings {
        /// The findings.
        found: Vec<String>,
        /// What is expected of them.
        expected: &'static str,
    },
    /// No film has a known label, so nothing can be measured.
    #[error(
        "predictions: {films} films, none with a known label: nothing to evaluate; check the split and the labels"
    )]
    Empty {
        /// Films present, labelled or not.
        films: usize,
    },
    /// An option is outside its range.
    #[error("option `{name}`: found {found}, expected {expected}")]
    Setting {
        /// Name of the option.
        name: &'static str,
        /// What it was set to.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// Two sets of predictions cannot be paired film by film.
    #[error("comparison: {message}")]
    Unpaired {
        /// What differs, and what to do.
        message: String,
    },
    /// A calibration cannot be fitted, or does not belong to what it is applied to.
    #[error("calibration: {message}")]
    Calibration {
        /// What is wrong, and what to do.
        message: String,
    },
}
