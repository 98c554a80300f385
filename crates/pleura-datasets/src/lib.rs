//! Builds manifests from published datasets.
//!
//! An adapter reads one dataset in its published layout ([`adapters`]). [`build()`] joins the films of all
//! inputs, verifies each, and counts every film that it leaves out. A [`ClassMap`] turns findings into
//! exclusive classes.
//!
//! ```no_run
//! use pleura_datasets::adapters::Dataset;
//! use pleura_datasets::{BuildInput, BuildOptions, build};
//!
//! let input = BuildInput {
//!     dataset: Dataset::by_name("nih").ok_or("unknown dataset")?,
//!     name: "nih".to_string(),
//!     path: "data/nih".into(),
//! };
//! let options = BuildOptions {
//!     inputs: vec![input],
//!     classes: Some("sick = Pneumonia; healthy = No Finding".parse()?),
//!     ..BuildOptions::default()
//! };
//! let built = build(&options, "films.csv".as_ref(), &|done, of| println!("{done} of {of}"))?;
//! built.write("films.csv".as_ref())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
