//! Errors of this crate.

/// Errors of an audit. Messages give the value found, the value expected and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A film cannot be read.
    #[error("film {film}: cannot be audited")]
    Film {
        /// Its name.
        film: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No film has burned-in text.
    #[error("none of the {films} films has detected text: there is nothing to cover")]
    NoLettering {
        /// Number of films.
        films: usize,
    },
    /// A setting is out of range.
    #[error("{name}: {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// A table of boxes cannot be read.
    #[error("{path}, row {row}: {problem}")]
    Boxes {
        /// The file.
        path: String,
        /// Row (2 is the first below the header); 0 for the whole file.
        row: usize,
        /// The fault, and the expected value.
        problem: String,
    },
    /// The network failed.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
    /// The explanation failed.
    #[error(transparent)]
    Explanation(#[from] pleura_explain::Error),
    /// The evaluation failed.
    #[error(transparent)]
    Evaluation(#[from] pleura_eval::Error),
}
