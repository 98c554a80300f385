//! The search for shortcuts.
//!
//! [`words`] asks whether lettering on the films sways the answers: the same films with their words covered, and with patches of the
//! same shape covered elsewhere.

pub mod words;
