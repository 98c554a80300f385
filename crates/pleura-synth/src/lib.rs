//! Synthetic films with known truth (phantoms) and fractal images.

mod error;
pub mod fractal;
pub mod phantom;
mod synthetic_output;

pub use error::Error;
