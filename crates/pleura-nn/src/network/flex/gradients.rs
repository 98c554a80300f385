//! Accumulates heatmap-loss gradients until the next ordinary backward pass adds them.

use crate::backend::{Backend, HeatmapGradient, LrpFlex};
use crate::gradients::Gradients;
use crate::plan::{ConvAt, NormAt};

/// Sums of the gradients of any number of heatmaps of one trace.
pub struct HeatmapGradients<B: Backend> {
    /// Of convolutions and the head; the other tensors stay zero.
    weights: Gradients<B>,
    has_weights: Vec<bool>,
    /// Of norms, by the parameter number of γ.
    norms: Vec<Option<HeatmapGradient<B::Tensor>>>,
}

impl<B: Backend> HeatmapGradients<B> {
    pub(super) fn new(zeros: Gradients<B>) -> Self {
        let count = zeros.tensors().len();
        Self {
            weights: zeros,
            has_weights: vec![false; count],
            norms: std::iter::repeat_with(|| None).take(count).collect(),
        }
    }

    pub(super) fn norms(&self) -> &[Option<HeatmapGradient<B::Tensor>>] {
        &self.norms
    }

    pub(super) fn weights(&self, index: usize) -> Option<&B::Tensor> {
        self.has_weights[index].then(|| &self.weights.tensors()[index])
    }
}

impl<B: Backend> HeatmapGradients<B> {
    /// The sums of one norm.
    pub(super) fn norm(
        &mut self,
        backend: &B,
        at: NormAt,
        columns: usize,
    ) -> &mut HeatmapGradient<B::Tensor> {
        self.norms[at.gamma].get_or_insert_with(|| HeatmapGradient {
            output: backend.zeros(at.channels * columns),
            scale: backend.zeros(at.channels),
        })
    }

    /// Adds the gradient of a convolution's weights, which `write` overwrites.
    pub(super) fn convolution(
        &mut self,
        gates: &dyn LrpFlex<B::Tensor>,
        at: ConvAt,
        write: impl FnOnce(&mut B::Tensor),
    ) {
        let sum = self.weights.at(at.weights);
        if std::mem::replace(&mut self.has_weights[at.weights], true) {
            let mut one = sum.clone();
            write(&mut one);
            gates.add(sum, &one);
        } else {
            write(sum);
        }
    }
}
