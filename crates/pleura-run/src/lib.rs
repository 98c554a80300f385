//! The folder of a run: one method for each file, and one type for the contents of each file, for writer and
//! reader.
//!
//! ```
//! use pleura_manifest::Split;
//! use pleura_run::RunFolder;
//!
//! let run = RunFolder::new("runs/covid");
//! let stage = run.stage("target");
//! assert_eq!(run.recipe(), std::path::Path::new("runs/covid/recipe.toml"));
//! assert!(stage.best_weights().ends_with("stages/target/best.safetensors"));
//! assert!(stage.predictions(Split::Test).ends_with("stages/target/test.csv"));
//! // The run has not begun.
//! assert!(stage.read_neurons()?.is_none());
//! # Ok::<(), pleura_run::Error>(())
//! ```
//!
//! | File | Method | Contents |
//! |---|---|---|
//! | `recipe.toml` | [`RunFolder::recipe`] | [`Recipe`], in full: every default, every finding |
//! | `run.json` | [`RunFolder::identity`] | [`Identity`]: digests of recipe, manifests and starting weights |
//! | `log.jsonl` | [`RunFolder::log`] | [`log::LogLine`]: every step and epoch, equal for equal runs |
//! | `timing.jsonl` | [`RunFolder::timing`] | [`timing::TimingLine`]: the time they took |
//! | `looks.jsonl` | [`RunFolder::test_access_log`] | test accesses, if the manifest's log is not writable |
//! | `evidence/*.json` | [`RunFolder::evidence`] | [`Evidence`]: recorded evaluations |
//! | `audit/audit.json` | [`RunFolder::audit_record`] | [`audit::AuditRecord`] |
//! | `stages/NAME/neurons.json` | [`StageFolder::neurons`] | [`Neurons`]: output neurons and their proof |
//! | `stages/NAME/isnet.json` | [`StageFolder::heatmap_bounds`] | [`HeatmapBounds`], with `[stage.isnet]` |
//! | `stages/NAME/data.json` | [`StageFolder::data`] | [`data::StageData`]: the films by split |
//! | `stages/NAME/best.safetensors` | [`StageFolder::best_weights`] | weights of the best epoch |
//! | `stages/NAME/last.safetensors` | [`StageFolder::last_weights`] | weights of the last epoch |
//! | `stages/NAME/{validation,test}.csv` | [`StageFolder::predictions`] | predictions of the best weights |
//! | `stages/NAME/…-epoch-N.csv` | [`StageFolder::predictions_after`] | predictions after epoch N |
//! | `stages/NAME/metrics.json` | [`StageFolder::metrics`] | the evaluation on the test split |
//! | `stages/NAME/stage.json` | [`StageFolder::record`] | [`StageRecord`], written last |
//! | `stages/NAME/checkpoints/` | [`StageFolder::checkpoints`] | while the stage runs: the newest two |
//! | `stages/NAME/events.out.tfevents.…` | [`StageFolder::events`] | curves for TensorBoard |

pub mod audit;
pub mod data;
mod error;
mod evidence;
mod folder;
mod heatmap_bounds;
mod identity;
pub mod json;
mod lock;
pub mod log;
mod neurons;
pub mod recipe;
pub mod segmentation;
mod series;
mod stage_record;
pub mod study;
pub mod timing;

pub use error::Error;
pub use evidence::Evidence;
pub use folder::{RECIPE, RunFolder, SeriesFolder, StageFolder, split_name};
pub use heatmap_bounds::{HeatmapBounds, MeasuredRelevance};
pub use identity::Identity;
pub use lock::RunLock;
pub use neurons::{Neuron, NeuronOrigin, Neurons, Proof};
pub use recipe::Recipe;
pub use series::SeriesRecord;
pub use stage_record::{LogLengths, StageRecord, StageSummary};
