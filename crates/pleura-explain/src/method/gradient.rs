//! Gradients with respect to the normalised input, and gradient × input.

use pleura_nn::backend::{Backend, Real};
use pleura_nn::{Gradients, Network, Norm, Scope, relevance};

use super::{Answer, Asked, Found, downloaded};
use crate::{Account, Error};

/// Gradients of questions, film after film, with shared buffers for the backward pass.
pub(super) struct InputGradients<'n, B: Backend> {
    network: &'n Network<B>,
    scope: Scope,
    room: Gradients<B>,
}

impl<'n, B: Backend> InputGradients<'n, B> {
    pub(super) fn new(network: &'n Network<B>) -> Self {
        Self {
            network,
            // Only the input's gradient, no parameter's.
            scope: Scope::groups::<String>([]).with_input(),
            room: network.gradients(),
        }
    }

    /// The logits of the films `[batch, size, size]`, and each question's gradient `[3, batch, size, size]`.
    pub(super) fn of(
        &mut self,
        grey: &[f32],
        batch: usize,
        size: usize,
        asked: &[relevance::Start],
    ) -> Result<(Vec<f64>, Vec<Vec<f64>>), Error> {
        let (logits, trace) = self.network.forward(grey, batch, size, Norm::Running)?;
        let mut gradients = Vec::with_capacity(asked.len());
        for asked in asked {
            let start: Vec<B::Real> = asked.coefficients.iter().map(|&c| B::Real::from_f64(c)).collect();
            let start = start.repeat(batch);
            let found = self
                .network
                .backward(&trace, &start, &self.scope, &mut self.room)?;
            // A scope with the input always has its gradient.
            gradients.push(found.map_or_else(Vec::new, |found| downloaded(self.network, &found)));
        }
        Ok((logits.into_iter().map(Real::to_f64).collect(), gradients))
    }
}

pub(super) fn times_input<B: Backend>(film: &Asked<'_, B>) -> Result<Answer, Error> {
    let input = downloaded(film.network, &film.network.input(film.grey, 1, film.size)?);
    let (logits, gradients) = InputGradients::new(film.network).of(film.grey, 1, film.size, &film.asked)?;
    let found = gradients.into_iter().map(|gradient| {
        let raw: Vec<f64> = gradient.iter().zip(&input).map(|(g, x)| g * x).collect();
        Found::of_channels(&raw, film.size * film.size, |pixels| Account::Rest {
            pixels,
            rest: "biases",
        })
    });
    Ok((logits, found.collect()))
}
