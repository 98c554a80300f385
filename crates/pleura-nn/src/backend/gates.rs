//! What LRP-Flex needs of a machine beside [`Backend`]: norms whose `ReLU` is a gate, and how gates bend.

use super::{Affine, Backend, Grid, Pool};

/// A norm whose `ReLU` is replaced by the gate `h(y) = relu(y) / (relu(y) + ε)`, with `y = scale · x + shift`; where `y ≤ 0` the
/// gate is shut, whatever ε.
pub struct Gated<'a, T> {
    /// The map that the norm reads, `[≥ channels, columns]`.
    pub x: &'a T,
    /// The norm.
    pub affine: &'a Affine<T>,
    /// ε; 0 makes the gate that of `ReLU`'s gradient.
    pub epsilon: f64,
    /// Channels read.
    pub channels: usize,
}

impl<T> Clone for Gated<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Gated<'_, T> {}

/// What a heatmap's gradient asks of one norm, to be sent back by an ordinary backward pass.
#[derive(Default)]
pub struct Pull<T> {
    /// Gradient at the norm's output, 0 where `ReLU` is shut: `[channels, columns]`.
    pub output: T,
    /// Gradient of `scale` itself, what comes by the output not counted: `[channels]`.
    pub scale: T,
}

/// A machine that runs gated passes and their derivative.
///
/// The same holds as for [`Backend`]: bits do not depend on the number of threads.
pub trait Gates: Backend {
    /// `into = scale · h(y) · values`, or added to it: the way back through a gated norm, and a tangent's way through it.
    /// Rows of `values` and `into` are `[≥ channels, columns]`.
    fn gate(
        &self,
        gated: Gated<'_, Self::Tensor>,
        columns: usize,
        values: &Self::Tensor,
        into: &mut Self::Tensor,
        accumulate: bool,
    );

    /// The derivative of `Σ arriving · scale · h(y) · tangent` with respect to `y`, `arriving · scale · tangent · ε / (y + ε)²` where
    /// `y > 0`, and to `scale`, `Σ arriving · h(y) · tangent`: both added to the pull.
    fn bend(
        &self,
        gated: Gated<'_, Self::Tensor>,
        columns: usize,
        arriving: &Self::Tensor,
        tangent: &Self::Tensor,
        pull: &mut Pull<Self::Tensor>,
    );

    /// A tangent `[channels, columns]` through a pool, to the first rows of `out`: from the largest pixel of the forward pass, or the
    /// mean. `x` and `prologue` are those of the forward pass.
    fn pool_tangent(
        &self,
        pool: Pool,
        channels: usize,
        tangent: &Self::Tensor,
        x: &Self::Tensor,
        prologue: &Affine<Self::Tensor>,
        grid: Grid,
        out: &mut Self::Tensor,
    );

    /// `into += values`.
    fn add(&self, into: &mut Self::Tensor, values: &Self::Tensor);
}
