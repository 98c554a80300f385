//! Why the network answers so: LRP composites, the ledger, and heatmaps.
//!
//! [`explain`] asks a [`pleura_nn::Network`] for the relevance of one film's pixels to one output (or to the difference of two);
//! [`picture::draw`] lays it over the film; [`values`] keeps its numbers beside the picture, and [`npy`] writes them.

pub mod composite;
pub mod error;
mod explanation;
pub mod npy;
pub mod picture;
mod raw;
pub mod values;

pub use composite::Composite;
pub use error::Error;
pub use explanation::{Explanation, Map, Start, explain};
pub use raw::raw_safetensors;
