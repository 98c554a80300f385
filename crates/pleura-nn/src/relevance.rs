//! Layer-wise relevance propagation as a third pass: rules, and the ledger of relevance.
//!
//! Let `z_k = Σ_j a_j w_jk + b_k`, `s(z) = z + ε · sgn z`, `sgn 0 = 1`, and let `x⁺`, `x⁻` be the positive
//! and the negative part. The rules follow Bach et al. (`PLoS` ONE 2015), Montavon et al. (Pattern
//! Recognition 2017; *Layer-Wise Relevance Propagation: An Overview*, 2019) and Lapuschkin et al. (2019). For
//! inputs of both signs, the mirrored terms are those of Andéol et al. (2021).

mod layers;
mod ledger;

pub(crate) use self::layers::{FIRST, LINEAR, NORM, POOL};
pub use self::layers::{Layer, LayerKind, layers};
pub use self::ledger::{Entry, Ledger};
pub(crate) use self::ledger::{LedgerBuilder, add, by_image};

use std::collections::BTreeMap;

use crate::error::Error;
pub use crate::rule::{Bias, Rule};

/// The rule of each layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The stem's convolution.
    pub first: Rule,
    /// Every other convolution.
    pub convolution: Rule,
    /// The linear layer of the head.
    pub linear: Rule,
    /// Norms without a convolution before them: they read the output of the stem's pool. Each is a linear
    /// layer with one input.
    pub norm: Rule,
    /// ε of the ε rule in average pools.
    pub pool: f64,
    /// Layers with their own rule, by their name in [`layers`]. Average pools accept only ε rules.
    pub named: BTreeMap<String, Rule>,
    /// Treatment of the biases' parts.
    pub bias: Bias,
}

impl Rules {
    /// `first` in the first convolution, `convolution` in the others, and the ε rule everywhere else.
    pub fn new(first: Rule, convolution: Rule, epsilon: f64) -> Self {
        Self {
            first,
            convolution,
            linear: Rule::Epsilon { epsilon },
            norm: Rule::Epsilon { epsilon },
            pool: epsilon,
            named: BTreeMap::new(),
            bias: Bias::Ledger,
        }
    }

    fn named_or(&self, layer: &str, rule: Rule) -> Rule {
        self.named.get(layer).copied().unwrap_or(rule)
    }

    /// The rule of a convolution other than the first.
    pub(crate) fn convolution(&self, layer: &str) -> Rule {
        self.named_or(layer, self.convolution)
    }

    pub(crate) fn first(&self) -> Rule {
        self.named_or(FIRST, self.first)
    }

    pub(crate) fn linear(&self) -> Rule {
        self.named_or(LINEAR, self.linear)
    }

    /// The rule of norms without a convolution before them.
    pub(crate) fn norm(&self) -> Rule {
        self.named_or(NORM, self.norm)
    }

    pub(crate) fn pool(&self, layer: &str) -> f64 {
        self.named.get(layer).map_or(self.pool, |rule| rule.epsilon())
    }

    fn any_behind(&self, asked: impl Fn(Rule) -> bool) -> bool {
        asked(self.convolution) || self.named.values().any(|&rule| asked(rule))
    }

    /// True if a convolution other than the first may get relevance where the output that its rule sees is
    /// not positive.
    pub(crate) fn spills(&self) -> bool {
        self.bias != Bias::Ledger || self.any_behind(|rule| !rule.follows_activations())
    }

    /// True if a convolution other than the first collects parts that all its inputs get alike.
    pub(crate) fn keeps(&self) -> bool {
        self.bias == Bias::Absorb || self.any_behind(|rule| matches!(rule, Rule::Flat))
    }

    /// # Errors
    /// [`Error::Rule`] if the numbers of a rule are invalid, or if the rule does not fit its layer.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let pool = Rule::Epsilon { epsilon: self.pool };
        let kinds = [
            ("the first convolution", self.first),
            ("convolutions", self.convolution),
            ("the linear layer", self.linear),
            ("norms", self.norm),
            ("average pools", pool),
        ];
        let named = self.named.iter().map(|(layer, &rule)| (layer.as_str(), rule));
        for (number, (layer, rule)) in kinds.into_iter().chain(named).enumerate() {
            let first = number == 0 || layer == FIRST;
            let box_behind = matches!(rule, Rule::Box { .. }) && !first;
            let pools = layer.ends_with(POOL) && !matches!(rule, Rule::Epsilon { .. });
            let problem = if box_behind {
                Some(
                    "the box rule needs inputs between black and white, which only the first convolution has"
                        .to_owned(),
                )
            } else if pools {
                Some("average pools accept only the epsilon rule".to_owned())
            } else {
                rule.problem()
            };
            if let Some(problem) = problem {
                return Err(Error::Rule {
                    layer: layer.to_owned(),
                    problem,
                });
            }
        }
        Ok(())
    }
}

/// The start of relevance: `Σ_k c_k (logit_k − θ_k)` for each film. A threshold counts with the bias of its
/// output: the heatmap explains why the logit exceeds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// `c`, `[batch, outputs]`: 1 at one output for that class; 1 and −1 at two outputs for their difference.
    pub coefficients: Vec<f64>,
    /// `θ`, `[batch, outputs]`.
    pub thresholds: Vec<f64>,
}

impl From<&[f64]> for Start {
    fn from(coefficients: &[f64]) -> Self {
        Self {
            coefficients: coefficients.to_vec(),
            thresholds: vec![0.0; coefficients.len()],
        }
    }
}
