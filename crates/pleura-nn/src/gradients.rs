//! Gradients of a backward pass, and the scope of those wanted.

use crate::backend::Backend;

/// A gradient for every parameter, in the order of [`crate::Network::parameters`]. Those of running
/// statistics are empty.
pub struct Gradients<B: Backend> {
    pub(crate) tensors: Vec<B::Tensor>,
}

/// The gradients that a backward pass computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    groups: Option<Vec<String>>,
    /// The input's gradient is wanted.
    pub(crate) input: bool,
}

impl Scope {
    /// Those of all parameters.
    pub fn all() -> Self {
        Self {
            groups: None,
            input: false,
        }
    }

    /// Those of the named parameter groups. The pass ends where no earlier layer is wanted. The gradients of
    /// other groups are then unspecified.
    pub fn groups<S: Into<String>>(groups: impl IntoIterator<Item = S>) -> Self {
        Self {
            groups: Some(groups.into_iter().map(Into::into).collect()),
            input: false,
        }
    }

    /// Adds the gradient of the input.
    #[must_use]
    pub fn with_input(self) -> Self {
        Self { input: true, ..self }
    }

    pub(crate) fn wants(&self, group: &str) -> bool {
        self.groups
            .as_ref()
            .is_none_or(|groups| groups.iter().any(|wanted| wanted == group))
    }
}

impl<B: Backend> Gradients<B> {
    /// All gradients, in the order of [`crate::Network::parameters`].
    pub fn tensors(&self) -> &[B::Tensor] {
        &self.tensors
    }

    /// All gradients, mutable, to clip them or to average them over machines.
    pub fn tensors_mut(&mut self) -> &mut [B::Tensor] {
        &mut self.tensors
    }

    pub(crate) fn at(&mut self, index: usize) -> &mut B::Tensor {
        &mut self.tensors[index]
    }

    /// Two neighbours, both mutable.
    pub(crate) fn pair(&mut self, first: usize, second: usize) -> (&mut B::Tensor, &mut B::Tensor) {
        let (before, after) = self.tensors.split_at_mut(second);
        (&mut before[first], &mut after[0])
    }
}
