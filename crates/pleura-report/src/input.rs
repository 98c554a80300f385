//! The content of a report as plain data.
//!
//! [`ReportInput::from_run`] fills it from a run folder; it can also be filled by hand. For an empty list or
//! `None`, the page leaves the part out or notes that it is missing.

use pleura_eval::{Calibration, Evaluation, Task};
use pleura_run::{Evidence, Neurons, audit::AuditRecord, data::SamplingEffect};
use serde::{Deserialize, Serialize};

use crate::evidence::{SeriesFindings, TestAccesses};
use crate::experiment::{KeepingExperiment, TextExperiment};

/// The content of a report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReportInput {
    /// Name of the run.
    pub title: String,
    /// The recipe as resolved, TOML text.
    pub recipe: String,
    /// The manifests that the stages used, each once.
    pub data: Vec<DataTable>,
    /// The stages in the order of their training.
    pub stages: Vec<StageResult>,
    /// The stage that the report is about; `None` is the last one.
    pub lead: Option<String>,
    /// Heatmaps.
    pub gallery: Gallery,
    /// Training with and without output neuron keeping.
    pub keeping: Option<KeepingExperiment>,
    /// The test films with their burned-in text covered.
    pub words: Option<TextExperiment>,
    /// Evaluations that were recorded for the report.
    pub evidence: Vec<Evidence>,
    /// The joint results of several runs, for a report about several.
    pub series: Option<SeriesFindings>,
    /// The audit: the search for shortcuts.
    pub audit: Option<AuditRecord>,
    /// The facts needed to repeat the run.
    pub provenance: Provenance,
    /// Cautions beyond those that the report derives itself, one sentence each.
    pub warnings: Vec<String>,
}

/// One manifest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataTable {
    /// Its name, such as the file name.
    pub name: String,
    /// Stages that used it.
    pub stages: Vec<String>,
    /// SHA-256 of its canonical form, hexadecimal.
    pub digest: String,
    /// True if its films are synthetic.
    pub phantom: bool,
    /// Findings, in the order of the manifest.
    pub findings: Vec<String>,
    /// Films of each split.
    pub splits: Vec<SplitCount>,
    /// Positive films of each split, finding and source; a film with several findings counts for each.
    pub counts: Vec<FindingCount>,
    /// The sources of the films.
    pub sources: Vec<SourceTable>,
    /// The exclusions, in order.
    pub exclusions: Vec<Exclusion>,
    /// Accesses to its test split; `None` if none is recorded or there is no test split.
    pub test_accesses: Option<TestAccesses>,
    /// Duplicate films; `None` without a search.
    pub duplicates: Option<Duplicates>,
}

/// The result of a duplicate search, for the current splits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Duplicates {
    /// The smallest correlation of duplicates.
    pub least: f32,
    /// True if the search covered the manifest's current films.
    pub of_these: bool,
    /// Pairs of duplicates.
    pub pairs: u64,
    /// Pairs in two splits.
    pub across: u64,
    /// The pairs in two splits to show, those with test films first.
    pub shown: Vec<DuplicatePair>,
}

/// Two duplicate films in two splits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DuplicatePair {
    /// The film in the earlier split (train before validation before test).
    pub one: DuplicateFilm,
    /// The other.
    pub other: DuplicateFilm,
    /// The kind of match, in words.
    pub how: String,
    /// True if both have the same patient.
    pub same_patient: bool,
}

/// One film of such a pair.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DuplicateFilm {
    /// Its name.
    pub film: String,
    /// Its dataset.
    pub source: String,
    /// Its patient.
    pub patient: String,
    /// `train`, `val` or `test`.
    pub split: String,
    /// A PNG picture; empty if the film could not be read.
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
    /// Its licence; empty if not recorded.
    pub licence: String,
    /// Further recorded facts (reference, digest of a label file, …): name and value.
    pub facts: Vec<(String, String)>,
}

/// One exclusion step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The source it applied to; empty for the whole manifest.
    pub source: String,
    /// The reason.
    pub reason: String,
    /// The number of excluded films.
    pub films: u64,
    /// The number of films left after it, if recorded.
    pub left: Option<u64>,
}

/// One stage of the training.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StageResult {
    /// The stage's name in the recipe.
    pub name: String,
    /// Name of the network, such as `densenet121`.
    pub architecture: String,
    /// Exclusive classes or independent findings.
    pub kind: Option<Task>,
    /// Output neurons, in order.
    pub findings: Vec<String>,
    /// The origin of its weights, such as `the best of stage source` or `random`.
    pub start: String,
    /// The stage of this run that its weights came from, if any.
    pub from: Option<String>,
    /// The films it used.
    pub films: Vec<StageSplit>,
    /// The draw of its training films, if an epoch does not have each film once.
    pub sampling: Option<SamplingEffect>,
    /// Every optimiser step, in order.
    pub steps: Vec<StepPoint>,
    /// Every epoch, in order.
    pub epochs: Vec<EpochPoint>,
    /// The best epoch (counted from 1), whose weights were kept.
    pub best_epoch: Option<usize>,
    /// The origin of its output neurons.
    pub neurons: Option<Neurons>,
    /// Its results on each split.
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
    /// Excluded films of the split: reason and number.
    pub excluded: Vec<(String, u64)>,
}

/// One optimiser step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepPoint {
    /// The progress after it in epochs: 1.5 is half through the second.
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

/// The result of a stage on one split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitEvaluation {
    /// `train`, `val`, `test`, or the name of an external table.
    pub split: String,
    /// The metrics with their intervals.
    pub evaluation: Evaluation,
}

/// Heatmaps and their method.
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
    /// The film's true findings; empty if unknown.
    pub truth: String,
    /// The network's prediction.
    pub prediction: String,
    /// The probability of the prediction.
    pub probability: f64,
    /// The findings that the heatmap explains.
    pub explained: String,
    /// True if the prediction is correct; `None` if the truth is unknown.
    pub right: Option<bool>,
    /// True for a synthetic film.
    pub phantom: bool,
    /// One or two sentences below the picture; may be empty.
    pub caption: String,
    /// The heatmaps' ledgers, one per finding.
    pub ledger: Vec<LedgerLine>,
}

/// The ledger of one heatmap: the three parts sum to the start, up to rounding.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerLine {
    /// The finding.
    pub finding: String,
    /// The relevance at the start: the finding's logit, or a difference of two.
    pub start: f64,
    /// Relevance that arrived at the pixels.
    pub input: f64,
    /// Relevance that biases absorbed.
    pub bias: f64,
    /// Relevance that stabilisers absorbed.
    pub epsilon: f64,
}

/// The facts needed to repeat the run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provenance {
    /// The recorded start time; never the time of writing the report.
    pub started: String,
    /// The command line.
    pub command: String,
    /// The seed of all random numbers.
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
