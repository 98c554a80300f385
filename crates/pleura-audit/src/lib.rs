//! The search for shortcuts: image content other than disease that could determine a model's answers.
//!
//! [`check_films`] tests films and their table: is the class associated with the source, and can it be
//! predicted from file properties, patient data, burned-in text or the border ([`probe`])?
//! [`check_predictions`] tests a model's predictions, [`relevance`] the place of its evidence,
//! [`probe_features`] further information in its features, and [`heatmap_sanity`] the dependence of heatmaps
//! on trained weights. [`burned_in_text`] tests reliance on text: it finds text, covers it, pastes it
//! elsewhere, and compares with patches of the same shape. Each [`Check`] has a question, a finding, a
//! threshold ([`Thresholds`]) and its literature.
//!
//! ```
//! use pleura_audit::probe::{Probe, Settings, run_probe};
//! // A feature that follows the class: a linear classifier finds it.
//! let features: Vec<Vec<f32>> = (0..60).map(|film| vec![(film % 2) as f32 + 0.001 * film as f32]).collect();
//! let classes: Vec<usize> = (0..60).map(|film| film % 2).collect();
//! let groups: Vec<String> = (0..60).map(|film| film.to_string()).collect();
//! let probe = Probe { name: "example", features: &features, classes: &classes, groups: &groups, strata: None };
//! let result = run_probe(&probe, &Settings::default())?;
//! assert!(result.skill_score() > 0.9 && result.p < 0.01);
//! # Ok::<(), String>(())
//! ```

pub mod burned_in_text;
mod check;
mod checks;
pub mod error;
mod examples;
mod network_features;
mod predictions;
pub mod probe;
mod random;
pub mod relevance;
mod sanity;
mod text_reliance;
mod thresholds;

pub use check::{Check, Figure, Verdict};
pub use checks::check_films;
pub use error::Error;
pub use examples::{Example, Films};
pub use network_features::probe_features;
pub use predictions::{PARTITIONS, check_predictions};
pub use sanity::heatmap_sanity;
pub use text_reliance::text_reliance;
pub use thresholds::Thresholds;
