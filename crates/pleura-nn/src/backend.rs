//! The interface between the network and the hardware: the fused primitives that a DenseNet needs.
//!
//! Every map is channel-major, `[channels, batch · height · width]`. A channel is one row, a dense block is
//! one matrix that grows downwards, and concatenation costs nothing. A norm and its `ReLU` are never stored.
//! Forward, they are the prologue of the convolution that reads a map ([`Affine`]); backward, they are the
//! epilogue of the product that arrives there ([`NormReluBackward`]).

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

/// The number type of a backend: `f32` for speed, `f64` for exactness.
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

/// Hardware that runs a DenseNet.
///
/// Tensors are flat buffers of reals; the caller knows their shapes. A primitive computes each output in an
/// order that does not depend on the number of threads, so results are bit-equal for any number. The network
/// checks shapes before a pass begins. A primitive panics if a buffer is too short.
pub trait Backend: Send + Sync {
    /// The number type.
    type Real: Real;
    /// A flat buffer on the device.
    type Tensor: Clone + Default + Send + Sync;

    /// Name of the backend and of the instruction set it chose, as `pleura doctor` shows it.
    fn describe(&self) -> String;

    /// Films that inference sends through the network at once. Few films keep a film's maps in cache.
    fn inference_batch(&self) -> usize {
        usize::MAX
    }

    /// Runs a pass, whose primitives follow each other closely, so that threads may stay awake between them.
    ///
    /// The pass must not wait for other work of the same thread pool, as parallel iterators do: all threads
    /// may be awake here. Relevance passes run without it.
    fn run_pass<R>(&self, body: impl FnOnce() -> R) -> R {
        body()
    }

    /// Copies values to the device.
    fn upload(&self, values: &[Self::Real]) -> Self::Tensor;
    /// [`Backend::upload`] of a vector that the caller gives away.
    fn adopt(&self, values: Vec<Self::Real>) -> Self::Tensor {
        self.upload(&values)
    }
    /// Copies values from the device.
    fn download(&self, tensor: &Self::Tensor) -> Vec<Self::Real>;
    /// A buffer of zeros.
    fn zeros(&self, len: usize) -> Self::Tensor;
    /// Returns an uninitialized buffer of `len` values. Write every element before reading it.
    fn alloc_uninit(&self, len: usize) -> Self::Tensor {
        self.zeros(len)
    }
    /// Takes back a buffer for a later [`Backend::alloc_uninit`].
    fn release(_tensor: Self::Tensor) {}

    /// Writes the moments of rows of a map `[channels, columns]` to the same rows of `moments`.
    fn moments(
        &self,
        x: &Self::Tensor,
        rows: Range<usize>,
        columns: usize,
        moments: &mut Moments<Self::Tensor>,
    );

    /// Folds a norm's parameters and statistics into one multiplication and one addition. ε is
    /// [`NORM_EPSILON`].
    fn fold_norm(
        &self,
        gamma: &Self::Tensor,
        beta: &Self::Tensor,
        mean: &Self::Tensor,
        variance: &Self::Tensor,
    ) -> Affine<Self::Tensor>;

    /// The values of a norm that [`NormReluBackward`] needs. `batch_statistics` chooses the factor: γ, or
    /// γ/σ.
    fn norm_backward(
        &self,
        gamma: &Self::Tensor,
        beta: &Self::Tensor,
        mean: &Self::Tensor,
        variance: &Self::Tensor,
        batch_statistics: bool,
    ) -> NormBackward<Self::Tensor>;

    /// Completes a map's gradient under batch statistics, after all readers added theirs: `G ← (1/σ)(G − mean
    /// G − x̂ · mean(G x̂))` on the given rows.
    fn norm_correction(
        &self,
        gradient: &mut Self::Tensor,
        x: &Self::Tensor,
        rows: Range<usize>,
        columns: usize,
        moments: &Moments<Self::Tensor>,
        sums: &Sums<Self::Tensor>,
    );

    /// Weights in the layout of this backend's products, for [`Kernel::prepared`]. `None` if it reads them as
    /// they are.
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

    /// `Wᵀ · dy`, where `dy` is the rows of `gradient` from `row` on.
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

    /// 3×3 convolution with stride 1 and zero padding of 1.
    fn conv3x3(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        grid: Grid,
        target: Output<'_, Self::Tensor>,
    );

    /// The transposed 3×3 convolution of the rows of `gradient` from `row` on.
    fn conv3x3_input_gradient(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        gradient: &Self::Tensor,
        row: usize,
        grid: Grid,
        sink: GradientSink<'_, Self::Tensor>,
    );

    /// The gradient of a 3×3 convolution's weights, `[outputs, inputs, 3, 3]`, overwritten.
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

    /// The stem's convolution with any window: `[inputs, grid]` → `[outputs, grid.after(window)]`.
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

    /// The gradient of the stem's weights, `[outputs, inputs, k, k]`, overwritten.
    fn stem_conv_weight_gradient(
        &self,
        shape: (usize, usize),
        window: Window,
        gradient: &Self::Tensor,
        x: &Self::Tensor,
        grid: Grid,
        weights: &mut Self::Tensor,
    );

    /// The channels of films, one after the other, `[channels, batch, height, width]`.
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

    /// Sends the gradient of a pooled map, `[channels, pooled grid]`, back. `x` and `prologue` are those of
    /// the forward pass.
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

    /// Repeats each value of `channels` rows of `x` as a 2×2 square (nearest neighbour): `[channels, grid]` →
    /// `[channels, grid.doubled()]`.
    fn upsample2(&self, channels: usize, x: &Self::Tensor, grid: Grid, target: Output<'_, Self::Tensor>);

    /// The gradient of [`Backend::upsample2`]: the sum of each 2×2 square of the rows of `gradient` from
    /// `row` on. `grid` is that of the result, `[channels, grid]`, overwritten.
    fn upsample2_gradient(
        &self,
        channels: usize,
        gradient: &Self::Tensor,
        row: usize,
        grid: Grid,
        out: &mut Self::Tensor,
    );

    /// The weights that a rule multiplies by. First one set for all outputs (`W⁺` for z⁺ and α-β, `W + γ W⁺`
    /// for γ, `W²` for w²), then a second set (`(−W)⁺`, or `W + γ W⁻`) for the outputs in `negated`.
    fn rule_weights(&self, kernel: Kernel<'_, Self::Tensor>, rule: Rule, negated: &[usize]) -> Self::Tensor;

    /// Sends relevance from the reader of a norm into the convolution or pool that wrote the rows: see
    /// [`RelevanceStep`]. Returns an account for each row and image, `[rows, batch]`.
    fn relevance_step(&self, step: RelevanceStep<'_, Self::Tensor>) -> Vec<Account>;

    /// The flat rule. `shape` is `(rows, inputs)`. The relevance of each output place, summed over the given
    /// rows of `[≥ rows.end, grid.after(window)]`, goes in equal parts to the real pixels under its window,
    /// `[inputs, grid]`, overwritten. Returns the relevance that arrived, for each image.
    fn flat(
        &self,
        window: Window,
        relevance: &Self::Tensor,
        shape: (Range<usize>, usize),
        grid: Grid,
        out: &mut Self::Tensor,
    ) -> Vec<f64>;

    /// `r ← r · x` on `channels` rows of both. Returns the sum of the result for each image.
    fn multiply(
        &self,
        relevance: &mut Self::Tensor,
        x: &Self::Tensor,
        channels: usize,
        grid: Grid,
    ) -> Vec<f64>;

    /// `r ← r / s(z)` with `s(z) = z + ε · sgn z`, `sgn 0 = 1`. Returns the part absorbed by ε, `r − z · r /
    /// s(z)`, summed for each image.
    fn quotient(
        &self,
        relevance: &mut Self::Tensor,
        z: &Self::Tensor,
        channels: usize,
        grid: Grid,
        epsilon: f64,
    ) -> Vec<f64>;

    /// The primitives of LRP-Flex, if this backend has them. Nothing else needs them.
    fn lrp_flex(&self) -> Option<&dyn LrpFlex<Self::Tensor>> {
        None
    }

    /// Sums of the rows of a map: the gradient of a bias.
    fn row_sums(&self, x: &Self::Tensor, rows: Range<usize>, columns: usize, out: &mut Self::Tensor);
}

/// ε under the square root of every norm: torch's default.
pub const NORM_EPSILON: f64 = 1e-5;
