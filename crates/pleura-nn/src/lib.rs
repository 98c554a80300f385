//! The DenseNet engine: networks with three passes (forward, backward, relevance), backends, and weight
//! files.
//!
//! [`Weights`] are read, imported or initialised. [`Network::new`] puts them on a backend: [`Cpu`], or
//! [`Reference`] in plain double precision. Films are grey levels `[batch, size, size]` in 0 to 1.
//!
//! ```
//! use pleura_nn::relevance::Rule;
//! use pleura_nn::weights::Normalisation;
//! use pleura_nn::{Architecture, Cpu, Network, Norm, Rules, Scope, Weights};
//!
//! let architecture = Architecture::by_name("small")?;
//! let findings = ["normal".to_owned(), "pneumonia".to_owned()];
//! let weights = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 0);
//! let mut network = Network::new(Cpu::new(), &weights)?;
//! let (films, size) = (2, 64);
//! let grey: Vec<f32> = (0..films * size * size).map(|i| (i % 97) as f32 / 97.0).collect();
//!
//! // One step of gradient descent on the loss ½ Σ logit².
//! let (before, trace) = network.forward(&grey, films, size, Norm::Batch)?;
//! let mut gradients = network.gradients();
//! network.backward(&trace, &before, &Scope::all(), &mut gradients)?;
//! for (values, gradients) in network.values_mut().iter_mut().zip(gradients.tensors()) {
//!     for (value, gradient) in values.iter_mut().zip(gradients) {
//!         *value -= 1e-4 * gradient;
//!     }
//! }
//! network.update_running(&trace, 0.1)?;
//! let (after, _) = network.forward(&grey, films, size, Norm::Batch)?;
//! let loss = |logits: &[f32]| logits.iter().map(|z| z * z / 2.0).sum::<f32>();
//! assert!(loss(&after) < loss(&before));
//!
//! // Relevance of the pixels for the finding "pneumonia" in both films.
//! let (logits, trace) = network.forward(&grey, films, size, Norm::Running)?;
//! let rules = Rules::new(Rule::Flat, Rule::Plus { epsilon: 1e-6 }, 1e-6);
//! let relevance = network.relevance(&trace, &[0.0, 1.0, 0.0, 1.0], &rules)?;
//! assert_eq!(relevance.input.len(), 3 * grey.len());
//! let ledger = &relevance.ledgers[0];
//! assert!((ledger.start - f64::from(logits[1])).abs() < 1e-6);
//! # Ok::<(), pleura_nn::Error>(())
//! ```

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
pub mod unet;
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
pub use unet::{Segmenter, UNet, UNetWeights};
pub use weights::Weights;

/// The code of the book's page on the engine, as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/engine.md")]
struct EnginePage;
