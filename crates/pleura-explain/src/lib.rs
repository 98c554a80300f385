//! Why the network answers so: LRP composites, the ledger, other attributions, heatmaps, and how good those are.
//!
//! [`explain`] asks a [`pleura_nn::Network`] for the relevance of one film's pixels to one output (or to the difference of two), and
//! [`Method::explain`] does so by LRP or by what it is compared with; [`picture::draw`] lays it over the film; [`values`] keeps its numbers
//! beside the picture, and [`npy`] writes them; [`score`] measures what a heatmap is worth.

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
