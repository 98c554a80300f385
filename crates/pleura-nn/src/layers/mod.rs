//! The four kinds of layer of a DenseNet, each with its passes.

pub(crate) mod dense_block;
pub(crate) mod head;
mod heatmap_gradient;
pub(crate) mod relevance;
pub(crate) mod rule_weights;
pub(crate) mod stem;
pub(crate) mod transition;

use crate::backend::{
    Affine, Backend, HeatmapGradient, Kernel, Moments, NormBackward, NormReluBackward, Sums,
};
use crate::gradients::Gradients;
use crate::norm::Norm;
use crate::plan::{ConvAt, NormAt};
use crate::prepared_weights::PreparedWeights;

/// The context of a pass: backend, parameters, and the statistics of the norms.
pub(crate) struct Pass<'a, B: Backend> {
    pub(crate) backend: &'a B,
    pub(crate) values: &'a [B::Tensor],
    pub(crate) norm: Norm,
    /// Keep the values for the passes back.
    pub(crate) keep: bool,
    /// Prepared parameters, only with running statistics.
    pub(crate) prepared: Option<&'a PreparedWeights<B>>,
    /// Heatmap gradients of the norms, by the parameter number of γ.
    pub(crate) heatmap_gradients: Option<&'a [Option<HeatmapGradient<B::Tensor>>]>,
}

impl<'a, B: Backend> Pass<'a, B> {
    /// Buffers for a map's moments, empty if this pass takes none.
    pub(crate) fn fresh_moments(&self, channels: usize) -> Moments<B::Tensor> {
        let len = if self.norm == Norm::Batch { channels } else { 0 };
        Moments {
            mean: self.backend.zeros(len),
            variance: self.backend.zeros(len),
        }
    }

    /// The destination of moments, if this pass takes them.
    pub(crate) fn taken<'m>(
        &self,
        moments: &'m mut Moments<B::Tensor>,
    ) -> Option<&'m mut Moments<B::Tensor>> {
        (self.norm == Norm::Batch).then_some(moments)
    }

    fn statistics<'m>(&self, at: NormAt, moments: &'m Moments<B::Tensor>) -> (&'m B::Tensor, &'m B::Tensor)
    where
        'a: 'm,
    {
        match self.norm {
            Norm::Batch => (&moments.mean, &moments.variance),
            Norm::Running => (&self.values[at.mean], &self.values[at.variance]),
        }
    }

    /// A norm as the prologue of the convolution behind it.
    pub(crate) fn affine(&self, at: NormAt, moments: &Moments<B::Tensor>) -> Affine<B::Tensor> {
        if let Some(affine) = self.prepared.and_then(|prepared| prepared.affine(at)) {
            return affine.clone();
        }
        let (mean, variance) = self.statistics(at, moments);
        self.backend
            .fold_norm(&self.values[at.gamma], &self.values[at.beta], mean, variance)
    }

    /// A norm for the backward pass.
    pub(crate) fn norm_backward(&self, at: NormAt, moments: &Moments<B::Tensor>) -> NormBackward<B::Tensor> {
        let (mean, variance) = self.statistics(at, moments);
        let (gamma, beta) = (&self.values[at.gamma], &self.values[at.beta]);
        self.backend
            .norm_backward(gamma, beta, mean, variance, self.norm == Norm::Batch)
    }

    /// True if relevance may follow this trace: it has running statistics.
    fn exact(&self) -> bool {
        self.keep && self.norm == Norm::Running
    }

    pub(crate) fn kernel(&self, at: ConvAt) -> Kernel<'a, B::Tensor> {
        Kernel {
            weights: &self.values[at.weights],
            outputs: at.outputs,
            inputs: at.inputs,
            prepared: self.prepared.and_then(|prepared| prepared.weights(at)),
            exact: self.exact(),
        }
    }

    /// Sums over the readers of a map, zero.
    pub(crate) fn fresh_sums(&self, channels: usize) -> Sums<B::Tensor> {
        Sums {
            g: self.backend.zeros(channels),
            gx: self.backend.zeros(channels),
        }
    }
}

/// The gradient through a norm into a map's gradient; the norm's own gradients go to `gradients`.
pub(crate) fn through<'t, B: Backend>(
    gradients: &'t mut Gradients<B>,
    at: NormAt,
    x: &'t B::Tensor,
    norm: &'t NormBackward<B::Tensor>,
    into: &'t mut B::Tensor,
    accumulate: bool,
    sums: Option<&'t mut Sums<B::Tensor>>,
) -> NormReluBackward<'t, B::Tensor> {
    let (gamma, beta) = gradients.pair(at.gamma, at.beta);
    NormReluBackward {
        x,
        norm,
        into,
        accumulate,
        gamma,
        beta,
        sums,
    }
}
