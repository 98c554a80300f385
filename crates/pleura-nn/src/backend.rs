//! The boundary between the network and the machine: the fused primitives that a DenseNet needs.
//!
//! Every map is channel-major, `[channels, batch · height · width]`: a channel is one row, a dense block is one
//! matrix that grows downwards, and concatenation costs nothing. A norm and its `ReLU` are never stored: they are
//! the prologue of the convolution that reads a map ([`Affine`]), and on the way back the epilogue of the product
//! that arrives there ([`NormReluBackward`]).

mod flex;
mod operands;
mod relevance;

use std::ops::Range;

pub use self::flex::{Gated, HeatmapGradient, LrpFlex};
pub use self::operands::{
    Affine, Films, GradientSink, Grid, Kernel, Moments, NormBackward, NormReluBackward, Output, Pool, Role,
    Sums,
};
pub use self::relevance::{
    Account, IncomingRelevance, Place, Producer, RelevanceStep, UniformPart, Unpooled,
};
pub(crate) use self::relevance::{merged, neuron, rule_weights};
use crate::architecture::Window;
use crate::rule::Rule;

/// The number type of a backend: `f32` where it shall be fast, `f64` where it shall be exact.
pub trait Real:
    Copy
    + Send
    + Sync
    + PartialOrd
    + std::fmt::Debug
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + 'static
{
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// This value in double precision.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// A machine that runs a DenseNet.
///
/// Tensors are flat buffers of reals; shapes are the caller's. A primitive computes each output in an order that
/// does not depend on the number of threads, so results are bit-equal for any. Shapes are checked by the network
/// before a pass begins; a primitive that is handed a buffer too short panics.
pub trait Backend: Send + Sync {
    /// The number type.
    type Real: Real;
    /// A flat buffer on the device.
    type Tensor: Clone + Default + Send + Sync;

    /// Name of the backend and of the path it chose on this machine, as `pleura doctor` shows it.
    fn describe(&self) -> String;

    /// How many films inference sends through the network together: few where a film's maps then stay in cache.
    fn inference_batch(&self) -> usize {
        usize::MAX
    }

    /// Runs a pass, whose primitives follow each other closely: threads may stay awake from one to the next. The pass must not wait for other
    /// work of the same pool of threads, as parallel iterators do: those threads may all be awake here. Passes of relevance are run without it.
    fn run_pass<R>(&self, body: impl FnOnce() -> R) -> R {
        body()
    }

    /// Copies values to the device.
    fn upload(&self, values: &[Self::Real]) -> Self::Tensor;
    /// [`Backend::upload`] of values that nobody else needs.
    fn adopt(&self, values: Vec<Self::Real>) -> Self::Tensor {
        self.upload(&values)
    }
    /// Copies values from the device.
    fn download(&self, tensor: &Self::Tensor) -> Vec<Self::Real>;
    /// A buffer of zeros.
    fn zeros(&self, len: usize) -> Self::Tensor;
    /// A buffer to be written before it is read: what stands in it is whatever was left there.
    fn alloc_uninit(&self, len: usize) -> Self::Tensor {
        self.zeros(len)
    }
    /// Takes back a buffer that is no longer needed, for a later [`Backend::alloc_uninit`].
    fn release(_tensor: Self::Tensor) {}

    /// Moments of the given rows of a map `[channels, columns]`, written at the same rows of `moments`.
    fn moments(
        &self,
        x: &Self::Tensor,
        rows: Range<usize>,
        columns: usize,
        moments: &mut Moments<Self::Tensor>,
    );

    /// A norm's parameters and statistics as one multiplication and one addition; ε is [`NORM_EPSILON`].
    fn fold_norm(
        &self,
        gamma: &Self::Tensor,
        beta: &Self::Tensor,
        mean: &Self::Tensor,
        variance: &Self::Tensor,
    ) -> Affine<Self::Tensor>;

    /// What [`NormReluBackward`] needs of a norm; `batch_statistics` chooses the factor (γ, or γ/σ).
    fn norm_backward(
        &self,
        gamma: &Self::Tensor,
        beta: &Self::Tensor,
        mean: &Self::Tensor,
        variance: &Self::Tensor,
        batch_statistics: bool,
    ) -> NormBackward<Self::Tensor>;

    /// Ends a map's gradient with batch statistics, once all readers have added theirs:
    /// `G ← (1/σ)(G − mean G − x̂ · mean(G x̂))` on the given rows.
    fn norm_correction(
        &self,
        gradient: &mut Self::Tensor,
        x: &Self::Tensor,
        rows: Range<usize>,
        columns: usize,
        moments: &Moments<Self::Tensor>,
        sums: &Sums<Self::Tensor>,
    );

    /// Weights as this backend's products read them, for [`Kernel::prepared`]; nothing where it reads them as they are.
    fn prepare(&self, _kernel: Kernel<'_, Self::Tensor>, _role: Role) -> Option<Self::Tensor> {
        None
    }

    /// 1×1 convolution, one matrix product over the whole batch: `W · relu(scale · x + shift) + bias`.
    fn pointwise(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        bias: Option<&Self::Tensor>,
        columns: usize,
        target: Output<'_, Self::Tensor>,
    );

    /// `Wᵀ · dy`, with `dy` the rows of `gradient` from `row` on.
    fn pointwise_input_gradient(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        gradient: &Self::Tensor,
        row: usize,
        columns: usize,
        sink: GradientSink<'_, Self::Tensor>,
    );

    /// `dW = dy · relu(scale · x + shift)ᵀ`, `[outputs, inputs]`, overwritten.
    fn pointwise_weight_gradient(
        &self,
        shape: (usize, usize),
        gradient: &Self::Tensor,
        row: usize,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        columns: usize,
        weights: &mut Self::Tensor,
    );

    /// 3×3 convolution, stride 1, one zero around.
    fn conv3x3(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        grid: Grid,
        target: Output<'_, Self::Tensor>,
    );

    /// The transposed 3×3 convolution of `gradient`'s rows from `row` on.
    fn conv3x3_input_gradient(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        gradient: &Self::Tensor,
        row: usize,
        grid: Grid,
        sink: GradientSink<'_, Self::Tensor>,
    );

    /// The 3×3 convolution's weights' gradient, `[outputs, inputs, 3, 3]`, overwritten.
    fn conv3x3_weight_gradient(
        &self,
        shape: (usize, usize),
        gradient: &Self::Tensor,
        row: usize,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        grid: Grid,
        weights: &mut Self::Tensor,
    );

    /// The stem's convolution, any window: `[inputs, grid]` → `[outputs, grid.after(window)]`.
    fn stem_conv(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        window: Window,
        x: &Self::Tensor,
        grid: Grid,
        target: Output<'_, Self::Tensor>,
    );

    /// The transposed stem convolution, `[outputs, grid.after(window)]` → `[inputs, grid]`, overwritten.
    fn stem_conv_input_gradient(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        window: Window,
        gradient: &Self::Tensor,
        grid: Grid,
        out: &mut Self::Tensor,
    );

    /// The stem's weights' gradient, `[outputs, inputs, k, k]`, overwritten.
    fn stem_conv_weight_gradient(
        &self,
        shape: (usize, usize),
        window: Window,
        gradient: &Self::Tensor,
        x: &Self::Tensor,
        grid: Grid,
        weights: &mut Self::Tensor,
    );

    /// Films' channels, one after the other, `[channels, batch, height, width]`.
    fn channels(&self, films: Films<'_, Self::Tensor>) -> Self::Tensor {
        let grey = self.download(films.grey);
        let mut channels = Vec::with_capacity(films.scale.len() * grey.len());
        for (scale, shift) in films.scale.iter().zip(films.shift) {
            let value = |grey: &Self::Real| Self::Real::from_f64(scale * grey.to_f64() + shift);
            channels.extend(grey.iter().map(value));
        }
        self.adopt(channels)
    }

    /// [`Backend::stem_conv`] of films.
    fn film_conv(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        window: Window,
        films: Films<'_, Self::Tensor>,
        grid: Grid,
        target: Output<'_, Self::Tensor>,
    ) {
        self.stem_conv(kernel, window, &self.channels(films), grid, target);
    }

    /// [`Backend::stem_conv_weight_gradient`] of films.
    fn film_conv_weight_gradient(
        &self,
        shape: (usize, usize),
        window: Window,
        gradient: &Self::Tensor,
        films: Films<'_, Self::Tensor>,
        grid: Grid,
        weights: &mut Self::Tensor,
    ) {
        self.stem_conv_weight_gradient(shape, window, gradient, &self.channels(films), grid, weights);
    }

    /// Pools `channels` rows of `x` after its norm and `ReLU`.
    fn pool(
        &self,
        pool: Pool,
        channels: usize,
        x: &Self::Tensor,
        prologue: &Affine<Self::Tensor>,
        grid: Grid,
        target: Output<'_, Self::Tensor>,
    );

    /// Sends a pooled map's gradient `[channels, pooled grid]` back. `x` and `prologue` are those of the forward pass.
    fn pool_input_gradient(
        &self,
        pool: Pool,
        channels: usize,
        gradient: &Self::Tensor,
        x: &Self::Tensor,
        prologue: &Affine<Self::Tensor>,
        grid: Grid,
        sink: GradientSink<'_, Self::Tensor>,
    );

    /// A convolution's weights as a rule multiplies by them: the first set (`W⁺` under z⁺ and α-β, `W + γ W⁺` under γ, `W²`) of all
    /// outputs, then the second (`(−W)⁺`, `W + γ W⁻`) of the outputs `negated`.
    fn rule_weights(&self, kernel: Kernel<'_, Self::Tensor>, rule: Rule, negated: &[usize]) -> Self::Tensor;

    /// Relevance's way from a norm's reader into the convolution (or pool) that wrote the rows: see [`RelevanceStep`]. Returns an account
    /// for each row and image, `[rows, batch]`.
    fn relevance_step(&self, step: RelevanceStep<'_, Self::Tensor>) -> Vec<Account>;

    /// The flat rule, `shape` being `(rows, inputs)`: each output place's relevance over the given rows,
    /// `[≥ rows.end, grid.after(window)]`, goes in equal shares to
    /// the real pixels under its window, `[inputs, grid]`, overwritten. Returns each image's relevance that arrived.
    fn flat(
        &self,
        window: Window,
        relevance: &Self::Tensor,
        shape: (Range<usize>, usize),
        grid: Grid,
        out: &mut Self::Tensor,
    ) -> Vec<f64>;

    /// `r ← r · x` on `channels` rows of both; returns each image's sum of the result.
    fn multiply(
        &self,
        relevance: &mut Self::Tensor,
        x: &Self::Tensor,
        channels: usize,
        grid: Grid,
    ) -> Vec<f64>;

    /// `r ← r / s(z)` with `s(z) = z + ε · sgn z`, `sgn 0 = 1`; returns each image's sum of what the ε takes, `r − z · r / s(z)`.
    fn quotient(
        &self,
        relevance: &mut Self::Tensor,
        z: &Self::Tensor,
        channels: usize,
        grid: Grid,
        epsilon: f64,
    ) -> Vec<f64>;

    /// The primitives of LRP-Flex, if this backend has them. They are optional: nothing else needs them.
    fn lrp_flex(&self) -> Option<&dyn LrpFlex<Self::Tensor>> {
        None
    }

    /// Sums of a map's rows: the gradient of a bias.
    fn row_sums(&self, x: &Self::Tensor, rows: Range<usize>, columns: usize, out: &mut Self::Tensor);
}

/// ε under the square root of every norm, torch's default.
pub const NORM_EPSILON: f64 = 1e-5;
