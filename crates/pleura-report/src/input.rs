//! What a report says, as plain data: no paths to open, nothing to compute but sums.
//!
//! [`ReportInput::from_run`] fills it from a run folder; anyone may fill it by hand. Lists that are empty and options that
//! are `None` leave their part of the page out or say that it is missing; nothing is made up in their place.

use pleura_eval::{Calibration, Evaluation, Kind};
use pleura_run::{Evidence, Neurons, audit::AuditRecord};
use serde::{Deserialize, Serialize};

use crate::evidence::{SeriesFindings, TestLooks};
use crate::experiment::{KeepingExperiment, WordsExperiment};

/// Everything one report shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReportInput {
    /// Name of the run.
    pub title: String,
    /// The recipe as resolved, TOML text.
    pub recipe: String,
    /// The tables of films that the stages used, each once.
    pub data: Vec<DataTable>,
    /// The stages in the order in which they were trained.
    pub stages: Vec<StageResult>,
    /// The stage whose result is the run's; `None` is the last one.
    pub lead: Option<String>,
    /// Heatmaps.
    pub gallery: Gallery,
    /// Training with and without output neuron keeping.
    pub keeping: Option<KeepingExperiment>,
    /// The test films with their words masked.
    pub words: Option<WordsExperiment>,
    /// Evaluations that were recorded for the report.
    pub evidence: Vec<Evidence>,
    /// What several runs found together, where the report is of several.
    pub series: Option<SeriesFindings>,
    /// The search for shortcuts.
    pub audit: Option<AuditRecord>,
    /// What it takes to do the run again.
    pub provenance: Provenance,
    /// What to be careful about, beyond what the report finds in its own tables; one sentence each.
    pub warnings: Vec<String>,
}

/// One table of films.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataTable {
    /// Its name, such as the manifest's file name.
    pub name: String,
    /// Stages that used it.
    pub stages: Vec<String>,
    /// SHA-256 of its canonical form, hexadecimal.
    pub digest: String,
    /// Whether its films are drawn by a program and show nobody.
    pub phantom: bool,
    /// Findings, in the order of the table.
    pub findings: Vec<String>,
    /// Films of each split, whatever their findings.
    pub splits: Vec<SplitCount>,
    /// Films of each split, finding and source; a film with several findings counts for each.
    pub counts: Vec<FindingCount>,
    /// Where the films come from.
    pub sources: Vec<SourceTable>,
    /// Steps by which films were left out, in order.
    pub exclusions: Vec<Exclusion>,
    /// Looks at its test split; `None` where none was written down, or there is no test split.
    pub test: Option<TestLooks>,
    /// Films that are one radiograph; `None` where nobody has looked for them.
    pub copies: Option<Copies>,
}

/// What a look for copies found in a table of films, and where the films lie now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Copies {
    /// Correlation from which films count as alike.
    pub least: f32,
    /// Whether the look was at the films that the table has now.
    pub of_these: bool,
    /// Pairs of the table's films that are one radiograph.
    pub pairs: u64,
    /// Pairs in two splits, all of them.
    pub across: u64,
    /// Pairs in two splits to be shown, those with test films first.
    pub shown: Vec<CopyPair>,
}

/// Two films that are one radiograph, in two splits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CopyPair {
    /// The one that is learnt from, where one is.
    pub one: CopyFilm,
    /// The other.
    pub other: CopyFilm,
    /// Why they count as one, in words.
    pub how: String,
    /// Whether both are said to be of one patient.
    pub same_patient: bool,
}

/// One film of such a pair.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyFilm {
    /// Its name.
    pub film: String,
    /// Its dataset.
    pub source: String,
    /// Its patient.
    pub patient: String,
    /// `train`, `val` or `test`.
    pub split: String,
    /// A picture of it; empty where the film could not be read.
    pub png: Vec<u8>,
}

/// Films of one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitCount {
    /// `train`, `val`, `test`, or empty for films without a split.
    pub split: String,
    /// Films.
    pub films: u64,
    /// Different patients among them.
    pub patients: u64,
}

/// Positive films of one finding in one split from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingCount {
    /// As in [`SplitCount::split`].
    pub split: String,
    /// The finding.
    pub finding: String,
    /// The dataset.
    pub source: String,
    /// Films that have the finding.
    pub films: u64,
}

/// One dataset that films came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceTable {
    /// The dataset's name as the manifest's rows have it.
    pub name: String,
    /// Films in the table.
    pub films: u64,
    /// Different patients among them.
    pub patients: u64,
    /// Its licence as recorded; empty where nobody recorded one.
    pub licence: String,
    /// Further facts as recorded (reference, digest of a label file, …): name and value.
    pub facts: Vec<(String, String)>,
}

/// One step that left films out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Where it applied: a source, or empty for the whole table.
    pub source: String,
    /// Why films were left out.
    pub reason: String,
    /// How many.
    pub films: u64,
    /// How many were left after it, where recorded.
    pub left: Option<u64>,
}

/// One stage of the training.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StageResult {
    /// The stage's name in the recipe.
    pub name: String,
    /// Name of the network, such as `densenet121`.
    pub architecture: String,
    /// Whether its findings exclude each other.
    pub kind: Option<Kind>,
    /// Output neurons, in order.
    pub findings: Vec<String>,
    /// Where its weights came from, in words, such as `the best of stage source` or `random`.
    pub start: String,
    /// The stage of this run that its weights came from, if they did.
    pub from: Option<String>,
    /// The films it used.
    pub films: Vec<StageSplit>,
    /// Every optimiser step, in order.
    pub steps: Vec<StepPoint>,
    /// Every epoch, in order.
    pub epochs: Vec<EpochPoint>,
    /// The epoch (counted from 1) whose weights the stage kept as its best.
    pub best_epoch: Option<usize>,
    /// Where its output neurons came from.
    pub neurons: Option<Neurons>,
    /// What it got on which films.
    pub evaluations: Vec<SplitEvaluation>,
    /// Temperatures and thresholds of its best weights.
    pub calibration: Option<Calibration>,
}

/// Films of one split that a stage used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StageSplit {
    /// `train`, `val` or `test`.
    pub split: String,
    /// Films.
    pub films: u64,
    /// Different patients among them.
    pub patients: u64,
    /// Films of the split that it could not use: why, and how many.
    pub excluded: Vec<(String, u64)>,
}

/// One optimiser step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepPoint {
    /// How far training was after it, in epochs: 1.5 is half through the second.
    pub epochs: f64,
    /// Loss of its batch.
    pub loss: f64,
    /// Learning rate of each group of parameters.
    pub learning_rates: Vec<(String, f64)>,
    /// L2 norm of the whole gradient before it was clipped.
    pub gradient_norm: Option<f64>,
}

/// One pass over the training films.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EpochPoint {
    /// Counted from 1; 0 is before the first step.
    pub epoch: usize,
    /// Mean loss over the epoch's batches.
    pub train_loss: Option<f64>,
    /// Loss on the validation films after it.
    pub validation_loss: Option<f64>,
    /// Metrics on the validation films after it, by name, all in [0, 1].
    pub validation: Vec<(String, f64)>,
}

/// What a stage got on one split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitEvaluation {
    /// `train`, `val`, `test`, or the name of an external table.
    pub split: String,
    /// Every metric with its interval.
    pub evaluation: Evaluation,
}

/// Heatmaps and how they were made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gallery {
    /// The composite of LRP rules, such as `epsilon-plus-flat`.
    pub composite: String,
    /// The pictures.
    pub items: Vec<GalleryItem>,
}

/// One picture of the gallery.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GalleryItem {
    /// The film's name.
    pub title: String,
    /// The picture as a PNG file.
    pub png: Vec<u8>,
    /// The film's true finding or findings; empty where unknown.
    pub truth: String,
    /// The network's answer.
    pub prediction: String,
    /// Probability that the network gave its answer.
    pub probability: f64,
    /// The finding (or findings) that the heatmap is about.
    pub explained: String,
    /// Whether the answer was right; `None` where the truth is unknown.
    pub right: Option<bool>,
    /// Whether the film is drawn by a program.
    pub phantom: bool,
    /// One or two sentences below the picture; may be empty.
    pub caption: String,
    /// The heatmaps' accounts, one a finding.
    pub ledger: Vec<LedgerLine>,
}

/// Where the relevance of one heatmap went; the three parts make the start, to rounding.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerLine {
    /// The finding.
    pub finding: String,
    /// What was distributed: the finding's logit, or a difference of two.
    pub start: f64,
    /// Relevance that arrived at the pixels.
    pub input: f64,
    /// Relevance that biases absorbed.
    pub bias: f64,
    /// Relevance that stabilisers absorbed.
    pub epsilon: f64,
}

/// What it takes to do the run again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provenance {
    /// When it was started, as recorded; never taken from the clock of the machine that writes the report.
    pub started: String,
    /// The command line.
    pub command: String,
    /// Source of all random numbers.
    pub seed: Option<u64>,
    /// Versions of programs and libraries: name and version.
    pub versions: Vec<(String, String)>,
    /// Processor, threads, …: name and value.
    pub machine: Vec<(String, String)>,
    /// SHA-256 of files of the run: name and digest.
    pub digests: Vec<(String, String)>,
    /// Wall-clock time of each part: name and seconds.
    pub timings: Vec<(String, f64)>,
}
