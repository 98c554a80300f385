//! Errors of this crate.

/// Errors of the ONNX export. Messages give the value found, the value expected and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A relevance rule that cannot be written as a graph.
    #[error("the graph of a heatmap has no {layer} by {rule}; it can be written with {known}")]
    Rule {
        /// The layer with the rule.
        layer: String,
        /// The rule in its debug form.
        rule: String,
        /// The rules that can be written for this layer.
        known: &'static str,
    },
    /// A question whose coefficients do not fit the network.
    #[error(
        "question {question:?} has {found} coefficients or thresholds; expected one for each of the network's {expected} outputs"
    )]
    Question {
        /// The question in words.
        question: String,
        /// Number of coefficients or thresholds.
        found: usize,
        /// Outputs of the network.
        expected: usize,
    },
    /// No questions, or no films.
    #[error("{what}: expected at least one")]
    None {
        /// The empty part.
        what: &'static str,
    },
    /// A file that is too large for ONNX readers.
    #[error("the graph takes {bytes} bytes; ONNX files end below 2 GiB, so choose a smaller network")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// Weights that do not fit their network, or films too small for it.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
}
