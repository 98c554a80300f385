//! Films ready for training: a cache of decoded films, batches of them, checks and descriptions of manifests.

mod cache;
mod check;
pub mod describe;
mod error;
mod loader;
mod image_source;

pub use cache::FilmCache;
pub use check::{CheckReport, Fault, FilmInSplit, check};
pub use error::Error;
pub use loader::{Prefetch, Batch, Loader, warp};
pub use image_source::ImageSource;

pub use pleura_datasets::{BuildOptions, BuiltManifest, ClassMap, BuildInput, Filters, ClassAssignment, build, adapters};
pub use pleura_manifest::order::shuffled;
pub use pleura_manifest::{
    self as manifest, FileRecord, Folds, FoldsRecord, Label, Manifest, Masks, Row, Sex, Sidecar,
    SourceRecord, Split, SplitBy, SplitCounts, SplitOptions, SplitRecord, folds, access_log, nested_subsets,
    split, split_file, write_derived,
};
pub use pleura_synth::{fractal, phantom};
