//! A run: a recipe carried out in a folder, stage after stage, so that it can be killed at any moment and go on.
//!
//! A stage that is finished has a `stage.json`, written last. A stage that is not goes on from its newest whole checkpoint, with
//! the logs cut to where they were; everything after it is done again, and comes out the same.

use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::{self, Lengths},
    difference::difference,
    error::Error,
    isnet::Masks,
    json::{read_json, write_json},
    lock::RunLock,
    log::AppendLog,
    observer::{Event, Observer},
    plan::{Identity, Plan},
    recipe::Recipe,
    train::{Outcome, StageRun},
};

/// File of a run that holds looks at test films which could not be written down beside their manifest ([`pleura_data::looks`]).
pub const LOOKS: &str = "looks.jsonl";

/// How a recipe is carried out.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Go on with a run that was begun in the folder; without one, begin.
    pub resume: bool,
    /// In place of the recipe's seed.
    pub seed: Option<u64>,
    /// Threads to compute with; all there are by default. Results do not depend on it.
    pub threads: Option<usize>,
    /// Where decoded films are kept. Default: `.pleura-cache` beside each manifest.
    pub cache: Option<PathBuf>,
    /// Train although films are copies of films that a stage is judged on; which, is recorded in the run.
    pub allow_leaks: bool,
}

impl Options {
    /// Goes on with a run that was begun.
    #[must_use]
    pub fn with_resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Takes this seed in place of the recipe's.
    #[must_use]
    pub fn with_seed(mut self, seed: Option<u64>) -> Self {
        self.seed = seed;
        self
    }

    /// Computes with so many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: Option<usize>) -> Self {
        self.threads = threads;
        self
    }

    /// Keeps decoded films there.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<PathBuf>) -> Self {
        self.cache = cache;
        self
    }

    /// Trains although films are copies of films that a stage is judged on.
    #[must_use]
    pub fn with_leaks_allowed(mut self, allow: bool) -> Self {
        self.allow_leaks = allow;
        self
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run's folder.
    pub out: PathBuf,
    /// The stages that are finished.
    pub stages: Vec<StageSummary>,
    /// Where it was stopped, if it was; such a run can be resumed.
    pub stopped: Option<Stop>,
}

/// Where a run was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// The stage that is not finished.
    pub stage: String,
    /// The epoch that is not, from 0.
    pub epoch: usize,
    /// Steps done in the stage.
    pub step: u64,
}

/// What came of a stage. Stored as `stage.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageSummary {
    /// Its name.
    pub stage: String,
    /// Epochs trained.
    pub epochs: usize,
    /// Steps taken.
    pub steps: u64,
    /// True if patience ran out before the last epoch.
    pub stopped_early: bool,
    /// The epoch that the best weights are from, from 0.
    pub best_epoch: usize,
    /// Validation loss of that epoch.
    pub validation_loss: f64,
    /// Digest of the best weights ([`pleura_nn::Weights::digest`]).
    pub best_weights: String,
    /// Digest of the weights after the last step.
    pub last_weights: String,
    /// Films of the test split; 0 where there is none.
    pub test_films: usize,
    /// Accuracy on the test split, exclusive classes only.
    pub test_accuracy: Option<f64>,
    /// Mean area under the ROC curves on the test split.
    pub test_macro_auc: Option<f64>,
}

/// `stage.json`: the summary, and where the logs stood.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StageRecord {
    #[serde(flatten)]
    pub(crate) summary: StageSummary,
    pub(crate) lengths: Lengths,
}

/// Carries out a recipe in the folder `out`.
///
/// # Errors
/// [`Error::Occupied`] where there is a run and `resume` is not set, [`Error::Changed`] where there is another one, [`Error::Locked`]
/// where another process trains there; all that [`Plan::new`] refuses; [`Error::Diverged`].
pub fn run(
    recipe: &Recipe,
    out: &Path,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<RunSummary, Error> {
    match options.threads {
        None => carry_out(recipe, out, options, observer),
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Error::Threads {
                threads,
                problem: error.to_string(),
            })?
            .install(|| carry_out(recipe, out, options, observer)),
    }
}

fn carry_out(
    recipe: &Recipe,
    out: &Path,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<RunSummary, Error> {
    let plan = Plan::new(recipe, options.seed)?;
    let identity = plan.identity()?;
    refuse_leaks(&plan, options.allow_leaks, observer)?;
    // A mask that is of no use is told now, not after the stages before it; the first stage reads its own at once.
    for stage in plan
        .stages
        .iter()
        .skip(1)
        .filter(|stage| stage.stage.isnet.is_some())
    {
        if !stage_folder(out, &stage.stage.name).join("stage.json").exists() {
            Masks::read(stage, &recipe.preparation)?;
        }
    }
    std::fs::create_dir_all(out).map_err(Error::file(out, "create"))?;
    let _lock = RunLock::take(out)?;
    begin_or_resume(&plan, &identity, out, options.resume)?;
    let digest = identity.digest()?;
    let mut summary = RunSummary {
        out: out.to_owned(),
        stages: Vec::new(),
        stopped: None,
    };
    let mut lengths = Lengths::default();
    for number in 0..plan.stages.len() {
        let name = &plan.stages[number].stage.name;
        let folder = stage_folder(out, name);
        let record = folder.join("stage.json");
        let record = if record.exists() {
            let record: StageRecord = read_json(&record)?;
            // A process killed right after it wrote the record had no time for this.
            checkpoint::Folder::new(&folder, &digest, name)?.clear()?;
            crate::log::sweep(&folder)?;
            let _ = observer.notice(&Event::StageSkipped(&record.summary));
            record
        } else {
            std::fs::create_dir_all(&folder).map_err(Error::file(&folder, "create"))?;
            crate::log::sweep(&folder)?;
            let stage = StageRun::open(
                &plan,
                number,
                out,
                &digest,
                lengths,
                options.cache.as_deref(),
                observer,
            )?;
            match stage.train()? {
                Outcome::Stopped { epoch, step } => {
                    summary.stopped = Some(Stop {
                        stage: name.clone(),
                        epoch,
                        step,
                    });
                    return Ok(summary);
                }
                Outcome::Finished(record) => *record,
            }
        };
        lengths = Lengths {
            events: 0,
            ..record.lengths
        };
        summary.stages.push(record.summary);
    }
    // A run that is finished ends its logs where the last stage did, whatever a killed process wrote after.
    for (name, length) in [("log.jsonl", lengths.log), ("timing.jsonl", lengths.timing)] {
        AppendLog::open(out.join(name), length)?.sync()?;
    }
    Ok(summary)
}

/// Copies of films that are judged on end it here, unless the user will have it so; then they are told, and recorded stage by stage.
pub(crate) fn refuse_leaks(plan: &Plan, allowed: bool, observer: &mut dyn Observer) -> Result<(), Error> {
    for stage in plan.stages.iter().filter(|stage| !stage.leaks.is_empty()) {
        if !allowed {
            return Err(Error::Leaks {
                stage: stage.stage.name.clone(),
                manifest: stage.stage.manifest.clone(),
                leaks: stage.leaks.clone(),
            });
        }
        let _ = observer.notice(&Event::Note(format!(
            "stage {}: learns from copies of films that it or a later stage is judged on ({}); what it gets on those is too good",
            stage.stage.name,
            stage.leaks.len()
        )));
    }
    Ok(())
}

/// The folder of a stage.
pub fn stage_folder(out: &Path, stage: &str) -> PathBuf {
    out.join("stages").join(stage)
}

fn begin_or_resume(plan: &Plan, identity: &Identity, out: &Path, resume: bool) -> Result<(), Error> {
    crate::log::sweep(out)?;
    let path = out.join("run.json");
    if path.exists() {
        if !resume {
            return Err(Error::Occupied { out: out.to_owned() });
        }
        let changes = read_json::<Identity>(&path)?.changes(identity, || {
            let then = std::fs::read_to_string(out.join("recipe.toml")).ok()?;
            difference(&then, &plan.recipe.to_toml().ok()?)
        });
        if !changes.is_empty() {
            return Err(Error::Changed {
                out: out.to_owned(),
                changes,
            });
        }
        return Ok(());
    }
    if out.join(crate::series::RECORD).exists() {
        return Err(Error::Damaged {
            path: out.to_owned(),
            problem: "holds a series of runs, not a run; go on with it as it was begun (--folds, --curve, `pleura study`), or choose another folder"
                .to_owned(),
        });
    }
    write_atomic(&out.join("recipe.toml"), plan.recipe.to_toml()?.as_bytes())?;
    // Last, because its presence means that there is a run.
    write_json(&path, identity)
}
