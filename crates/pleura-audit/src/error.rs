//! Everything that can go wrong in this crate.

/// Says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A film could not be had.
    #[error("film {film}: cannot be audited")]
    Film {
        /// Its name.
        film: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// None of the films carries lettering.
    #[error("none of the {films} films carries lettering that was found: there is nothing to cover")]
    NoLettering {
        /// Films looked at.
        films: usize,
    },
    /// A setting outside what it may be.
    #[error("{name}: {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A table of boxes that cannot be read.
    #[error("{path}, row {row}: {problem}")]
    Boxes {
        /// The file.
        path: String,
        /// Row, the first below the header being 2; 0 for the file as a whole.
        row: usize,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The network could not answer.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
    /// The network's answer could not be explained.
    #[error(transparent)]
    Explanation(#[from] pleura_explain::Error),
    /// The answers could not be measured.
    #[error(transparent)]
    Evaluation(#[from] pleura_eval::Error),
}
