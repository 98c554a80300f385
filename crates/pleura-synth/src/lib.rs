//! Synthetic films with known truth (phantoms) and fractal images.

mod drawn;
mod error;
pub mod fractal;
pub mod phantom;

pub use error::Error;
