//! `pleura evaluate`: what a test set says about a model.

pub(super) mod labels;
mod words;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura_data::{FilmCache, Manifest, Split};
use pleura_eval::{Evaluation, Options, Stratify};
use serde::Serialize;
use serde_json::Value;

use crate::console::{NOTICE, Progress};
use crate::model::{Model, ModelArgs};
use labels::Known;

/// Measure a model on the films of a manifest.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or weights (.safetensors).
    #[arg(value_name = "RUN|WEIGHTS")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    /// The films and what is known about them.
    #[arg(long, value_name = "M.csv")]
    manifest: PathBuf,
    /// Which films.
    #[arg(long, value_enum, default_value_t = SplitChoice::Test)]
    split: SplitChoice,
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
    /// Probability from which an independent finding counts as called; choose it on validation films.
    #[arg(long, value_name = "P", default_value_t = 0.5)]
    threshold: f64,
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

/// What is printed as JSON: the evaluation with what it is an evaluation of.
#[derive(Serialize)]
struct Report<'a> {
    notice: &'static str,
    model: Value,
    data: Data,
    notes: &'a [String],
    #[serde(flatten)]
    evaluation: &'a Evaluation,
}

/// The films of an evaluation.
#[derive(Serialize)]
struct Data {
    manifest: PathBuf,
    /// Of the films evaluated.
    digest: String,
    split: &'static str,
    /// Films of the split without a label for any finding of the model.
    without_label: usize,
    /// Findings of the model that the manifest does not know.
    not_tested: Vec<String>,
}

/// Answers the films, measures the answers, prints them.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let model = Model::open(&args.model, &args.options)?;
    let manifest = Arc::new(Manifest::read(&args.manifest)?);
    let known = Known::new(&model, &manifest, &args.manifest, &args.column, args.uncertain)?;
    let of_split = args.split.rows(&manifest);
    let rows = known.labelled(&of_split);
    check_rows(args, &manifest, of_split.len(), rows.len())?;

    let logits = answer(args, &model, &manifest, &rows)?;
    let predictions =
        pleura_train::predictions(&manifest, &rows, model.findings(), known.truth(&rows), &logits)
            .context("the model's answers cannot be evaluated")?;
    let options = Options {
        level: args.level,
        bootstrap: args.bootstrap,
        stratify: args.stratify.into(),
        seed: args.seed,
        threshold: args.threshold,
        ..Options::default()
    };
    let evaluation = pleura_eval::evaluate(&predictions, &options)?;
    if let Some(path) = &args.predictions {
        predictions.write(path)?;
    }

    let data = Data {
        manifest: args.manifest.clone(),
        digest: manifest.digest_of(&rows),
        split: args.split.name(),
        without_label: of_split.len() - rows.len(),
        not_tested: known.missing().to_vec(),
    };
    let notes = notes(args, &model, &manifest, &data);
    let mut out = std::io::stdout().lock();
    if json {
        let report = Report {
            notice: NOTICE,
            model: model.record(),
            data,
            notes: &notes,
            evaluation: &evaluation,
        };
        serde_json::to_writer_pretty(&mut out, &report)?;
        std::io::Write::write_all(&mut out, b"\n")?;
    } else {
        words::write(&mut out, &model, &data, &notes, &evaluation)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_rows(args: &Args, manifest: &Manifest, of_split: usize, labelled: usize) -> Result<()> {
    let path = args.manifest.display();
    if of_split == 0 {
        let films = manifest.rows.len();
        let without = manifest.rows.iter().filter(|row| row.split.is_none()).count();
        bail!(
            "{path}: none of its {films} films is in the split {:?} ({without} are in no split); run `pleura data split`, or \
             take every film with --split all",
            args.split.name()
        );
    }
    if labelled == 0 {
        bail!(
            "{path}: none of the {of_split} films of the split {:?} has a known label for the model's findings",
            args.split.name()
        );
    }
    Ok(())
}

/// Logits `[rows, findings]`.
fn answer(args: &Args, model: &Model, manifest: &Arc<Manifest>, rows: &[usize]) -> Result<Vec<f32>> {
    let folder = args
        .cache
        .clone()
        .unwrap_or_else(|| manifest.folder.join(".pleura-cache"));
    let cache = Arc::new(FilmCache::open(&folder, &model.preparation)?);
    let decoding = Progress::new("films decoded", rows.len());
    cache.fill(manifest, rows, &|done, of| decoding.at(done, of))?;
    drop(decoding);
    let network = model.network()?;
    let answering = Progress::new("films answered", rows.len());
    let mut progress = |done| {
        answering.at(done, rows.len());
        ControlFlow::Continue(())
    };
    let logits = pleura_train::answer(
        &network,
        manifest,
        &cache,
        rows,
        args.batch as usize,
        &mut progress,
    )?;
    logits.context("the films were not answered")
}

/// What limits these numbers and is not to be seen from the predictions alone.
fn notes(args: &Args, model: &Model, manifest: &Manifest, data: &Data) -> Vec<String> {
    let mut notes = Vec::new();
    let trained_here = model
        .weights
        .metadata
        .get("manifest")
        .is_some_and(|digest| *digest == manifest.digest());
    match args.split {
        SplitChoice::Train | SplitChoice::All if trained_here => notes.push(
            "the model was trained on films of this manifest's split \"train\": these numbers do not speak for new films".to_owned(),
        ),
        SplitChoice::Val if trained_here => {
            notes.push("the model's epoch was chosen on these films: these numbers are too good".to_owned());
        }
        _ => {}
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
    notes
}
