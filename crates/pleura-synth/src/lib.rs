//! Synthetic films with known truth (phantoms) and fractal images.

mod synthetic_output;
mod error;
pub mod fractal;
pub mod phantom;

pub use error::Error;
