//! Explanations of a network's answers: LRP composites with their ledger, other attribution methods,
//! heatmaps, and quality scores of heatmaps.
//!
//! [`explain`] computes the relevance of a film's pixels for an output of a [`pleura_nn::Network`], or for
//! the difference of two. [`Method::explain`] does it by LRP or by another attribution method.
//! [`picture::draw`] draws the map over the film, [`values`] saves its numbers, and [`score`] measures its
//! quality.
//!
//! ```
//! use pleura_explain::{Composite, Start, explain};
//! use pleura_nn::{Architecture, Cpu, Network, weights::{Normalisation, Weights}};
//! let findings = ["pneumonia".to_owned(), "normal".to_owned()];
//! let small = Architecture::by_name("small").expect("a known architecture");
//! let network = Network::new(Cpu::new(), &Weights::initialise(&small, &findings, Normalisation::NONE, 1))?;
//! let film = vec![0.5; 48 * 48];
//! let composite = Composite::default();
//! let explanation = explain(&network, &film, 48, &composite, &[Start::Logit("pneumonia".into())])?;
//! let ledger = explanation.maps[0].ledger().expect("LRP keeps a ledger");
//! assert!(ledger.residual().abs() < 1e-3 * (1.0 + explanation.logits[0].abs()));
//! # Ok::<(), pleura_explain::Error>(())
//! ```

mod account;
pub mod composite;
pub mod error;
mod explanation;
pub mod method;
pub mod npy;
pub mod picture;
mod raw;
pub mod score;
pub mod values;

pub use account::Account;
pub use composite::Composite;
pub use error::Error;
pub use explanation::{Explanation, Map, Start, explain};
pub use method::{Fill, Method};
pub use raw::raw_safetensors;
