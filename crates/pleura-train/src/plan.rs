//! A recipe with its data. Everything that can be wrong before the first step is found here.

mod held_out;
mod resolve;
mod usable;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use pleura_core::Task;
use pleura_core::sha256;
use pleura_manifest::{Manifest, Split};
use pleura_nn::{
    architecture::Architecture,
    weights::{Normalisation, Weights},
};
use pleura_run::{
    Identity, Recipe,
    data::{Counts, Leak},
    recipe::{Stage, Start, Step},
};

use held_out::HeldOut;
pub use held_out::exclude_patients_of;
use resolve::{ResolvedRecipe, StageTable, outputs};

use crate::{
    duplicates::Duplicates,
    error::Error,
    labels::{Labels, class_weights, positive_weights},
    loss::Loss,
    sampling::Sampler,
};

/// A recipe that is ready to run: defaults filled in, data read, contradictions refused.
#[derive(Debug)]
pub struct Plan {
    /// The recipe in full; it reads back to the same plan from any folder.
    pub recipe: Recipe,
    /// The network.
    pub architecture: Architecture,
    /// The normalisation of grey levels, in every stage.
    pub normalisation: Normalisation,
    /// The stages.
    pub stages: Vec<StagePlan>,
}

/// A stage that is ready to run.
#[derive(Debug)]
pub struct StagePlan {
    /// The stage, as in [`Plan::recipe`].
    pub stage: Stage,
    /// Output neurons, in order.
    pub findings: Vec<String>,
    /// The origin of the weights, with absolute paths.
    pub start: Start,
    /// Seed of every random number of the stage.
    pub seed: u64,
    /// The films.
    pub manifest: Arc<Manifest>,
    /// Digest of the manifest's contents.
    pub manifest_digest: String,
    /// The labels of the films.
    pub labels: Labels,
    /// The loss.
    pub loss: Loss,
    /// Rows to train on, in the manifest's order.
    pub train: Vec<usize>,
    /// Rows that select the epoch.
    pub validation: Vec<usize>,
    /// Rows to evaluate on; may be empty.
    pub test: Vec<usize>,
    /// The draw of training films, if the recipe has `sampling`.
    pub sampler: Option<Sampler>,
    /// The films of the three splits.
    pub counts: Counts,
    /// Training and validation films that have a duplicate in a held-out split of this or a later stage.
    pub leaks: Vec<Leak>,
}

impl Plan {
    /// Reads what the recipe needs, fills in what it leaves open, and plans each stage. `seed` replaces the
    /// recipe's.
    ///
    /// A film is left out of training if its patient is in a held-out split of this or a later stage, in
    /// whichever manifest; and out of validation if its patient is in the test split. Both are counted as
    /// [`pleura_run::data::Exclusion::HeldOut`].
    ///
    /// # Errors
    /// Manifests or weights that cannot be read or do not fit: unknown columns, empty splits, another
    /// architecture or normalisation, a keeping map with unknown findings.
    pub fn new(recipe: &Recipe, seed: Option<u64>) -> Result<Self, Error> {
        let ResolvedRecipe {
            recipe,
            architecture,
            normalisation,
            tables,
        } = ResolvedRecipe::new(recipe, seed)?;
        let manifests = recipe.stages.iter().filter(|stage| stage.fractals.is_none());
        let duplicates = Duplicates::read(manifests.map(|stage| stage.manifest.as_path()))?;
        let mut stages = Vec::with_capacity(recipe.stages.len());
        for (number, table) in tables.iter().enumerate() {
            // A stage must not learn from the held-out films of any later stage.
            let later = || tables[number..].iter().map(|table| table.manifest.as_ref());
            let mut stage = StagePlan::new(&recipe, number, table, &HeldOut::by(later()))?;
            let learnt_from = stage.train.iter().chain(&stage.validation).copied();
            stage.leaks = duplicates.leaks(&table.manifest, learnt_from, later());
            stages.push(stage);
        }
        Ok(Self {
            recipe,
            architecture,
            normalisation,
            stages,
        })
    }

    /// The inputs of this run, which a resumed run must have too.
    ///
    /// # Errors
    /// A weight file that cannot be read.
    pub fn identity(&self) -> Result<Identity, Error> {
        let mut portable = self.recipe.clone();
        let mut manifests = BTreeMap::new();
        let mut weights = BTreeMap::new();
        for (stage, plan) in portable.stages.iter_mut().zip(&self.stages) {
            stage.manifest = PathBuf::from(&plan.manifest_digest);
            manifests.insert(stage.name.clone(), plan.manifest_digest.clone());
            if let Start::File(path) = &plan.start {
                let digest = Weights::read(path)?.digest();
                stage.start = Some(Start::File(format!("{digest}.safetensors").into()));
                weights.insert(stage.name.clone(), digest);
            }
            if let Some(Start::File(path)) = stage.isnet.as_mut().and_then(|isnet| isnet.plain.as_mut()) {
                let digest = Weights::read(path)?.digest();
                *path = format!("{digest}.safetensors").into();
                weights.insert(format!("{} (isnet.plain)", stage.name), digest);
            }
        }
        let recipe = sha256::hex(portable.to_toml()?);
        Ok(Identity {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recipe,
            manifests,
            weights,
        })
    }
}

impl StagePlan {
    fn new(
        recipe: &Recipe,
        number: usize,
        table: &StageTable,
        held_out: &HeldOut<'_>,
    ) -> Result<Self, Error> {
        let stage = recipe.stages[number].clone();
        let manifest = Arc::clone(&table.manifest);
        let findings = outputs(&stage);
        let path = stage.manifest.clone();
        let name = stage.name.clone();
        let refuse = |problem: String| Error::Data {
            stage: name.clone(),
            manifest: path.clone(),
            problem,
        };
        let at = |key: &'static str| -> [Step<'_>; 3] { ["stage".into(), number.into(), key.into()] };
        let fewest = if stage.kind == Task::Exclusive { 2 } else { 1 };
        if findings.len() < fewest {
            let problem = format!(
                "{} findings, expected at least {fewest} for a stage of kind {}",
                findings.len(),
                stage.kind.name()
            );
            return Err(refuse(problem));
        }
        let mut labels = match &stage.fractals {
            None => Labels::new(&stage, &findings, &manifest).map_err(&refuse)?,
            Some(fractals) => {
                let classes = (0..manifest.rows.len()).map(|row| fractals.class(row));
                Labels::of_classes(&findings, classes)
            }
        };
        let before = labels.count(&manifest, Split::Train);
        labels.hold_out(|row| held_out.forbids(&manifest.rows[row]));
        let [train, validation, test] =
            [Split::Train, Split::Validation, Split::Test].map(|split| labels.rows(&manifest, split));
        for (split, rows) in [("train", &train), ("val", &validation)] {
            if rows.is_empty() {
                return Err(refuse(format!(
                    "no film of the split {split:?} has a label that this stage can use; split the manifest with `pleura data split`, \
                     and check findings and columns"
                )));
            }
        }
        let [train_counts, validation_counts, test_counts] =
            [Split::Train, Split::Validation, Split::Test].map(|split| labels.count(&manifest, split));
        usable::check_training(stage.kind, &before, &train_counts).map_err(&refuse)?;
        usable::check_monitor(&stage, &validation_counts)
            .map_err(|problem| recipe.problem(&at("monitor"), problem))?;
        let weights = class_weights(&stage.class_weights, &train_counts)
            .map_err(|problem| recipe.problem(&at("class_weights"), problem))?;
        let loss = match stage.kind {
            Task::Exclusive => Loss::Exclusive { weights },
            Task::Independent => {
                let positive_weights = positive_weights(&stage.positive_weights, &train_counts)
                    .map_err(|problem| recipe.problem(&at("positive_weights"), problem))?;
                Loss::Independent {
                    weights,
                    positive_weights,
                }
            }
        };
        let sampler = match &stage.sampling {
            None => None,
            Some(sampling) => {
                let classed = |&row: &usize| Some((labels.class(row)?, row));
                let films: Vec<(usize, usize)> = train.iter().filter_map(classed).collect();
                let sampler = Sampler::new(sampling, findings.len(), &films, &manifest)
                    .map_err(|problem| recipe.problem(&at("sampling"), problem))?;
                Some(sampler)
            }
        };
        let unsplit = manifest.rows.iter().filter(|row| row.split.is_none()).count();
        let counts = Counts {
            train: train_counts,
            validation: validation_counts,
            test: test_counts,
            unsplit,
        };
        let seed = stage.seed.unwrap_or(recipe.seed);
        let plan = Self {
            start: stage.start.clone().unwrap_or(Start::Random),
            stage,
            findings,
            seed,
            manifest,
            manifest_digest: table.digest.clone(),
            labels,
            loss,
            train,
            validation,
            test,
            sampler,
            counts,
            leaks: Vec::new(),
        };
        if plan.stage.isnet.is_some() {
            plan.check_lung_masks()?;
        }
        Ok(plan)
    }

    /// Refuses training and validation films without a lung mask.
    fn check_lung_masks(&self) -> Result<(), Error> {
        let rows = || self.train.iter().chain(&self.validation);
        let without = |row: &&usize| self.manifest.rows[**row].masks.lung.is_none();
        let Some(&first) = rows().find(without) else {
            return Ok(());
        };
        Err(self.data_error(format!(
            "row {}, column lung_mask: film {:?} has no lung mask ({} of {} training and validation films have none); \
             [stage.isnet] needs one for each: fill the column with paths of images with white lungs on black, or remove the \
             table from the recipe",
            Self::line(first),
            self.manifest.rows[first].film,
            rows().filter(without).count(),
            rows().count(),
        )))
    }

    /// An error about the films of this stage.
    pub(crate) fn data_error(&self, problem: String) -> Error {
        Error::Data {
            stage: self.stage.name.clone(),
            manifest: self.stage.manifest.clone(),
            problem,
        }
    }

    /// Line of a row in the manifest's file; the header is line 1.
    pub(crate) fn line(row: usize) -> usize {
        row + 2
    }

    /// Independent findings whose training films are all positive, or all negative.
    pub fn one_sided(&self) -> Vec<String> {
        usable::one_sided(self.stage.kind, &self.counts.train)
    }

    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.train.len().div_ceil(self.stage.batch.max(1))
    }
}
