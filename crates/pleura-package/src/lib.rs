//! A model as it is handed over: one file with everything needed to use it rightly, and to refuse what it was not made for.
//!
//! ```text
//! run --Parts::write--> PACKAGE.pleura --Package::read--> weights, calibration, contract, golden films, card
//!                                           |
//!                       Gate: film --> answered | abstained | refused, with reasons
//! ```
//!
//! A package is a zip archive of stored safetensors and JSON in [one form only](archive); its first entry lists the others with their
//! SHA-256, and that entry is what a [signature](key) covers. [`Package::read`] takes nothing on trust: every byte is accounted for, documents
//! must fit each other, and [`Package::check_golden`] computes the [golden films](golden) anew on the machine at hand.
//!
//! [`Gate`] holds films against the [contract](Contract): what their files say of themselves, and how far they look, in pixels and in the
//! network's own features, from the films that the network has learnt from ([`Reference`]).

pub mod archive;
pub mod card;
mod cloud;
pub mod codes;
pub mod contract;
mod error;
pub mod gate;
pub mod golden;
pub mod key;
mod look;
pub mod package;
mod plain;
mod private;
mod reference;
mod tensors;
pub mod training;

pub use cloud::Cloud;
pub use contract::{Contract, Flag, Limit, Verdict};
pub use error::Error;
pub use gate::{Gate, Judgement, Outcome};
pub use golden::{Golden, GoldenCheck};
pub use key::{Pair, PrivateKey, PublicKey};
pub use package::{Entry, Metrics, Model, Package, Parts};
pub use private::Private;
pub use reference::{MEASURES, Reference, Seen};
pub use training::Training;

/// What a package's file is usually called: `NAME.pleura`.
pub const EXTENSION: &str = "pleura";

pub use pleura_core::NOTICE;
