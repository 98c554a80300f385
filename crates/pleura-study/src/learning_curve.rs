//! Learning curves: a recipe trained on fewer and fewer films, and what that costs.

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

/// Which rungs a learning curve has.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningCurveOptions {
    /// Parts of the training films, above 0 and at most 1.
    pub parts: Vec<f64>,
    /// One training a seed and part; a seed also says which patients are left out. The recipe's if there are none.
    pub seeds: Vec<u64>,
}

/// A learning curve made ready.
#[derive(Clone, Debug)]
pub struct LearningCurvePlan {
    /// One run a seed and part.
    pub series: Series,
    /// The stage whose films are fewer, and which is judged: the last one.
    pub stage: String,
    /// Whether it is judged on test films; on validation films where there are none.
    pub tested: bool,
    choice: LearningCurveOptions,
    evaluation: pleura_eval::Options,
}

impl LearningCurvePlan {
    /// Plans a run for each seed and part. Sets of one seed are nested, whole in patients, and have the mix of all training films
    /// ([`nested_subsets`]); films to validate and to test stay the same.
    ///
    /// # Errors
    /// Manifests that cannot be read, parts out of range.
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
                "parts {:?} and seeds {:?}: expected at least one part, and no seed twice",
                choice.parts, choice.seeds
            );
            return Err(recipe.problem(&[], problem).into());
        }
        let stage = &recipe.stages[recipe.stages.len() - 1];
        if stage.seed.is_some() && (choice.seeds.len() > 1 || choice.seeds[0] != recipe.seed) {
            let at = ["stage".into(), (recipe.stages.len() - 1).into(), "seed".into()];
            let problem = "the last stage has a seed of its own, which --seeds do not reach; take it out";
            return Err(recipe.problem(&at, problem).into());
        }
        if stage.fractals.is_some() {
            let at = [
                "stage".into(),
                (recipe.stages.len() - 1).into(),
                "fractals".into(),
            ];
            let problem = "a learning curve leaves out films of the last stage, and this one has none; set its `instances` instead";
            return Err(recipe.problem(&at, problem).into());
        }
        let manifest = Manifest::read(&recipe.resolve_path(&stage.manifest))?;
        let train = manifest.split(Split::Train);
        let mut members = Vec::new();
        for &seed in &choice.seeds {
            let sets = nested_subsets(&manifest, &train, &choice.parts, seed)?;
            // The largest first: nothing is learnt sooner than that the recipe does not run at all.
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
    /// Answers that are not there or do not fit together.
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
