//! Results as sentences, and the warnings that belong to them.

pub(crate) mod sentences;
pub(crate) mod warning;
