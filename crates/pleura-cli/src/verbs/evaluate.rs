//! `pleura evaluate`: what a test set says about a model.

pub(super) mod answers;
mod elsewhere;
pub(super) mod labels;
pub(super) mod learnt;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura::AppliedCalibration;
use pleura::output;
use pleura_eval::{Comparison, Evaluation, Kind, Options, SourceComparison, Stratify, compare_at};
use pleura_manifest::{Manifest, Split};
use pleura_run::{Evidence, RunFolder};
use serde::Serialize;
use serde_json::Value;

use crate::calibration::CalibrationArgs;
use crate::console::NOTICE;
use crate::looks;
use crate::model::ModelArgs;
use answers::{Answers, Data, Subject};

/// Measure a model on the films of a manifest, or a table of answers.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, weights (.safetensors), or a table of answers (.csv, as --predictions writes it; any program's will do).
    #[arg(value_name = "RUN|WEIGHTS|ANSWERS.csv")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    #[command(flatten)]
    calibration: CalibrationArgs,
    /// The films and what is known about them; a table of answers has its own.
    #[arg(long, value_name = "M.csv")]
    manifest: Option<PathBuf>,
    /// Which films; test films if left out.
    #[arg(long, value_enum, requires = "manifest")]
    split: Option<SplitChoice>,
    /// Compare with another model on the same films, paired.
    #[arg(long, value_name = "RUN|WEIGHTS|ANSWERS.csv")]
    compare: Option<PathBuf>,
    /// Films from elsewhere, measured apart, and what is lost there: another manifest (for a table of answers: another table). May be
    /// repeated.
    #[arg(long, value_name = "[NAME=]M.csv", value_parser = elsewhere::parse)]
    external: Vec<(Option<String>, PathBuf)>,
    /// Which films of an external manifest that has splits.
    #[arg(long, value_enum, requires = "external", default_value_t = SplitChoice::All)]
    external_split: SplitChoice,
    /// A dataset that the model was trained on, where it does not say so itself; films of other datasets are measured apart. May be repeated.
    #[arg(long, value_name = "DATASET")]
    internal: Vec<String>,
    /// Give predictive values where a finding is this common. May be repeated; without a name it is meant for every finding.
    #[arg(long, value_name = "[FINDING=]SHARE", value_parser = parse_prevalence)]
    prevalence: Vec<(Option<String>, f64)>,
    /// Put this evaluation into the run, under this name, for its report.
    #[arg(long, value_name = "NAME")]
    record: Option<String>,
    /// Column of the manifest that says the truth about a finding, where its name is another; may be repeated, and
    /// several columns for one finding mean any of them.
    #[arg(long, value_name = "FINDING=COLUMN", value_parser = labels::parse_column)]
    column: Vec<(String, String)>,
    /// What a label of −1 (uncertain) counts as; a run's stage says it by itself.
    #[arg(long, value_enum)]
    uncertain: Option<labels::UncertainChoice>,
    /// Films answered at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// Where decoded films are kept; `.pleura-cache` beside the manifest if left out.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Also write every film's truth and probabilities here.
    #[arg(long, value_name = "OUT.csv")]
    predictions: Option<PathBuf>,
    /// Probability from which an independent finding counts as called, in place of a calibration's thresholds; choose it on validation
    /// films. 0.5 where there is neither.
    #[arg(long, value_name = "P")]
    threshold: Option<f64>,
    /// Probability that an interval should cover.
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    level: f64,
    /// Resamples of the patients for bootstrap intervals; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    bootstrap: usize,
    /// Within what the bootstrap draws patients, so that the counts of each class or dataset stay.
    #[arg(long, value_enum, default_value_t = StratifyChoice::None)]
    stratify: StratifyChoice,
    /// Seed of the resampling.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StratifyChoice {
    /// All patients.
    None,
    /// Patients with films of the same classes; exclusive classes only.
    Class,
    /// Patients of the same dataset.
    Dataset,
}

impl From<StratifyChoice> for Stratify {
    fn from(choice: StratifyChoice) -> Self {
        match choice {
            StratifyChoice::None => Self::None,
            StratifyChoice::Class => Self::Class,
            StratifyChoice::Dataset => Self::Dataset,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SplitChoice {
    /// Films to train on.
    Train,
    /// Films to choose epochs and thresholds on.
    Val,
    /// Films looked at last.
    Test,
    /// Every film of the manifest.
    All,
}

impl SplitChoice {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
            Self::All => "all",
        }
    }

    pub(super) fn rows(self, manifest: &Manifest) -> Vec<usize> {
        match self {
            Self::Train => manifest.split(Split::Train),
            Self::Val => manifest.split(Split::Validation),
            Self::Test => manifest.split(Split::Test),
            Self::All => (0..manifest.rows.len()).collect(),
        }
    }
}

/// `[FINDING=]SHARE`.
fn parse_prevalence(text: &str) -> Result<(Option<String>, f64), String> {
    let (name, share) = match text.rsplit_once('=') {
        Some((name, share)) => (Some(name.trim().to_owned()), share),
        None => (None, text),
    };
    match share.trim().parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok((name, share)),
        _ => Err("expected a share above 0 and below 1, such as 0.02 or COVID-19=0.02".to_owned()),
    }
}

/// What is printed as JSON: the evaluation with what it is an evaluation of.
#[derive(Serialize)]
struct Report<'a> {
    notice: &'static str,
    model: Value,
    data: &'a Data,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<output::Calibration>,
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Paired<'a>>,
    /// Each source apart; the evaluation's own `sources` are counts of films.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<&'a SourceComparison>,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
}

/// Another model on the same films: its answers are those "after".
#[derive(Serialize)]
struct Paired<'a> {
    with: Value,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

/// All that an evaluation found.
struct Found {
    answers: Answers,
    applied: Option<AppliedCalibration>,
    evaluation: Evaluation,
    comparison: Option<(Subject, Comparison)>,
    sources: Option<SourceComparison>,
}

/// Answers the films, measures the answers, prints them.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let subject = Subject::open(&args.model, &args.options, &args.calibration)?;
    check(args, &subject)?;
    let found = measure(args, &subject)?;
    if let Some(path) = &args.predictions {
        found.answers.predictions.write(path)?;
    }
    if let Some(name) = &args.record {
        record(name, &subject, &found)?;
    }
    let mut out = std::io::stdout().lock();
    let Found {
        answers,
        applied,
        evaluation,
        comparison,
        sources,
    } = &found;
    if json {
        let report = Report {
            notice: NOTICE,
            model: subject.record(),
            data: &answers.data,
            calibration: applied.as_ref().map(output::Calibration::of),
            notes: &answers.notes,
            comparison: comparison.as_ref().map(|(other, comparison)| Paired {
                with: other.record(),
                comparison,
            }),
            elsewhere: sources.as_ref(),
            evaluation,
        };
        serde_json::to_writer_pretty(&mut out, &report)?;
        std::io::Write::write_all(&mut out, b"\n")?;
    } else {
        words::write(&mut out, &subject, &found)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses what does not go together before any film is answered.
fn check(args: &Args, subject: &Subject) -> Result<()> {
    if let Some(name) = &args.record {
        if subject.model().and_then(|model| model.run()).is_none() {
            bail!(
                "--record {name}: {} is no run's folder, so there is no report to put it into",
                args.model.display()
            );
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            bail!("--record {name:?}: expected letters, digits, - and _");
        }
    }
    let tables = subject.model().is_none()
        && args.compare.as_ref().is_none_or(|path| {
            path.extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("csv"))
        });
    if tables && args.manifest.is_some() {
        bail!("--manifest: a table of answers has its films and their truth in it; leave this out");
    }
    if let (Some(threshold), Kind::Exclusive) = (args.threshold, subject.kind()) {
        bail!(
            "--threshold {threshold}: classes that exclude each other are answered by the largest probability; leave this out, or give a class \
             a threshold with pleura calibrate"
        );
    }
    if args.stratify == StratifyChoice::Class && subject.kind() == Kind::Independent {
        bail!(
            "--stratify class: findings that do not exclude each other are no strata; expected none or dataset"
        );
    }
    Ok(())
}

fn measure(args: &Args, subject: &Subject) -> Result<Found> {
    let applied = match (subject, args.calibration.named()) {
        (Subject::Table(_, table), Some(path)) => Some(answers::named(path, table)?),
        _ => subject.calibration().cloned(),
    };
    let split = args.split.unwrap_or(SplitChoice::Test);
    let options = options(args, subject, applied.as_ref())?;
    options.check(subject.findings())?;
    let mut answers = subject.answers(args, args.manifest.as_deref(), split, applied.as_ref())?;
    let evaluation = pleura_eval::evaluate(&answers.predictions, &options)?;
    let comparison = match &args.compare {
        None => None,
        Some(path) => {
            let other = Subject::open(path, &ModelArgs::default(), &args.calibration.beside())?;
            let own = other.calibration();
            let theirs = other.answers(args, args.manifest.as_deref(), split, own)?;
            let their_options = Options {
                thresholds: thresholds(args, own),
                ..options.clone()
            };
            let paired = compare_at(
                &answers.predictions,
                &theirs.predictions,
                [&options, &their_options],
            )
            .with_context(|| format!("cannot compare {} with {}", args.model.display(), path.display()))?;
            let thresholds = [&options, &their_options].map(|options| options.thresholds.is_empty());
            if subject.kind() == Kind::Independent && thresholds[0] != thresholds[1] {
                answers.notes.push(format!(
                    "{} of the two models has thresholds of its own, the other is called from {}: calls do not compare like with like",
                    if thresholds[0] { "the second" } else { "the first" },
                    options.threshold
                ));
            }
            if own.is_some() != applied.is_some() {
                answers.notes.push(
                    "one of the two models is calibrated and the other is not: log-loss and calls by threshold do not compare like with like"
                        .to_owned(),
                );
            }
            Some((other, paired))
        }
    };
    let mut notes = std::mem::take(&mut answers.notes);
    let sources = elsewhere::sources(args, subject, applied.as_ref(), &answers, &options, &mut notes)?;
    answers.notes = notes;
    Ok(Found {
        answers,
        applied,
        evaluation,
        comparison,
        sources,
    })
}

fn options(args: &Args, subject: &Subject, applied: Option<&AppliedCalibration>) -> Result<Options> {
    let mut prevalence = BTreeMap::new();
    for (name, share) in &args.prevalence {
        match name {
            Some(name) if !subject.findings().contains(name) => bail!(
                "--prevalence {name}={share}: the model has no finding {name:?}; it has {}",
                subject.findings().join(", ")
            ),
            Some(name) => drop(prevalence.insert(name.clone(), *share)),
            None if subject.kind() == Kind::Exclusive => bail!(
                "--prevalence {share}: of which class? Classes exclude each other, so name it: --prevalence \"{}={share}\"",
                subject.findings().first().map_or("CLASS", String::as_str)
            ),
            None => prevalence.extend(subject.findings().iter().map(|name| (name.clone(), *share))),
        }
    }
    Ok(Options {
        level: args.level,
        bootstrap: args.bootstrap,
        stratify: args.stratify.into(),
        seed: args.seed,
        threshold: args.threshold.unwrap_or(0.5),
        thresholds: thresholds(args, applied),
        prevalence,
        ..Options::default()
    })
}

/// A model's own thresholds, unless the user gives one for all.
fn thresholds(args: &Args, applied: Option<&AppliedCalibration>) -> BTreeMap<String, f64> {
    let own = applied.filter(|_| args.threshold.is_none());
    own.map(|applied| applied.calibration.thresholds())
        .unwrap_or_default()
}

/// Puts an evaluation into the run for its report.
fn record(name: &str, subject: &Subject, found: &Found) -> Result<()> {
    let Some(run) = subject.model().and_then(|model| model.run()) else {
        return Ok(());
    };
    let data = &found.answers.data;
    let evidence = Evidence {
        name: name.to_owned(),
        when: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        command: format!("pleura {}", looks::command()),
        model: subject.line(),
        films: format!(
            "{} films of {} patients of {} (split {})",
            found.evaluation.films,
            found.evaluation.patients,
            data.manifest.display(),
            data.split
        ),
        notes: found.answers.notes.clone(),
        calibrated: found.applied.as_ref().map(|applied| {
            let on = &applied.calibration.fitted_on;
            format!("{} validation films of {} patients", on.films, on.patients)
        }),
        evaluation: found.evaluation.clone(),
        comparison: found
            .comparison
            .as_ref()
            .map(|(other, comparison)| (other.line(), comparison.clone())),
        sources: found.sources.clone(),
    };
    evidence.write(&RunFolder::new(run))?;
    Ok(())
}
