//! Adapters from published datasets to a manifest.

mod amend;
mod build;
mod classes;
mod error;
mod labels;
pub mod sources;
mod table;

pub use build::{BuildOptions, Built, Dataset, Filters, build};
pub use classes::{ClassMap, Verdict};
pub use error::Error;
pub use sources::OWN;
