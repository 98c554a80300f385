//! Runs a recipe in a folder, stage after stage. A run may be killed at any moment and resumed.
//!
//! A finished stage has a `stage.json`, which is written last. Another stage is resumed from its newest
//! undamaged checkpoint, with the logs cut to their lengths at that time. The repeated steps have the same
//! result.

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
    stage_run::{Outcome, StageRun},
};

/// Options of a run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Resume the run in the folder; begin one if there is none.
    pub resume: bool,
    /// Replaces the recipe's seed.
    pub seed: Option<u64>,
    /// Number of threads; by default all. Results do not depend on it.
    pub threads: Option<usize>,
    /// Folder of decoded films. Default: `.pleura-cache` beside each manifest.
    pub cache: Option<PathBuf>,
    /// Train although films have duplicates in a held-out split. The run records them.
    pub allow_leaks: bool,
}

impl Options {
    /// Sets [`Options::resume`].
    #[must_use]
    pub fn with_resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Sets [`Options::seed`].
    #[must_use]
    pub fn with_seed(mut self, seed: Option<u64>) -> Self {
        self.seed = seed;
        self
    }

    /// Sets [`Options::threads`].
    #[must_use]
    pub fn with_threads(mut self, threads: Option<usize>) -> Self {
        self.threads = threads;
        self
    }

    /// Sets [`Options::cache`].
    #[must_use]
    pub fn with_cache(mut self, cache: Option<PathBuf>) -> Self {
        self.cache = cache;
        self
    }

    /// Sets [`Options::allow_leaks`].
    #[must_use]
    pub fn with_leaks_allowed(mut self, allow: bool) -> Self {
        self.allow_leaks = allow;
        self
    }
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run's folder.
    pub out: PathBuf,
    /// The finished stages.
    pub stages: Vec<StageSummary>,
    /// The place where it was stopped; such a run can be resumed.
    pub stopped: Option<Stop>,
}

/// The place where a run was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// The unfinished stage.
    pub stage: String,
    /// The unfinished epoch, from 0.
    pub epoch: usize,
    /// Steps done in the stage.
    pub step: u64,
}

/// Runs a recipe in the folder `out`.
///
/// # Errors
/// [`Error::Occupied`] for a folder with a run, unless `resume` is set; [`Error::Changed`] if that run began
/// with other inputs; [`pleura_run::Error::Locked`] if another process trains there; [`Error::Diverged`];
/// errors of [`Plan::new`].
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
    // The masks of later stages are read now, so that a bad one is found before any training. The first
    // stage reads its own soon.
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
            // A process that was killed right after it wrote the record did not do this.
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
    // The logs of a finished run end with its last stage. A killed process may have written more.
    for (path, length) in [(folder.log(), lengths.log), (folder.timing(), lengths.timing)] {
        AppendLog::open(path, length)?.sync()?;
    }
    Ok(summary)
}

/// Refuses training films with duplicates in a held-out split. If they are allowed, the observer is notified
/// of them.
///
/// # Errors
/// [`Error::Leaks`] unless they are allowed.
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
            "stage {}: learns from films with a duplicate in a held-out split of it or a later stage ({}); its results on those are too good",
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
            problem: "holds a series of runs, not a run; resume it with the same command (--folds, --curve, `pleura study`), or choose another folder"
                .to_owned(),
        }
        .into());
    }
    write_atomic(&run.recipe(), plan.recipe.to_toml()?.as_bytes())?;
    // Written last: a folder with this file is a run.
    write_json(&run.identity(), identity)?;
    Ok(())
}
