//! Several runs that belong together: folds, rungs of a learning curve, variants and seeds.
//!
//! Each member is an ordinary run in a folder of its own, with the manifests that it was trained with beside it, so that every tool for
//! runs works on it. A series that was stopped or killed goes on like a run. Where two members begin with equal stages (same films, recipe and
//! seed), the later one takes over what the earlier one trained.

mod run_series;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_manifest::{Manifest, write_derived};
use pleura_run::{Recipe, RunFolder, RunLock, SeriesFolder, SeriesRecord, StageSummary, json::write_json};
use serde::Serialize;

use pleura_train::{Error, Observer, Options, Plan, Silent, Stop, plan::StagePlan, refuse_leaks};

use crate::stage_cache::{self, Key};

/// The runs of a series, in the order in which they are carried out.
#[derive(Clone, Debug)]
pub struct Series {
    /// What they are, such as `folds`.
    pub kind: String,
    /// The runs.
    pub members: Vec<Member>,
}

/// One run of a series.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of its folder.
    pub name: String,
    /// What is trained.
    pub recipe: Recipe,
    /// In place of the recipe's seed.
    pub seed: Option<u64>,
    /// By stage: the manifest in place of the recipe's. It is written into the run's folder `data`.
    pub manifests: BTreeMap<String, Manifest>,
}

/// What came of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesSummary {
    /// The series' folder.
    pub out: PathBuf,
    /// The runs that are finished.
    pub runs: Vec<MemberSummary>,
    /// Where it was stopped, if it was: the run, and the place in it.
    pub stopped: Option<(String, Stop)>,
}

/// What came of one run of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberSummary {
    /// Its name.
    pub name: String,
    /// Its stages.
    pub stages: Vec<StageSummary>,
}

/// What one run of a series would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outline {
    /// Its name.
    pub name: String,
    /// The run whose first stages it takes over, and how many.
    pub shared: Option<(String, usize)>,
    /// All its stages.
    pub stages: Vec<StageOutline>,
}

/// What one stage of a run would do.
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
    /// Films to learn from that are copies of films to be judged on.
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

/// One run, ready to begin.
struct Prepared {
    name: String,
    folder: PathBuf,
    recipe: Recipe,
    seed: Option<u64>,
    cache: Option<PathBuf>,
    /// The earlier run whose first stages it takes over, and how many.
    source: Option<(usize, usize)>,
    keys: Vec<Key>,
}

impl Series {
    /// Carries the runs out, one after the other, below the folder `out`.
    ///
    /// # Errors
    /// [`Error::Occupied`] where there is a series or a run and `resume` is not set, [`Error::Changed`] where there is another one; all that
    /// [`run()`](crate::run()) refuses.
    pub fn run(
        &self,
        out: &Path,
        options: &Options,
        observer: &mut dyn Observer,
    ) -> Result<SeriesSummary, Error> {
        self.run_parallel(out, options, 1, observer)
    }

    /// The same with up to `at_once` runs at a time, each with its share of the threads. The bits are those of one after the other: a run
    /// that takes over stages of another waits until that one is finished. Where one fails or is stopped, the others stop with a checkpoint.
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

    /// The same in a folder whose lock is held. A series that has not begun leaves nothing if it is refused; once nothing is refused any
    /// more, `begin` writes down what else it is begun with.
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
            // Manifests in them would stand in the way of a series that is begun here with others.
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

    /// What each run would train and what it would take over from another, without training it. Manifests of the runs are written below `out`.
    ///
    /// # Errors
    /// All that is wrong with recipes, manifests and starting weights.
    pub fn outline(&self, out: &Path) -> Result<Vec<Outline>, Error> {
        let (runs, plans) = self.prepare(out, true)?;
        let outlines = runs.iter().zip(plans).map(|(run, stages)| Outline {
            name: run.name.clone(),
            shared: run.source.map(|(from, stages)| (runs[from].name.clone(), stages)),
            stages,
        });
        Ok(outlines.collect())
    }

    /// Everything that can be known, and can be wrong, before the first run.
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

    /// Whether the series has begun in a folder; refuses another one.
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
                "it was begun as {} of {} runs ({}), this is {} of {} ({})",
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

    /// Where films are cached: beside the manifest that the last stage's was made of, so that the members share it.
    fn cache(&self) -> Option<PathBuf> {
        let stage = self.recipe.stages.last()?;
        self.manifests.contains_key(&stage.name).then(|| {
            self.recipe
                .resolve_path(&stage.manifest)
                .with_file_name(".pleura-cache")
        })
    }
}
