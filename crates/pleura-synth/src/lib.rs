//! Synthetic images: phantoms, which are chest films with known truth, and fractals.
//!
//! [`phantom::write`] draws a set of films with masks and a manifest, for demonstrations and tests.
//! [`fractal::Fractals`] draws images for a source stage that needs no dataset.
//!
//! ```
//! use pleura_synth::phantom::{PhantomOptions, plan};
//!
//! let films = plan(&PhantomOptions { films: 5, ..PhantomOptions::default() })?;
//! assert_eq!(films.len(), 5);
//! # Ok::<(), pleura_synth::Error>(())
//! ```

mod error;
pub mod fractal;
pub mod phantom;
mod synthetic_output;

pub use error::Error;
