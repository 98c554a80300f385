//! Operands of the primitives: maps, weights, norms, and destinations of results.

use crate::architecture::Window;

/// Layout of a map's columns: image after image, row after row.
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

    /// The grid after a window that slides over the padded image.
    #[must_use]
    pub fn after(self, window: Window) -> Self {
        let side = |n: usize| (n + 2 * window.padding).saturating_sub(window.kernel) / window.stride + 1;
        Self {
            batch: self.batch,
            height: side(self.height),
            width: side(self.width),
        }
    }

    /// The grid after 2×2 average pooling. An odd last row or column is dropped, as in torch.
    #[must_use]
    pub fn halved(self) -> Self {
        Self {
            batch: self.batch,
            height: self.height / 2,
            width: self.width / 2,
        }
    }

    /// The grid whose every 2×2 square is a pixel of this one.
    #[must_use]
    pub fn doubled(self) -> Self {
        Self {
            batch: self.batch,
            height: self.height * 2,
            width: self.width * 2,
        }
    }
}

/// A norm as its reader applies it: `relu(scale · x + shift)` for each channel. Both are `[channels]`.
#[derive(Clone)]
pub struct Affine<T> {
    /// `γ / σ`.
    pub scale: T,
    /// `β − μ γ / σ`.
    pub shift: T,
}

/// Mean and variance of each channel; both `[channels]`. The variance is biased (divided by `n`).
pub struct Moments<T> {
    /// Mean.
    pub mean: T,
    /// Biased variance.
    pub variance: T,
}

/// The weights of a convolution, `[outputs, inputs, k, k]`, with its two sizes.
pub struct Kernel<'a, T> {
    /// The weights.
    pub weights: &'a T,
    /// Channels written.
    pub outputs: usize,
    /// Channels read.
    pub inputs: usize,
    /// The result of [`Backend::prepare`](super::Backend::prepare) for this use. Without it, the product
    /// prepares the weights itself.
    pub prepared: Option<&'a T>,
    /// Sum the products directly, so that outputs of zeros are exactly zero and sums of positive terms are
    /// positive.
    ///
    /// Relevance divides by outputs, and algorithms that save products (Winograd) leave rounding errors in
    /// their place. In the 3×3 input gradient it means that neighbouring values differ much in size, so that
    /// such errors would spread.
    pub exact: bool,
}

/// The use of a convolution's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// [`Backend::pointwise`](super::Backend::pointwise).
    Pointwise,
    /// [`Backend::conv3x3`](super::Backend::conv3x3).
    Conv3x3,
}

/// Films as the stem reads them: channel `c` is `scale[c] · grey + shift[c]` inside an image, and zero in the
/// padding.
pub struct Films<'a, T> {
    /// Grey levels, `[batch, height, width]`.
    pub grey: &'a T,
    /// Factor of each channel.
    pub scale: &'a [f64],
    /// Offset of each channel.
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

/// The destination of a product: rows from `row` on. Moments of these rows are taken if `moments` is given.
pub struct Output<'a, T> {
    /// The map, `[channels, columns]`.
    pub map: &'a mut T,
    /// First row written.
    pub row: usize,
    /// Destination of the moments, at the same rows.
    pub moments: Option<&'a mut Moments<T>>,
}

/// A norm for the backward pass. All are `[channels]`.
pub struct NormBackward<T> {
    /// The norm as applied forward: decides where `ReLU` was open.
    pub affine: Affine<T>,
    /// The factor of a gradient on its way into the map. Batch statistics: γ (the division by σ is done once
    /// for the map, in [`Backend::norm_correction`](super::Backend::norm_correction)). Running statistics:
    /// γ/σ.
    pub factor: T,
    /// μ.
    pub mean: T,
    /// 1/σ.
    pub inverse_deviation: T,
}

/// The gradient through `ReLU` and norm: `g = [scale · x + shift > 0] · gradient`, then `dβ = Σ g`, `dγ = Σ g
/// x̂`, `into += factor · g`.
pub struct NormReluBackward<'a, T> {
    /// The map that the norm reads, `[≥ channels, columns]`.
    pub x: &'a T,
    /// The norm.
    pub norm: &'a NormBackward<T>,
    /// The map's gradient `G`, `[≥ channels, columns]`.
    pub into: &'a mut T,
    /// Add to `into` instead of overwriting it.
    pub accumulate: bool,
    /// `dγ`, `[channels]`, overwritten.
    pub gamma: &'a mut T,
    /// `dβ`, `[channels]`, overwritten.
    pub beta: &'a mut T,
    /// Sums for [`Backend::norm_correction`](super::Backend::norm_correction): `factor · dβ` and `factor ·
    /// dγ` are added.
    pub sums: Option<&'a mut Sums<T>>,
}

/// Sums over the gradients from all readers of a map, for each channel; both `[channels]`.
pub struct Sums<T> {
    /// `Σ G`.
    pub g: T,
    /// `Σ G x̂`.
    pub gx: T,
}

/// The destination of a gradient with respect to a convolution's input.
pub enum GradientSink<'a, T> {
    /// Written as it is, `[inputs, columns]`.
    Plain(&'a mut T),
    /// Through the `ReLU` and norm before the convolution.
    Norm(NormReluBackward<'a, T>),
}

/// The kinds of pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The maximum of each window. Of equal values the first in reading order wins, as in torch.
    Max(Window),
    /// The mean of each 2×2 square.
    Average2,
    /// The mean of each image: one column per image.
    Global,
}

impl Pool {
    /// The grid after pooling.
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
