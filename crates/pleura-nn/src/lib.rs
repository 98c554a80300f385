//! The DenseNet engine: layers with three passes (forward, backward, relevance), backends, weights in and out.

#[cfg(test)]
extern crate self as pleura_nn;

pub mod architecture;
pub mod backend;
pub mod cpu;
pub mod error;
pub mod gradients;
mod layers;
pub mod network;
mod norm;
mod plan;
mod prepared_weights;
pub mod reference;
pub mod relevance;
mod rule;
pub mod weights;

pub use architecture::Architecture;
pub use cpu::Cpu;
pub use error::Error;
pub use gradients::{Gradients, Scope};
pub use network::flex::{Flex, HeatmapGradients};
pub use network::{Network, Relevance, Trace};
pub use norm::Norm;
pub use reference::Reference;
pub use relevance::{Ledger, Rules};
pub use weights::Weights;
