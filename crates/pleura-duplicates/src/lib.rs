//! Duplicate films: the same radiograph twice, across splits and across datasets.
//!
//! A test result is worth nothing if a test film was also used for training. Public datasets share films
//! under other names: saved again, resized, cropped, mirrored, inverted. [`find_duplicates`] finds equal
//! files, equal pixels, and films that show the same radiograph although their pixels differ.
//! [`DuplicateReport::record`] makes the record that splitting, checking and training read from the
//! manifest's sidecar.
//!
//! ```
//! use pleura_core::Silent;
//! use pleura_duplicates::{DuplicateOptions, find_duplicates};
//! use pleura_manifest::Manifest;
//!
//! let manifest = Manifest::new("", vec!["COVID-19".to_string()]);
//! let report = find_duplicates(&[("films.csv", &manifest)], &DuplicateOptions::default(), &Silent);
//! assert!(report.passed() && report.pairs.is_empty());
//! ```

mod align;
mod counter;
mod hash;
mod index;
mod median_coefficients;
mod pair_sheet;
mod plane;
mod record;
mod report;
mod search;
pub mod similar;
mod thumbnail;

pub use hash::{BITS, Hash, dct_coefficients};
pub use index::Index;
pub use pair_sheet::pair_sheet;
pub use report::{DuplicateReport, ImageRef, Pair, PatientInTwoSplits};
pub use search::{DuplicateOptions, find_duplicates};
pub use thumbnail::Thumbnail;
