//! The manifest: one table of films with patients, splits and findings, and its sidecar.

pub mod access_log;
mod derived;
mod disjoint_sets;
mod duplicates;
mod error;
pub mod folds;
pub mod image_file;
mod manifest;
pub mod order;
mod records;
mod sidecar;
mod split;
mod subsets;

pub use derived::write_derived;
pub use disjoint_sets::DisjointSets;
pub use duplicates::{DuplicateRecord, MatchKind, RecordedPair, Similarity, files_digest};
pub use error::Error;
pub use folds::Folds;
pub use manifest::*;
pub use records::{EXAMPLES, Exclusion, Remark};
pub use sidecar::{FileRecord, FoldsRecord, Sidecar, SourceRecord, SplitRecord};
pub use split::{SplitBy, SplitCounts, SplitOptions, split, split_file};
pub use subsets::nested_subsets;
