//! The DenseNet engine: layers with three passes (forward, backward, relevance), backends, weights in and out.

#[cfg(test)]
extern crate self as pleura_nn;

pub mod architecture;
pub mod backend;
pub mod cpu;
pub mod error;
pub mod gradients;
mod head_only;
mod layers;
pub mod network;
mod plan;
pub mod profile;
mod ready;
pub mod reference;
pub mod relevance;
pub mod weights;

pub use architecture::Architecture;
pub use cpu::Cpu;
pub use error::Error;
pub use gradients::{Gradients, Scope};
pub use network::flex::{Flex, Pulls};
pub use network::{Network, Norm, Trace};
pub use reference::Reference;
pub use relevance::{Ledger, Relevance, Rules};
pub use weights::Weights;
