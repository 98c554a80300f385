//! What a run's model has learnt from: in its own stage, and in those that it was started from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use pleura::Classifier;
use pleura_eval::Predictions;
use pleura_manifest::{Manifest, Row, Split};
use pleura_run::{Recipe, RunFolder};

/// Patients within their datasets, and digests of files.
pub type Identities = BTreeSet<(String, String)>;

/// What a run's model has learnt from, as far as the tables of its stages say it.
#[derive(Default)]
pub struct Learnt {
    /// Datasets of the training films; none where not every table is there to say them.
    pub datasets: Option<BTreeSet<String>>,
    /// What each stage was trained on, with its name; the model's own stage first.
    pub trained: Vec<(String, Identities)>,
    /// What epochs were chosen on.
    validated: Identities,
    /// Test films of the model's own stage.
    pub tested: Identities,
    /// A sentence for each stage whose table is no longer there.
    pub missing: Vec<String>,
}

impl Learnt {
    /// Reads the tables of a run's stages; `None` for bare weights, which say nothing of their films.
    pub fn of(model: &Classifier) -> Result<Option<Self>> {
        let (Some(run), Some(stage)) = (model.run(), model.stage()) else {
            return Ok(None);
        };
        let recipe = RunFolder::new(run)
            .read_recipe()
            .context("cannot read the run's recipe")?;
        Self::of_stage(&recipe, &stage.name).map(Some)
    }

    /// Follows training's rule: a stage leaves out films whose patient, or whose file, it or any stage after it is judged on.
    fn of_stage(recipe: &Recipe, name: &str) -> Result<Self> {
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
        let mut learnt = Self::default();
        let mut datasets = BTreeSet::new();
        let (mut validation, mut test) = (Identities::new(), Identities::new());
        for (number, stage) in stages.iter().enumerate().skip(first).rev() {
            let asked = chain.contains(&number) && stage.fractals.is_none();
            let Some(table) = tables.get(stage.manifest.as_path()) else {
                if asked {
                    learnt.missing.push(format!(
                        "{}, the table that stage {:?} was trained on, is no longer there: which films the model has learnt from in that \
                         stage is not known",
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
            learnt.trained.push((stage.name.clone(), trained));
            let chosen_on = of(Split::Validation).filter(|row| !among(row, &test));
            learnt.validated.extend(chosen_on.flat_map(identities));
            if stage.name == name {
                learnt.tested.extend(of(Split::Test).flat_map(identities));
            }
        }
        let all = learnt.missing.is_empty() && !learnt.trained.is_empty();
        learnt.datasets = all.then_some(datasets);
        Ok(learnt)
    }

    /// Whether the model has seen a film, or another of its patient.
    fn knows(&self, row: &Row) -> bool {
        identities(row).any(|identity| {
            let seen = |(_, trained): &(String, Identities)| trained.contains(&identity);
            self.validated.contains(&identity) || self.trained.iter().any(seen)
        })
    }
}

/// Which film it is, and whose.
pub fn identities(row: &Row) -> impl Iterator<Item = (String, String)> {
    let patient = (!row.patient.is_empty()).then(|| (row.dataset.clone(), row.patient.clone()));
    let film = (!row.sha256.is_empty()).then(|| ("\0sha256".to_owned(), row.sha256.clone()));
    patient.into_iter().chain(film)
}

/// Answers without the films of a manifest that the model has learnt from, and how many those were.
pub fn unknown(answers: &Predictions, manifest: &Path, learnt: &Learnt) -> Result<(Predictions, usize)> {
    let manifest = Manifest::read(manifest)?;
    let known: BTreeSet<&str> = manifest
        .rows
        .iter()
        .filter(|row| learnt.knows(row))
        .map(|row| row.film.as_str())
        .collect();
    let rows: Vec<usize> = (0..answers.len())
        .filter(|&row| !known.contains(answers.films[row].as_str()))
        .collect();
    Ok((answers.select(&rows), answers.len() - rows.len()))
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
        let known = |learnt: &Learnt| -> Vec<&str> {
            let films = ["a 1", "a 2", "a 3", "a 4", "b 1", "b 2", "c 1"];
            films
                .into_iter()
                .filter(|film| learnt.knows(&row(film, None)))
                .collect()
        };
        let learnt = Learnt::of_stage(&recipe, "target").unwrap();
        assert_eq!(known(&learnt), ["a 1", "a 2", "b 1", "b 2"]);
        assert_eq!(learnt.datasets, Some(["a", "b"].map(str::to_owned).into()));
        let trained: Vec<&str> = learnt.trained.iter().map(|one| one.0.as_str()).collect();
        assert_eq!(trained, ["target", "source"]);
        assert!(learnt.missing.is_empty());
        let source = Learnt::of_stage(&recipe, "source").unwrap();
        assert_eq!(
            known(&source),
            ["a 1", "a 2"],
            "the next stage is judged on the third"
        );

        std::fs::remove_file(path("source.csv")).unwrap();
        let learnt = Learnt::of_stage(&recipe, "target").unwrap();
        assert_eq!((known(&learnt), learnt.datasets), (vec!["b 1", "b 2"], None));
        assert!(learnt.missing.len() == 1 && learnt.missing[0].contains("stage \"source\""));
    }
}
