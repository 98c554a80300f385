//! Answers to be measured: a network's to the films of a manifest, or a table of them that was written before.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use pleura::output;
use pleura::{AppliedCalibration, Classifier};
use pleura_data::FilmCache;
use pleura_eval::{Calibration, Predictions};
use pleura_manifest::{Manifest, Sidecar, Split};
use serde::Serialize;
use serde_json::{Value, json};

use super::labels::{self, Known};
use super::{Args, SplitChoice};
use crate::calibration::CalibrationArgs;
use crate::console::Progress;
use crate::looks;
use crate::model::ModelArgs;

/// Who answers.
pub enum Subject {
    /// A network.
    Model(Box<Classifier>),
    /// A table of answers, and what it holds.
    Table(PathBuf, Box<Predictions>),
}

/// Answers with where they come from.
pub struct Answers {
    /// With calibrated probabilities, where there is a calibration.
    pub predictions: Predictions,
    pub data: Data,
    pub notes: Vec<String>,
}

/// The films of an evaluation.
#[derive(Serialize)]
pub struct Data {
    /// Or the table of answers.
    pub manifest: PathBuf,
    /// Of the films evaluated; a table of answers has none.
    pub digest: Option<String>,
    pub split: &'static str,
    /// Films of the split without a label for any finding of the model.
    pub without_label: usize,
    /// Findings of the model that the manifest does not know.
    pub not_tested: Vec<String>,
}

impl Subject {
    /// Opens a run, weights, or a table of answers (`.csv`).
    pub fn open(path: &Path, options: &ModelArgs, calibration: &CalibrationArgs) -> Result<Self> {
        if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        {
            let table = Predictions::read(path).context("cannot read the table of answers")?;
            return Ok(Self::Table(path.to_owned(), Box::new(table)));
        }
        Ok(Self::Model(Box::new(options.open_calibrated(path, calibration)?)))
    }

    /// The network, if it is one.
    pub fn model(&self) -> Option<&Classifier> {
        match self {
            Self::Model(model) => Some(model),
            Self::Table(..) => None,
        }
    }

    /// The calibration to apply.
    pub fn calibration(&self) -> Option<&AppliedCalibration> {
        self.model().and_then(Classifier::calibration)
    }

    /// What each output stands for.
    pub fn findings(&self) -> &[String] {
        match self {
            Self::Model(model) => model.findings(),
            Self::Table(_, table) => &table.findings,
        }
    }

    /// Whether the findings exclude each other.
    pub fn kind(&self) -> pleura_eval::Kind {
        match self {
            Self::Model(model) => model.task(),
            Self::Table(_, table) => table.kind(),
        }
    }

    /// One line that says who answered.
    pub fn line(&self) -> String {
        match self {
            Self::Model(model) => model.line(),
            Self::Table(path, table) => format!(
                "{} (a table of answers, {} findings, {})",
                path.display(),
                table.findings.len(),
                table.kind().name()
            ),
        }
    }

    /// The same for a machine.
    pub fn record(&self) -> Value {
        match self {
            Self::Model(model) => json!(output::Model::of(model)),
            Self::Table(path, table) => json!({
                "answers": path.display().to_string(), "kind": table.kind(), "findings": table.findings,
            }),
        }
    }

    /// The answers to a manifest's films, or those of the table; measured as `applied` says.
    pub fn answers(
        &self,
        args: &Args,
        manifest: Option<&Path>,
        split: SplitChoice,
        applied: Option<&AppliedCalibration>,
    ) -> Result<Answers> {
        let mut found = match (self, manifest) {
            (Self::Table(path, table), _) => Answers {
                predictions: (**table).clone(),
                data: Data {
                    manifest: path.clone(),
                    digest: None,
                    split: "all",
                    without_label: 0,
                    not_tested: Vec::new(),
                },
                notes: Vec::new(),
            },
            (Self::Model(model), Some(path)) => check_films(args, model, path, split)?,
            (Self::Model(model), None) => bail!(
                "{}: say with --manifest which films it is to answer",
                model.path().display()
            ),
        };
        if let Some(applied) = applied {
            found.predictions = applied.calibration.apply(&found.predictions)?;
            if found.data.digest.as_ref() == Some(&applied.calibration.fitted_on.digest) {
                found.notes.push(
                    "temperatures and thresholds were fitted on these films: these numbers are too good"
                        .to_owned(),
                );
            }
        }
        Ok(found)
    }
}

fn check_films(args: &Args, model: &Classifier, path: &Path, split: SplitChoice) -> Result<Answers> {
    let manifest = Arc::new(Manifest::read(path)?);
    let known = Known::new(model, &manifest, path, &args.column, args.uncertain)?;
    let of_split = split.rows(&manifest);
    let rows = known.labelled(&of_split);
    check_rows(path, split, &manifest, of_split.len(), rows.len())?;
    looks::log(path, &manifest, &rows, model)?;
    let logits = answer(args, model, &manifest, &rows)?;
    let predictions =
        pleura_train::predictions(&manifest, &rows, model.findings(), known.truth(&rows), &logits)
            .context("the model's answers cannot be evaluated")?;
    let data = Data {
        manifest: path.to_owned(),
        digest: Some(manifest.digest_of(&rows)),
        split: split.name(),
        without_label: of_split.len() - rows.len(),
        not_tested: known.missing().to_vec(),
    };
    Ok(Answers {
        predictions,
        notes: notes(model, &manifest, path, split, &data)?,
        data,
    })
}

/// Logits of the validation films of a manifest with what is true of them, for a calibration.
pub fn validation(
    model: &Classifier,
    path: &Path,
    columns: &[(String, String)],
    uncertain: Option<labels::UncertainChoice>,
    cache: Option<&Path>,
    batch: usize,
) -> Result<(Predictions, String)> {
    let manifest = Arc::new(Manifest::read(path)?);
    let known = Known::new(model, &manifest, path, columns, uncertain)?;
    let of_split = SplitChoice::Val.rows(&manifest);
    let rows = known.labelled(&of_split);
    check_rows(path, SplitChoice::Val, &manifest, of_split.len(), rows.len())?;
    let logits = logits(model, &manifest, &rows, cache, batch)?;
    let predictions =
        pleura_train::predictions(&manifest, &rows, model.findings(), known.truth(&rows), &logits)?;
    Ok((predictions, manifest.digest_of(&rows)))
}

fn check_rows(
    path: &Path,
    split: SplitChoice,
    manifest: &Manifest,
    of_split: usize,
    labelled: usize,
) -> Result<()> {
    let path = path.display();
    if of_split == 0 {
        let films = manifest.rows.len();
        let without = manifest.rows.iter().filter(|row| row.split.is_none()).count();
        bail!(
            "{path}: none of its {films} films is in the split {:?} ({without} are in no split); run `pleura data split`, or \
             take every film with --split all",
            split.name()
        );
    }
    if labelled == 0 {
        bail!(
            "{path}: none of the {of_split} films of the split {:?} has a known label for the model's findings",
            split.name()
        );
    }
    Ok(())
}

/// Logits `[rows, findings]`.
fn answer(args: &Args, model: &Classifier, manifest: &Arc<Manifest>, rows: &[usize]) -> Result<Vec<f32>> {
    logits(model, manifest, rows, args.cache.as_deref(), args.batch as usize)
}

fn logits(
    model: &Classifier,
    manifest: &Arc<Manifest>,
    rows: &[usize],
    cache: Option<&Path>,
    batch: usize,
) -> Result<Vec<f32>> {
    let folder = cache.map_or_else(|| manifest.folder.join(".pleura-cache"), Path::to_owned);
    let cache = Arc::new(FilmCache::open(&folder, model.preparation())?);
    let decoding = Progress::new("films decoded", rows.len());
    cache.fill(manifest, rows, &|done, of| decoding.at(done, of))?;
    drop(decoding);
    let network = model.network()?;
    let answering = Progress::new("films answered", rows.len());
    let mut progress = |done| {
        answering.at(done, rows.len());
        ControlFlow::Continue(())
    };
    let logits = pleura_train::logits(&network, manifest, &cache, rows, batch, &mut progress)?;
    logits.context("the films were not answered")
}

/// What limits these numbers and is not to be seen from the predictions alone.
fn notes(
    model: &Classifier,
    manifest: &Manifest,
    path: &Path,
    split: SplitChoice,
    data: &Data,
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let trained_here = model
        .weights()
        .metadata
        .get("manifest")
        .is_some_and(|digest| *digest == manifest.digest());
    match split {
        SplitChoice::Train | SplitChoice::All if trained_here => notes.push(
            "the model was trained on films of this manifest's split \"train\": these numbers do not speak for new films".to_owned(),
        ),
        SplitChoice::Val if trained_here => {
            notes.push("the model's epoch was chosen on these films: these numbers are too good".to_owned());
        }
        _ => {}
    }
    let made = Sidecar::read(path)?.and_then(|sidecar| sidecar.split?.test_films);
    if made.is_some_and(|made| made != manifest.films_digest(&manifest.split(Split::Test))) {
        notes.push(
            "the test split is not the one that was made by `pleura data split`: films were added, taken out or exchanged since"
                .to_owned(),
        );
    }
    if !data.not_tested.is_empty() {
        notes.push(format!(
            "not in the manifest, so not tested: {}",
            data.not_tested.join(", ")
        ));
    }
    if data.without_label > 0 {
        notes.push(format!(
            "{} films of the split have no label that counts here and were left out",
            data.without_label
        ));
    }
    Ok(notes)
}

/// A calibration that was named for a table of answers, which cannot say whose answers it holds.
pub fn named(path: &Path, table: &Predictions) -> Result<AppliedCalibration> {
    let calibration = Calibration::read(path)?;
    calibration.check_fits(table.kind(), &table.findings)?;
    Ok(AppliedCalibration {
        path: path.to_owned(),
        calibration,
    })
}
