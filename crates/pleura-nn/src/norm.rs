//! The two modes of batch normalisation.

/// The statistics that the batch norms of a pass use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Those of the batch: training.
    Batch,
    /// The running ones: inference, explanations, and fine-tuning with frozen statistics.
    Running,
}
