//! The search for shortcuts: what on the films, other than disease, could carry a model's answers.
//!
//! [`of_films`] asks what films and their table allow to ask: does the class go along with the source, can it be told from the file, the
//! person, the lettering, the border ([`probe`]). [`of_answers`] looks at a model's answers, [`relevance`] at where its evidence
//! lies, [`features_tell`] what else its features know of a film, [`heatmap_sanity`] at whether heatmaps depend on what was learned. [`words`] asks whether lettering on the films sways them: it finds
//! it, covers it, pastes it elsewhere, and compares with patches of the same shape that are no lettering. Each [`Check`] says what it asked,
//! what it found, from where on that counts ([`Thresholds`]), and who described it.

mod answers;
mod check;
mod checks;
pub mod error;
mod features;
mod films;
pub mod probe;
mod random;
pub mod relevance;
mod sanity;
mod thresholds;
mod use_of_words;
pub mod words;

pub use answers::{PARTITIONS, of_answers};
pub use check::{Check, Figure, Verdict};
pub use checks::of_films;
pub use error::Error;
pub use features::features_tell;
pub use films::{Example, Films};
pub use sanity::heatmap_sanity;
pub use thresholds::Thresholds;
pub use use_of_words::use_of_words;
