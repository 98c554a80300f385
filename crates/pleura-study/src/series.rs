//! Several runs that belong together: folds, points of a learning curve, variants and seeds.
//!
//! Each member is an ordinary run in its own folder, with its manifests beside it, so every tool for runs
//! works on it. A series can be stopped and resumed like a run. If two members begin with equal stages (same
//! films, recipe and seed), the later one copies them.

mod run_series;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_manifest::{Manifest, write_derived};
use pleura_run::{Recipe, RunFolder, RunLock, SeriesFolder, SeriesRecord, StageSummary, json::write_json};
use serde::Serialize;

use pleura_train::{Error, Observer, Options, Plan, Silent, Stop, plan::StagePlan, refuse_leaks};

use crate::stage_cache::{self, Key};

/// The runs of a series, in order.
#[derive(Clone, Debug)]
pub struct Series {
    /// The kind of series, such as `folds`.
    pub kind: String,
    /// The runs.
    pub members: Vec<Member>,
}

/// One run of a series.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of its folder.
    pub name: String,
    /// The recipe.
    pub recipe: Recipe,
    /// Replaces the recipe's seed.
    pub seed: Option<u64>,
    /// Manifests that replace the recipe's, by stage. They are written into the run's folder `data`.
    pub manifests: BTreeMap<String, Manifest>,
}

/// The result of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesSummary {
    /// The series' folder.
    pub out: PathBuf,
    /// The finished runs.
    pub runs: Vec<MemberSummary>,
    /// The run that was stopped, and the place in it.
    pub stopped: Option<(String, Stop)>,
}

/// The result of one run of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberSummary {
    /// Its name.
    pub name: String,
    /// Its stages.
    pub stages: Vec<StageSummary>,
}

/// The plan of one run of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outline {
    /// Its name.
    pub name: String,
    /// The run whose first stages it copies, and how many.
    pub shared: Option<(String, usize)>,
    /// All its stages.
    pub stages: Vec<StageOutline>,
}

/// The plan of one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageOutline {
    /// Its name.
    pub stage: String,
    /// Films to train on.
    pub train: usize,
    /// Films to validate on.
    pub validation: usize,
    /// Films to test on.
    pub test: usize,
    /// Epochs it may take.
    pub epochs: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: usize,
    /// Training and validation films with a duplicate in a held-out split.
    pub leaks: usize,
}

impl StageOutline {
    fn of(plan: &StagePlan) -> Self {
        Self {
            stage: plan.stage.name.clone(),
            train: plan.train.len(),
            validation: plan.validation.len(),
            test: plan.test.len(),
            epochs: plan.stage.epochs,
            steps_per_epoch: plan.steps_per_epoch(),
            leaks: plan.leaks.len(),
        }
    }
}

/// A run that is ready to begin.
struct Prepared {
    name: String,
    folder: PathBuf,
    recipe: Recipe,
    seed: Option<u64>,
    cache: Option<PathBuf>,
    /// The earlier run whose first stages it copies, and how many.
    source: Option<(usize, usize)>,
    keys: Vec<Key>,
}

impl Series {
    /// Runs the members one after the other, below the folder `out`.
    ///
    /// # Errors
    /// [`Error::Occupied`] for a folder with a series or a run, unless `resume` is set; [`Error::Changed`]
    /// if that is another series; errors of [`pleura_train::run()`].
    pub fn run(
        &self,
        out: &Path,
        options: &Options,
        observer: &mut dyn Observer,
    ) -> Result<SeriesSummary, Error> {
        self.run_parallel(out, options, 1, observer)
    }

    /// Like [`Series::run`], with up to `at_once` runs at a time that share the threads. The results have
    /// the same bits. A run that copies stages of another waits until that one is finished. If one fails or
    /// is stopped, the others stop with a checkpoint.
    ///
    /// # Errors
    /// As [`Series::run`].
    pub fn run_parallel(
        &self,
        out: &Path,
        options: &Options,
        at_once: usize,
        observer: &mut dyn Observer,
    ) -> Result<SeriesSummary, Error> {
        std::fs::create_dir_all(out).map_err(pleura_run::Error::file(out, "create"))?;
        let _lock = RunLock::take(out)?;
        self.run_locked(out, options, at_once, observer, &|| Ok(()))
    }

    /// The same in a folder whose lock is held. A new series that is refused leaves no files. Otherwise
    /// `begin` writes further records of its inputs.
    pub(crate) fn run_locked(
        &self,
        out: &Path,
        options: &Options,
        at_once: usize,
        observer: &mut dyn Observer,
        begin: &dyn Fn() -> Result<(), Error>,
    ) -> Result<SeriesSummary, Error> {
        let begun = self.has_begun(out, options.resume)?;
        let folders = self.members.iter().map(|member| out.join(&member.name));
        let new: Vec<PathBuf> = folders.filter(|folder| !begun && !folder.exists()).collect();
        let (runs, _) = self.prepare(out, options.allow_leaks).inspect_err(|_| {
            // Their manifests would be in the way of another series that begins here.
            for folder in &new {
                let _ = std::fs::remove_dir_all(folder);
            }
        })?;
        if !begun {
            begin()?;
            write_json(&SeriesFolder::new(out).record(), &self.record())?;
        }
        let (runs, stopped) = run_series::run_all(&runs, options, at_once, observer)?;
        Ok(SeriesSummary {
            out: out.to_owned(),
            runs,
            stopped,
        })
    }

    /// Plans all runs without training. Manifests of the runs are written below `out`.
    ///
    /// # Errors
    /// Errors of recipes, manifests and starting weights.
    pub fn outline(&self, out: &Path) -> Result<Vec<Outline>, Error> {
        let (runs, plans) = self.prepare(out, true)?;
        let outlines = runs.iter().zip(plans).map(|(run, stages)| Outline {
            name: run.name.clone(),
            shared: run.source.map(|(from, stages)| (runs[from].name.clone(), stages)),
            stages,
        });
        Ok(outlines.collect())
    }

    /// Plans all runs. Everything that can be wrong before the first run is found here.
    fn prepare(
        &self,
        out: &Path,
        allow_leaks: bool,
    ) -> Result<(Vec<Prepared>, Vec<Vec<StageOutline>>), Error> {
        let mut runs: Vec<Prepared> = Vec::with_capacity(self.members.len());
        let mut outlines = Vec::with_capacity(self.members.len());
        let mut masks = stage_cache::MaskDigests::new();
        for member in &self.members {
            let folder = out.join(&member.name);
            let recipe = member.recipe_in(&folder)?;
            let plan = Plan::new(&recipe, member.seed)?;
            if !allow_leaks {
                refuse_leaks(&plan, false, &mut Silent)?;
            }
            let keys = stage_cache::keys(&plan, &mut masks)?;
            outlines.push(plan.stages.iter().map(StageOutline::of).collect());
            runs.push(Prepared {
                name: member.name.clone(),
                folder,
                recipe,
                seed: member.seed,
                cache: member.cache(),
                source: stage_cache::most(runs.iter().map(|run| run.keys.as_slice()), &keys),
                keys,
            });
        }
        Ok((runs, outlines))
    }

    fn record(&self) -> SeriesRecord {
        SeriesRecord {
            kind: self.kind.clone(),
            runs: self.members.iter().map(|member| member.name.clone()).collect(),
        }
    }

    /// True if the series has begun in a folder; refuses another series.
    fn has_begun(&self, out: &Path, resume: bool) -> Result<bool, Error> {
        if RunFolder::new(out).identity().exists() {
            let problem = "holds a run, and this is a series of runs; choose another folder".to_owned();
            return Err(pleura_run::Error::Damaged {
                path: out.to_owned(),
                problem,
            }
            .into());
        }
        let Some(then) = SeriesFolder::new(out).read_record()? else {
            return Ok(false);
        };
        if !resume {
            return Err(Error::Occupied { out: out.to_owned() });
        }
        let now = self.record();
        if then != now {
            let changes = vec![format!(
                "it began as {} of {} runs ({}), this is {} of {} ({})",
                then.kind,
                then.runs.len(),
                then.runs.join(", "),
                now.kind,
                now.runs.len(),
                now.runs.join(", ")
            )];
            return Err(Error::Changed {
                out: out.to_owned(),
                changes,
            });
        }
        Ok(true)
    }
}

impl Member {
    /// The recipe with this run's own manifests, which are written into its folder.
    fn recipe_in(&self, folder: &Path) -> Result<Recipe, Error> {
        let mut recipe = self.recipe.clone();
        for index in 0..recipe.stages.len() {
            if recipe.stages[index].fractals.is_some() {
                continue;
            }
            let origin = recipe.resolve_path(&recipe.stages[index].manifest);
            let origin = std::path::absolute(&origin).map_err(pleura_run::Error::file(&origin, "find"))?;
            let stage = &mut recipe.stages[index];
            stage.manifest = match self.manifests.get(&stage.name) {
                None => origin,
                Some(manifest) => {
                    let path = folder.join("data").join(&stage.name).join("manifest.csv");
                    let path = std::path::absolute(&path).map_err(pleura_run::Error::file(&path, "find"))?;
                    write_derived(manifest, &origin, &path)?;
                    path
                }
            };
        }
        Ok(recipe)
    }

    /// The folder of decoded films: beside the original manifest of the last stage, so that all members
    /// share it.
    fn cache(&self) -> Option<PathBuf> {
        let stage = self.recipe.stages.last()?;
        self.manifests.contains_key(&stage.name).then(|| {
            self.recipe
                .resolve_path(&stage.manifest)
                .with_file_name(".pleura-cache")
        })
    }
}
