//! `study.json`: the findings of a study, which compares variants of a training in pairs.

use pleura_eval::PairedMean;
use serde::{Deserialize, Serialize};

/// The findings of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyFindings {
    /// The study's name.
    pub name: String,
    /// The variant that the others are compared with.
    pub baseline: String,
    /// The metric of the verdicts.
    pub primary: String,
    /// Coverage of the intervals. Intervals of verdicts cover together, over the films and, separately, over
    /// the seeds.
    pub level: f64,
    /// Draws of the patient bootstrap.
    pub draws: usize,
    /// The seeds that every variant was trained with.
    pub seeds: Vec<u64>,
    /// Folds that every variant was trained on; 1 without folds.
    pub folds: usize,
    /// Planned trainings that are not compared, because other trainings of their seed are not finished.
    #[serde(default)]
    pub pending: usize,
    /// The variants.
    pub variants: Vec<StudyVariant>,
    /// The comparisons, from the first epoch to the best weights.
    pub points: Vec<StudyPoint>,
    /// With leave-one-out: the best weights on the films of each value that was left out of their training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOutResults>,
    /// The conclusions, one sentence for each variant.
    pub conclusions: Vec<String>,
    /// The limits of the conclusions.
    pub cautions: Vec<String>,
}

/// The results of a leave-one-out, value by value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOutResults {
    /// The attribute, such as `source`.
    pub attribute: String,
    /// One entry for each value and variant other than the baseline.
    pub comparisons: Vec<LeftOutComparison>,
}

/// A variant against the baseline, on the films of one left-out value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOutComparison {
    /// The value.
    pub value: String,
    /// The variant.
    pub candidate: String,
    /// Each metric. A metric that needs several classes has no value if the films have one.
    pub metrics: Vec<PairedMean>,
}

/// A variant of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyVariant {
    /// Its name.
    pub name: String,
    /// The stage that is compared.
    pub stage: String,
    /// Settings in which its recipe differs from the baseline's.
    pub differs: Vec<String>,
    /// Its trainings.
    pub runs: Vec<StudyRun>,
}

/// A training of a variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyRun {
    /// Its folder in the study's.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Its fold, from 1, if there are folds.
    pub fold: Option<usize>,
    /// The value whose films were left out of its training, with leave-one-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// The epoch of the best weights, from 1.
    pub best_epoch: usize,
    /// Validation after each epoch.
    pub curve: Vec<StudyEpoch>,
}

/// The validation of a training after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StudyEpoch {
    /// Number of epochs; 0 is before the first step.
    pub epoch: usize,
    /// Share of correct predictions, exclusive classes only.
    pub accuracy: Option<f64>,
    /// Mean area under the ROC curves.
    pub macro_auc: Option<f64>,
}

/// All variants after the same number of epochs, on the same films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyPoint {
    /// Number of epochs; `None` for the best weights.
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
    /// Pairs left out because one of them had stopped before this epoch.
    pub stopped_before: usize,
    /// Each metric.
    pub metrics: Vec<PairedMean>,
    /// The verdict on the primary metric.
    pub verdict: Verdict,
}

/// The side of 0 that an interval lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Above: the candidate is better.
    Above,
    /// Below: the baseline is better.
    Below,
    /// 0 is inside.
    Open,
    /// There is no interval, or its ends are equal.
    Unknown,
}

/// The verdict of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Over the films: would these trainings differ on other films?
    pub films: Side,
    /// Over the seeds: would trainings from other seeds differ on these films?
    pub seeds: Side,
    /// Both, in a sentence.
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
