//! Errors, with the file, line or option where they arose.

use std::path::PathBuf;

use pleura_core::FileError;

/// Errors of this crate. Messages name the value found, the value expected, and the place.
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
        /// The parser's error, with its line.
        source: csv::Error,
    },
    /// The file is not a table of text.
    #[error("{}: {problem}", path.display())]
    NoTable {
        /// The file.
        path: PathBuf,
        /// The kind of file, and what to do.
        problem: String,
    },
    /// A JSON file cannot be written, or has another structure than this crate writes.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's error, with its line.
        source: serde_json::Error,
    },
    /// The header of a predictions table lacks a column, or has one too many.
    #[error("{}: header: {message}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The fault and the expected header.
        message: String,
    },
    /// A cell of a predictions table has an invalid value.
    #[error("{}, line {line}, column `{column}`: found {found}, expected {expected}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line in the file; the header is line 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The cell's text.
        found: String,
        /// The values allowed.
        expected: String,
    },
    /// One film's entry in predictions held in memory is not valid.
    #[error("predictions, film `{film}` (row {row}), `{column}`: found {found}, expected {expected}")]
    Film {
        /// Identifier of the film.
        film: String,
        /// Its row, from 0.
        row: usize,
        /// The column that the value has in the table.
        column: String,
        /// The invalid value.
        found: String,
        /// The values allowed.
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
        /// The rule that they break.
        expected: &'static str,
    },
    /// No film has a known label.
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
        /// The values allowed.
        expected: String,
    },
    /// Two sets of predictions cannot be paired film by film.
    #[error("comparison: {message}")]
    Unpaired {
        /// The difference, and the remedy.
        message: String,
    },
    /// A calibration cannot be fitted, or belongs to another model.
    #[error("calibration: {message}")]
    Calibration {
        /// The fault, and the remedy.
        message: String,
    },
}
