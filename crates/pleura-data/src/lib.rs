//! Datasets on disk to one manifest, patient-level splits, leak checks, phantoms, and batches.

mod atomic;
mod cache;
mod error;
mod films;
mod loader;
pub mod manifest;
mod order;
pub mod phantom;

pub use cache::FilmCache;
pub use error::Error;
pub use loader::{Ahead, Batch, Loader};
pub use manifest::{Label, Manifest, Masks, Row, Sex, Split};
pub use order::shuffled;
