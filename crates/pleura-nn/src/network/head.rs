//! The head alone, on features computed before. Training only the head needs no convolution.

use super::{Network, transposed};
use crate::backend::Backend;
use crate::error::Error;
use crate::gradients::Gradients;
use crate::layers::{self, Pass};
use crate::norm::Norm;

impl<B: Backend> Network<B> {
    /// Logits `[batch, outputs]` from features `[batch, features]` of [`Network::features`].
    ///
    /// # Errors
    /// [`Error::Length`] if the features are not those of whole films.
    pub fn head_logits(&self, features: &[B::Real]) -> Result<Vec<B::Real>, Error> {
        let (head, width) = (&self.plan.head, self.architecture.features());
        let batch = self.films(features.len())?;
        let features = self.backend.upload(&transposed(features, width));
        let logits = layers::head::forward(&self.head_pass(), head, &features, batch);
        Ok(transposed(&self.backend.download(&logits), batch))
    }

    /// Gradients of the head, from its input features `[batch, features]` and the gradient of its logits,
    /// `[batch, outputs]`. Other gradients are unchanged.
    ///
    /// # Errors
    /// [`Error::Length`] if the features are not those of whole films, or if the gradient has another number
    /// of films.
    pub fn head_backward(
        &self,
        features: &[B::Real],
        logits_gradient: &[B::Real],
        gradients: &mut Gradients<B>,
    ) -> Result<(), Error> {
        let (head, width) = (&self.plan.head, self.architecture.features());
        let batch = self.films(features.len())?;
        let expected = batch * head.linear.outputs;
        if logits_gradient.len() != expected {
            return Err(Error::Length {
                operation: "head_backward",
                what: format!("gradient of the logits of {batch} films"),
                found: logits_gradient.len(),
                expected,
            });
        }
        let features = self.backend.upload(&transposed(features, width));
        let gradient = self
            .backend
            .upload(&transposed(logits_gradient, head.linear.outputs));
        layers::head::backward(&self.head_pass(), head, &features, &gradient, batch, gradients);
        Ok(())
    }

    fn head_pass(&self) -> Pass<'_, B> {
        Pass {
            backend: &self.backend,
            values: &self.values,
            norm: Norm::Running,
            keep: false,
            prepared: None,
            heatmap_gradients: None,
        }
    }

    /// Number of films that this many feature values belong to.
    fn films(&self, values: usize) -> Result<usize, Error> {
        let width = self.architecture().features();
        if values == 0 || !values.is_multiple_of(width) {
            return Err(Error::Length {
                operation: "head",
                what: format!("features of films, {width} each"),
                found: values,
                expected: values.div_ceil(width).max(1) * width,
            });
        }
        Ok(values / width)
    }
}
