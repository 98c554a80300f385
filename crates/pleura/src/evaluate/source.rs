//! Answers to evaluate: a model's for the films of a manifest, or a table of answers.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pleura_data::FilmCache;
use pleura_eval::{Calibration, Predictions};
use pleura_film::{Contrast, ContrastFault};
use pleura_manifest::{Manifest, Sidecar, Split};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Caller, EvaluateOptions, FilmSelection, LabelOptions};
use crate::known_labels::KnownLabels;
use crate::{AppliedCalibration, Classifier, Error, OpenOptions, Task, test_access};

/// The answers to evaluate.
#[derive(Clone, Debug)]
pub enum AnswerSource {
    /// A model.
    Model(Arc<Classifier>),
    /// A table of answers: its file and content.
    Table(PathBuf, Box<Predictions>),
}

/// Answers with their films.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The answers, with calibrated probabilities if there is a calibration.
    pub predictions: Predictions,
    /// The films.
    pub films: EvaluatedFilms,
    /// Limits of results on these films, as sentences.
    pub notes: Vec<String>,
}

/// The films of an evaluation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EvaluatedFilms {
    /// The manifest, or the table of answers.
    pub manifest: PathBuf,
    /// Digest of the films' rows; `None` for a table of answers.
    pub digest: Option<String>,
    /// `train`, `val`, `test` or `all`.
    pub split: &'static str,
    /// Films of the split without a label for any finding of the model.
    pub without_label: usize,
    /// Films of the split that the manifest marks as without contrast, and that were left out.
    pub without_contrast: usize,
    /// Findings of the model that the manifest does not have.
    pub not_tested: Vec<String>,
}

/// True for a table of answers (`.csv`).
pub(super) fn is_table(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

impl AnswerSource {
    /// Opens a run, weights, a package, or a table of answers (`.csv`).
    ///
    /// # Errors
    /// As [`Classifier::open_with`] and [`Predictions::read`].
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        if is_table(path) {
            let table = Predictions::read(path)?;
            return Ok(Self::Table(path.to_owned(), Box::new(table)));
        }
        let options = options.clone().check_golden(false);
        Ok(Self::Model(Arc::new(Classifier::open_with(path, &options)?)))
    }

    /// The model's file or the table.
    pub fn path(&self) -> &Path {
        match self {
            Self::Model(model) => model.path(),
            Self::Table(path, _) => path,
        }
    }

    /// The model, if it is one.
    pub fn model(&self) -> Option<&Classifier> {
        match self {
            Self::Model(model) => Some(model),
            Self::Table(..) => None,
        }
    }

    /// The calibration of the model.
    pub fn calibration(&self) -> Option<&AppliedCalibration> {
        self.model().and_then(Classifier::calibration)
    }

    /// The findings, in the order of the outputs.
    pub fn findings(&self) -> &[String] {
        match self {
            Self::Model(model) => model.findings(),
            Self::Table(_, table) => &table.findings,
        }
    }

    /// The task.
    pub fn task(&self) -> Task {
        match self {
            Self::Model(model) => model.task(),
            Self::Table(_, table) => table.kind(),
        }
    }

    /// The source in one line.
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

    /// The answers for a manifest's films, or those of the table, calibrated by `applied`.
    pub(super) fn answers(
        &self,
        options: &EvaluateOptions,
        manifest: Option<&Path>,
        films: FilmSelection,
        applied: Option<&AppliedCalibration>,
        caller: Caller<'_>,
    ) -> Result<Answers, Error> {
        let mut found = match (self, manifest) {
            (Self::Table(path, table), _) => Answers {
                predictions: (**table).clone(),
                films: EvaluatedFilms {
                    manifest: path.clone(),
                    digest: None,
                    split: "all",
                    without_label: 0,
                    without_contrast: 0,
                    not_tested: Vec::new(),
                },
                notes: Vec::new(),
            },
            (Self::Model(model), Some(path)) => answer_films(model, path, films, &options.labels, caller)?,
            (Self::Model(model), None) => {
                return Err(Error::missing(
                    "manifest",
                    format!(
                        "{}: expected a manifest with the films to answer",
                        model.path().display()
                    ),
                ));
            }
        };
        if let Some(applied) = applied {
            found.predictions = applied.calibration.apply(&found.predictions)?;
            if found.films.digest.as_ref() == Some(&applied.calibration.fitted_on.digest) {
                found.notes.push(
                    "temperatures and thresholds were fitted on these films: the results are optimistic"
                        .to_owned(),
                );
            }
        }
        Ok(found)
    }
}

fn answer_films(
    model: &Classifier,
    path: &Path,
    films: FilmSelection,
    options: &LabelOptions,
    caller: Caller<'_>,
) -> Result<Answers, Error> {
    let manifest = Arc::new(Manifest::read(path)?);
    let known = KnownLabels::new(model, &manifest, path, &options.columns, options.uncertain)?;
    let of_split = films.rows(&manifest);
    let rows = known.labelled(&of_split);
    check_rows(path, films, &manifest, &of_split, rows.len())?;
    test_access::record(path, &manifest, &rows, model, caller)?;
    let (logits, unmarked) = logits(model, &manifest, &rows, options, caller)?;
    let truth = known.truth(&rows);
    let predictions = pleura_train::predictions(&manifest, &rows, model.findings(), truth, &logits)?;
    let marked = |row: &&usize| manifest.contrast_fault(&manifest.rows[**row]).is_some();
    let without_contrast = of_split.iter().filter(marked).count();
    let evaluated = EvaluatedFilms {
        manifest: path.to_owned(),
        digest: Some(manifest.digest_of(&rows)),
        split: films.name(),
        without_label: of_split.len() - rows.len() - without_contrast,
        without_contrast,
        not_tested: known.missing().to_vec(),
    };
    let mut notes = notes(model, &manifest, path, films, &evaluated)?;
    notes.extend(unmarked);
    Ok(Answers {
        predictions,
        notes,
        films: evaluated,
    })
}

/// Answers for the validation films of a manifest, and the digest of their rows: the input of a calibration.
///
/// # Errors
/// [`Error::Request`] without labelled validation films; errors of reading and inference.
pub fn validation_answers(
    model: &Classifier,
    path: &Path,
    options: &LabelOptions,
    caller: Caller<'_>,
) -> Result<(Predictions, String), Error> {
    let manifest = Arc::new(Manifest::read(path)?);
    let known = KnownLabels::new(model, &manifest, path, &options.columns, options.uncertain)?;
    let films = FilmSelection::Split(Split::Validation);
    let of_split = films.rows(&manifest);
    let rows = known.labelled(&of_split);
    check_rows(path, films, &manifest, &of_split, rows.len())?;
    let (logits, unmarked) = logits(model, &manifest, &rows, options, caller)?;
    if let Some(note) = unmarked {
        (caller.note)(&note);
    }
    let truth = known.truth(&rows);
    let predictions = pleura_train::predictions(&manifest, &rows, model.findings(), truth, &logits)?;
    Ok((predictions, manifest.digest_of(&rows)))
}

fn check_rows(
    path: &Path,
    films: FilmSelection,
    manifest: &Manifest,
    of_split: &[usize],
    labelled: usize,
) -> Result<(), Error> {
    let path = path.display();
    if of_split.is_empty() {
        let all = manifest.rows.len();
        let without = manifest.rows.iter().filter(|row| row.split.is_none()).count();
        return Err(Error::missing(
            "split",
            format!(
                "{path}: none of its {all} films is in the split {:?} ({without} are in no split); run `pleura data split`, or use \
                 all films",
                films.name()
            ),
        ));
    }
    if labelled == 0 {
        let flat = of_split.iter();
        let flat = flat.filter(|&&row| manifest.contrast_fault(&manifest.rows[row]).is_some());
        let flat = match flat.count() {
            0 => String::new(),
            flat => format!("; {flat} of them have no contrast (column note:contrast)"),
        };
        return Err(Error::request(format!(
            "{path}: none of the {} films of the split {:?} has a known label for the model's findings{flat}",
            of_split.len(),
            films.name()
        )));
    }
    Ok(())
}

/// Logits `[rows, findings]`, and a note on films without contrast that the manifest does not mark.
fn logits(
    model: &Classifier,
    manifest: &Arc<Manifest>,
    rows: &[usize],
    options: &LabelOptions,
    caller: Caller<'_>,
) -> Result<(Vec<f32>, Option<String>), Error> {
    let folder = options
        .cache
        .clone()
        .unwrap_or_else(|| manifest.folder.join(".pleura-cache"));
    let cache = Arc::new(FilmCache::open(&folder, model.preparation())?);
    cache.fill(manifest, rows, &|done, of| {
        caller.progress.report("films decoded", done, of);
    })?;
    let unmarked = without_contrast(manifest, &cache, rows);
    let network = model.network()?;
    let mut progress = |done| {
        caller.progress.report("films answered", done, rows.len());
        ControlFlow::Continue(())
    };
    let logits = pleura_train::logits(network, manifest, &cache, rows, options.batch, &mut progress)?;
    Ok((logits.ok_or(Error::NoAnswer)?, unmarked))
}

/// A note on films that show the network nothing, although the manifest does not mark them: a manifest of an
/// older program, or made by hand.
fn without_contrast(manifest: &Manifest, cache: &FilmCache, rows: &[usize]) -> Option<String> {
    let fault = |&row: &usize| {
        let grey = cache.grey(&manifest.rows[row].sha256)?;
        Some((row, Contrast::of_prepared(grey, cache.size()).fault()?))
    };
    let found: Vec<(usize, ContrastFault)> = rows.par_iter().filter_map(fault).collect();
    let &(row, fault) = found.first()?;
    Some(format!(
        "{} of {} films have no contrast, and the results include them; the first is film {:?}: {fault}. Build the manifest again with \
         `pleura data build`, which marks such films so that they are left out",
        found.len(),
        rows.len(),
        manifest.rows[row].film
    ))
}

/// Limits of the results that the predictions alone do not show.
fn notes(
    model: &Classifier,
    manifest: &Manifest,
    path: &Path,
    films: FilmSelection,
    evaluated: &EvaluatedFilms,
) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    let trained_here = model
        .weights()
        .metadata
        .get("manifest")
        .is_some_and(|digest| *digest == manifest.digest());
    match films {
        FilmSelection::Split(Split::Train) | FilmSelection::All if trained_here => notes.push(
            "the model was trained on films of this manifest's split \"train\": these results are not valid for new films".to_owned(),
        ),
        FilmSelection::Split(Split::Validation) if trained_here => {
            notes.push("the model's epoch was chosen on these films: the results are optimistic".to_owned());
        }
        _ => {}
    }
    let made = Sidecar::read(path)?.and_then(|sidecar| sidecar.split?.test_films);
    if made.is_some_and(|made| made != manifest.films_digest(&manifest.split(Split::Test))) {
        notes.push(
            "the test split differs from that of `pleura data split`: films were added, removed or replaced"
                .to_owned(),
        );
    }
    if !evaluated.not_tested.is_empty() {
        notes.push(format!(
            "not in the manifest, so not tested: {}",
            evaluated.not_tested.join(", ")
        ));
    }
    if evaluated.without_contrast > 0 {
        notes.push(format!(
            "{} films of the split have no contrast and were left out",
            evaluated.without_contrast
        ));
    }
    if evaluated.without_label > 0 {
        notes.push(format!(
            "{} films of the split have no known label and were left out",
            evaluated.without_label
        ));
    }
    Ok(notes)
}

/// A calibration for a table of answers, which does not name its model.
pub(super) fn named_calibration(path: &Path, table: &Predictions) -> Result<AppliedCalibration, Error> {
    let calibration = Calibration::read(path)?;
    calibration.check_fits(table.kind(), &table.findings)?;
    Ok(AppliedCalibration {
        path: path.to_owned(),
        calibration,
    })
}
