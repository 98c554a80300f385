//! Equal stages of the runs of a series are trained once.
//!
//! A stage is identified by everything that its weights depend on. A later run copies the stage's files and
//! its part of the logs. The weights still name the run that trained them.

use std::collections::BTreeMap;

use pleura_core::{fs::write_atomic, sha256};
use pleura_nn::weights::Weights;
use pleura_run::{Recipe, RunFolder, StageRecord, json::read_json, recipe::Start};
use pleura_train::{Error, Plan, isnet, plan::StagePlan};
use serde_json::json;

/// A stage's name, and a digest of everything that its weights, predictions and log depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    stage: String,
    digest: String,
}

/// Digests of lung masks that are already known, by preparation and files.
pub(crate) type MaskDigests = BTreeMap<String, String>;

/// The keys of a run's stages.
pub(crate) fn keys(plan: &Plan, masks: &mut MaskDigests) -> Result<Vec<Key>, Error> {
    let mut keys: Vec<Key> = Vec::new();
    let recipe = &plan.recipe;
    for stage in &plan.stages {
        let start = match &stage.start {
            Start::Random => "random".to_owned(),
            Start::File(path) => Weights::read(path)?.digest(),
            Start::Stage(name) => {
                let before = keys.iter().find(|key| key.stage == *name);
                before.map_or_else(|| name.clone(), |key| key.digest.clone())
            }
        };
        let mut own = stage.stage.clone();
        own.manifest = stage.manifest_digest.clone().into();
        let rows = [&stage.train, &stage.validation, &stage.test];
        let mut all = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "architecture": &recipe.architecture,
            "normalisation": &recipe.normalisation,
            "preparation": &recipe.preparation,
            "evaluation": &recipe.evaluation,
            "stage": own,
            "seed": stage.seed,
            "start": start,
            "films": rows.map(|rows| stage.manifest.digest_of(rows)),
            // The log depends on the stage's place in the run and on the stages before.
            "before": keys.last().map(|key| &key.digest),
        });
        if stage.stage.isnet.is_some() {
            // A manifest's digest covers the paths of its masks, not their contents.
            all["masks"] = mask_digest(stage, recipe, masks)?.into();
        }
        keys.push(Key {
            stage: stage.stage.name.clone(),
            digest: sha256::hex(all.to_string()),
        });
    }
    Ok(keys)
}

/// The digest of a stage's masks, which are read once for all runs.
fn mask_digest(stage: &StagePlan, recipe: &Recipe, known: &mut MaskDigests) -> Result<String, Error> {
    let mut rows: Vec<usize> = stage.train.iter().chain(&stage.validation).copied().collect();
    rows.sort_unstable();
    let manifest = &stage.manifest;
    let lungs = rows
        .iter()
        .filter_map(|&row| manifest.rows[row].masks.lung.as_ref());
    let files: Vec<_> = lungs.map(|lung| manifest.locate(lung)).collect();
    let name = format!("{:?} {files:?}", recipe.preparation);
    if let Some(digest) = known.get(&name) {
        return Ok(digest.clone());
    }
    let digest = isnet::mask_digest(stage, &recipe.preparation)?;
    known.insert(name, digest.clone());
    Ok(digest)
}

/// The earlier run that has the most first stages in common with these keys, and how many; the first of
/// equals.
pub(crate) fn most<'a>(before: impl IntoIterator<Item = &'a [Key]>, keys: &[Key]) -> Option<(usize, usize)> {
    let common = |other: &[Key]| other.iter().zip(keys).take_while(|(a, b)| a == b).count();
    let mut best: Option<(usize, usize)> = None;
    for (number, other) in before.into_iter().enumerate() {
        let stages = common(other);
        if stages > best.map_or(0, |best| best.1) {
            best = Some((number, stages));
        }
    }
    best
}

/// Copies the first stages of a finished run, with their part of the logs, into a run that has not begun.
pub(crate) fn copy(from: &RunFolder, to: &RunFolder, stages: &[Key]) -> Result<(), Error> {
    let mut records: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let mut lengths = None;
    for key in stages {
        let (source, target) = (from.stage(&key.stage), to.stage(&key.stage));
        let (record, source, target) = (source.record(), source.path(), target.path());
        std::fs::create_dir_all(target).map_err(pleura_run::Error::file(target, "create"))?;
        for entry in std::fs::read_dir(source).map_err(pleura_run::Error::file(source, "read"))? {
            let path = entry.map_err(pleura_run::Error::file(source, "read"))?.path();
            let Some(name) = path.file_name().filter(|_| path.is_file()) else {
                continue;
            };
            if path == record {
                lengths = Some(read_json::<StageRecord>(&path)?.lengths);
                records.insert(
                    &key.stage,
                    std::fs::read(&path).map_err(pleura_run::Error::file(&path, "read"))?,
                );
            } else {
                let bytes = std::fs::read(&path).map_err(pleura_run::Error::file(&path, "read"))?;
                write_atomic(&target.join(name), &bytes)?;
            }
        }
    }
    let Some(lengths) = lengths else { return Ok(()) };
    for (path, target, length) in [
        (from.log(), to.log(), lengths.log),
        (from.timing(), to.timing(), lengths.timing),
    ] {
        let mut bytes = std::fs::read(&path).map_err(pleura_run::Error::file(&path, "read"))?;
        bytes.truncate(length as usize);
        write_atomic(&target, &bytes)?;
    }
    // Written last: a stage with this file is finished.
    for (stage, record) in records {
        write_atomic(&to.stage(stage).record(), &record)?;
    }
    Ok(())
}
