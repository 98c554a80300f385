//! The parts of a stage that control its steps: optimiser, learning rates, schedule, freezing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The optimiser and its constants; the arithmetic is that of PyTorch's optimisers of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimiserRecipe {
    /// Stochastic gradient descent.
    Sgd {
        /// Factor of the last velocity; 0 for no momentum.
        #[serde(default = "default_momentum")]
        momentum: f64,
        /// Nesterov's momentum; needs a momentum above 0.
        #[serde(default)]
        nesterov: bool,
        /// L2 penalty, added to the gradient as `weight_decay · w`.
        #[serde(default)]
        weight_decay: f64,
        /// The parameters that the penalty applies to.
        #[serde(default)]
        decay: Decay,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101).
    AdamW {
        /// Decay rates of the first and second moment.
        #[serde(default = "default_betas")]
        betas: [f64; 2],
        /// Added to the root of the second moment.
        #[serde(default = "default_eps")]
        eps: f64,
        /// Shrinks each parameter by `learning rate · weight_decay` a step.
        #[serde(default = "default_adamw_decay")]
        weight_decay: f64,
        /// The parameters that shrink.
        #[serde(default)]
        decay: Decay,
    },
}

fn default_momentum() -> f64 {
    0.9
}

fn default_betas() -> [f64; 2] {
    [0.9, 0.999]
}

fn default_eps() -> f64 {
    1e-8
}

fn default_adamw_decay() -> f64 {
    0.01
}

impl Default for OptimiserRecipe {
    fn default() -> Self {
        Self::Sgd {
            momentum: default_momentum(),
            nesterov: false,
            weight_decay: 0.0,
            decay: Decay::All,
        }
    }
}

/// The parameters that weight decay applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// Every parameter, which is PyTorch's default.
    #[default]
    All,
    /// Convolutions and the head's weight; not norms and biases.
    Weights,
}

/// One learning rate for all groups, or a table with `all` for the groups that it does not name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, or a table of group = number with \"all\" for the other groups"
)]
pub enum LearningRate {
    /// The same for every group.
    One(f64),
    /// By group; the key [`LearningRate::ALL`] is for every other group.
    ByGroup(BTreeMap<String, f64>),
}

impl LearningRate {
    /// The key for every group that is not named.
    pub const ALL: &'static str = "all";

    /// The rate of `group`, if the recipe gives one.
    pub fn of(&self, group: &str) -> Option<f64> {
        match self {
            Self::One(rate) => Some(*rate),
            Self::ByGroup(rates) => rates.get(group).or_else(|| rates.get(Self::ALL)).copied(),
        }
    }
}

impl Default for LearningRate {
    fn default() -> Self {
        Self::One(1e-3)
    }
}

/// The schedule of the learning rate: a factor for the rates of all groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ScheduleRecipe {
    /// The factor stays 1.
    Constant {
        /// A warm-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warm_up: Option<WarmUp>,
    },
    /// Multiplied by `factor` every `every` epochs.
    Step {
        /// Epochs between two drops.
        every: usize,
        /// Factor at a drop.
        #[serde(default = "default_step_factor")]
        factor: f64,
        /// A warm-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warm_up: Option<WarmUp>,
    },
    /// Half a cosine from 1 at the end of the warm-up down to `floor` at the end of the stage, step by step.
    Cosine {
        /// Factor at the end.
        #[serde(default)]
        floor: f64,
        /// A warm-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warm_up: Option<WarmUp>,
    },
}

fn default_step_factor() -> f64 {
    0.1
}

impl Default for ScheduleRecipe {
    fn default() -> Self {
        Self::Constant { warm_up: None }
    }
}

impl ScheduleRecipe {
    /// The warm-up, if the schedule has one.
    pub fn warm_up(&self) -> Option<WarmUp> {
        match *self {
            Self::Constant { warm_up } | Self::Step { warm_up, .. } | Self::Cosine { warm_up, .. } => warm_up,
        }
    }
}

/// A factor that rises in a straight line from `from` to 1, step by step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// Length in epochs; may be a fraction.
    pub epochs: f64,
    /// Factor at the first step.
    #[serde(default = "default_warm_up_from")]
    pub from: f64,
}

fn default_warm_up_from() -> f64 {
    0.1
}

/// Groups of parameters that are not trained in the first epochs, or at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The frozen groups.
    pub groups: Groups,
    /// First epoch (from 0) in which they are trained; without it they never are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_epoch: Option<usize>,
}

/// The word that stands for all groups but the last layer.
pub const ALL_BUT_HEAD: &str = "all-but-head";
/// Name of the last layer's group.
pub const HEAD: &str = "head";

/// Names of groups, or `"all-but-head"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"all-but-head\" or a list of groups such as [\"stem\", \"block1\"]"
)]
pub enum Groups {
    /// [`ALL_BUT_HEAD`].
    Word(String),
    /// Group names of the architecture.
    List(Vec<String>),
}

impl Groups {
    /// True if `group` is one of these.
    pub fn contain(&self, group: &str) -> bool {
        match self {
            Self::Word(_) => group != HEAD,
            Self::List(groups) => groups.iter().any(|name| name == group),
        }
    }
}

impl Freeze {
    /// True if `group` is frozen in `epoch`.
    pub fn holds(&self, group: &str, epoch: usize) -> bool {
        self.until_epoch.is_none_or(|until| epoch < until) && self.groups.contain(group)
    }
}
