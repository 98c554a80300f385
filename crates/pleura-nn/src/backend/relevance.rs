//! Operands of a relevance step: from the reader of a norm to the layers that produced the rows it reads.

use std::ops::Range;

use super::{Affine, Grid, Real};
use crate::rule::{Bias, Rule};

/// The layer that produced the rows read by a batch norm.
///
/// For each reader, its norm is merged into the convolution that produced the rows: with `s = γ/σ` and `t = β
/// − μ s` that convolution has weights `s W` and bias `t`. Let `F` be its output, and `P` and `N` the
/// products of its inputs (which are ≥ 0) with `W⁺` and `(−W)⁺`, so that `F = P − N`. Let `R⁺ = P, R⁻ = N`
/// where `s > 0`, and `R⁺ = N, R⁻ = P` where `s < 0`. Then:
///
/// * ε: `z = s F + t`, `q = r / s(z)`; inputs get `a W (s q)`;
/// * z⁺: `z = |s| R⁺ + t⁺`, `q = r / (z + ε)`; inputs get `a W⁺ (|s| q)` or, for `s < 0`, `a (−W)⁺ (|s| q)`;
/// * α-β: z⁺ times α, and `q' = −β r / (|s| R⁻ + |t⁻| + ε)` for the other of the two sets;
/// * γ: `q = r / (z + γ (|s| R⁺ + t⁺) + ε)` where `z > 0`, and `q = r / (z − γ (|s| R⁻ + |t⁻|) − ε)` where `z
///   < 0`; inputs get `a (W + γ W⁺) (s q)` where `s z > 0`, else `a (W + γ W⁻) (s q)`;
/// * w²: `q = r / (s² Σ w² + t² + ε)`; inputs get `W² (s² q)`;
/// * flat: inputs get equal parts.
///
/// All of these are linear in the factor beside the weights, called a share. So the shares of all readers add
/// up, in one map for each of two sets of weights, and one product per set serves all readers.
pub enum Producer<'a, T> {
    /// A convolution, with its products at the rows that [`RelevanceStep::places`] names. Direct rows: `P`,
    /// or `Σ w²` for w². Negated rows: `N` for α-β. The ε and flat rules need no products.
    Convolution(&'a T),
    /// No convolution (the stem's pool). The norm is a linear layer with one input `x ≥ 0`, and shares are
    /// relevance.
    Diagonal,
}

/// The relevance that arrives at the activations behind a norm.
pub enum IncomingRelevance<'a, T: ?Sized> {
    /// Relevance of the activations.
    Relevance(&'a T),
    /// Relevance before the multiplication by the activations, as the product with the reader's weights
    /// leaves it: `r = c · relu(scale · x + shift)`.
    Factor(&'a T),
    /// Only [`RelevanceStep::equal`].
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

/// The rows of a map of shares that the shares of one row are added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// For the first set of weights: `W`, `W⁺`, `W + γ W⁺` or `W²`.
    pub direct: usize,
    /// For the second: `(−W)⁺` or `W + γ W⁻`. `None` if nothing will be sent there.
    pub negated: Option<usize>,
}

/// Destination of the parts that all inputs get alike: the relevance of the flat rule, and the biases' parts
/// if inputs absorb them.
pub struct UniformPart<'a, T> {
    /// `[≥ row + rows, columns]`, laid out as the map of shares.
    pub map: &'a mut T,
    /// First row of the destination.
    pub row: usize,
    /// Factor of everything added: one over the number of inputs.
    pub part: f64,
}

/// The relevance of one reader on its way to the layers that produced the rows it reads.
pub struct RelevanceStep<'a, T> {
    /// The layer that produced the rows.
    pub producer: Producer<'a, T>,
    /// The producer's rule.
    pub rule: Rule,
    /// Treatment of the biases' parts.
    pub bias: Bias,
    /// Relevance at the reader's activations, `[≥ rows.end, columns]`.
    pub arriving: IncomingRelevance<'a, T>,
    /// One row of relevance that arrives at every row in addition.
    pub equal: Option<&'a T>,
    /// The rows, as the reader counts them.
    pub rows: Range<usize>,
    /// The rows as produced, `[≥ rows.end, columns]`.
    pub raw: &'a T,
    /// The reader's norm.
    pub affine: &'a Affine<T>,
    /// Layout of the columns of `arriving` and `raw`.
    pub grid: Grid,
    /// Average pooling between convolution and rows, if there is any. Products, `out` and `kept` then have
    /// its layout.
    pub unpooled: Option<Unpooled<'a, T>>,
    /// The places in `out` for the shares of each row.
    pub places: &'a [Place],
    /// True for the first shares of these rows: `out` and `kept` are overwritten instead of added to.
    pub first: bool,
    /// Destination of the shares.
    pub out: &'a mut T,
    /// Destination of uniform parts: for the flat rule, and if inputs absorb the biases' parts.
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

/// The account of relevance in one step, for one image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// Relevance that arrived.
    pub received: f64,
    /// The part of the bias.
    pub bias: f64,
    /// The part of the stabiliser ε.
    pub epsilon: f64,
}

/// Distributes the relevance `r` of one neuron among its inputs by a rule; `send` gets each part. This is the
/// plain form, for the few neurons that do not belong to a convolution. `inputs` are pairs of activation and
/// weight.
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
    // One term: contributions, contribution of the bias, relevance to distribute, and the sign of ε.
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

/// The weights that a rule multiplies by: the first set for all `outputs`, then the second for the outputs in
/// `negated`.
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
