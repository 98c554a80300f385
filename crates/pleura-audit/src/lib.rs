//! The search for shortcuts.
//!
//! [`words`] asks whether lettering on the films sways the answers: it finds it, covers it, pastes it elsewhere, and compares with patches
//! of the same shape that are no lettering.

pub mod error;
pub mod words;

pub use error::Error;
