//! The DenseNet engine: layers with three passes (forward, backward, relevance), backends, weights in and out.

pub mod architecture;
pub mod error;
pub mod weights;
