//! The films that a run's model was trained on: in its own stage, and in the stages it was started from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pleura_manifest::{Manifest, Row, Split};
use pleura_run::{Recipe, RunFolder};

use crate::{Classifier, Error};

/// Patients (dataset, name) and files (by SHA-256).
pub type Identities = BTreeSet<(String, String)>;

/// The films that a run's model was trained on, as far as the manifests of its stages are still there.
#[derive(Clone, Debug, Default)]
pub struct TrainingHistory {
    /// Datasets of the training films; `None` if a manifest is missing.
    pub datasets: Option<BTreeSet<String>>,
    /// Training films of each stage, with its name; the model's own stage first.
    pub trained: Vec<(String, Identities)>,
    /// Validation films, which chose the epochs.
    validated: Identities,
    /// Test films of the model's own stage.
    pub tested: Identities,
    /// A sentence for each stage whose manifest is missing.
    pub missing: Vec<String>,
}

impl TrainingHistory {
    /// Reads the manifests of a run's stages; `None` for weights and packages, which do not list their films.
    ///
    /// # Errors
    /// A recipe or an existing manifest that cannot be read.
    pub fn of(model: &Classifier) -> Result<Option<Self>, Error> {
        let (Some(run), Some(stage)) = (model.run(), model.stage()) else {
            return Ok(None);
        };
        let recipe = RunFolder::new(run).read_recipe().map_err(Error::Recipe)?;
        Self::of_stage(&recipe, &stage.name).map(Some)
    }

    /// Follows training's rule: a stage leaves out films whose patient or file is validated or tested in it
    /// or in a later stage.
    fn of_stage(recipe: &Recipe, name: &str) -> Result<Self, Error> {
        let stages = &recipe.stages;
        let chain = recipe.lineage(name);
        let first = chain.last().copied().unwrap_or(stages.len());
        let mut tables: BTreeMap<&Path, Manifest> = BTreeMap::new();
        for stage in &stages[first..] {
            let path = stage.manifest.as_path();
            if stage.fractals.is_none() && !tables.contains_key(path) && path.exists() {
                tables.insert(path, Manifest::read(path)?);
            }
        }
        let mut history = Self::default();
        let mut datasets = BTreeSet::new();
        let (mut validation, mut test) = (Identities::new(), Identities::new());
        for (number, stage) in stages.iter().enumerate().skip(first).rev() {
            let asked = chain.contains(&number) && stage.fractals.is_none();
            let Some(table) = tables.get(stage.manifest.as_path()) else {
                if asked {
                    history.missing.push(format!(
                        "{}, the manifest of stage {:?}, is missing: the films that the model was trained on in that stage are \
                         unknown",
                        stage.manifest.display(),
                        stage.name
                    ));
                }
                continue;
            };
            let of = |split: Split| table.rows.iter().filter(move |row| row.split == Some(split));
            validation.extend(of(Split::Validation).flat_map(identities));
            test.extend(of(Split::Test).flat_map(identities));
            if !asked {
                continue;
            }
            let among = |row: &Row, set: &Identities| identities(row).any(|one| set.contains(&one));
            let mut trained = Identities::new();
            for row in of(Split::Train).filter(|row| !among(row, &validation) && !among(row, &test)) {
                datasets.insert(row.dataset.clone());
                trained.extend(identities(row));
            }
            history.trained.push((stage.name.clone(), trained));
            let chosen_on = of(Split::Validation).filter(|row| !among(row, &test));
            history.validated.extend(chosen_on.flat_map(identities));
            if stage.name == name {
                history.tested.extend(of(Split::Test).flat_map(identities));
            }
        }
        let all = history.missing.is_empty() && !history.trained.is_empty();
        history.datasets = all.then_some(datasets);
        Ok(history)
    }

    /// Films of a manifest that [`TrainingHistory::knows`].
    pub fn overlap(&self, manifest: &Manifest) -> TrainingOverlap {
        let rows = manifest
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| self.knows(row));
        TrainingOverlap {
            rows: rows.map(|(row, _)| row).collect(),
            missing: self.missing.clone(),
        }
    }

    /// True if the model was trained or validated on the film, or on another film of its patient.
    pub fn knows(&self, row: &Row) -> bool {
        identities(row).any(|identity| {
            let seen = |(_, trained): &(String, Identities)| trained.contains(&identity);
            self.validated.contains(&identity) || self.trained.iter().any(seen)
        })
    }
}

/// The patient (dataset, name) and the file (by SHA-256) of a film.
pub fn identities(row: &Row) -> impl Iterator<Item = (String, String)> {
    let patient = (!row.patient.is_empty()).then(|| (row.dataset.clone(), row.patient.clone()));
    let film = (!row.sha256.is_empty()).then(|| ("\0sha256".to_owned(), row.sha256.clone()));
    patient.into_iter().chain(film)
}

/// Films of a manifest that overlap with a model's training.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrainingOverlap {
    /// Rows of the manifest whose film, or another film of whose patient, the model was trained or validated
    /// on.
    pub rows: Vec<usize>,
    /// A sentence for each stage whose manifest is missing, so that its films could not be compared.
    pub missing: Vec<String>,
}

/// Films of a manifest that a model was trained or validated on, itself or through another film of the
/// patient. Films are compared by SHA-256 and by patient. `None` for weights and packages, which do not list
/// their films.
///
/// # Errors
/// As [`TrainingHistory::of`].
pub fn training_overlap(model: &Classifier, manifest: &Manifest) -> Result<Option<TrainingOverlap>, Error> {
    Ok(TrainingHistory::of(model)?.map(|history| history.overlap(manifest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Films of one patient each, named by dataset and number, with their splits.
    fn table(path: &Path, films: &[(&str, Split)]) {
        let mut manifest = Manifest::new(path.parent().unwrap(), vec!["ill".to_owned()]);
        for (film, split) in films {
            manifest.rows.push(row(film, Some(*split)));
        }
        manifest.write(path).unwrap();
    }

    fn row(film: &str, split: Option<Split>) -> Row {
        let (dataset, patient) = film.split_once(' ').unwrap();
        Row {
            film: film.to_owned(),
            path: format!("{film}.png").into(),
            sha256: format!("{:0>64}", film.replace(' ', "")),
            dataset: dataset.to_owned(),
            patient: patient.to_owned(),
            split,
            labels: vec![pleura_manifest::Label::Positive],
            ..Row::default()
        }
    }

    const RECIPE: &str = r#"
        architecture = "small"
        [[stage]]
        name = "other"
        kind = "independent"
        manifest = "OTHER"
        epochs = 1
        [[stage]]
        name = "source"
        kind = "independent"
        manifest = "SOURCE"
        start = "random"
        epochs = 1
        [[stage]]
        name = "target"
        kind = "independent"
        manifest = "TARGET"
        start = "stage:source"
        epochs = 1
    "#;

    #[test]
    fn stages_before_have_taught_the_model_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        table(&path("other.csv"), &[("c 1", Split::Train)]);
        // The third of these is tested in the next stage, which kept it out of this one.
        let source = [
            ("a 1", Split::Train),
            ("a 2", Split::Validation),
            ("a 3", Split::Train),
            ("a 4", Split::Test),
        ];
        table(&path("source.csv"), &source);
        let target = [
            ("b 1", Split::Train),
            ("b 2", Split::Validation),
            ("a 3", Split::Test),
        ];
        table(&path("target.csv"), &target);
        let names = ["OTHER", "SOURCE", "TARGET"].map(|name| {
            let path = path(&format!("{}.csv", name.to_lowercase()));
            (name, path.to_str().unwrap().to_owned())
        });
        let text = names
            .iter()
            .fold(RECIPE.to_owned(), |text, (name, path)| text.replace(name, path));
        std::fs::write(path("recipe.toml"), text).unwrap();
        let recipe = RunFolder::new(folder.path()).read_recipe().unwrap();
        let known = |history: &TrainingHistory| -> Vec<&str> {
            let films = ["a 1", "a 2", "a 3", "a 4", "b 1", "b 2", "c 1"];
            films
                .into_iter()
                .filter(|film| history.knows(&row(film, None)))
                .collect()
        };
        let history = TrainingHistory::of_stage(&recipe, "target").unwrap();
        assert_eq!(known(&history), ["a 1", "a 2", "b 1", "b 2"]);
        assert_eq!(history.datasets, Some(["a", "b"].map(str::to_owned).into()));
        let trained: Vec<&str> = history.trained.iter().map(|one| one.0.as_str()).collect();
        assert_eq!(trained, ["target", "source"]);
        assert!(history.missing.is_empty());
        let source = TrainingHistory::of_stage(&recipe, "source").unwrap();
        assert_eq!(
            known(&source),
            ["a 1", "a 2"],
            "the next stage is judged on the third"
        );

        std::fs::remove_file(path("source.csv")).unwrap();
        let history = TrainingHistory::of_stage(&recipe, "target").unwrap();
        assert_eq!((known(&history), history.datasets), (vec!["b 1", "b 2"], None));
        assert!(history.missing.len() == 1 && history.missing[0].contains("stage \"source\""));
    }
}
