//! A package: one file with everything needed to use a model correctly, and to refuse films it was not made
//! for.
//!
//! ```text
//! run --Parts::write--> PACKAGE.pleura --Package::read--> weights, calibration, contract, golden films, card
//!                                           |
//!                       Gate: film --> answered | abstained | refused, with reasons
//! ```
//!
//! A package is a zip archive of stored safetensors and JSON in [one canonical form](archive). Its first
//! entry lists the others with their SHA-256; the [signature](key) covers that entry. [`Package::read`]
//! trusts nothing: every byte is accounted for, documents must be consistent, and [`Package::check_golden`]
//! recomputes the [golden films](golden) on this machine.
//!
//! [`Gate`] checks films against the [contract](Contract): their file attributes, and their distance from the
//! training films in pixels and in the network's features ([`Reference`]).
//!
//! ```no_run
//! use pleura_package::Package;
//! let package = Package::read("model.pleura".as_ref())?;
//! package.check_golden(&package.network()?)?;
//! println!("{} signed by {:?}", package.digest, package.signer.map(|key| key.fingerprint()));
//! # Ok::<(), pleura_package::Error>(())
//! ```

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

/// Usual file extension of a package: `NAME.pleura`.
pub const EXTENSION: &str = "pleura";

pub use pleura_core::NOTICE;
