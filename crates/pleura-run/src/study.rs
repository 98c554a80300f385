//! What a study found: variants of a training compared in pairs, after the first epochs and with their best
//! weights.

use pleura_eval::PairedMean;
use serde::{Deserialize, Serialize};

/// All that a study found. Stored as `study.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyFindings {
    /// The study's name.
    pub name: String,
    /// The variant that the others are compared with.
    pub baseline: String,
    /// The metric that verdicts are about.
    pub primary: String,
    /// Probability that an interval claims to cover; those of verdicts do so all together over the films,
    /// and, by themselves, over the seeds.
    pub level: f64,
    /// Draws of the patient bootstrap.
    pub draws: usize,
    /// The seeds that every variant was trained with.
    pub seeds: Vec<u64>,
    /// Folds that every variant was trained on; 1 where films are split once.
    pub folds: usize,
    /// Trainings that were planned and are not compared, because not all of their seed are done.
    #[serde(default)]
    pub pending: usize,
    /// The variants.
    pub variants: Vec<StudyVariant>,
    /// What was compared when, from the first epoch to the best weights.
    pub points: Vec<StudyPoint>,
    /// What all of it says, a sentence a variant.
    pub conclusions: Vec<String>,
    /// What limits it.
    pub cautions: Vec<String>,
}

/// One variant of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyVariant {
    /// Its name.
    pub name: String,
    /// The stage that is compared.
    pub stage: String,
    /// In which settings its recipe differs from the baseline's.
    pub differs: Vec<String>,
    /// Its trainings.
    pub runs: Vec<StudyRun>,
}

/// One training of a variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyRun {
    /// Its folder in the study's.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Its fold, from 1, where there are folds.
    pub fold: Option<usize>,
    /// The epoch whose weights are its best, from 1.
    pub best_epoch: usize,
    /// Validation of each epoch.
    pub curve: Vec<StudyEpoch>,
}

/// How a training stood after an epoch, on its validation films.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StudyEpoch {
    /// After so many epochs; 0 is before the first step.
    pub epoch: usize,
    /// Share of right answers, of exclusive classes.
    pub accuracy: Option<f64>,
    /// Mean area under the ROC curves.
    pub macro_auc: Option<f64>,
}

/// All variants at one moment of their training, on the same films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyPoint {
    /// After so many epochs; `None` with the best weights.
    pub epoch: Option<usize>,
    /// `validation` or `test`.
    pub split: String,
    /// Each variant against the baseline.
    pub comparisons: Vec<StudyComparison>,
}

/// A variant against the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyComparison {
    /// The variant.
    pub candidate: String,
    /// Pairs of trainings that are compared.
    pub pairs: usize,
    /// Pairs of which one had stopped before this epoch.
    pub stopped_before: usize,
    /// Each metric.
    pub metrics: Vec<PairedMean>,
    /// What the primary metric says.
    pub verdict: Verdict,
}

/// On which side of 0 an interval lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// All of it above: the candidate is ahead.
    Above,
    /// All of it below: the baseline is.
    Below,
    /// 0 is in it.
    Open,
    /// There is no interval, or one of no width.
    Unknown,
}

/// What a comparison shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the films say: would these trainings differ on others like them?
    pub films: Side,
    /// What the seeds say: would other seeds differ on these films?
    pub seeds: Side,
    /// Both in a sentence.
    pub words: String,
}

impl Verdict {
    /// The side that films and seeds agree on, if they do.
    pub fn settled(&self) -> Option<Side> {
        (self.films == self.seeds && matches!(self.films, Side::Above | Side::Below)).then_some(self.films)
    }
}

impl StudyPoint {
    /// `after epoch 3`, `with the best weights`.
    pub fn when(&self) -> String {
        match self.epoch {
            None => "with the best weights".to_owned(),
            Some(0) => "before the first step".to_owned(),
            Some(epoch) => format!("after epoch {epoch}"),
        }
    }
}

impl StudyComparison {
    /// A metric by its name.
    pub fn metric(&self, name: &str) -> Option<&PairedMean> {
        self.metrics.iter().find(|one| one.metric == name)
    }
}
