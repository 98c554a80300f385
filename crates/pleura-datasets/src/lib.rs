//! Adapters from published datasets to a manifest.

mod amend;
mod build;
mod classes;
mod error;
mod labels;
pub mod adapters;
mod table;

pub use build::{BuildOptions, BuiltManifest, BuildInput, Filters, build};
pub use classes::{ClassMap, ClassAssignment};
pub use error::Error;
pub use adapters::OWN;
