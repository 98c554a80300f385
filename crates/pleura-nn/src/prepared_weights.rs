//! Norms and weights prepared once for passes with running statistics.

use crate::backend::{Affine, Backend, Kernel, Role};
use crate::plan::{ConvAt, NormAt, Plan};

/// Norms as one multiplication and one addition, and weights in the layout of the backend's products, by
/// parameter number.
pub(crate) struct PreparedWeights<B: Backend> {
    affines: Vec<Option<Affine<B::Tensor>>>,
    weights: Vec<Option<B::Tensor>>,
}

impl<B: Backend> PreparedWeights<B> {
    pub(crate) fn of(backend: &B, plan: &Plan, values: &[B::Tensor]) -> Self {
        let none = || std::iter::repeat_with(|| None).take(values.len());
        let mut prepared = Self {
            affines: none().collect(),
            weights: values.iter().map(|_| None).collect(),
        };
        let mut norm = |at: NormAt| {
            let [gamma, beta, mean, variance] = [at.gamma, at.beta, at.mean, at.variance].map(|i| &values[i]);
            prepared.affines[at.gamma] = Some(backend.fold_norm(gamma, beta, mean, variance));
        };
        let mut convolution = |at: ConvAt, role: Role| {
            prepared.weights[at.weights] = backend.prepare(kernel(values, at), role);
        };
        norm(plan.stem.norm);
        for layer in plan.blocks.iter().flat_map(|block| &block.layers) {
            norm(layer.norm1);
            convolution(layer.conv1, Role::Pointwise);
            norm(layer.norm2);
            convolution(layer.conv2, Role::Conv3x3);
        }
        for transition in &plan.transitions {
            norm(transition.norm);
            convolution(transition.conv, Role::Pointwise);
        }
        norm(plan.head.norm);
        convolution(plan.head.linear, Role::Pointwise);
        prepared
    }

    pub(crate) fn affine(&self, at: NormAt) -> Option<&Affine<B::Tensor>> {
        self.affines[at.gamma].as_ref()
    }

    pub(crate) fn weights(&self, at: ConvAt) -> Option<&B::Tensor> {
        self.weights[at.weights].as_ref()
    }
}

fn kernel<T>(values: &[T], at: ConvAt) -> Kernel<'_, T> {
    Kernel {
        weights: &values[at.weights],
        outputs: at.outputs,
        inputs: at.inputs,
        prepared: None,
        exact: false,
    }
}
