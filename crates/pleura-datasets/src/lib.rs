//! Adapters from published datasets to a manifest.

pub mod adapters;
mod amend;
mod build;
mod classes;
mod error;
mod labels;
mod table;

pub use adapters::OWN;
pub use build::{BuildInput, BuildOptions, BuiltManifest, Filters, build};
pub use classes::{ClassAssignment, ClassMap};
pub use error::Error;
