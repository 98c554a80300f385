//! Datasets on disk to one manifest, patient-level splits, leak checks, phantoms, and batches.
//!
//! ```text
//! datasets --build--> Manifest --split--> --check--> FilmCache --Loader--> Batch
//! ```
//!
//! * [`sources`] reads datasets as users have them; [`build()`] puts them together and counts every film left out.
//! * [`split()`] deals films out by patient; [`check()`] refuses a manifest that leaks.
//! * [`describe`] says what is in a table, and what a reader should notice.
//! * [`folds`] deals them out for a cross-validation, [`nested_subsets()`] for a learning curve; [`looks`] keeps count of looks at a test split.
//! * [`FilmCache`] keeps decoded films at training size; [`Loader`] makes batches of them ahead of time.
//! * [`phantom`] makes synthetic films with known truth, [`fractal`] pictures for a source stage.

mod amend;
pub mod build;
mod cache;
mod check;
mod classes;
mod derived;
pub mod describe;
mod drawn;
mod error;
mod films;
pub mod folds;
pub mod fractal;
mod labels;
pub mod leaks;
mod loader;
pub mod looks;
pub mod manifest;
mod order;
pub mod phantom;
mod pictures;
mod sidecar;
pub mod sources;
mod split;
mod subsets;
mod table;

pub use build::{BuildOptions, Built, Dataset, Filters, build};
pub use cache::FilmCache;
pub use check::{CheckReport, Fault, Place, check};
pub use classes::{ClassMap, Verdict};
pub use derived::write_derived;
pub use error::Error;
pub use folds::Folds;
pub use loader::{Ahead, Batch, Loader, warp};
pub use manifest::{Label, Manifest, Masks, Row, Sex, Split};
pub use order::shuffled;
pub use pictures::Pictures;
pub use sidecar::{FileRecord, FoldsRecord, Sidecar, SourceRecord, SplitRecord};
pub use split::{SplitBy, SplitCounts, SplitOptions, split, split_file};
pub use subsets::nested_subsets;
