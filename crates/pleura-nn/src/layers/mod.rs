//! A DenseNet's four kinds of layer, each with its passes side by side.

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

/// What every layer needs to run: the machine, the parameters, and which statistics norms use.
pub(crate) struct Pass<'a, B: Backend> {
    pub(crate) backend: &'a B,
    pub(crate) values: &'a [B::Tensor],
    pub(crate) norm: Norm,
    /// Keep what the passes back need.
    pub(crate) keep: bool,
    /// What was made of the parameters beforehand; only with running statistics.
    pub(crate) prepared: Option<&'a PreparedWeights<B>>,
    /// What heatmaps ask of the norms on the way back, by the number of γ.
    pub(crate) heatmap_gradients: Option<&'a [Option<HeatmapGradient<B::Tensor>>]>,
}

impl<'a, B: Backend> Pass<'a, B> {
    /// A map's moments, where they shall be taken.
    pub(crate) fn fresh_moments(&self, channels: usize) -> Moments<B::Tensor> {
        let len = if self.norm == Norm::Batch { channels } else { 0 };
        Moments {
            mean: self.backend.zeros(len),
            variance: self.backend.zeros(len),
        }
    }

    /// The place for moments, if this pass takes them.
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

    /// A norm as gradients pass back through it.
    pub(crate) fn norm_backward(&self, at: NormAt, moments: &Moments<B::Tensor>) -> NormBackward<B::Tensor> {
        let (mean, variance) = self.statistics(at, moments);
        let (gamma, beta) = (&self.values[at.gamma], &self.values[at.beta]);
        self.backend
            .norm_backward(gamma, beta, mean, variance, self.norm == Norm::Batch)
    }

    /// A trace with running statistics is one that relevance may follow.
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

    /// Sums of what a map's readers send back, empty.
    pub(crate) fn fresh_sums(&self, channels: usize) -> Sums<B::Tensor> {
        Sums {
            g: self.backend.zeros(channels),
            gx: self.backend.zeros(channels),
        }
    }
}

/// Gradient back through a norm into a map's gradient, with the norm's own gradients kept.
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
