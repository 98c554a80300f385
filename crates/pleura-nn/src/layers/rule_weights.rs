//! The weights of a convolution that a rule multiplies by.

use super::Pass;
use crate::architecture::Window;
use crate::backend::{Backend, Grid, Kernel, Output, Place, UniformPart};
use crate::relevance::{Bias, Rule, Rules};

/// The weights of a convolution that its rule multiplies by, and the places of its outputs' shares.
pub(crate) struct RuleWeights<T> {
    rule: Rule,
    /// Both sets of weights. `None` for the ε and flat rules, which use the network's own.
    weights: Option<T>,
    /// `W⁺`, if it is not the first set.
    positive: Option<T>,
    outputs: usize,
    inputs: usize,
    rows: usize,
}

/// The outputs that need a place in the second set of shares.
#[derive(Clone, Copy)]
pub(crate) struct SignFlips<'a> {
    /// For each output, true if a norm that reads it flips its sign.
    pub(crate) signs: &'a [bool],
    /// Relevance may arrive where the output is off.
    pub(crate) spills: bool,
}

impl<T> RuleWeights<T> {
    /// Adds the places of the outputs, in a map whose rows from `first` on belong to them.
    pub(crate) fn of<B: Backend<Tensor = T>>(
        backend: &B,
        kernel: Kernel<'_, T>,
        rule: Rule,
        flips: SignFlips<'_>,
        first: usize,
        places: &mut Vec<Place>,
    ) -> Self {
        let Kernel { outputs, inputs, .. } = kernel;
        let mut negated = Vec::new();
        for (output, &flips_sign) in flips.signs[..outputs].iter().enumerate() {
            let flips = match rule {
                Rule::AlphaBeta { .. } => true,
                Rule::Gamma { .. } => flips_sign || flips.spills,
                Rule::Plus { .. } | Rule::Box { .. } => flips_sign,
                Rule::Epsilon { .. } | Rule::Square { .. } | Rule::Flat => false,
            };
            places.push(Place {
                direct: first + output,
                negated: flips.then_some(first + outputs + negated.len()),
            });
            if flips {
                negated.push(output);
            }
        }
        let own = matches!(rule, Rule::Epsilon { .. } | Rule::Flat);
        let gamma = matches!(rule, Rule::Gamma { .. });
        let plus = Rule::Plus { epsilon: 0.0 };
        Self {
            rule,
            weights: (!own).then(|| backend.rule_weights(kernel, rule, &negated)),
            positive: gamma.then(|| backend.rule_weights(kernel, plus, &[])),
            outputs,
            inputs,
            rows: outputs + negated.len(),
        }
    }

    /// Number of rows of shares.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn rule(&self) -> Rule {
        self.rule
    }

    /// Both sets, for the product that sends relevance down; `own` are the network's weights.
    pub(crate) fn whole<'s>(&'s self, own: Kernel<'s, T>) -> Kernel<'s, T> {
        // A negative sum may be almost zero where the positive one is not: quotients of all sizes lie side by
        // side.
        let exact = matches!(self.rule, Rule::AlphaBeta { .. });
        match &self.weights {
            None => own.quick(),
            Some(weights) => Kernel {
                exact,
                ..self.kernel(weights, self.rows)
            },
        }
    }

    fn kernel<'s>(&'s self, weights: &'s T, outputs: usize) -> Kernel<'s, T> {
        Kernel {
            weights,
            outputs,
            inputs: self.inputs,
            prepared: None,
            exact: true,
        }
    }

    /// The weights whose products are the denominators, for places from the first on. They multiply the
    /// convolution's inputs, or ones under w².
    pub(crate) fn denominators(&self) -> Option<Kernel<'_, T>> {
        let weights = self.weights.as_ref()?;
        Some(match (self.rule, &self.positive) {
            (Rule::AlphaBeta { .. }, _) => self.kernel(weights, self.rows),
            (_, Some(positive)) => self.kernel(positive, self.outputs),
            _ => self.kernel(weights, self.outputs),
        })
    }

    /// True if denominators are products with ones.
    pub(crate) fn of_ones(&self) -> bool {
        matches!(self.rule, Rule::Square { .. })
    }
}

/// The destination of parts that all inputs of a convolution get alike, if there can be any.
pub(crate) fn kept<T>(map: &mut Option<T>, row: usize, inputs: usize) -> Option<UniformPart<'_, T>> {
    let part = 1.0 / inputs as f64;
    map.as_mut().map(|map| UniformPart { map, row, part })
}

/// True if a rule has parts that all inputs get alike.
pub(crate) fn keeps(rule: Rule, rules: &Rules) -> bool {
    matches!(rule, Rule::Flat) || rules.bias == Bias::Absorb
}

/// The part that each input of a convolution gets of the uniform parts in `rows`: one row.
pub(crate) fn equal<B: Backend>(
    pass: &Pass<'_, B>,
    kept: Option<&B::Tensor>,
    rows: std::ops::Range<usize>,
    window: Window,
    grid: Grid,
) -> Option<B::Tensor> {
    let kept = kept?;
    let mut out = pass.backend.zeros(grid.columns());
    pass.backend.flat(window, kept, (rows, 1), grid, &mut out);
    Some(out)
}

/// A map of ones.
pub(crate) fn ones<B: Backend>(pass: &Pass<'_, B>, len: usize) -> B::Tensor {
    use crate::backend::Real;
    pass.backend.adopt(vec![B::Real::from_f64(1.0); len])
}

/// The destination of a product without moments.
pub(crate) fn target<T>(map: &mut T, row: usize) -> Output<'_, T> {
    Output {
        map,
        row,
        moments: None,
    }
}
