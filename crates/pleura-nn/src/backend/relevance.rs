//! What a backend is told of relevance on its way from a norm's reader to those who wrote the rows.

use std::ops::Range;

use super::{Affine, Grid, Real};
use crate::rule::{Bias, Rule};

/// Who wrote the rows that a norm reads, for relevance on its way down.
///
/// A norm is merged into the convolution that wrote its rows, anew for each reader: with `s = γ/σ` and `t = β − μ s` that convolution
/// has weights `s W` and bias `t`. With `F` its output, `P` and `N` the products of its inputs (which are ≥ 0) with `W⁺` and `(−W)⁺`, so
/// that `F = P − N`, and `R⁺ = P, R⁻ = N` where `s > 0`, `R⁺ = N, R⁻ = P` where `s < 0`:
///
/// * ε: `z = s F + t`, `q = r / s(z)`; inputs get `a W (s q)`;
/// * z⁺: `z = |s| R⁺ + t⁺`, `q = r / (z + ε)`; inputs get `a W⁺ (|s| q)` or, for `s < 0`, `a (−W)⁺ (|s| q)`;
/// * α-β: that times α, and `q' = −β r / (|s| R⁻ + |t⁻| + ε)` for the other of the two;
/// * γ: where `z > 0`, `q = r / (z + γ (|s| R⁺ + t⁺) + ε)`, where `z < 0`, `q = r / (z − γ (|s| R⁻ + |t⁻|) − ε)`; inputs get
///   `a (W + γ W⁺) (s q)` where `s z > 0`, else `a (W + γ W⁻) (s q)`;
/// * w²: `q = r / (s² Σ w² + t² + ε)`; inputs get `W² (s² q)`;
/// * flat: inputs get equal parts.
///
/// All are linear in what is put beside the weights, so readers add that up, in one map for each of two sets of weights, and one
/// product a set is made for all of them.
pub enum Producer<'a, T> {
    /// A convolution. At the rows that [`RelevanceStep::places`] names: `P` at the direct one, under α-β `N` at the negated one, under w² `Σ w²`
    /// at the direct one; nothing under the ε rule and the flat one.
    Convolution(&'a T),
    /// No convolution (the stem's pool): the norm is a linear layer of one input, `x ≥ 0`, and shares are relevance.
    Diagonal,
}

/// What arrives at the activations behind a norm.
pub enum IncomingRelevance<'a, T: ?Sized> {
    /// Their relevance.
    Relevance(&'a T),
    /// Their relevance before it is multiplied by them, as the product with the reader's weights leaves it:
    /// `r = c · relu(scale · x + shift)`.
    Factor(&'a T),
    /// Nothing but [`RelevanceStep::equal`].
    Nothing,
}

impl<T: ?Sized> Clone for IncomingRelevance<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for IncomingRelevance<'_, T> {}

/// 2×2 average pooling between a convolution and the rows that are read.
pub struct Unpooled<'a, T> {
    /// The convolution's output, `[rows, grid]`.
    pub raw: &'a T,
    /// How its columns are laid out.
    pub grid: Grid,
    /// ε of the ε rule in the pool.
    pub epsilon: f64,
}

/// The rows of a map of shares that one row's shares are added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// For the first set of weights: `W`, `W⁺`, `W + γ W⁺` or `W²`.
    pub direct: usize,
    /// For the second: `(−W)⁺` or `W + γ W⁻`. None where it is known that nothing will be sent there.
    pub negated: Option<usize>,
}

/// Where parts are added that all inputs get alike: the flat rule's relevance, and what biases took where inputs absorb it.
pub struct UniformPart<'a, T> {
    /// `[≥ row + rows, columns]`, laid out as the map of shares.
    pub map: &'a mut T,
    /// Where the first of the rows has its own.
    pub row: usize,
    /// What is added is multiplied by this: one over the inputs.
    pub part: f64,
}

/// One reader's relevance on its way to those who wrote the rows it reads.
pub struct RelevanceStep<'a, T> {
    /// Who wrote the rows.
    pub producer: Producer<'a, T>,
    /// How they share.
    pub rule: Rule,
    /// What becomes of biases' shares.
    pub bias: Bias,
    /// What arrives at the reader's activations, `[≥ rows.end, columns]`.
    pub arriving: IncomingRelevance<'a, T>,
    /// One row of relevance that arrives at each row besides.
    pub equal: Option<&'a T>,
    /// The rows, as the reader counts them.
    pub rows: Range<usize>,
    /// The rows as they were written, `[≥ rows.end, columns]`.
    pub raw: &'a T,
    /// The reader's norm.
    pub affine: &'a Affine<T>,
    /// How the columns of `arriving` and `raw` are laid out.
    pub grid: Grid,
    /// Where average pooling stands between convolution and rows. Then products, `out` and `kept` are laid out like its own.
    pub unpooled: Option<Unpooled<'a, T>>,
    /// Where in `out` each of the rows has its shares.
    pub places: &'a [Place],
    /// Whether these are the first shares of their rows: then `out` and `kept` are overwritten there, not added to.
    pub first: bool,
    /// Where shares are added.
    pub out: &'a mut T,
    /// For the flat rule, and where inputs absorb what biases take.
    pub kept: Option<UniformPart<'a, T>>,
}

/// The norm `(scale, shift)` as a rule sees it when merged into the convolution.
pub(crate) fn merged<R: Real>((scale, shift): (R, R), bias: Bias) -> (R, R) {
    if bias == Bias::Zero {
        (scale, R::from_f64(0.0))
    } else {
        (scale, shift)
    }
}

/// What became of relevance in one step, for one image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// What arrived.
    pub received: f64,
    /// What the bias took.
    pub bias: f64,
    /// What the stabiliser ε took.
    pub epsilon: f64,
}

/// One neuron's relevance `r` shared among its inputs by a rule: `below_j` gets its part. The plain form, for the few neurons that are
/// no convolution's: `inputs` are pairs of activation and weight.
pub(crate) fn neuron(
    inputs: &(impl Iterator<Item = (f64, f64)> + Clone),
    bias: f64,
    (rule, policy): (Rule, Bias),
    r: f64,
    mut send: impl FnMut(usize, f64),
) -> Account {
    let bias = if policy == Bias::Zero { 0.0 } else { bias };
    let z = inputs.clone().map(|(a, w)| a * w).sum::<f64>() + bias;
    let positive = |n: f64| n.max(0.0);
    let negative = |n: f64| n.min(0.0);
    let count = inputs.clone().count();
    let mut account = Account {
        received: r,
        ..Account::default()
    };
    // Each term: contributions, the bias's, how much of r it shares, and the sign of its ε.
    let mut term = |n: &dyn Fn(f64, f64) -> f64, bias: f64, r: f64, sign: f64| {
        let z = inputs.clone().map(|(a, w)| n(a, w)).sum::<f64>() + bias;
        let below = z + sign * rule.epsilon();
        let q = if below == 0.0 { 0.0 } else { r / below };
        let absorbed = if policy == Bias::Absorb {
            bias * q / count as f64
        } else {
            0.0
        };
        for (place, (a, w)) in inputs.clone().enumerate() {
            send(place, n(a, w) * q + absorbed);
        }
        account.bias += if policy == Bias::Absorb { 0.0 } else { bias * q };
        account.epsilon += r - z * q;
    };
    let sign = |z: f64| if z < 0.0 { -1.0 } else { 1.0 };
    match rule {
        Rule::Epsilon { .. } => term(&|a, w| a * w, bias, r, sign(z)),
        Rule::Plus { .. } => term(&|a, w| positive(a * w), positive(bias), r, 1.0),
        Rule::AlphaBeta { alpha, beta, .. } => {
            term(&|a, w| positive(a * w), positive(bias), alpha * r, 1.0);
            term(&|a, w| negative(a * w), negative(bias), -beta * r, -1.0);
        }
        Rule::Gamma { gamma, .. } if z > 0.0 => {
            let grown = |n: f64| n + gamma * positive(n);
            term(&|a, w| grown(a * w), grown(bias), r, 1.0);
        }
        Rule::Gamma { gamma, .. } if z < 0.0 => {
            let grown = |n: f64| n + gamma * negative(n);
            term(&|a, w| grown(a * w), grown(bias), r, -1.0);
        }
        Rule::Gamma { .. } => account.epsilon = r,
        Rule::Square { .. } => term(&|_, w| w * w, bias * bias, r, 1.0),
        Rule::Flat | Rule::Box { .. } => term(&|_, _| 1.0, 0.0, r, 1.0),
    }
    account
}

/// A convolution's weights as a rule multiplies by them: the first set for all `outputs`, then the second for those `negated`.
pub(crate) fn rule_weights<R: Real>(weights: &[R], outputs: usize, rule: Rule, negated: &[usize]) -> Vec<R> {
    let zero = R::from_f64(0.0);
    let positive = |w: R| if w > zero { w } else { zero };
    let negative = |w: R| if w < zero { w } else { zero };
    let sets = (weights, weights.len() / outputs, negated);
    match rule {
        Rule::Gamma { gamma, .. } => {
            let gamma = R::from_f64(gamma);
            both(sets, |w| w + gamma * positive(w), |w| w + gamma * negative(w))
        }
        Rule::Square { .. } => both(sets, |w| w * w, |w| w * w),
        Rule::Epsilon { .. } | Rule::Flat => both(sets, |w| w, |w| w),
        Rule::Plus { .. } | Rule::AlphaBeta { .. } | Rule::Box { .. } => {
            both(sets, positive, |w| zero - negative(w))
        }
    }
}

fn both<R: Real>(
    (weights, size, negated): (&[R], usize, &[usize]),
    first: impl Fn(R) -> R,
    second: impl Fn(R) -> R,
) -> Vec<R> {
    let mut out = Vec::with_capacity(weights.len() + negated.len() * size);
    out.extend(weights.iter().map(|&w| first(w)));
    for row in negated {
        out.extend(weights[row * size..(row + 1) * size].iter().map(|&w| second(w)));
    }
    out
}
