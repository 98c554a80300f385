//! The head by itself, on features that were found before: while nothing else moves, training it costs no convolution.

use super::{Network, transposed};
use crate::backend::Backend;
use crate::error::Error;
use crate::gradients::Gradients;
use crate::layers::{self, Pass};
use crate::norm::Norm;

impl<B: Backend> Network<B> {
    /// Logits `[batch, outputs]` of films whose features `[batch, features]` are known from [`Network::features`].
    ///
    /// # Errors
    /// [`Error::Length`] where the features are not those of whole films.
    pub fn head_logits(&self, features: &[B::Real]) -> Result<Vec<B::Real>, Error> {
        let (head, width) = (&self.plan.head, self.architecture.features());
        let batch = self.films(features.len())?;
        let features = self.backend.upload(&transposed(features, width));
        let logits = layers::head::forward(&self.head_pass(), head, &features, batch);
        Ok(transposed(&self.backend.download(&logits), batch))
    }

    /// The head's gradients, from the features `[batch, features]` it read and those of its logits, `[batch, outputs]`. Other
    /// gradients are left as they are.
    ///
    /// # Errors
    /// [`Error::Length`] where the features are not those of whole films, or the gradient is not of as many.
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

    /// How many films so many feature values are of.
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
