//! Evaluation of a model, or of a table of answers, on the films of a manifest.

mod external;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;

use pleura_core::{Progress, Silent};
use pleura_eval::{Comparison, Evaluation, Options, SourceComparison, Stratify, compare_at};
use pleura_manifest::{Manifest, Split};

pub use source::{AnswerSource, Answers, EvaluatedFilms, validation_answers};

use crate::known_labels::Uncertain;
use crate::{AppliedCalibration, CalibrationChoice, Error, OpenOptions, Task};

/// The films of a manifest to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilmSelection {
    /// The films of one split.
    Split(Split),
    /// All films.
    All,
}

impl FilmSelection {
    /// `train`, `val`, `test` or `all`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Split(Split::Train) => "train",
            Self::Split(Split::Validation) => "val",
            Self::Split(Split::Test) => "test",
            Self::All => "all",
        }
    }

    /// Rows of a manifest.
    pub fn rows(self, manifest: &Manifest) -> Vec<usize> {
        match self {
            Self::Split(split) => manifest.split(split),
            Self::All => (0..manifest.rows.len()).collect(),
        }
    }
}

/// A model's answers and true labels: how they are found.
#[derive(Clone, Debug)]
pub struct LabelOptions {
    /// Columns of the manifest for findings of another name: (finding, column). Several columns of one
    /// finding mean any of them.
    pub columns: Vec<(String, String)>,
    /// The meaning of uncertain labels; `None` for that of the run's stage.
    pub uncertain: Option<Uncertain>,
    /// Folder of decoded films; `None` for `.pleura-cache` beside the manifest.
    pub cache: Option<PathBuf>,
    /// Films in one batch.
    pub batch: usize,
}

impl Default for LabelOptions {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            uncertain: None,
            cache: None,
            batch: 16,
        }
    }
}

/// Options of [`evaluate`].
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// The manifest; `None` for a table of answers, which has its own films.
    pub manifest: Option<PathBuf>,
    /// The films of the manifest.
    pub films: FilmSelection,
    /// Another model, or table of answers, on the same films.
    pub compare: Option<PathBuf>,
    /// External sources: a name (`None` for the file's) and a manifest, or a table of answers.
    pub external: Vec<(Option<String>, PathBuf)>,
    /// The films of external manifests that have splits.
    pub external_films: FilmSelection,
    /// Datasets that the model was trained on, if the model does not contain them.
    pub internal: Vec<String>,
    /// Prevalences for predictive values: a finding (`None` for all) and a share in (0, 1).
    pub prevalence: Vec<(Option<String>, f64)>,
    /// Labels and batches.
    pub labels: LabelOptions,
    /// Threshold of all independent findings, instead of a calibration's.
    pub threshold: Option<f64>,
    /// Calibration: that of the model, none, or a file (for a table of answers too).
    pub calibration: CalibrationChoice,
    /// Nominal coverage of intervals.
    pub level: f64,
    /// Bootstrap samples of patients; 0 for none.
    pub bootstrap: usize,
    /// Strata of the bootstrap.
    pub stratify: Stratify,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        let options = Options::default();
        Self {
            manifest: None,
            films: FilmSelection::Split(Split::Test),
            compare: None,
            external: Vec::new(),
            external_films: FilmSelection::All,
            internal: Vec::new(),
            prevalence: Vec::new(),
            labels: LabelOptions::default(),
            threshold: None,
            calibration: CalibrationChoice::Own,
            level: options.level,
            bootstrap: options.bootstrap,
            stratify: options.stratify,
            seed: options.seed,
        }
    }
}

/// The caller of long work: progress, notes, and the command that is recorded with each access to test films.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Recorded in the test access log.
    pub command: &'a str,
    /// Receives progress.
    pub progress: &'a dyn Progress,
    /// Receives notes that do not stop the work.
    pub note: &'a dyn Fn(&str),
}

impl Default for Caller<'_> {
    fn default() -> Self {
        Self {
            command: "library",
            progress: &Silent,
            note: &|_| {},
        }
    }
}

/// Results of [`evaluate`].
#[derive(Clone, Debug)]
pub struct EvaluationReport {
    /// The answers, with calibrated probabilities if there is a calibration, and notes that limit the
    /// results.
    pub answers: Answers,
    /// The calibration applied.
    pub calibration: Option<AppliedCalibration>,
    /// Metrics with intervals.
    pub evaluation: Evaluation,
    /// The other model (in words, and for a record), and the paired comparison.
    pub comparison: Option<(AnswerSource, Comparison)>,
    /// Each source separately.
    pub sources: Option<SourceComparison>,
}

/// Evaluates a model or a table of answers. Accesses to test films are recorded beside the manifest first.
///
/// # Errors
/// [`Error::Request`] for options that do not fit together or a source without films; [`Error::TestAccess`];
/// errors of reading, inference and evaluation.
pub fn evaluate(
    subject: &AnswerSource,
    options: &EvaluateOptions,
    caller: Caller<'_>,
) -> Result<EvaluationReport, Error> {
    check(subject, options)?;
    let applied = match (subject, &options.calibration) {
        (AnswerSource::Table(_, table), CalibrationChoice::File(path)) => {
            Some(source::named_calibration(path, table)?)
        }
        _ => subject.calibration().cloned(),
    };
    let metrics = metric_options(subject, options, applied.as_ref())?;
    metrics.check(subject.findings())?;
    let manifest = options.manifest.as_deref();
    let mut answers = subject.answers(options, manifest, options.films, applied.as_ref(), caller)?;
    let evaluation = pleura_eval::evaluate(&answers.predictions, &metrics)?;
    let comparison = match &options.compare {
        None => None,
        Some(path) => {
            let choice = match options.calibration {
                CalibrationChoice::Off => CalibrationChoice::Off,
                _ => CalibrationChoice::Own,
            };
            let other = AnswerSource::open(path, &OpenOptions::default().calibration(choice))?;
            let own = other.calibration();
            let theirs = other.answers(options, manifest, options.films, own, caller)?;
            let their_metrics = Options {
                thresholds: thresholds(options, own),
                ..metrics.clone()
            };
            let paired = compare_at(
                &answers.predictions,
                &theirs.predictions,
                [&metrics, &their_metrics],
            )
            .map_err(|error| {
                Error::missing(
                    "compare",
                    format!(
                        "cannot compare {} with {}: {error}",
                        subject.path().display(),
                        path.display()
                    ),
                )
            })?;
            let thresholds = [&metrics, &their_metrics].map(|options| options.thresholds.is_empty());
            if subject.task() == Task::Independent && thresholds[0] != thresholds[1] {
                answers.notes.push(format!(
                    "{} of the two models has thresholds of its own, the other predicts positive from {}: predictions by threshold are \
                     not comparable",
                    if thresholds[0] { "the second" } else { "the first" },
                    metrics.threshold
                ));
            }
            if own.is_some() != applied.is_some() {
                answers.notes.push(
                    "one of the two models is calibrated and the other is not: log-loss and predictions by threshold are not comparable"
                        .to_owned(),
                );
            }
            Some((other, paired))
        }
    };
    let mut notes = std::mem::take(&mut answers.notes);
    let sources = external::sources(
        options,
        subject,
        applied.as_ref(),
        &answers,
        &metrics,
        &mut notes,
        caller,
    )?;
    answers.notes = notes;
    Ok(EvaluationReport {
        answers,
        calibration: applied,
        evaluation,
        comparison,
        sources,
    })
}

/// Refuses options that do not fit together, before any film is read.
fn check(subject: &AnswerSource, options: &EvaluateOptions) -> Result<(), Error> {
    let tables =
        subject.model().is_none() && options.compare.as_ref().is_none_or(|path| source::is_table(path));
    if let (true, Some(path)) = (tables, &options.manifest) {
        return Err(Error::value(
            "manifest",
            format!(
                "{}: a table of answers contains its films and their labels; leave the manifest out",
                path.display()
            ),
        ));
    }
    if let (Some(threshold), Task::Exclusive) = (options.threshold, subject.task()) {
        return Err(Error::value(
            "threshold",
            format!(
                "{threshold}: exclusive classes are predicted by the largest probability; leave the threshold out, or give a class a \
                 threshold with pleura calibrate"
            ),
        ));
    }
    if options.stratify == Stratify::Class && subject.task() == Task::Independent {
        return Err(Error::value(
            "stratify",
            "class: independent findings are not strata; expected none or dataset",
        ));
    }
    Ok(())
}

fn metric_options(
    subject: &AnswerSource,
    options: &EvaluateOptions,
    applied: Option<&AppliedCalibration>,
) -> Result<Options, Error> {
    let mut prevalence = BTreeMap::new();
    for (name, share) in &options.prevalence {
        match name {
            Some(name) if !subject.findings().contains(name) => {
                return Err(Error::value(
                    "prevalence",
                    format!(
                        "{name}={share}: the model has no finding {name:?}; it has {}",
                        subject.findings().join(", ")
                    ),
                ));
            }
            Some(name) => drop(prevalence.insert(name.clone(), *share)),
            None if subject.task() == Task::Exclusive => {
                return Err(Error::value(
                    "prevalence",
                    format!(
                        "{share}: classes are exclusive, so name one: \"{}={share}\"",
                        subject.findings().first().map_or("CLASS", String::as_str)
                    ),
                ));
            }
            None => prevalence.extend(subject.findings().iter().map(|name| (name.clone(), *share))),
        }
    }
    Ok(Options {
        level: options.level,
        bootstrap: options.bootstrap,
        stratify: options.stratify,
        seed: options.seed,
        threshold: options.threshold.unwrap_or(0.5),
        thresholds: thresholds(options, applied),
        prevalence,
        ..Options::default()
    })
}

/// A model's own thresholds, unless one threshold is set for all findings.
fn thresholds(options: &EvaluateOptions, applied: Option<&AppliedCalibration>) -> BTreeMap<String, f64> {
    let own = applied.filter(|_| options.threshold.is_none());
    own.map(|applied| applied.calibration.thresholds())
        .unwrap_or_default()
}
