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
    /// Those of a DenseNet.
    pub(crate) fn of(backend: &B, plan: &Plan, values: &[B::Tensor]) -> Self {
        let layers = || plan.blocks.iter().flat_map(|block| &block.layers);
        let norms = [plan.stem.norm, plan.head.norm]
            .into_iter()
            .chain(layers().flat_map(|layer| [layer.norm1, layer.norm2]))
            .chain(plan.transitions.iter().map(|transition| transition.norm));
        let convolutions = layers()
            .flat_map(|layer| [(layer.conv1, Role::Pointwise), (layer.conv2, Role::Conv3x3)])
            .chain(
                plan.transitions
                    .iter()
                    .map(|transition| (transition.conv, Role::Pointwise)),
            )
            .chain([(plan.head.linear, Role::Pointwise)]);
        Self::new(backend, values, norms, convolutions)
    }

    /// Those of the given norms and convolutions.
    pub(crate) fn new(
        backend: &B,
        values: &[B::Tensor],
        norms: impl Iterator<Item = NormAt>,
        convolutions: impl Iterator<Item = (ConvAt, Role)>,
    ) -> Self {
        let none = || std::iter::repeat_with(|| None).take(values.len());
        let mut prepared = Self {
            affines: none().collect(),
            weights: values.iter().map(|_| None).collect(),
        };
        for at in norms {
            let [gamma, beta, mean, variance] = [at.gamma, at.beta, at.mean, at.variance].map(|i| &values[i]);
            prepared.affines[at.gamma] = Some(backend.fold_norm(gamma, beta, mean, variance));
        }
        for (at, role) in convolutions {
            prepared.weights[at.weights] = backend.prepare(kernel(values, at), role);
        }
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
