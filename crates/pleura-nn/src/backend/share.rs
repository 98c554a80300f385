//! What a backend is told of relevance on its way from a norm's reader to those who wrote the rows.

use std::ops::Range;

use super::{Affine, Grid};

/// How the rows that a norm reads came about, for relevance on its way down.
///
/// A norm is merged into the convolution that wrote its rows, anew for each reader: with `s = γ/σ` and `t = β − μ s` that
/// convolution has weights `s W` and bias `t`. Its share of a rule's denominator is linear in `|s|`, so readers add what they
/// send to one map each for `s > 0` and `s < 0`, and the product with the weights is made once for all of them.
pub enum Producer<'a, T> {
    /// A convolution under the ε rule: `z = s F + t`, `out += s · r / s(z)`.
    Epsilon {
        /// ε.
        epsilon: f64,
    },
    /// A convolution under the z⁺ rule, read by activations ≥ 0: `z⁺ = |s| P + max(t, 0)` with `P` the product with the positive
    /// weights for `s > 0`, with the negated negative ones for `s < 0`; `out += |s| · r / (z⁺ + ε)`.
    Plus {
        /// ε.
        epsilon: f64,
        /// The convolution's output with positive weights alone, rows counted from the first that is shared out.
        positive: &'a T,
    },
    /// No convolution (the stem's pool): the norm is a diagonal linear layer under the ε rule, `out += s x · r / s(z)`.
    Diagonal {
        /// ε.
        epsilon: f64,
    },
}

/// What arrives at the activations behind a norm.
pub enum Arriving<'a, T: ?Sized> {
    /// Their relevance.
    Relevance(&'a T),
    /// Their relevance before it is multiplied by them, as the product with the reader's weights leaves it:
    /// `r = c · relu(scale · x + shift)`.
    Factor(&'a T),
}

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
    /// For a norm with `s ≥ 0`, and for rules that do not ask for the sign.
    pub upright: usize,
    /// For a norm with `s < 0`, under [`Producer::Plus`]; none where no reader's norm turns the sign.
    pub turned: Option<usize>,
}

/// One reader's relevance on its way to those who wrote the rows it reads.
pub struct Share<'a, T> {
    /// How the rows came about.
    pub producer: Producer<'a, T>,
    /// What arrives at the reader's activations, `[≥ rows.end, columns]`.
    pub arriving: Arriving<'a, T>,
    /// The rows, as the reader counts them.
    pub rows: Range<usize>,
    /// The rows as they were written, `[≥ rows.end, columns]`.
    pub raw: &'a T,
    /// The reader's norm.
    pub affine: &'a Affine<T>,
    /// How the columns of `arriving` and `raw` are laid out.
    pub grid: Grid,
    /// Where average pooling stands between convolution and rows. Then the producer's map and `out` are laid out like its own.
    pub unpooled: Option<Unpooled<'a, T>>,
    /// Where in `out` each of the rows has its shares.
    pub places: &'a [Place],
    /// Whether these are the first shares of their rows: then `out` is overwritten there, not added to.
    pub first: bool,
    /// Where shares are added.
    pub out: &'a mut T,
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
