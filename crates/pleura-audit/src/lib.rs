//! The search for shortcuts: what on the films, other than disease, could carry a model's answers.
//!
//! [`check_films`] asks what films and their table allow to ask: does the class go along with the source, can it be told from the file, the
//! person, the lettering, the border ([`probe`]). [`check_predictions`] looks at a model's answers, [`relevance`] at where its evidence
//! lies, [`probe_features`] what else its features know of a film, [`heatmap_sanity`] at whether heatmaps depend on what was learned. [`words`] asks whether lettering on the films sways them: it finds
//! it, covers it, pastes it elsewhere, and compares with patches of the same shape that are no lettering. Each [`Check`] says what it asked,
//! what it found, from where on that counts ([`Thresholds`]), and who described it.

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
