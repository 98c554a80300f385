//! What a model was trained on and how, without a path, a film's name or a patient's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pleura_data::sources::Source;
use pleura_data::{Manifest, Row, Sex, Sidecar, SourceRecord, Split};
use pleura_run::{Identity, Neurons, Recipe, RunFolder, StageRecord as StageOutcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// Where a model comes from: `training.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Digests of recipe, manifests and starting weights, as `run.json` of the run has them.
    pub run: Option<Identity>,
    /// The recipe without the manifests' paths.
    pub recipe: Value,
    /// The stages up to the packaged one, the first first.
    pub stages: Vec<StageRecord>,
}

/// One stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecord {
    /// Its name.
    pub name: String,
    /// What came out of training it: epochs, best epoch, validation loss, as `stage.json` has them.
    pub outcome: Option<StageOutcome>,
    /// Which output neurons were kept, and the proof, as `neurons.json` has it.
    pub neurons: Option<Neurons>,
    /// The films; nothing where the manifest is no longer there.
    pub films: Option<FilmsRecord>,
}

/// The films of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilmsRecord {
    /// Digest of the manifest.
    pub manifest: String,
    /// Digest of the films of the test split, whatever their order.
    pub test_films: String,
    /// How films were split, where that is known.
    pub split: Option<SplitOf>,
    /// Whether the test split is still the one that was made.
    pub test_unchanged: Option<bool>,
    /// Looks at the test split, and by how many models.
    pub looks: Option<[usize; 2]>,
    /// The datasets.
    pub datasets: Vec<DatasetRecord>,
    /// Films that are one radiograph: whether anybody has looked.
    pub duplicates_looked_for: bool,
    /// The people on the films, by split.
    pub people: BTreeMap<String, Population>,
}

/// How films were split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitOf {
    /// `patient` or `official`.
    pub by: String,
    /// The seed.
    pub seed: u64,
    /// Parts asked for: training, validation, test.
    pub fractions: [f64; 3],
    /// Digest of the test split's rows.
    pub test_digest: String,
}

/// One dataset, and on which terms it may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetRecord {
    /// What the manifest calls it.
    pub name: String,
    /// Its name in the literature; empty where it is not known.
    pub title: String,
    /// The terms its publishers set; empty where they are not known.
    pub licence: String,
    /// How to cite it.
    pub citation: String,
    /// Where it is published.
    pub url: String,
    /// Public sets that share films with it.
    pub overlaps: Vec<String>,
    /// Films that went into the manifest.
    pub films: usize,
    /// Films left out, by reason.
    pub left_out: Vec<(String, usize)>,
    /// Digests of its label files.
    pub label_files: Vec<String>,
    /// What those are made of that are themselves put together.
    pub made_of: Vec<DatasetRecord>,
}

/// People of one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Films.
    pub films: usize,
    /// Patients.
    pub patients: usize,
    /// Films whose patient's age is known, or a group of ages that tells children from adults.
    pub ages_known: usize,
    /// Of those, films of patients under 18.
    pub children: usize,
    /// Least, median and greatest age in years.
    pub ages: Option<[f32; 3]>,
    /// Films by sex; what is not known is `unknown`.
    pub sex: BTreeMap<String, usize>,
    /// Films by view as the manifest writes it.
    pub views: BTreeMap<String, usize>,
    /// Films that have each finding.
    pub positives: BTreeMap<String, usize>,
    /// Films by dataset.
    pub datasets: BTreeMap<String, usize>,
}

impl Training {
    /// Reads what a run's folder and its manifests say of the stages up to `last`, whose table of films is `manifest`.
    ///
    /// # Errors
    /// A recipe that cannot be read, or manifests that are there and cannot be.
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

    /// The people on a split's films of the last stage.
    pub fn population(&self, split: &str) -> Option<&Population> {
        self.films()?.people.get(split)
    }

    /// The films of the last stage.
    pub fn films(&self) -> Option<&FilmsRecord> {
        self.stages.last()?.films.as_ref()
    }
}

/// The recipe of the stages in question; instead of a path, where its file lay is left out.
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
        let looks = pleura_data::looks::Looks::read(&pleura_data::looks::file_of(path)?)?;
        let mine = looks.at(&test_films);
        let split = sidecar.as_ref().and_then(|sidecar| sidecar.split.as_ref());
        Ok(Some(Self {
            manifest: manifest.digest(),
            test_unchanged: split.and_then(|split| Some(*split.test_films.as_ref()? == test_films)),
            looks: Some([mine.len(), pleura_data::looks::Looks::models(&mine)]),
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
            let has = |row: &&&Row| row.labels[finding] == pleura_data::Label::Positive;
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

/// Every dataset of the manifest's rows: as the sidecar tells it, else as the adapter of that name does, else by its name alone.
fn datasets(manifest: &Manifest, sidecar: Option<&Sidecar>) -> Vec<DatasetRecord> {
    let mut films: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &manifest.rows {
        *films.entry(&row.dataset).or_default() += 1;
    }
    let drawn: BTreeSet<&str> = pleura_data::phantom::hospitals().into_iter().collect();
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
            let adapter = Source::by_name(name);
            let text = |of: fn(&Source) -> &'static str| adapter.map(of).unwrap_or_default().to_owned();
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
