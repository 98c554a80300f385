//! A run: a recipe carried out in a folder, stage after stage, so that it can be killed at any moment and go on.
//!
//! A stage that is finished has a `stage.json`, written last. A stage that is not goes on from its newest whole checkpoint, with
//! the logs cut to where they were; everything after it is done again, and comes out the same.

use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use pleura_run::{
    Identity, LogLengths, Recipe, RunFolder, RunLock, SeriesFolder, StageSummary, json::write_json,
    recipe::difference,
};
use serde::Serialize;

use crate::{
    checkpoint,
    error::Error,
    isnet::Masks,
    log::AppendLog,
    observer::{Event, Observer},
    plan::Plan,
    train::{Outcome, StageRun},
};

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
    let folder = RunFolder::new(out);
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
        if !folder.stage(&stage.stage.name).is_finished() {
            Masks::read(stage, &recipe.preparation)?;
        }
    }
    std::fs::create_dir_all(out).map_err(pleura_run::Error::file(out, "create"))?;
    let _lock = RunLock::take(out)?;
    begin_or_resume(&plan, &identity, &folder, options.resume)?;
    let digest = identity.digest()?;
    let mut summary = RunSummary {
        out: out.to_owned(),
        stages: Vec::new(),
        stopped: None,
    };
    let mut lengths = LogLengths::default();
    for number in 0..plan.stages.len() {
        let name = &plan.stages[number].stage.name;
        let stage_folder = folder.stage(name);
        let record = if let Some(record) = stage_folder.read_record()? {
            // A process killed right after it wrote the record had no time for this.
            checkpoint::Folder::new(stage_folder.checkpoints(), &digest, name)?.clear()?;
            crate::log::sweep(stage_folder.path())?;
            let _ = observer.notice(&Event::StageSkipped(&record.summary));
            record
        } else {
            let path = stage_folder.path();
            std::fs::create_dir_all(path).map_err(pleura_run::Error::file(path, "create"))?;
            crate::log::sweep(path)?;
            let stage = StageRun::open(
                &plan,
                number,
                &folder,
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
        lengths = LogLengths {
            events: 0,
            ..record.lengths
        };
        summary.stages.push(record.summary);
    }
    // A run that is finished ends its logs where the last stage did, whatever a killed process wrote after.
    for (path, length) in [(folder.log(), lengths.log), (folder.timing(), lengths.timing)] {
        AppendLog::open(path, length)?.sync()?;
    }
    Ok(summary)
}

/// Copies of films that are judged on end it here, unless the user will have it so; then they are told, and recorded stage by stage.
pub fn refuse_leaks(plan: &Plan, allowed: bool, observer: &mut dyn Observer) -> Result<(), Error> {
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

fn begin_or_resume(plan: &Plan, identity: &Identity, run: &RunFolder, resume: bool) -> Result<(), Error> {
    let out = run.path();
    crate::log::sweep(out)?;
    if let Some(begun) = run.read_identity()? {
        if !resume {
            return Err(Error::Occupied { out: out.to_owned() });
        }
        let changes = begun.changes(identity, || {
            let then = std::fs::read_to_string(run.recipe()).ok()?;
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
    if SeriesFolder::new(out).record().exists() {
        return Err(pleura_run::Error::Damaged {
            path: out.to_owned(),
            problem: "holds a series of runs, not a run; go on with it as it was begun (--folds, --curve, `pleura study`), or choose another folder"
                .to_owned(),
        }
        .into());
    }
    write_atomic(&run.recipe(), plan.recipe.to_toml()?.as_bytes())?;
    // Last, because its presence means that there is a run.
    write_json(&run.identity(), identity)?;
    Ok(())
}
