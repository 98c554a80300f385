//! The primitives of LRP-Flex: norms whose `ReLU` is a soft gate, and the gates' derivatives.

use super::{Affine, Grid, Pool};

/// A norm whose `ReLU` is replaced by the gate `h(y) = relu(y) / (relu(y) + ε)`, with `y = scale · x +
/// shift`. For `y ≤ 0` the gate is 0, whatever ε.
pub struct Gated<'a, T> {
    /// The map that the norm reads, `[≥ channels, columns]`.
    pub x: &'a T,
    /// The norm.
    pub affine: &'a Affine<T>,
    /// ε. With 0 the gate is the derivative of `ReLU`.
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

/// The gradient of a heatmap loss at one norm. An ordinary backward pass sends it on.
#[derive(Default)]
pub struct HeatmapGradient<T> {
    /// Gradient of the norm's output, 0 where `ReLU` is shut: `[channels, columns]`.
    pub output: T,
    /// Gradient of `scale` itself, without the part through the output: `[channels]`.
    pub scale: T,
}

/// Gated passes and their derivatives, on the tensors `T` of a [`Backend`](super::Backend).
///
/// Results do not depend on the number of threads.
pub trait LrpFlex<T> {
    /// `into = scale · h(y) · values`, or added to it. The signal passes a gated norm backward in this way,
    /// and a tangent forward. Rows of `values` and `into` are `[≥ channels, columns]`.
    fn gate(&self, gated: Gated<'_, T>, columns: usize, values: &T, into: &mut T, accumulate: bool);

    /// Adds the derivatives of `Σ arriving · scale · h(y) · tangent` to `gradient`: with respect to `y`,
    /// `arriving · scale · tangent · ε / (y + ε)²` where `y > 0`; with respect to `scale`, `Σ arriving · h(y)
    /// · tangent`.
    fn gate_backward(
        &self,
        gated: Gated<'_, T>,
        columns: usize,
        arriving: &T,
        tangent: &T,
        gradient: &mut HeatmapGradient<T>,
    );

    /// Sends a tangent `[channels, columns]` through a pool to the first rows of `out`: the tangent of the
    /// pixel that was largest in the forward pass, or the mean. `x` and `prologue` are those of the forward
    /// pass.
    fn pool_tangent(
        &self,
        pool: Pool,
        channels: usize,
        tangent: &T,
        x: &T,
        prologue: &Affine<T>,
        grid: Grid,
        out: &mut T,
    );

    /// `into += values`.
    fn add(&self, into: &mut T, values: &T);
}
