//! From a recipe as typed to a recipe in full: the part of a plan that only needs manifests and starting
//! weights.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use pleura_manifest::Manifest;
use pleura_nn::{
    architecture::Architecture,
    weights::{Normalisation, Weights},
};
use pleura_run::{
    Recipe,
    recipe::{Isnet, LearningRate, Stage, Start, check},
};

use crate::{error::Error, keep};

/// A recipe that leaves nothing open: findings, starts, normalisation, learning rates and heatmap bounds are
/// filled in, and paths are absolute.
pub(super) struct ResolvedRecipe {
    pub(super) recipe: Recipe,
    pub(super) architecture: Architecture,
    pub(super) normalisation: Normalisation,
    /// The table of films of each stage.
    pub(super) tables: Vec<StageTable>,
}

/// The films of a stage: a manifest, or the rows that stand for fractals.
#[derive(Clone)]
pub(super) struct StageTable {
    /// Its path; empty for fractals.
    path: PathBuf,
    pub(super) manifest: Arc<Manifest>,
    pub(super) digest: String,
}

impl ResolvedRecipe {
    /// Fills in a recipe; `seed` replaces its own.
    pub(super) fn new(recipe: &Recipe, seed: Option<u64>) -> Result<Self, Error> {
        let mut recipe = with_seed(recipe, seed)?;
        let architecture = recipe.architecture()?;
        let tables = read_tables(&recipe)?;
        for (stage, table) in recipe.stages.iter_mut().zip(&tables) {
            // The names of fractals follow from the number of classes.
            if stage.fractals.is_none() {
                stage.manifest.clone_from(&table.path);
                stage
                    .findings
                    .get_or_insert_with(|| table.manifest.findings.clone());
            }
        }
        // Entries that name findings could not be checked before the findings were known.
        check(&recipe)?;
        let mut weights = StartingWeights {
            architecture: &architecture,
            normalisation: recipe.normalisation.map(Into::into),
            findings: BTreeMap::new(),
        };
        for number in 0..recipe.stages.len() {
            recipe.stages[number] = weights.resolve(&recipe, number)?;
        }
        let normalisation = weights.normalisation.unwrap_or(Normalisation::NONE);
        recipe.normalisation = Some(normalisation.into());
        let mut groups: Vec<String> = architecture
            .parameters(1)
            .into_iter()
            .map(|spec| spec.group)
            .collect();
        groups.dedup();
        for stage in &mut recipe.stages {
            let rate = |group: &String| Some((group.clone(), stage.learning_rate.of(group)?));
            stage.learning_rate = LearningRate::ByGroup(groups.iter().filter_map(rate).collect());
        }
        Ok(Self {
            recipe,
            architecture,
            normalisation,
            tables,
        })
    }
}

/// The recipe with another seed.
fn with_seed(recipe: &Recipe, seed: Option<u64>) -> Result<Recipe, Error> {
    let mut recipe = recipe.clone();
    let Some(seed) = seed else { return Ok(recipe) };
    let refuse = |problem: String| Err(recipe.problem(&["seed".into()], problem).into());
    if seed > i64::MAX as u64 {
        return refuse(format!("found {seed}, expected at most {}", i64::MAX));
    }
    if seed != recipe.seed && recipe.stages.iter().all(|stage| stage.seed.is_some()) {
        return refuse(format!(
            "{seed} would have no effect, because every stage has its own seed; remove those"
        ));
    }
    recipe.seed = seed;
    Ok(recipe)
}

/// The tables of all stages; every file is read once.
fn read_tables(recipe: &Recipe) -> Result<Vec<StageTable>, Error> {
    let mut read: BTreeMap<PathBuf, StageTable> = BTreeMap::new();
    let mut tables = Vec::with_capacity(recipe.stages.len());
    for stage in &recipe.stages {
        if let Some(fractals) = &stage.fractals {
            tables.push(StageTable {
                path: PathBuf::new(),
                manifest: Arc::new(fractals.manifest()),
                digest: fractals.digest(),
            });
            continue;
        }
        let path = absolute(recipe, &stage.manifest)?;
        if !read.contains_key(&path) {
            let manifest = Manifest::read(&path)?;
            let table = StageTable {
                path: path.clone(),
                digest: manifest.digest(),
                manifest: Arc::new(manifest),
            };
            read.insert(path.clone(), table);
        }
        tables.push(read[&path].clone());
    }
    Ok(tables)
}

/// A path of the recipe, made absolute.
fn absolute(recipe: &Recipe, path: &Path) -> Result<PathBuf, Error> {
    let path = recipe.resolve_path(path);
    Ok(std::path::absolute(&path).map_err(pleura_run::Error::file(&path, "find"))?)
}

/// Names of a stage's output neurons, once they are filled in.
pub(super) fn outputs(stage: &Stage) -> Vec<String> {
    match &stage.fractals {
        None => stage.findings.clone().unwrap_or_default(),
        Some(fractals) => fractals.names(),
    }
}

/// The starting weights of the stages before the one that is resolved.
struct StartingWeights<'a> {
    architecture: &'a Architecture,
    normalisation: Option<Normalisation>,
    /// Findings of each stage's head.
    findings: BTreeMap<String, Vec<String>>,
}

impl StartingWeights<'_> {
    /// A stage with its start and its heatmap bounds filled in, after a check of the weights they name.
    fn resolve(&mut self, recipe: &Recipe, number: usize) -> Result<Stage, Error> {
        let mut stage = recipe.stages[number].clone();
        let previous = number
            .checked_sub(1)
            .map(|previous| &recipe.stages[previous].name);
        let start = match stage.start.take() {
            None => previous.map_or(Start::Random, |name| Start::Stage(name.clone())),
            Some(Start::File(path)) => Start::File(absolute(recipe, &path)?),
            Some(start) => start,
        };
        let old = self.findings_of(&start, &stage)?;
        let findings = outputs(&stage);
        keep::sources(old.as_deref(), &findings, &stage.keep)
            .map_err(|problem| recipe.problem(&["stage".into(), number.into(), "keep".into()], problem))?;
        self.normalisation.get_or_insert(Normalisation::NONE);
        self.findings.insert(stage.name.clone(), findings);
        stage.start = Some(start);
        if let Some(isnet) = stage.isnet.take() {
            stage.gradient_clip.get_or_insert(Isnet::GRADIENT_CLIP);
            stage.isnet = Some(self.resolve_isnet(recipe, number, &stage, isnet)?);
        }
        Ok(stage)
    }

    /// The heatmap loss with its bounds filled in, after a check of the network that they are measured on.
    fn resolve_isnet(
        &mut self,
        recipe: &Recipe,
        number: usize,
        stage: &Stage,
        mut isnet: Isnet,
    ) -> Result<Isnet, Error> {
        isnet.resolve();
        let Some(mut plain) = isnet.plain.take() else {
            return Ok(isnet);
        };
        if let Start::File(path) = &mut plain {
            *path = absolute(recipe, path)?;
        }
        if let Some(findings) = self.findings_of(&plain, stage)?
            && stage.findings.as_ref() != Some(&findings)
        {
            let at = ["stage".into(), number.into(), "isnet".into(), "plain".into()];
            let problem = format!(
                "the findings of that network are {findings:?}, those of this stage are {:?}; C1 and C2 are measured on the stage's own outputs",
                stage.findings.as_deref().unwrap_or_default()
            );
            return Err(recipe.problem(&at, problem).into());
        }
        isnet.plain = Some(plain);
        Ok(isnet)
    }

    /// The findings of the head that weights have; `None` for random weights.
    fn findings_of(&mut self, start: &Start, stage: &Stage) -> Result<Option<Vec<String>>, Error> {
        match start {
            Start::Random => Ok(None),
            Start::Stage(name) => Ok(self.findings.get(name).cloned()),
            Start::File(path) => self.findings_of_file(path, stage).map(Some),
        }
    }

    fn findings_of_file(&mut self, path: &Path, stage: &Stage) -> Result<Vec<String>, Error> {
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
        if weights.architecture != *self.architecture {
            let (found, expected) = (weights.architecture.name(), self.architecture.name());
            return Err(refuse(format!(
                "these are weights of {found}, the recipe's architecture is {expected}"
            )));
        }
        let normalisation = *self.normalisation.get_or_insert(weights.normalisation);
        if normalisation != weights.normalisation {
            return Err(refuse(format!(
                "they were trained with mean {:?} and std {:?}, this run has mean {:?} and std {:?}; leave `normalisation` out of the \
                 recipe to use that of the weights",
                weights.normalisation.mean, weights.normalisation.std, normalisation.mean, normalisation.std
            )));
        }
        Ok(weights.findings)
    }
}
