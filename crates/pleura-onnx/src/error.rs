//! Everything that can go wrong in this crate.

/// Says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule of relevance for which no graph can be written.
    #[error("the graph of a heatmap has no {layer} by {rule}; it can be written with {known}")]
    Rule {
        /// Where the rule stands.
        layer: String,
        /// The rule, as its debug form says it.
        rule: String,
        /// What stands there in heatmaps that can be written.
        known: &'static str,
    },
    /// A question whose coefficients do not fit the network.
    #[error(
        "question {question:?} has {found} coefficients or thresholds; expected one for each of the network's {expected} outputs"
    )]
    Question {
        /// Its words.
        question: String,
        /// Coefficients or thresholds there are.
        found: usize,
        /// Outputs of the network.
        expected: usize,
    },
    /// A heatmap of nothing, or films of which there are none.
    #[error("{what}: expected at least one")]
    None {
        /// What there is none of.
        what: &'static str,
    },
    /// A file that no reader takes.
    #[error("the graph takes {bytes} bytes; ONNX files end below 2 GiB, so choose a smaller network")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Weights that do not fit their network, or films too small for it.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),
}
