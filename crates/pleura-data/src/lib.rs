//! Films ready for training: a cache of decoded films, batches of them, checks and descriptions of manifests.

mod cache;
mod check;
pub mod describe;
mod error;
mod loader;
mod pictures;

pub use cache::FilmCache;
pub use check::{CheckReport, Fault, Place, check};
pub use error::Error;
pub use loader::{Ahead, Batch, Loader, warp};
pub use pictures::Pictures;

pub use pleura_datasets::{BuildOptions, Built, ClassMap, Dataset, Filters, Verdict, build, sources};
pub use pleura_manifest::order::shuffled;
pub use pleura_manifest::{
    self as manifest, FileRecord, Folds, FoldsRecord, Label, Manifest, Masks, Row, Sex, Sidecar,
    SourceRecord, Split, SplitBy, SplitCounts, SplitOptions, SplitRecord, folds, looks, nested_subsets,
    split, split_file, write_derived,
};
pub use pleura_synth::{fractal, phantom};
