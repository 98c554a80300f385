//! Cross-validation by patient: a recipe trained once for each fold, and one evaluation of the out-of-fold
//! predictions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_eval::{CrossValidation, Predictions, cross_validate, pool};
use pleura_manifest::{Folds, Manifest, Sidecar, Split, folds};
use pleura_run::{Recipe, SeriesFolder, json::write_json};

use pleura_train::Error;

use crate::series::{Member, Series};

/// The assignment of films to folds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoldOptions {
    /// Number of folds to assign, if the manifest has none. Default: the folds of the manifest.
    pub count: Option<usize>,
    /// Share of the other folds' films that selects the epoch.
    pub validation: f64,
    /// Replaces the recipe's seed.
    pub seed: Option<u64>,
}

impl Default for FoldOptions {
    fn default() -> Self {
        Self {
            count: None,
            validation: folds::VALIDATION,
            seed: None,
        }
    }
}

/// A cross-validation that is ready to run.
#[derive(Clone, Debug)]
pub struct CrossValidationPlan {
    /// One run for each fold.
    pub series: Series,
    /// Stages whose films have folds: these are evaluated.
    pub stages: Vec<String>,
    /// Number of folds.
    pub count: usize,
    evaluation: pleura_eval::Options,
}

impl CrossValidationPlan {
    /// Plans a run for each fold. Stages whose manifest has folds (`pleura data split --folds`) are trained
    /// and evaluated with them, other stages as they are. If no manifest has folds and a count is given, the
    /// last stage's manifest is assigned folds.
    ///
    /// # Errors
    /// Manifests that cannot be read, no folds, or a number of folds that differs between manifests or from
    /// the options.
    pub fn new(recipe: &Recipe, choice: &FoldOptions) -> Result<Self, Error> {
        let seed = choice.seed.unwrap_or(recipe.seed);
        let together = |path: &PathBuf| -> Result<Vec<[String; 2]>, Error> {
            Ok(Sidecar::read(path)?
                .as_ref()
                .map(Sidecar::duplicate_files)
                .unwrap_or_default())
        };
        let mut read: BTreeMap<PathBuf, (Manifest, Option<Folds>)> = BTreeMap::new();
        let paths: Vec<PathBuf> = recipe
            .stages
            .iter()
            .map(|stage| recipe.resolve_path(&stage.manifest))
            .collect();
        for (stage, path) in recipe.stages.iter().zip(&paths) {
            // Fractals have no patient and belong to no fold.
            if stage.fractals.is_none() && !read.contains_key(path) {
                let manifest = Manifest::read(path)?;
                let folds = Folds::of(&manifest, &together(path)?)?;
                read.insert(path.clone(), (manifest, folds));
            }
        }
        let refuse = |index: usize, problem: String| Error::Data {
            stage: recipe.stages[index].name.clone(),
            manifest: paths[index].clone(),
            problem,
        };
        let last = recipe.stages.len() - 1;
        if recipe.stages[last].fractals.is_some() {
            let at = ["stage".into(), last.into(), "fractals".into()];
            let problem = "folds are assigned to the last stage's films, and this one has no films; train the recipe without --folds";
            return Err(recipe.problem(&at, problem).into());
        }
        if read.values().all(|(_, folds)| folds.is_none()) {
            let Some(count) = choice.count else {
                let problem = "no manifest of the recipe has folds; assign them with `pleura data split --folds K`, or give their number with --folds K";
                return Err(refuse(last, problem.to_owned()));
            };
            if let Some((manifest, folds)) = read.get_mut(&paths[last]) {
                *folds = Some(Folds::assign(
                    manifest,
                    count,
                    seed,
                    false,
                    &together(&paths[last])?,
                )?);
            }
        }
        let mut count = choice.count;
        let mut stages = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            let Some((_, Some(folds))) = read.get(path) else {
                continue;
            };
            let expected = *count.get_or_insert(folds.count());
            if folds.count() != expected {
                let problem = format!("has {} folds, expected {expected}", folds.count());
                return Err(refuse(index, problem));
            }
            stages.push(recipe.stages[index].name.clone());
        }
        let count = count.unwrap_or_default();
        let digits = count.to_string().len();
        let members = (0..count).map(|fold| {
            let mut manifests = BTreeMap::new();
            for (stage, path) in recipe.stages.iter().zip(&paths) {
                if let Some((manifest, Some(folds))) = read.get(path) {
                    let made = folds.manifest(manifest, fold, choice.validation, seed)?;
                    manifests.insert(stage.name.clone(), made);
                }
            }
            Ok(Member {
                name: format!("fold-{:0digits$}", fold + 1),
                recipe: recipe.clone(),
                seed: choice.seed,
                manifests,
            })
        });
        Ok(Self {
            series: Series {
                kind: "folds".to_owned(),
                members: members.collect::<Result<_, Error>>()?,
            },
            stages,
            count,
            evaluation: pleura_eval::Options {
                level: recipe.evaluation.level,
                bootstrap: recipe.evaluation.bootstrap,
                seed,
                ..pleura_eval::Options::default()
            },
        })
    }

    /// Pools the out-of-fold predictions of the finished runs below `out`, stage by stage, and evaluates
    /// them: `pooled/STAGE/answers.csv` and `pooled/STAGE/metrics.json`.
    ///
    /// # Errors
    /// Predictions that are missing or do not fit together.
    pub fn evaluate(&self, out: &Path) -> Result<BTreeMap<String, CrossValidation>, Error> {
        let series = SeriesFolder::new(out);
        let mut found = BTreeMap::new();
        for stage in &self.stages {
            let parts = self
                .series
                .members
                .iter()
                .map(|member| {
                    Predictions::read(&series.run(&member.name).stage(stage).predictions(Split::Test))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let folder = series.pooled(stage);
            std::fs::create_dir_all(&folder).map_err(pleura_run::Error::file(&folder, "create"))?;
            pool(&parts)?.write(&series.pooled_predictions(stage))?;
            let evaluation = cross_validate(&parts, &self.evaluation)?;
            write_json(&series.pooled_metrics(stage), &evaluation)?;
            found.insert(stage.clone(), evaluation);
        }
        Ok(found)
    }
}
