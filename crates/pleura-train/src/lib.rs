//! From a recipe to a run: stages, optimisers, output neuron keeping, checkpoints and resume.
//!
//! ```text
//! Recipe --Plan (manifests, labels, starts)--> run: stage by stage
//!     start (old weights, new head, keeping and its proof)
//!       -> epochs of steps (Loader -> Network -> Loss -> clip -> optimiser) -> validation -> best weights
//!       -> evaluation on the test split
//! ```
//!
//! * [`Recipe::read`] reads a TOML file; errors name its line.
//! * [`run()`] carries it out in a folder, and goes on where it was killed: weights and `log.jsonl` come out equal bit for bit.
//! * [`keep`] is output neuron keeping, the idea of the paper that this project follows.
//! * [`Observer`] watches, and may stop a run cleanly.

mod answer;
mod bits;
mod checkpoint;
mod error;
mod events;
#[cfg(test)]
mod golden;
pub mod isnet;
pub mod keep;
pub mod labels;
pub mod leaks;
mod log;
pub mod loss;
pub mod observer;
pub mod optimiser;
mod pace;
pub mod plan;
pub mod run;
pub mod schedule;
mod start;
mod train;
mod watch;

pub use answer::{answer, predictions};
pub use error::Error;
pub use observer::{Event, Observer, Silent};
pub use plan::Plan;
pub use pleura_run::{Recipe, StageSummary, recipe};
pub use run::{Options, RunSummary, Stop, refuse_leaks, run};
