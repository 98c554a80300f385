//! The manifest: one table of films with patients, splits and findings, and its sidecar.
//!
//! * [`Manifest`] is the table, on disk a CSV file. [`Sidecar`] records beside it how it was made.
//! * [`split()`] assigns films to training, validation and test; [`Folds`] to the folds of a
//!   cross-validation, [`LeaveOut`] to those of a leave-one-out; [`nested_subsets`] selects training films for a learning curve. All keep a patient's
//!   films together.
//! * [`DuplicateRecord`] lists the known duplicates; [`access_log`] records every use of a test split.
//!
//! ```
//! use pleura_manifest::{Label, Manifest, Row, Split, SplitOptions, split};
//!
//! let mut manifest = Manifest::new("", vec!["COVID-19".to_string()]);
//! for number in 0..40 {
//!     manifest.rows.push(Row {
//!         film: format!("film-{number}"),
//!         patient: format!("patient-{}", number / 2),
//!         labels: vec![Label::Positive],
//!         ..Row::default()
//!     });
//! }
//! split(&mut manifest, &SplitOptions::default())?;
//! assert_eq!(manifest.rows[0].split, manifest.rows[1].split);
//! assert!(!manifest.split(Split::Test).is_empty());
//! # Ok::<(), pleura_manifest::Error>(())
//! ```

pub mod access_log;
mod derived;
mod disjoint_sets;
mod duplicates;
mod error;
pub mod folds;
pub mod image_file;
mod leave_out;
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
pub use leave_out::LeaveOut;
pub use manifest::*;
pub use records::{EXAMPLES, Exclusion, Remark};
pub use sidecar::{FileRecord, FoldsRecord, Sidecar, SourceRecord, SplitRecord};
pub use split::{SplitBy, SplitCounts, SplitOptions, split, split_file};
pub use subsets::nested_subsets;
