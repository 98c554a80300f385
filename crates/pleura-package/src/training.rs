//! Training data and method of a model, without paths and names of films or patients.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pleura_datasets::adapters::Dataset;
use pleura_manifest::{Manifest, Row, Sex, Sidecar, SourceRecord, Split};
use pleura_run::{Identity, Neurons, Recipe, RunFolder, StageRecord as StageOutcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// Origin of a model: `training.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Digests of recipe, manifests and starting weights, as in the run's `run.json`.
    pub run: Option<Identity>,
    /// The recipe without paths of manifests.
    pub recipe: Value,
    /// The stages up to the packaged one, in order.
    pub stages: Vec<StageRecord>,
}

/// A stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecord {
    /// Its name.
    pub name: String,
    /// Epochs, best epoch and validation loss, as in `stage.json`.
    pub outcome: Option<StageOutcome>,
    /// Kept output neurons and the proof, as in `neurons.json`.
    pub neurons: Option<Neurons>,
    /// The films; `None` if the manifest no longer exists.
    pub films: Option<FilmsRecord>,
}

/// Films of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilmsRecord {
    /// Digest of the manifest.
    pub manifest: String,
    /// Digest of the test split's films, in any order.
    pub test_films: String,
    /// The split, if known.
    pub split: Option<SplitOf>,
    /// True if the test split is still the original one.
    pub test_unchanged: Option<bool>,
    /// Accesses to the test split, and number of models.
    pub looks: Option<[usize; 2]>,
    /// The datasets.
    pub datasets: Vec<DatasetRecord>,
    /// True if duplicates were searched for.
    pub duplicates_looked_for: bool,
    /// Patients and films, by split.
    pub people: BTreeMap<String, Population>,
}

/// A split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitOf {
    /// `patient` or `official`.
    pub by: String,
    /// The seed.
    pub seed: u64,
    /// Requested shares: training, validation, test.
    pub fractions: [f64; 3],
    /// Digest of the test split's rows.
    pub test_digest: String,
}

/// A dataset, with its terms of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetRecord {
    /// Name in the manifest.
    pub name: String,
    /// Name in the literature; empty if unknown.
    pub title: String,
    /// Licence; empty if unknown.
    pub licence: String,
    /// Citation.
    pub citation: String,
    /// Address of its publication.
    pub url: String,
    /// Public sets that share films with it.
    pub overlaps: Vec<String>,
    /// Films in the manifest.
    pub films: usize,
    /// Films left out, by reason.
    pub left_out: Vec<(String, usize)>,
    /// Digests of its label files.
    pub label_files: Vec<String>,
    /// Datasets that it was compiled from.
    pub made_of: Vec<DatasetRecord>,
}

/// Films and patients of a split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Films.
    pub films: usize,
    /// Patients.
    pub patients: usize,
    /// Films with a known age or age group.
    pub ages_known: usize,
    /// Films of patients under 18 among those.
    pub children: usize,
    /// Minimum, median and maximum age in years.
    pub ages: Option<[f32; 3]>,
    /// Films by sex; `unknown` if not given.
    pub sex: BTreeMap<String, usize>,
    /// Films by view, as in the manifest.
    pub views: BTreeMap<String, usize>,
    /// Films with each finding.
    pub positives: BTreeMap<String, usize>,
    /// Films by dataset.
    pub datasets: BTreeMap<String, usize>,
}

impl Training {
    /// Reads the stages up to `last` from a run's folder and its manifests; `manifest` is that of the last
    /// stage.
    ///
    /// # Errors
    /// A recipe that cannot be read, or an existing manifest that cannot be read.
    pub fn of_run(run: &Path, last: &str, manifest: &Path) -> Result<Self, Error> {
        let run = RunFolder::new(run);
        let recipe = run.read_recipe()?;
        let mut lineage = recipe.lineage(last);
        lineage.reverse();
        let records = lineage
            .iter()
            .map(|&number| {
                let stage = &recipe.stages[number];
                let folder = run.stage(&stage.name);
                Ok(StageRecord {
                    name: stage.name.clone(),
                    outcome: folder.read_record()?,
                    neurons: folder.read_neurons()?,
                    films: FilmsRecord::of(if stage.name == last {
                        manifest
                    } else {
                        &stage.manifest
                    })?,
                })
            })
            .collect::<Result<_, Error>>()?;
        let name = |&number: &usize| recipe.stages[number].name.as_str();
        let names: BTreeSet<&str> = lineage.iter().map(name).collect();
        Ok(Self {
            run: run.read_identity()?,
            recipe: without_paths(&recipe, &names),
            stages: records,
        })
    }

    /// Films and patients of a split of the last stage.
    pub fn population(&self, split: &str) -> Option<&Population> {
        self.films()?.people.get(split)
    }

    /// The films of the last stage.
    pub fn films(&self) -> Option<&FilmsRecord> {
        self.stages.last()?.films.as_ref()
    }
}

/// The recipe of these stages without paths.
fn without_paths(recipe: &Recipe, stages: &BTreeSet<&str>) -> Value {
    let mut value = serde_json::to_value(recipe).unwrap_or(Value::Null);
    let Some(all) = value.get_mut("stage").and_then(Value::as_array_mut) else {
        return value;
    };
    all.retain(|stage| {
        stage
            .get("name")
            .and_then(Value::as_str)
            .is_some_and(|name| stages.contains(name))
    });
    for stage in all {
        let Some(stage) = stage.as_object_mut() else {
            continue;
        };
        stage.remove("manifest");
        let is_file = |start: &Value| {
            let start = start.as_str();
            start.is_some_and(|start| start != "random" && !start.starts_with("stage:"))
        };
        if let Some(start) = stage.get_mut("start").filter(|start| is_file(start)) {
            *start = Value::from("a file of weights; its digest is in run.weights");
        }
        let plain = stage.get_mut("isnet").and_then(|isnet| isnet.get_mut("plain"));
        if let Some(plain) = plain.filter(|plain| is_file(plain)) {
            *plain = Value::from("a file of weights");
        }
    }
    value
}

impl FilmsRecord {
    fn of(path: &Path) -> Result<Option<Self>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        let manifest = Manifest::read(path)?;
        let sidecar = Sidecar::read(path)?;
        let test_films = manifest.films_digest(&manifest.split(Split::Test));
        let log =
            pleura_manifest::access_log::TestAccessLog::read(&pleura_manifest::access_log::file_of(path)?)?;
        let mine = log.of_test(&test_films);
        let split = sidecar.as_ref().and_then(|sidecar| sidecar.split.as_ref());
        Ok(Some(Self {
            manifest: manifest.digest(),
            test_unchanged: split.and_then(|split| Some(*split.test_films.as_ref()? == test_films)),
            looks: Some([
                mine.len(),
                pleura_manifest::access_log::TestAccessLog::models(&mine),
            ]),
            split: split.map(|split| SplitOf {
                by: split.by.clone(),
                seed: split.seed,
                fractions: split.fractions,
                test_digest: split.test_digest.clone(),
            }),
            datasets: datasets(&manifest, sidecar.as_ref()),
            duplicates_looked_for: sidecar.is_some_and(|sidecar| sidecar.duplicates.is_some()),
            people: [
                ("train", Split::Train),
                ("val", Split::Validation),
                ("test", Split::Test),
            ]
            .map(|(name, split)| {
                let rows = manifest.split(split);
                let rows: Vec<&Row> = rows.iter().map(|&row| &manifest.rows[row]).collect();
                (name.to_owned(), Population::of(&manifest, &rows))
            })
            .into(),
            test_films,
        }))
    }
}

impl Population {
    fn of(manifest: &Manifest, rows: &[&Row]) -> Self {
        let count = |of: &dyn Fn(&Row) -> String| {
            rows.iter().fold(BTreeMap::new(), |mut counts, row| {
                *counts.entry(of(row)).or_insert(0) += 1;
                counts
            })
        };
        let mut ages: Vec<f32> = rows.iter().filter_map(|row| row.age).collect();
        ages.sort_by(f32::total_cmp);
        let children: Vec<bool> = rows.iter().filter_map(|row| manifest.is_child(row)).collect();
        let patients: BTreeSet<(&str, &str)> = rows
            .iter()
            .map(|row| (row.dataset.as_str(), row.patient.as_str()))
            .collect();
        let positive = |finding: usize| {
            let has = |row: &&&Row| row.labels[finding] == pleura_manifest::Label::Positive;
            rows.iter().filter(has).count()
        };
        Self {
            films: rows.len(),
            patients: patients.len(),
            ages_known: children.len(),
            children: children.iter().filter(|&&child| child).count(),
            ages: ages
                .first()
                .zip(ages.last())
                .map(|(&least, &most)| [least, ages[ages.len() / 2], most]),
            sex: count(&|row| {
                let sex = match row.sex {
                    Some(Sex::Female) => "F",
                    Some(Sex::Male) => "M",
                    Some(Sex::Other) => "O",
                    None => "unknown",
                };
                sex.to_owned()
            }),
            views: count(&|row| {
                let view = row.view.trim();
                if view.is_empty() { "unknown" } else { view }.to_owned()
            }),
            positives: manifest
                .findings
                .iter()
                .enumerate()
                .map(|(place, finding)| (finding.clone(), positive(place)))
                .collect(),
            datasets: count(&|row| row.dataset.clone()),
        }
    }
}

/// All datasets of the manifest's rows: from the sidecar, else from the adapter of that name, else by name
/// only.
fn datasets(manifest: &Manifest, sidecar: Option<&Sidecar>) -> Vec<DatasetRecord> {
    let mut films: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &manifest.rows {
        *films.entry(&row.dataset).or_default() += 1;
    }
    let drawn: BTreeSet<&str> = pleura_synth::phantom::hospitals().into_iter().collect();
    let known = |name: &str| sidecar?.sources.iter().find(|source| source.dataset == name);
    films
        .into_iter()
        .map(|(name, films)| {
            if let Some(record) = known(name) {
                return DatasetRecord {
                    films,
                    ..DatasetRecord::of(record)
                };
            }
            let adapter = Dataset::by_name(name);
            let text = |of: fn(&Dataset) -> &'static str| adapter.map(of).unwrap_or_default().to_owned();
            let phantom = drawn.contains(name);
            DatasetRecord {
                name: name.to_owned(),
                title: if phantom {
                    "phantoms drawn by pleura; no patient was there".to_owned()
                } else {
                    text(|source| source.title)
                },
                licence: if phantom {
                    "none needed: drawn by a program".to_owned()
                } else {
                    text(|source| source.licence)
                },
                citation: text(|source| source.citation),
                url: text(|source| source.url),
                overlaps: adapter.map_or_else(Vec::new, |source| {
                    source.overlaps.iter().map(ToString::to_string).collect()
                }),
                films,
                left_out: Vec::new(),
                label_files: Vec::new(),
                made_of: Vec::new(),
            }
        })
        .collect()
}

impl DatasetRecord {
    fn of(record: &SourceRecord) -> Self {
        Self {
            name: record.dataset.clone(),
            title: record.title.clone(),
            licence: record.licence.clone(),
            citation: record.citation.clone(),
            url: record.url.clone(),
            overlaps: record.overlaps.clone(),
            films: record.kept,
            left_out: record
                .steps
                .iter()
                .filter(|step| step.excluded > 0)
                .map(|step| (step.reason.clone(), step.excluded))
                .collect(),
            label_files: record.files.iter().map(|file| file.sha256.clone()).collect(),
            made_of: record.made_of.iter().map(Self::of).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_files_of_weights_lay_is_left_out_of_the_recipe() {
        let recipe = r#"
seed = 1
architecture = "small"

[[stage]]
name = "one"
kind = "exclusive"
manifest = "/home/somebody/m.csv"
start = "/home/somebody/start.safetensors"
epochs = 1
batch = 5
learning_rate = 0.05
isnet = { plain = "/home/somebody/plain.safetensors" }

[[stage]]
name = "two"
kind = "exclusive"
manifest = "/home/somebody/m.csv"
start = "random"
epochs = 1
batch = 5
learning_rate = 0.05
isnet = { plain = "stage:one" }
"#;
        let recipe = Recipe::parse(recipe, Path::new("recipe.toml")).unwrap();
        let value = without_paths(&recipe, &BTreeSet::from(["one", "two"]));
        assert!(!value.to_string().contains("somebody"), "{value}");
        assert_eq!(value["stage"][0]["isnet"]["plain"], "a file of weights");
        assert_eq!(value["stage"][1]["isnet"]["plain"], "stage:one");
        assert_eq!(value["stage"][1]["start"], "random");
    }
}
