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
//! * [`series`] carries out several runs that differ in films or seeds: the folds of [`cross`], the rungs of [`mod@curve`].
//! * [`study`] plans variants of a training as a series, carries it out and compares them in pairs.
//! * [`Observer`] watches, and may stop a run cleanly.
//!
//! # A run's folder
//!
//! | File | What it is |
//! |---|---|
//! | `recipe.toml` | the recipe in full: every default, every finding |
//! | `run.json` | digests of recipe, manifests and starting weights; what `--resume` compares |
//! | `log.jsonl` | every step and epoch, without times: equal for equal runs |
//! | `timing.jsonl` | how long they took |
//! | `looks.jsonl` | looks at test films, where they could not be written down beside the manifest |
//! | `stages/NAME/neurons.json` | which output neurons were kept, mapped, fresh, and the proof |
//! | `stages/NAME/isnet.json` | with `[stage.isnet]`: C1 and C2 as used, and what they were measured on |
//! | `stages/NAME/data.json` | films, patients and findings by split, and what was left out |
//! | `stages/NAME/best.safetensors`, `last.safetensors` | weights of the best epoch, and of the last |
//! | `stages/NAME/validation.csv`, `test.csv` | answers of the best weights |
//! | `stages/NAME/validation-epoch-N.csv`, `test-epoch-N.csv` | answers after epoch N, where the recipe's `answers` wants them |
//! | `stages/NAME/metrics.json` | the evaluation on the test split |
//! | `stages/NAME/stage.json` | the summary; written last |
//! | `stages/NAME/checkpoints/` | while the stage runs: the newest two |
//! | `stages/NAME/events.out.tfevents.…` | curves for TensorBoard |

mod answer;
mod checkpoint;
pub mod cross;
pub mod curve;
mod difference;
mod error;
mod events;
#[cfg(test)]
mod golden;
pub mod isnet;
mod json;
pub mod keep;
pub mod labels;
pub mod leaks;
mod lock;
mod log;
pub mod loss;
pub mod observer;
pub mod optimiser;
mod pace;
pub mod plan;
pub mod recipe;
pub mod run;
pub mod schedule;
pub mod series;
mod share;
mod start;
pub mod study;
mod train;
mod watch;

pub use answer::{answer, predictions};
pub use error::Error;
pub use observer::{Event, Observer, Silent};
pub use pace::waiting;
pub use plan::Plan;
pub use recipe::Recipe;
pub use run::{LOOKS, Options, RunSummary, StageSummary, Stop, run, stage_folder};
pub use series::{Member, Series, SeriesSummary};
