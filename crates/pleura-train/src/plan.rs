//! A recipe together with its data: everything that can be known, and can be wrong, before the first step.

pub(crate) mod judged;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use pleura_core::sha256;
use pleura_data::{Manifest, Split};
use pleura_nn::{
    architecture::Architecture,
    weights::{Head, Normalisation, Weights},
};
use pleura_run::{
    Identity, Recipe,
    data::{Counts, Leak},
    recipe::{Isnet, LearningRate, Stage, StageKind, Start, Step, check},
};

use judged::Judged;

use crate::{
    error::Error,
    isnet::Masks,
    keep,
    labels::{Labels, class_weights, positive_weights},
    leaks::Copies,
    loss::Loss,
};

/// A recipe made ready: defaults filled in from the data, data read, contradictions refused.
#[derive(Debug)]
pub struct Plan {
    /// The recipe in full: it reads back to the same plan wherever it lies.
    pub recipe: Recipe,
    /// The network.
    pub architecture: Architecture,
    /// What grey levels become, in every stage.
    pub normalisation: Normalisation,
    /// One a stage.
    pub stages: Vec<StagePlan>,
}

/// One stage made ready.
#[derive(Debug)]
pub struct StagePlan {
    /// The stage, as in [`Plan::recipe`].
    pub stage: Stage,
    /// Output neurons, in order.
    pub findings: Vec<String>,
    /// Where the weights come from, file paths resolved.
    pub start: Start,
    /// Of every random number of the stage.
    pub seed: u64,
    /// The films.
    pub manifest: Arc<Manifest>,
    /// Digest of the manifest's contents.
    pub manifest_digest: String,
    /// What is true of them.
    pub labels: Labels,
    /// What is minimised.
    pub loss: Loss,
    /// Rows to train on, in the manifest's order.
    pub train: Vec<usize>,
    /// Rows to choose the epoch on.
    pub validation: Vec<usize>,
    /// Rows to evaluate on; may be empty.
    pub test: Vec<usize>,
    /// What the three splits hold.
    pub counts: Counts,
    /// Films that it must not learn from: copies of films that it or a later stage is judged on.
    pub leaks: Vec<Leak>,
}

impl Plan {
    /// Reads what the recipe needs and fills in what it leaves open. `seed` replaces the recipe's.
    ///
    /// A film whose patient this or a later stage is judged on (in whichever manifest) is left out of training, and one whose patient is
    /// tested out of validation; both are counted as [`crate::labels::Exclusion::HeldOut`].
    ///
    /// # Errors
    /// Manifests or weights that cannot be read or do not fit: unknown columns, empty splits, another architecture or
    /// normalisation, a keeping map with unknown findings.
    pub fn new(recipe: &Recipe, seed: Option<u64>) -> Result<Self, Error> {
        let mut recipe = recipe.clone();
        if let Some(seed) = seed {
            if seed > i64::MAX as u64 {
                let problem = format!("found {seed}, expected at most {}", i64::MAX);
                return Err(recipe.problem(&["seed".into()], problem).into());
            }
            if seed != recipe.seed && recipe.stages.iter().all(|stage| stage.seed.is_some()) {
                let problem = format!(
                    "{seed} was asked for, but every stage has a seed of its own, which it does not reach; take those out"
                );
                return Err(recipe.problem(&["seed".into()], problem).into());
            }
            recipe.seed = seed;
        }
        let architecture = recipe.architecture()?;
        let mut starts = Starts {
            normalisation: recipe.normalisation.map(Into::into),
            findings: BTreeMap::new(),
        };
        let manifests = read_manifests(&mut recipe)?;
        let tables = recipe.stages.iter().filter(|stage| stage.fractals.is_none());
        let copies = Copies::read(tables.map(|stage| stage.manifest.as_path()))?;
        // A recipe in full names what its manifests do; names of fractals follow from their number.
        for (stage, (manifest, _)) in recipe.stages.iter_mut().zip(&manifests) {
            if stage.fractals.is_none() {
                stage.findings.get_or_insert_with(|| manifest.findings.clone());
            }
        }
        // What speaks of findings could not be checked before they were known.
        check(&recipe)?;
        let mut stages: Vec<StagePlan> = Vec::with_capacity(recipe.stages.len());
        for (index, (manifest, manifest_digest)) in manifests.iter().enumerate() {
            let previous = stages.last().map(|stage| stage.stage.name.clone());
            let stage = &mut recipe.stages[index];
            stage
                .start
                .get_or_insert_with(|| previous.map_or(Start::Random, Start::Stage));
            let stage = stage.clone();
            let start = starts.resolve(&recipe, index, &stage, &architecture)?;
            recipe.stages[index].start = Some(start.clone());
            starts.plain(&mut recipe, index, &architecture)?;
            let judged = Judged::by(manifests[index..].iter().map(|(manifest, _)| manifest.as_ref()));
            let mut stage = StagePlan::new(
                &recipe,
                index,
                start,
                Arc::clone(manifest),
                manifest_digest.clone(),
                &judged,
            )?;
            stage.leaks = copies.leaks(
                manifest,
                stage.train.iter().chain(&stage.validation).copied(),
                manifests[index..].iter().map(|(manifest, _)| manifest.as_ref()),
            );
            stages.push(stage);
        }
        let normalisation = starts.normalisation.unwrap_or(Normalisation::NONE);
        recipe.normalisation = Some(normalisation.into());
        let mut groups: Vec<String> = Vec::new();
        for spec in architecture.parameters(1) {
            if groups.last() != Some(&spec.group) {
                groups.push(spec.group);
            }
        }
        for (index, plan) in stages.iter_mut().enumerate() {
            let rate = &plan.stage.learning_rate;
            let by_group = groups
                .iter()
                .filter_map(|group| Some((group.clone(), rate.of(group)?)));
            let rate = LearningRate::ByGroup(by_group.collect());
            recipe.stages[index].learning_rate = rate;
            plan.stage = recipe.stages[index].clone();
        }
        Ok(Self {
            recipe,
            architecture,
            normalisation,
            stages,
        })
    }

    /// What this run is, for [`crate::run()`] to compare when it resumes.
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
        let recipe = sha256::hex(portable.to_toml()?.as_bytes());
        Ok(Identity {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recipe,
            manifests,
            weights,
        })
    }
}

/// Each stage's manifest with its digest, every file read once; the recipe's paths become absolute. Fractals have a table of their own.
fn read_manifests(recipe: &mut Recipe) -> Result<Vec<(Arc<Manifest>, String)>, Error> {
    let mut read: BTreeMap<PathBuf, (Arc<Manifest>, String)> = BTreeMap::new();
    let mut manifests = Vec::with_capacity(recipe.stages.len());
    for index in 0..recipe.stages.len() {
        if let Some(fractals) = &recipe.stages[index].fractals {
            manifests.push((Arc::new(fractals.manifest()), fractals.digest()));
            continue;
        }
        let path = recipe.resolve_path(&recipe.stages[index].manifest);
        let path = std::path::absolute(&path).map_err(pleura_run::Error::file(&path, "find"))?;
        if !read.contains_key(&path) {
            let manifest = Manifest::read(&path)?;
            let digest = manifest.digest();
            read.insert(path.clone(), (Arc::new(manifest), digest));
        }
        manifests.push(read[&path].clone());
        recipe.stages[index].manifest = path;
    }
    Ok(manifests)
}

/// What is known about starting weights while the stages are gone through in order.
struct Starts {
    normalisation: Option<Normalisation>,
    /// Findings of each stage's head.
    findings: BTreeMap<String, Vec<String>>,
}

impl Starts {
    fn resolve(
        &mut self,
        recipe: &Recipe,
        index: usize,
        stage: &Stage,
        architecture: &Architecture,
    ) -> Result<Start, Error> {
        let findings = outputs(stage);
        let (start, old) = match stage.start.clone().unwrap_or(Start::Random) {
            Start::Random => (Start::Random, None),
            Start::Stage(name) => {
                let old = self.findings.get(&name).cloned();
                (Start::Stage(name), old)
            }
            Start::File(path) => {
                let path = recipe.resolve_path(&path);
                let path = std::path::absolute(&path).map_err(pleura_run::Error::file(&path, "find"))?;
                let old = self.check_file(&path, stage, architecture)?;
                (Start::File(path), Some(old))
            }
        };
        // A head of one feature is enough to try the map on.
        let old = old.map(|old| Head::fresh(&old, 1, 0));
        keep::new_head(old.as_ref(), &findings, 1, &stage.keep, 0)
            .map_err(|problem| recipe.problem(&["stage".into(), index.into(), "keep".into()], problem))?;
        self.normalisation.get_or_insert(Normalisation::NONE);
        self.findings.insert(stage.name.clone(), findings);
        Ok(start)
    }

    /// Fills in what the stage's `isnet` leaves open, and checks the network that its bounds are measured on.
    fn plain(&mut self, recipe: &mut Recipe, index: usize, architecture: &Architecture) -> Result<(), Error> {
        let stage = recipe.stages[index].clone();
        let Some(mut isnet) = stage.isnet.clone() else {
            return Ok(());
        };
        isnet.resolve();
        let findings = match &mut isnet.plain {
            Some(Start::File(path)) => {
                let found = recipe.resolve_path(path);
                *path = std::path::absolute(&found).map_err(pleura_run::Error::file(&found, "find"))?;
                Some(self.check_file(path, &stage, architecture)?)
            }
            Some(Start::Stage(name)) => self.findings.get(name).cloned(),
            _ => None,
        };
        if let Some(findings) = findings
            && stage.findings.as_ref() != Some(&findings)
        {
            let problem = format!(
                "that network answers {findings:?}, this stage's findings are {:?}; C1 and C2 are measured on the stage's own outputs",
                stage.findings.unwrap_or_default()
            );
            return Err(recipe
                .problem(
                    &["stage".into(), index.into(), "isnet".into(), "plain".into()],
                    problem,
                )
                .into());
        }
        let stage = &mut recipe.stages[index];
        stage.gradient_clip.get_or_insert(Isnet::GRADIENT_CLIP);
        stage.isnet = Some(isnet);
        Ok(())
    }

    fn check_file(
        &mut self,
        path: &Path,
        stage: &Stage,
        architecture: &Architecture,
    ) -> Result<Vec<String>, Error> {
        let refuse = |problem: String| Error::Start {
            stage: stage.name.clone(),
            weights: path.to_owned(),
            problem,
        };
        if !path.exists() {
            return Err(refuse(
                "there is no such file; make it with `pleura import` or `pleura weights fetch`, or name another in `start`".into(),
            ));
        }
        let weights = Weights::read(path)?;
        if weights.architecture != *architecture {
            let (found, expected) = (weights.architecture.name(), architecture.name());
            return Err(refuse(format!(
                "these are weights of {found}, the recipe's architecture is {expected}"
            )));
        }
        let normalisation = *self.normalisation.get_or_insert(weights.normalisation);
        if normalisation != weights.normalisation {
            return Err(refuse(format!(
                "they were trained with mean {:?} and std {:?}, this run has mean {:?} and std {:?}; leave `normalisation` out of the \
                 recipe to take the weights' own",
                weights.normalisation.mean, weights.normalisation.std, normalisation.mean, normalisation.std
            )));
        }
        Ok(weights.findings)
    }
}

/// Names of a stage's output neurons, once the recipe is filled in.
fn outputs(stage: &Stage) -> Vec<String> {
    match &stage.fractals {
        None => stage.findings.clone().unwrap_or_default(),
        Some(fractals) => fractals.names(),
    }
}

impl StagePlan {
    fn new(
        recipe: &Recipe,
        index: usize,
        start: Start,
        manifest: Arc<Manifest>,
        manifest_digest: String,
        judged: &Judged<'_>,
    ) -> Result<Self, Error> {
        let stage = recipe.stages[index].clone();
        let findings = outputs(&stage);
        let path = stage.manifest.clone();
        let name = stage.name.clone();
        let refuse = |problem: String| Error::Data {
            stage: name.clone(),
            manifest: path.clone(),
            problem,
        };
        let at = |key: &'static str| -> [Step<'_>; 3] { ["stage".into(), index.into(), key.into()] };
        let fewest = if stage.kind == StageKind::Exclusive { 2 } else { 1 };
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
        labels.hold_out(|row| judged.forbids(&manifest.rows[row]));
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
        if stage.kind == StageKind::Exclusive
            && let Some(missing) = train_counts.findings.iter().find(|count| count.positive == 0)
        {
            return Err(refuse(format!(
                "no training film is {:?}; leave it out of `findings`, or add films",
                missing.finding
            )));
        }
        let weights = class_weights(&stage.class_weights, &train_counts)
            .map_err(|problem| recipe.problem(&at("class_weights"), problem))?;
        let loss = match stage.kind {
            StageKind::Exclusive => Loss::Exclusive { weights },
            StageKind::Independent => {
                let positive_weights = positive_weights(&stage.positive_weights, &train_counts)
                    .map_err(|problem| recipe.problem(&at("positive_weights"), problem))?;
                Loss::Independent {
                    weights,
                    positive_weights,
                }
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
            stage,
            findings,
            start,
            seed,
            manifest,
            manifest_digest,
            labels,
            loss,
            train,
            validation,
            test,
            counts,
            leaks: Vec::new(),
        };
        if plan.stage.isnet.is_some() {
            Masks::check(&plan)?;
        }
        Ok(plan)
    }

    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.train.len().div_ceil(self.stage.batch.max(1))
    }
}
