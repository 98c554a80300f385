//! Films ready for training: a cache of decoded films, batches of them, checks and descriptions of manifests.
//!
//! ```text
//! datasets --build--> Manifest --split--> --check--> FilmCache --Loader--> Batch
//! ```
//!
//! * [`check()`] finds patients, files and pixels in two splits, and files that differ from the manifest.
//! * [`describe`] counts the films of manifests, and makes observations on them.
//! * [`lungs`] finds lung masks for a manifest's films.
//! * [`FilmCache`] keeps decoded films at training size. [`Loader`] prepares batches of them on other
//!   threads.
//!
//! ```
//! use pleura_data::check;
//! use pleura_manifest::{Manifest, Row, Split};
//!
//! let mut manifest = Manifest::new("", vec![]);
//! for split in [Split::Train, Split::Test] {
//!     manifest.rows.push(Row { patient: "p1".into(), split: Some(split), ..Row::default() });
//! }
//! let report = check(&manifest, &|_, _| {});
//! assert!(report.faults[0].to_string().starts_with("patient p1 is in two splits"));
//! ```

mod cache;
mod check;
pub mod describe;
mod error;
mod image_source;
mod loader;
pub mod lungs;

pub use cache::FilmCache;
pub use check::{CheckReport, Fault, FilmInSplit, check};
pub use error::Error;
pub use image_source::ImageSource;
pub use loader::{Batch, Loader, Prefetch, warp};
