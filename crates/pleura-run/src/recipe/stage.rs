//! A stage of a training.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use pleura_core::Task;
use pleura_film::Augmentation;
use pleura_synth::fractal::FractalOptions;
use serde::{Deserialize, Serialize};

use super::epoch_predictions::EpochPredictions;
use super::isnet::Isnet;
use super::optimisation::{Freeze, LearningRate, OptimiserRecipe, ScheduleRecipe};
use super::sampling::Sampling;

/// A stage of a training: data, start, head, and optimisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Letters, digits, `-` and `_`; also the name of the stage's folder.
    pub name: String,
    /// Exclusive classes (softmax) or independent findings (sigmoids).
    pub kind: Task,
    /// The manifest, relative to the recipe's folder; empty if the stage has [`Stage::fractals`].
    #[serde(default, skip_serializing_if = "is_empty")]
    pub manifest: PathBuf,
    /// Images drawn by formula in place of films: a source stage that needs no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fractals: Option<FractalOptions>,
    /// Output neurons, in order. Default: the manifest's findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<String>>,
    /// The manifest's columns of an output, if they are not one column of the same name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Vec<String>>,
    /// The meaning of a label of −1 (uncertain).
    #[serde(default)]
    pub uncertain: Uncertain,
    /// The starting weights. Default: random in the first stage, the stage before in the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Output neurons that are taken over from the old head.
    #[serde(default)]
    pub keep: Keep,
    /// Seed of this stage. Default: the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Passes over the training films.
    pub epochs: usize,
    /// Films in a batch; the last batch of an epoch may have fewer.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Base learning rate, one for all groups or one for each.
    #[serde(default)]
    pub learning_rate: LearningRate,
    /// The optimiser.
    #[serde(default)]
    pub optimiser: OptimiserRecipe,
    /// The schedule of the learning rate.
    #[serde(default)]
    pub schedule: ScheduleRecipe,
    /// Groups that are not trained for some epochs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Freeze>,
    /// Statistics of the batch norms while training.
    #[serde(default)]
    pub norm: NormChoice,
    /// Weight of each class (exclusive) or finding (independent) in the loss.
    #[serde(default)]
    pub class_weights: Weighting,
    /// Weight of the positive films of each finding; independent findings only.
    #[serde(default)]
    pub positive_weights: Weighting,
    /// The draw of an epoch's training films; exclusive classes only. Default: each film once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Largest L2 norm of the whole gradient; a longer gradient is scaled down to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_clip: Option<f64>,
    /// A heatmap loss beside the classification loss. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isnet: Option<Isnet>,
    /// Random transforms of the training films. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<Augmentation>,
    /// The validation metric that selects the best epoch.
    #[serde(default)]
    pub monitor: Monitor,
    /// Stop after this many epochs without a better one. Default: train all epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Epochs whose predictions are kept beside those of the best weights. Default: none.
    #[serde(
        rename = "answers",
        default,
        skip_serializing_if = "EpochPredictions::is_none"
    )]
    pub epoch_predictions: EpochPredictions,
    /// Steps between two checkpoints; each epoch also ends with one.
    #[serde(default = "default_checkpoint_every")]
    pub checkpoint_every: u64,
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

impl Stage {
    /// True if a row's image is the same in every epoch.
    pub fn is_steady(&self) -> bool {
        self.augmentation.is_none() && self.fractals.is_none()
    }
}

fn default_batch() -> usize {
    16
}

fn default_checkpoint_every() -> u64 {
    200
}

/// The meaning of a label of −1 (CheXpert's policies, Irvin et al., arXiv 1901.07031).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uncertain {
    /// Unknown.
    #[default]
    Ignore,
    /// Absent.
    Zeros,
    /// Present.
    Ones,
}

/// The origin of a stage's starting weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Start {
    /// Drawn from the seed.
    Random,
    /// A weight file (safetensors), relative to the recipe's folder.
    File(PathBuf),
    /// The best weights of an earlier stage of this recipe.
    Stage(String),
}

impl TryFrom<String> for Start {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "random" {
            return Ok(Self::Random);
        }
        if let Some(name) = text.strip_prefix("stage:") {
            return Ok(Self::Stage(name.to_owned()));
        }
        if Path::new(&text)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("safetensors"))
        {
            return Ok(Self::File(text.into()));
        }
        Err(format!(
            "start is {text:?}; expected \"random\", \"stage:NAME\" of an earlier stage, or a .safetensors file (make one with \
             `pleura import` or `pleura weights fetch`)"
        ))
    }
}

impl From<Start> for String {
    fn from(start: Start) -> Self {
        start.to_string()
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("random"),
            Self::File(path) => path.display().fmt(f),
            Self::Stage(name) => write!(f, "stage:{name}"),
        }
    }
}

/// Output neuron keeping (docs/method.md §2): the neurons that the new head takes over from the old one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "KeepAsTyped")]
pub struct Keep {
    /// The parameters that are copied.
    pub rule: KeepRule,
    /// New finding ← finding of the old head, if the names differ. Equal names need no entry.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// Findings that start fresh although the old head has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<String>,
}

impl Keep {
    /// True if any neuron may be kept.
    pub fn keeps_any(&self) -> bool {
        self.rule != KeepRule::Nothing
    }
}

/// `keep` in a recipe. A table without a rule has the paper's rule; without a table, no neuron is kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeepAsTyped {
    #[serde(default = "papers_rule")]
    rule: KeepRule,
    #[serde(default)]
    map: BTreeMap<String, String>,
    #[serde(default)]
    fresh: Vec<String>,
}

fn papers_rule() -> KeepRule {
    KeepRule::WeightAndBias
}

impl From<KeepAsTyped> for Keep {
    fn from(KeepAsTyped { rule, map, fresh }: KeepAsTyped) -> Self {
        Self { rule, map, fresh }
    }
}

/// The parameters of a kept output neuron that are copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeepRule {
    /// Its row of the head's weight and its bias: the paper's rule.
    #[serde(rename = "weight+bias")]
    WeightAndBias,
    /// Its row of the head's weight; the bias is fresh.
    #[serde(rename = "weight")]
    Weight,
    /// None: every neuron is fresh.
    #[default]
    #[serde(rename = "none")]
    Nothing,
}

/// The statistics of the batch norms while training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormChoice {
    /// Those of the batch, which also update the running averages (momentum 0.1).
    #[default]
    Batch,
    /// The running averages, which do not change.
    Running,
}

/// Weights in the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"none\", \"balanced\", or a list of one number a finding"
)]
pub enum Weighting {
    /// `none` or `balanced`.
    Word(WeightingWord),
    /// One for each finding, in the order of the findings.
    List(Vec<f64>),
}

/// Weights that are computed, or all 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightingWord {
    /// All 1.
    None,
    /// Classes: films / (classes · films of the class). Positives: negative / positive films of the finding.
    Balanced,
}

impl Default for Weighting {
    fn default() -> Self {
        Self::Word(WeightingWord::None)
    }
}

/// The metric on the validation split that selects the best epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The loss, lower is better.
    #[default]
    ValidationLoss,
    /// Mean of the findings' areas under the ROC curve, higher is better.
    MacroAuc,
    /// Share of correct predictions, higher is better.
    Accuracy,
}
