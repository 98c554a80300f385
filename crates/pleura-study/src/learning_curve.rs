//! Learning curves: a recipe trained on parts of its training films.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pleura_eval::{LearningCurve, LearningCurvePoint, Predictions, mean};
use pleura_manifest::{Manifest, Split, nested_subsets};
use pleura_run::{
    Recipe, SeriesFolder,
    data::StageData,
    json::{read_json, write_json},
};

use pleura_train::Error;

use crate::series::{Member, Series};

/// The points of a learning curve.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningCurveOptions {
    /// Parts of the training films, above 0 and at most 1.
    pub parts: Vec<f64>,
    /// One training for each seed and part. The seed also selects the patients that are left out. Default:
    /// the recipe's seed.
    pub seeds: Vec<u64>,
}

/// A learning curve that is ready to run.
#[derive(Clone, Debug)]
pub struct LearningCurvePlan {
    /// One run for each seed and part.
    pub series: Series,
    /// The stage with fewer films, which is evaluated: the last one.
    pub stage: String,
    /// True if it is evaluated on test films; false: on validation films, because there are no test films.
    pub tested: bool,
    choice: LearningCurveOptions,
    evaluation: pleura_eval::Options,
}

impl LearningCurvePlan {
    /// Plans a run for each seed and part. The subsets of one seed are nested, contain whole patients, and
    /// have the mix of all training films ([`nested_subsets`]). Validation and test films stay the same.
    ///
    /// # Errors
    /// Manifests that cannot be read, parts that are out of range.
    pub fn new(recipe: &Recipe, choice: &LearningCurveOptions) -> Result<Self, Error> {
        let mut choice = choice.clone();
        choice.parts.sort_by(f64::total_cmp);
        choice.parts.dedup();
        if choice.seeds.is_empty() {
            choice.seeds.push(recipe.seed);
        }
        let different: BTreeSet<&u64> = choice.seeds.iter().collect();
        if choice.parts.is_empty() || different.len() < choice.seeds.len() {
            let problem = format!(
                "parts {:?} and seeds {:?}: expected at least one part, and different seeds",
                choice.parts, choice.seeds
            );
            return Err(recipe.problem(&[], problem).into());
        }
        let stage = &recipe.stages[recipe.stages.len() - 1];
        if stage.seed.is_some() && (choice.seeds.len() > 1 || choice.seeds[0] != recipe.seed) {
            let at = ["stage".into(), (recipe.stages.len() - 1).into(), "seed".into()];
            let problem = "the last stage has its own seed, so --seeds would have no effect; remove it";
            return Err(recipe.problem(&at, problem).into());
        }
        if stage.fractals.is_some() {
            let at = [
                "stage".into(),
                (recipe.stages.len() - 1).into(),
                "fractals".into(),
            ];
            let problem = "a learning curve leaves out films of the last stage, and this one has no films; set its `instances` instead";
            return Err(recipe.problem(&at, problem).into());
        }
        let manifest = Manifest::read(&recipe.resolve_path(&stage.manifest))?;
        let train = manifest.split(Split::Train);
        let mut members = Vec::new();
        for &seed in &choice.seeds {
            let sets = nested_subsets(&manifest, &train, &choice.parts, seed)?;
            // The largest part first, so that a recipe that does not run at all fails early.
            for (part, set) in choice.parts.iter().zip(&sets).rev() {
                let kept: BTreeSet<usize> = set.iter().copied().collect();
                let mut made = manifest.clone();
                for row in train.iter().filter(|row| !kept.contains(row)) {
                    made.rows[*row].split = None;
                }
                members.push(Member {
                    name: name(seed, *part),
                    recipe: recipe.clone(),
                    seed: Some(seed),
                    manifests: BTreeMap::from([(stage.name.clone(), made)]),
                });
            }
        }
        Ok(Self {
            series: Series {
                kind: "learning curve".to_owned(),
                members,
            },
            stage: stage.name.clone(),
            tested: !manifest.split(Split::Test).is_empty(),
            evaluation: pleura_eval::Options {
                level: recipe.evaluation.level,
                bootstrap: recipe.evaluation.bootstrap,
                seed: recipe.seed,
                ..pleura_eval::Options::default()
            },
            choice,
        })
    }

    /// Evaluates the finished runs below `out` and writes `curve.json`.
    ///
    /// # Errors
    /// Predictions that are missing or do not fit together.
    pub fn evaluate(&self, out: &Path) -> Result<LearningCurve, Error> {
        let split = if self.tested {
            Split::Test
        } else {
            Split::Validation
        };
        let series = SeriesFolder::new(out);
        let mut rungs = Vec::new();
        for &part in &self.choice.parts {
            let (mut models, mut films, mut patients) = (Vec::new(), Vec::new(), Vec::new());
            for &seed in &self.choice.seeds {
                let folder = series.run(&name(seed, part)).stage(&self.stage);
                models.push(Predictions::read(&folder.predictions(split))?);
                let data: StageData = read_json(&folder.data())?;
                films.push(data.splits.train.films);
                patients.push(data.splits.train.patients);
            }
            rungs.push(LearningCurvePoint {
                part,
                films,
                patients,
                seeds: self.choice.seeds.clone(),
                metrics: mean(&models, &self.evaluation)?,
            });
        }
        let curve = LearningCurve {
            stage: self.stage.clone(),
            split: if self.tested { "test" } else { "val" }.to_owned(),
            rungs,
        };
        write_json(&series.learning_curve(), &curve)?;
        Ok(curve)
    }
}

fn name(seed: u64, part: f64) -> String {
    format!("seed-{seed}-part-{part}")
}
