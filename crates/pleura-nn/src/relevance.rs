//! Layer-wise relevance propagation as a third pass: what each rule is, and the account of what became of the relevance.
//!
//! With `z_k = Σ_j a_j w_jk + b_k`, `s(z) = z + ε · sgn z`, `sgn 0 = 1`, and `x⁺`, `x⁻` for the positive and the negative part, rules
//! follow Bach et al. (`PLoS` ONE 2015), Montavon et al. (Pattern Recognition 2017; *Layer-Wise Relevance Propagation: An Overview*,
//! 2019) and Lapuschkin et al. (2019); where inputs have both signs, the mirrored terms are those of Andéol et al. (2021).

mod layers;
mod ledger;

pub(crate) use self::layers::{FIRST, LINEAR, NORM, POOL};
pub use self::layers::{Layer, LayerKind, layers};
pub use self::ledger::{Entry, Ledger};
pub(crate) use self::ledger::{LedgerBuilder, add, by_image};

use std::collections::BTreeMap;

use crate::error::Error;
pub use crate::rule::{Bias, Rule};

/// Which rule stands where.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The stem's convolution.
    pub first: Rule,
    /// Every other convolution.
    pub convolution: Rule,
    /// The head's linear layer.
    pub linear: Rule,
    /// Norms that no convolution precedes: those that read what the stem's pool wrote. Each is a linear layer of one input.
    pub norm: Rule,
    /// ε of the ε rule in average pools.
    pub pool: f64,
    /// Layers with a rule of their own, by their name in [`layers`]; an average pool has ε rules alone.
    pub named: BTreeMap<String, Rule>,
    /// What becomes of biases' shares.
    pub bias: Bias,
}

impl Rules {
    /// `first` in the first convolution, `convolution` in the others, the ε rule everywhere else.
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

    /// The rule of a convolution behind the first.
    pub(crate) fn convolution(&self, layer: &str) -> Rule {
        self.named_or(layer, self.convolution)
    }

    pub(crate) fn first(&self) -> Rule {
        self.named_or(FIRST, self.first)
    }

    pub(crate) fn linear(&self) -> Rule {
        self.named_or(LINEAR, self.linear)
    }

    /// The rule of norms that no convolution precedes.
    pub(crate) fn norm(&self) -> Rule {
        self.named_or(NORM, self.norm)
    }

    pub(crate) fn pool(&self, layer: &str) -> f64 {
        self.named.get(layer).map_or(self.pool, |rule| rule.epsilon())
    }

    fn any_behind(&self, asked: impl Fn(Rule) -> bool) -> bool {
        asked(self.convolution) || self.named.values().any(|&rule| asked(rule))
    }

    /// Whether a convolution behind the first may get relevance where the output that its rule sees is not positive.
    pub(crate) fn spills(&self) -> bool {
        self.bias != Bias::Ledger || self.any_behind(|rule| !rule.follows_activations())
    }

    /// Whether a convolution behind the first keeps parts that all its inputs get alike.
    pub(crate) fn keeps(&self) -> bool {
        self.bias == Bias::Absorb || self.any_behind(|rule| matches!(rule, Rule::Flat))
    }

    /// # Errors
    /// [`Error::Rule`] where a rule's numbers are none, or where it cannot stand.
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
                Some("the box rule needs inputs between black and white, which the first convolution alone has".to_owned())
            } else if pools {
                Some("average pools have the epsilon rule alone".to_owned())
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

/// Where relevance starts: at `Σ_k c_k (logit_k − θ_k)`, for each film. A threshold counts with the output's bias: what is asked is why
/// the logit is above it.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// `c`, `[batch, outputs]`: 1 at one output for that class, 1 and −1 at two for their difference.
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
