//! Training: from a recipe to a run, with stages, optimisers, output neuron keeping, checkpoints and resume.
//!
//! ```text
//! Recipe --Plan (manifests, labels, starting weights)--> run: stage by stage
//!     start (old weights, new head, kept neurons and their proof)
//!       -> epochs of steps (Loader -> Network -> Loss -> clip -> optimiser) -> validation -> best weights
//!       -> evaluation on the test split
//! ```
//!
//! * [`Recipe::read`] reads a TOML file; errors name its line.
//! * [`run()`] trains in a folder. A killed run is resumed with equal bits in weights and `log.jsonl`.
//! * [`keep`] is output neuron keeping, the method of the paper that this project follows.
//! * [`Observer`] receives the events of a run, and may stop it.
//!
//! ```no_run
//! use std::path::Path;
//! use pleura_train::{Options, Recipe, Silent, run};
//!
//! let recipe = Recipe::read(Path::new("recipe.toml"))?;
//! let summary = run(&recipe, Path::new("runs/covid"), &Options::default(), &mut Silent)?;
//! for stage in &summary.stages {
//!     println!("{}: test accuracy {:?}", stage.stage, stage.test_accuracy);
//! }
//! # Ok::<(), pleura_train::Error>(())
//! ```

mod bits;
mod checkpoint;
mod duplicates;
mod early_stopping;
mod error;
mod events;
#[cfg(test)]
mod golden;
pub mod isnet;
pub mod keep;
pub mod labels;
mod log;
pub mod loss;
pub mod observer;
pub mod optimiser;
pub mod plan;
mod predict;
pub mod run;
mod sampling;
pub mod schedule;
pub mod segmentation;
mod stage_run;
mod start;
mod throughput;

pub use error::Error;
pub use observer::{Event, Observer, Silent};
pub use plan::Plan;
pub use pleura_run::Recipe;
pub use predict::{logits, predictions};
pub use run::{Options, RunSummary, Stop, refuse_leaks, run};
pub use sampling::Sampler;
