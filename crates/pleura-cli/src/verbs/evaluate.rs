//! `pleura evaluate`: results of a model on a test set.

mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::ValueEnum;
use pleura::{
    AnswerSource, EvaluateOptions, EvaluationReport, FilmSelection, LabelOptions, Uncertain, output,
};
use pleura_eval::Stratify;
use pleura_manifest::{Manifest, Split};
use pleura_run::{Evidence, RunFolder};

use crate::calibration::CalibrationArgs;
use crate::console;
use crate::looks;
use crate::model::ModelArgs;

/// Evaluate a model on the films of a manifest, or a table of answers.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, weights (.safetensors), or a table of answers (.csv, as written by --predictions; any
    /// program may write it).
    #[arg(value_name = "RUN|WEIGHTS|ANSWERS.csv")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    #[command(flatten)]
    calibration: CalibrationArgs,
    /// The manifest with films and labels; a table of answers contains its own.
    #[arg(long, value_name = "M.csv")]
    manifest: Option<PathBuf>,
    /// Films of the manifest. Default: test.
    #[arg(long, value_enum, requires = "manifest")]
    split: Option<SplitChoice>,
    /// Compare with another model on the same films (paired).
    #[arg(long, value_name = "RUN|WEIGHTS|ANSWERS.csv")]
    compare: Option<PathBuf>,
    /// External films: another manifest (for a table of answers, another table), evaluated separately with
    /// the drop of each metric. May be repeated.
    #[arg(long, value_name = "[NAME=]M.csv", value_parser = parse_external)]
    external: Vec<(Option<String>, PathBuf)>,
    /// Films of external manifests that have splits.
    #[arg(long, value_enum, requires = "external", default_value_t = SplitChoice::All)]
    external_split: SplitChoice,
    /// A dataset of the model's training, if the model does not contain it; films of other datasets are
    /// evaluated separately. May be repeated.
    #[arg(long, value_name = "DATASET")]
    internal: Vec<String>,
    /// Predictive values at this prevalence. May be repeated; without a name, for every finding.
    #[arg(long, value_name = "[FINDING=]SHARE", value_parser = parse_prevalence)]
    prevalence: Vec<(Option<String>, f64)>,
    /// Record this evaluation under this name in the run, for its report.
    #[arg(long, value_name = "NAME")]
    record: Option<String>,
    #[command(flatten)]
    labels: LabelArgs,
    /// Write every film's label and probabilities to this file.
    #[arg(long, value_name = "OUT.csv")]
    predictions: Option<PathBuf>,
    /// Probability from which an independent finding is predicted positive, instead of a calibration's
    /// thresholds. Choose it on validation films. Default: the calibration's, else 0.5.
    #[arg(long, value_name = "P")]
    threshold: Option<f64>,
    /// Coverage of intervals.
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    level: f64,
    /// Bootstrap samples of patients; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    bootstrap: usize,
    /// Strata of the bootstrap, to keep the counts of each class or dataset.
    #[arg(long, value_enum, default_value_t = StratifyChoice::None)]
    stratify: StratifyChoice,
    /// Seed of the bootstrap.
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
    /// Training films.
    Train,
    /// Validation films.
    Val,
    /// Test films.
    Test,
    /// All films of the manifest.
    All,
}

impl From<SplitChoice> for FilmSelection {
    fn from(choice: SplitChoice) -> Self {
        match choice {
            SplitChoice::Train => Self::Split(Split::Train),
            SplitChoice::Val => Self::Split(Split::Validation),
            SplitChoice::Test => Self::Split(Split::Test),
            SplitChoice::All => Self::All,
        }
    }
}

impl SplitChoice {
    /// The films of a manifest.
    pub fn rows(self, manifest: &Manifest) -> Vec<usize> {
        FilmSelection::from(self).rows(manifest)
    }

    pub fn name(self) -> &'static str {
        FilmSelection::from(self).name()
    }
}

/// Options of labels and batches.
#[derive(clap::Args, Clone)]
pub struct LabelArgs {
    /// Column of the manifest with a finding's labels, if its name differs. May be repeated; several columns
    /// of one finding mean any of them.
    #[arg(long, value_name = "FINDING=COLUMN", value_parser = parse_column)]
    column: Vec<(String, String)>,
    /// The meaning of uncertain labels (−1). Default: that of the run's stage, else ignore.
    #[arg(long, value_enum)]
    uncertain: Option<UncertainChoice>,
    /// Films in one batch.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096), hide_short_help = true)]
    batch: u32,
    /// Folder for decoded films. Default: `.pleura-cache` beside the manifest.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    cache: Option<PathBuf>,
}

impl LabelArgs {
    pub fn options(&self) -> LabelOptions {
        LabelOptions {
            columns: self.column.clone(),
            uncertain: self.uncertain.map(Uncertain::from),
            cache: self.cache.clone(),
            batch: self.batch as usize,
        }
    }
}

/// The meaning of an uncertain label.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UncertainChoice {
    /// Unknown.
    Ignore,
    /// Absent.
    Zeros,
    /// Present.
    Ones,
}

impl From<UncertainChoice> for Uncertain {
    fn from(choice: UncertainChoice) -> Self {
        match choice {
            UncertainChoice::Ignore => Self::Ignore,
            UncertainChoice::Zeros => Self::Zeros,
            UncertainChoice::Ones => Self::Ones,
        }
    }
}

/// `FINDING=COLUMN`.
pub fn parse_column(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((finding, column)) if !finding.trim().is_empty() && !column.trim().is_empty() => {
            Ok((finding.trim().to_owned(), column.trim().to_owned()))
        }
        _ => Err("expected FINDING=COLUMN, such as \"normal=No Finding\"".to_owned()),
    }
}

/// `[NAME=]FILE`.
fn parse_external(text: &str) -> Result<(Option<String>, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.trim().is_empty() && !path.is_empty() => {
            Ok((Some(name.trim().to_owned()), path.into()))
        }
        Some(_) => Err("expected NAME=M.csv, or M.csv alone".to_owned()),
        None => Ok((None, text.into())),
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

/// Evaluates a model's answers and prints the results.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let open = args.options.options().calibration(args.calibration.choice());
    let subject = AnswerSource::open(&args.model, &open)?;
    if let Some(name) = &args.record {
        check_record(name, &args.model, &subject)?;
    }
    let report = looks::as_program(|caller| pleura::evaluate(&subject, &request(args), caller))
        .map_err(console::with_option)?;
    if let Some(path) = &args.predictions {
        report.answers.predictions.write(path)?;
    }
    if let Some(name) = &args.record {
        record(name, &subject, &report)?;
    }
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &output::evaluate::Document::of(&subject, &report))?;
        std::io::Write::write_all(&mut out, b"\n")?;
    } else {
        words::write(&mut out, &subject, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The library's options for these arguments.
fn request(args: &Args) -> EvaluateOptions {
    EvaluateOptions {
        manifest: args.manifest.clone(),
        films: args.split.unwrap_or(SplitChoice::Test).into(),
        compare: args.compare.clone(),
        external: args.external.clone(),
        external_films: args.external_split.into(),
        internal: args.internal.clone(),
        prevalence: args.prevalence.clone(),
        labels: args.labels.options(),
        threshold: args.threshold,
        calibration: args.calibration.choice(),
        level: args.level,
        bootstrap: args.bootstrap,
        stratify: args.stratify.into(),
        seed: args.seed,
    }
}

/// An evaluation is recorded in a run's folder, under a name that is part of a file's.
fn check_record(name: &str, path: &std::path::Path, subject: &AnswerSource) -> Result<()> {
    if subject.model().and_then(|model| model.run()).is_none() {
        bail!(
            "--record {name}: {} is not a run's folder, so there is no report to record it in",
            path.display()
        );
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        bail!("--record {name:?}: expected letters, digits, - and _");
    }
    Ok(())
}

/// Records an evaluation in the run, for its report.
fn record(name: &str, subject: &AnswerSource, found: &EvaluationReport) -> Result<()> {
    let Some(run) = subject.model().and_then(|model| model.run()) else {
        return Ok(());
    };
    let data = &found.answers.films;
    let evidence = Evidence {
        name: name.to_owned(),
        when: pleura_core::time::utc_now(),
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
        calibrated: found.calibration.as_ref().map(|applied| {
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
