//! What primitives are handed: maps, weights, norms, and where results go.

use crate::architecture::Window;

/// How a map's columns are laid out: image after image, row after row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Images.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
}

impl Grid {
    /// Columns of the whole map, `batch · height · width`.
    pub fn columns(self) -> usize {
        self.batch * self.plane()
    }

    /// Columns of one image, `height · width`.
    pub fn plane(self) -> usize {
        self.height * self.width
    }

    /// What a window of `kernel` pixels leaves, moved by `stride` over an image with `padding` pixels around it.
    #[must_use]
    pub fn after(self, window: Window) -> Self {
        let side = |n: usize| (n + 2 * window.padding).saturating_sub(window.kernel) / window.stride + 1;
        Self {
            batch: self.batch,
            height: side(self.height),
            width: side(self.width),
        }
    }

    /// What 2×2 average pooling leaves; an odd last row or column is dropped, as torch does.
    #[must_use]
    pub fn halved(self) -> Self {
        Self {
            batch: self.batch,
            height: self.height / 2,
            width: self.width / 2,
        }
    }
}

/// A norm as its reader applies it: `relu(scale · x + shift)`, channel by channel; both `[channels]`.
#[derive(Clone)]
pub struct Affine<T> {
    /// `γ / σ`.
    pub scale: T,
    /// `β − μ γ / σ`.
    pub shift: T,
}

/// What a channel's values are on average; both `[channels]`. The variance is the biased one (divided by `n`).
pub struct Moments<T> {
    /// Mean.
    pub mean: T,
    /// Biased variance.
    pub variance: T,
}

/// A convolution's weights, `[outputs, inputs, k, k]`, with its two sizes.
pub struct Kernel<'a, T> {
    /// The weights.
    pub weights: &'a T,
    /// Channels written.
    pub outputs: usize,
    /// Channels read.
    pub inputs: usize,
    /// What [`Backend::prepare`](super::Backend::prepare) made of the weights for this use; made on the way where there is none.
    pub prepared: Option<&'a T>,
    /// Sum the products themselves, so that an output of nothing but zeros is zero and one of positive terms positive. Relevance
    /// divides by outputs; algorithms that save products leave rounding errors where there was nothing. For the 3×3 input gradient it
    /// says that values of very different sizes lie side by side, where such errors would spread.
    pub exact: bool,
}

/// What a convolution's weights are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// [`Backend::pointwise`](super::Backend::pointwise).
    Pointwise,
    /// [`Backend::conv3x3`](super::Backend::conv3x3).
    Conv3x3,
}

/// Films as the stem reads them: channel `c` is `scale[c] · grey + shift[c]` inside an image, and zero in the padding around it.
pub struct Films<'a, T> {
    /// Grey levels, `[batch, height, width]`.
    pub grey: &'a T,
    /// One for each channel.
    pub scale: &'a [f64],
    /// One for each channel.
    pub shift: &'a [f64],
}

impl<T> Clone for Films<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Films<'_, T> {}

impl<T> Clone for Kernel<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kernel<'_, T> {}

impl<T> Kernel<'_, T> {
    /// For a product that need not be [`Kernel::exact`].
    #[must_use]
    pub(crate) fn quick(self) -> Self {
        Self { exact: false, ..self }
    }
}

/// Where a product is written: rows from `row` on; their moments are taken on the way if a place is given.
pub struct Output<'a, T> {
    /// The map, `[channels, columns]`.
    pub map: &'a mut T,
    /// First row written.
    pub row: usize,
    /// Where the moments of the rows written go, at the same rows.
    pub moments: Option<&'a mut Moments<T>>,
}

/// A norm as gradients pass back through it. All `[channels]`.
pub struct NormBackward<T> {
    /// As it was applied forward: decides where `ReLU` was open.
    pub affine: Affine<T>,
    /// What a gradient is multiplied by on its way into the map: γ with batch statistics (the division by σ is the
    /// map's own, done once in [`Backend::norm_correction`](super::Backend::norm_correction)), γ/σ with running statistics.
    pub factor: T,
    /// μ.
    pub mean: T,
    /// 1/σ.
    pub inverse_deviation: T,
}

/// Gradient back through `ReLU` and norm: `g = [scale · x + shift > 0] · gradient`, then
/// `dβ = Σ g`, `dγ = Σ g x̂`, `into += factor · g`.
pub struct NormReluBackward<'a, T> {
    /// The map that the norm reads, `[≥ channels, columns]`.
    pub x: &'a T,
    /// The norm.
    pub norm: &'a NormBackward<T>,
    /// The map's gradient `G`, `[≥ channels, columns]`.
    pub into: &'a mut T,
    /// Add to `into`, or begin it.
    pub accumulate: bool,
    /// `dγ`, `[channels]`, overwritten.
    pub gamma: &'a mut T,
    /// `dβ`, `[channels]`, overwritten.
    pub beta: &'a mut T,
    /// Sums that [`Backend::norm_correction`](super::Backend::norm_correction) needs later: `factor · dβ` and `factor · dγ` are added.
    pub sums: Option<&'a mut Sums<T>>,
}

/// What all readers of a map have sent back, channel by channel; both `[channels]`.
pub struct Sums<T> {
    /// `Σ G`.
    pub g: T,
    /// `Σ G x̂`.
    pub gx: T,
}

/// Where a gradient with respect to a convolution's input goes.
pub enum GradientSink<'a, T> {
    /// Written as it is, `[inputs, columns]`.
    Plain(&'a mut T),
    /// Back through the `ReLU` and norm in front of the convolution.
    Norm(NormReluBackward<'a, T>),
}

/// How a map is pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The largest value of each window; of equal ones the first in reading order, as in torch.
    Max(Window),
    /// The mean of each 2×2 square.
    Average2,
    /// The mean of each image: one column an image.
    Global,
}

impl Pool {
    /// The grid that pooling leaves.
    pub fn after(self, grid: Grid) -> Grid {
        match self {
            Self::Max(window) => grid.after(window),
            Self::Average2 => grid.halved(),
            Self::Global => Grid {
                batch: grid.batch,
                height: 1,
                width: 1,
            },
        }
    }
}
