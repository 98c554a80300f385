//! The files of a run, one method each.

use std::path::{Path, PathBuf};

use pleura_manifest::Split;

use crate::{
    Error, HeatmapBounds, Identity, Neurons, Recipe, StageRecord,
    audit::AuditRecord,
    data::StageData,
    json::read_json_if_exists,
    log::{LogLine, read_lines},
    timing::TimingLine,
};

/// The folder of a run. Methods named after a file return its path; `read_…` methods return its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

/// The name of a run's recipe.
pub const RECIPE: &str = "recipe.toml";

impl RunFolder {
    /// The run in `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `recipe.toml`: the recipe in full, with every default and every finding.
    pub fn recipe(&self) -> PathBuf {
        self.0.join(RECIPE)
    }

    /// `run.json`: [`Identity`], written last when a run begins. A folder that has it is a run.
    pub fn identity(&self) -> PathBuf {
        self.0.join("run.json")
    }

    /// `log.jsonl`: every step and epoch ([`crate::log`]), without times; equal for equal runs.
    pub fn log(&self) -> PathBuf {
        self.0.join("log.jsonl")
    }

    /// `timing.jsonl`: the time that steps and validations took ([`crate::timing`]).
    pub fn timing(&self) -> PathBuf {
        self.0.join("timing.jsonl")
    }

    /// `looks.jsonl`: the test access log, if the one beside the manifest cannot be written.
    pub fn test_access_log(&self) -> PathBuf {
        self.0.join("looks.jsonl")
    }

    /// `lock`: locked while a process trains ([`crate::RunLock`]).
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// `provenance.json`: command, machine and versions.
    pub fn provenance(&self) -> PathBuf {
        self.0.join("provenance.json")
    }

    /// `audit`: [`audit_record`](Self::audit_record) and its figures.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// `audit/audit.json`: [`crate::audit::AuditRecord`].
    pub fn audit_record(&self) -> PathBuf {
        self.audit().join(AuditRecord::FILE)
    }

    /// `evidence`: one JSON file for each recorded evaluation ([`crate::Evidence`]).
    pub fn evidence(&self) -> PathBuf {
        self.0.join("evidence")
    }

    /// `experiments`: the results of a demo's experiments.
    pub fn experiments(&self) -> PathBuf {
        self.0.join("experiments")
    }

    /// `explain`: heatmaps, and the list of those that a report shows.
    pub fn explanations(&self) -> PathBuf {
        self.0.join("explain")
    }

    /// `stages/NAME`: the folder of a stage.
    pub fn stage(&self, name: &str) -> StageFolder {
        StageFolder(self.0.join("stages").join(name))
    }

    /// Reads the recipe.
    ///
    /// # Errors
    /// As [`Recipe::read`].
    pub fn read_recipe(&self) -> Result<Recipe, Error> {
        Recipe::read(&self.recipe())
    }

    /// Reads `run.json`; `None` if the run has not begun.
    ///
    /// # Errors
    /// A file that this program did not write.
    pub fn read_identity(&self) -> Result<Option<Identity>, Error> {
        read_json_if_exists(&self.identity())
    }

    /// Reads `log.jsonl`; no lines if the run has not begun.
    ///
    /// # Errors
    /// [`Error::Line`] for a line that this program did not write.
    pub fn read_log(&self) -> Result<Vec<LogLine>, Error> {
        read_lines(&self.log())
    }

    /// Reads `timing.jsonl`; no lines if the run has not begun.
    ///
    /// # Errors
    /// [`Error::Line`] for a line that this program did not write.
    pub fn read_timing(&self) -> Result<Vec<TimingLine>, Error> {
        read_lines(&self.timing())
    }
}

/// The folder of one stage of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageFolder(PathBuf);

impl StageFolder {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `neurons.json`: [`Neurons`].
    pub fn neurons(&self) -> PathBuf {
        self.0.join("neurons.json")
    }

    /// `isnet.json`: [`HeatmapBounds`], of a stage that trains with a heatmap loss.
    pub fn heatmap_bounds(&self) -> PathBuf {
        self.0.join("isnet.json")
    }

    /// `data.json`: [`StageData`].
    pub fn data(&self) -> PathBuf {
        self.0.join("data.json")
    }

    /// `metrics.json`: the evaluation of the best weights on the test split.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.json")
    }

    /// `stage.json`: [`StageRecord`], written last. A stage that has it is finished.
    pub fn record(&self) -> PathBuf {
        self.0.join("stage.json")
    }

    /// `best.safetensors`: the weights of the best epoch.
    pub fn best_weights(&self) -> PathBuf {
        self.0.join("best.safetensors")
    }

    /// `last.safetensors`: the weights of the last epoch.
    pub fn last_weights(&self) -> PathBuf {
        self.0.join("last.safetensors")
    }

    /// `validation.csv` or `test.csv`: the predictions of the best weights.
    pub fn predictions(&self, split: Split) -> PathBuf {
        self.0.join(format!("{}.csv", split_name(split)))
    }

    /// `validation-epoch-N.csv` or `test-epoch-N.csv`: the predictions after N epochs.
    pub fn predictions_after(&self, split: Split, epochs: usize) -> PathBuf {
        self.0.join(format!("{}-epoch-{epochs}.csv", split_name(split)))
    }

    /// `checkpoints`: the newest checkpoints of a stage that is not finished.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// The curves for TensorBoard. Its readers look for `tfevents` in a name. The number stands where others
    /// put a time, which would make two files of a resumed run.
    pub fn events(&self) -> PathBuf {
        self.0.join("events.out.tfevents.0000000000.pleura")
    }

    /// True if the stage is trained and evaluated.
    pub fn is_finished(&self) -> bool {
        self.record().exists()
    }

    /// Reads `neurons.json`; `None` if the stage has not begun.
    ///
    /// # Errors
    /// A file that this program did not write.
    pub fn read_neurons(&self) -> Result<Option<Neurons>, Error> {
        read_json_if_exists(&self.neurons())
    }

    /// Reads `isnet.json`; `None` if there is none.
    ///
    /// # Errors
    /// A file that this program did not write.
    pub fn read_heatmap_bounds(&self) -> Result<Option<HeatmapBounds>, Error> {
        read_json_if_exists(&self.heatmap_bounds())
    }

    /// Reads `data.json`; `None` if the stage has not begun.
    ///
    /// # Errors
    /// A file that this program did not write.
    pub fn read_data(&self) -> Result<Option<StageData>, Error> {
        read_json_if_exists(&self.data())
    }

    /// Reads `stage.json`; `None` if the stage is not finished.
    ///
    /// # Errors
    /// A file that this program did not write.
    pub fn read_record(&self) -> Result<Option<StageRecord>, Error> {
        read_json_if_exists(&self.record())
    }
}

/// The name of a split in the file names of a run.
pub fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

/// The folder of several runs that belong together: folds, a learning curve, a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesFolder(PathBuf);

impl SeriesFolder {
    /// The series in `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// `series.json`: the kind of series and the names of its runs. A folder that has it is a series.
    pub fn record(&self) -> PathBuf {
        self.0.join("series.json")
    }

    /// The folder of one of the runs.
    pub fn run(&self, name: &str) -> RunFolder {
        RunFolder(self.0.join(name))
    }

    /// `provenance.json`: command, machine and versions.
    pub fn provenance(&self) -> PathBuf {
        self.0.join("provenance.json")
    }

    /// `pooled/STAGE`: the out-of-fold results of a cross-validated stage.
    pub fn pooled(&self, stage: &str) -> PathBuf {
        self.0.join("pooled").join(stage)
    }

    /// `pooled/STAGE/answers.csv`: the out-of-fold predictions.
    pub fn pooled_predictions(&self, stage: &str) -> PathBuf {
        self.pooled(stage).join("answers.csv")
    }

    /// `pooled/STAGE/metrics.json`: their evaluation.
    pub fn pooled_metrics(&self, stage: &str) -> PathBuf {
        self.pooled(stage).join("metrics.json")
    }

    /// `curve.json`: the learning curve.
    pub fn learning_curve(&self) -> PathBuf {
        self.0.join("curve.json")
    }

    /// `study.toml`: the study in full.
    pub fn study(&self) -> PathBuf {
        self.0.join("study.toml")
    }

    /// `study.json`: the findings of the study.
    pub fn study_findings(&self) -> PathBuf {
        self.0.join("study.json")
    }
}
