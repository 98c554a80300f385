//! One step of the transfer, as a recipe tells it.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use pleura_film::Augmentation;
use pleura_synth::fractal::FractalOptions;
use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::isnet::Isnet;
use super::optimisation::{Freeze, LearningRate, OptimiserRecipe, ScheduleRecipe};

/// One step of the transfer: data, start, head, and how long and how fast to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Letters, digits, `-` and `_`; the stage's folder is called so.
    pub name: String,
    /// Exclusive classes (softmax) or independent findings (sigmoids).
    pub kind: StageKind,
    /// Table of the films, relative to the recipe's folder; empty where [`Stage::fractals`] stand in its place.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub manifest: PathBuf,
    /// Pictures drawn by formula in place of films: a source stage that needs no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fractals: Option<FractalOptions>,
    /// Output neurons, in order. Default: the manifest's findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<String>>,
    /// Columns of the manifest that make an output, where they are not one column of the same name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Vec<String>>,
    /// What a label of −1 (uncertain) counts as.
    #[serde(default)]
    pub uncertain: Uncertain,
    /// Where the weights come from. Default: random in the first stage, the stage before in the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Output neurons taken over from the old head.
    #[serde(default)]
    pub keep: Keep,
    /// Seed of this stage. Default: the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Passes over the training films.
    pub epochs: usize,
    /// Films a step; the last batch of an epoch holds what is left.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Base learning rate, one for all or one a group.
    #[serde(default)]
    pub learning_rate: LearningRate,
    /// How a gradient becomes a step.
    #[serde(default)]
    pub optimiser: OptimiserRecipe,
    /// How the learning rate changes over the stage.
    #[serde(default)]
    pub schedule: ScheduleRecipe,
    /// Groups that do not move for a while.
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
    /// Largest L2 norm of the whole gradient; a longer one is scaled down to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_clip: Option<f64>,
    /// A loss of heatmaps beside that of answers. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isnet: Option<Isnet>,
    /// Random moves of the training films. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<Augmentation>,
    /// What says on the validation split which epoch is best.
    #[serde(default)]
    pub monitor: Monitor,
    /// Stop after so many epochs without a better one. Default: train all epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Epochs whose answers are kept beside those of the best weights. Default: none.
    #[serde(default, skip_serializing_if = "Answers::is_none")]
    pub answers: Answers,
    /// Steps between two checkpoints; one is written after each epoch anyway.
    #[serde(default = "default_checkpoint_every")]
    pub checkpoint_every: u64,
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

impl Stage {
    /// Whether a row's picture is the same in every epoch.
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

/// What the outputs mean, and with it the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageKind {
    /// One class a film: softmax and cross-entropy.
    Exclusive,
    /// Any number of findings a film: one sigmoid and binary cross-entropy each; unknown labels are left out.
    Independent,
}

impl StageKind {
    /// The word recipes and weight files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Independent => "independent",
        }
    }
}

/// What a label of −1 counts as (CheXpert's policies, Irvin et al., arXiv 1901.07031).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uncertain {
    /// As unknown.
    #[default]
    Ignore,
    /// As absent.
    Zeros,
    /// As present.
    Ones,
}

/// Where a stage's weights come from.
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

/// Output neuron keeping (method.md §2): which neurons of the old head live on in the new one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "KeepAsTyped")]
pub struct Keep {
    /// What is copied.
    pub rule: KeepRule,
    /// New finding ← finding of the old head, where the names differ. Equal names need no entry.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// Findings that start fresh though the old head has one of the same name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<String>,
}

impl Keep {
    /// True if any neuron may be kept.
    pub fn keeps_any(&self) -> bool {
        self.rule != KeepRule::Nothing
    }
}

/// `keep` in a recipe: a table without a rule keeps the way the paper does; no table at all keeps nothing.
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

/// What is copied of a kept output neuron.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeepRule {
    /// Its row of the head's weight, and its bias: the paper's.
    #[serde(rename = "weight+bias")]
    WeightAndBias,
    /// Its row of the head's weight; the bias is fresh.
    #[serde(rename = "weight")]
    Weight,
    /// Nothing: every neuron is fresh.
    #[default]
    #[serde(rename = "none")]
    Nothing,
}

/// Which statistics the batch norms use while training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormChoice {
    /// The batch's, which also move the running averages (momentum 0.1).
    #[default]
    Batch,
    /// The running averages, which stay as they are.
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
    /// One a finding, in the order of the findings.
    List(Vec<f64>),
}

/// Weights that need no numbers in the recipe.
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

/// What is watched on the validation split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The loss, lower is better.
    #[default]
    ValidationLoss,
    /// Mean of the findings' areas under the ROC curve, higher is better.
    MacroAuc,
    /// Share of right answers, higher is better.
    Accuracy,
}
