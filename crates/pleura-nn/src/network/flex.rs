//! LRP-Flex: heatmaps from one gated pass back, and how they change with the weights.
//!
//! For a network of `ReLU`s the ε rule of LRP on the canonised network is a backward pass in which every `ReLU` with the output `r`
//! multiplies by the gate `h = r / (r + ε)` instead of 0 or 1, followed by input × gradient (Bassi, Decherchi and Cavalli, Faster
//! `ISNet`, arXiv 2401.08409). Max pools send everything to the winner; average pools and the head, which no `ReLU` follows, are the
//! linear maps they are. With `J` the gated Jacobian of the logits, the heatmap of the start `c` is `H = x ⊙ Jᵀc`.
//!
//! **The second pass.** A loss of heatmaps hands back `λ = ∂L/∂H`, and `λ·H = cᵀ J (x ⊙ λ)`: linear in a tangent `x ⊙ λ` that runs
//! *forward* through the same gates. So with `u` the gated signal that arrives at a layer's output on the way back and `t` the
//! gated tangent at its input on the way forward:
//! * a convolution `y = W a` contributes `dW = u tᵀ`, as in an ordinary backward pass with `t` in the place of the activations;
//! * a norm `y = s x + b`, behind whose gate `u` arrives, contributes `ds = Σ u h t`;
//! * its gate depends on `y`: `dy = u s t · ε / (y + ε)²` ([`LrpFlex::gate_backward`]), which an ordinary backward pass sends on to everything
//!   in front, the norm's own γ and β included ([`HeatmapGradients`]).
//!
//! `s = γ/σ`, so with statistics of the batch `ds` reaches the map as well, by way of σ. It takes the place that `Σ G x̂` has in a
//! norm's correction, `dx = (1/σ)(G − mean G − x̂ mean(G x̂))`: adding `s · ds` to that sum is all that is needed. So the gradient
//! is exact with either kind of statistics. The heatmap is that of the network whose norms are the affine maps of this pass.

mod back;
mod gated_pass;
mod gradients;
mod tangent;

pub use self::back::Flex;
use self::gated_pass::GatedPass;
pub use self::gradients::HeatmapGradients;
use super::{Network, Trace};
use crate::backend::{Backend, LrpFlex, Real};
use crate::error::Error;
use crate::gradients::{Gradients, Scope};

/// ε of the gates where nobody names one: method.md §5, the authors' own.
pub const EPSILON: f64 = 0.01;

impl<B: Backend> Network<B> {
    /// LRP-Flex heatmaps `[batch, size, size]`, summed over the input's channels, for starts of `Σ_k c_k · logit_k` with the
    /// coefficients `c`, `[batch, outputs]`, each; in the order of the starts.
    ///
    /// Norms are those of the trace: take one with running statistics to explain an answer.
    ///
    /// # Errors
    /// [`Error::Length`] where coefficients have another length than the trace's logits, [`Error::Gate`] for an ε below 0.
    pub fn flex_heatmaps(
        &self,
        trace: &Trace<B>,
        starts: &[impl AsRef<[f64]>],
        epsilon: f64,
    ) -> Result<Vec<Vec<B::Real>>, Error> {
        starts
            .iter()
            .map(|start| Ok(self.flex(trace, start.as_ref(), epsilon)?.heatmaps(self)))
            .collect()
    }

    /// One gated pass back, with all that [`Network::flex_gradient`] needs of it.
    ///
    /// # Errors
    /// As [`Network::flex_heatmaps`].
    pub fn flex(&self, trace: &Trace<B>, start: &[f64], epsilon: f64) -> Result<Flex<B>, Error> {
        let outputs = self.plan.head.linear.outputs;
        check("flex", "coefficients", start.len(), trace.batch * outputs)?;
        if !(epsilon.is_finite() && epsilon >= 0.0) {
            return Err(Error::Gate { epsilon });
        }
        let start: Vec<B::Real> = start.iter().map(|&c| B::Real::from_f64(c)).collect();
        let start = self.backend.adopt(super::transposed(&start, outputs));
        let gated_pass = GatedPass::new(self, trace, epsilon)?;
        Ok(self.backend.run_pass(|| back::back(&gated_pass, start)))
    }

    /// Adds to `heatmap_gradients` what `Σ gradient · heatmap` asks of the weights, for a heatmap's gradient `[batch, size, size]`. Returns what
    /// it asks of the start's coefficients, `[batch, outputs]`: where these follow from the logits, it goes on to them.
    ///
    /// The scope says whose weights are wanted.
    ///
    /// # Errors
    /// [`Error::Length`] where the gradient has another length than the heatmap.
    pub fn flex_gradient(
        &self,
        trace: &Trace<B>,
        flex: &Flex<B>,
        gradient: &[f64],
        scope: &Scope,
        heatmap_gradients: &mut HeatmapGradients<B>,
    ) -> Result<Vec<f64>, Error> {
        let pixels = trace.stem.input_grid.columns();
        check(
            "flex_gradient",
            "gradient of the heatmaps",
            gradient.len(),
            pixels,
        )?;
        let gated_pass = GatedPass::new(self, trace, flex.epsilon)?;
        let coefficients = self
            .backend
            .run_pass(|| tangent::forward(&gated_pass, flex, gradient, scope, heatmap_gradients));
        let coefficients = self.backend.download(&coefficients);
        let coefficients: Vec<f64> = coefficients.into_iter().map(Real::to_f64).collect();
        Ok(super::transposed(&coefficients, trace.batch))
    }

    fn gates(&self) -> Result<&dyn LrpFlex<B::Tensor>, Error> {
        let missing = || Error::NoLrpFlex {
            backend: self.backend.describe(),
        };
        self.backend.lrp_flex().ok_or_else(missing)
    }

    /// No heatmap_gradients yet.
    pub fn heatmap_gradients(&self) -> HeatmapGradients<B> {
        HeatmapGradients::new(self.gradients())
    }

    /// [`Network::backward`] for a loss that depends on heatmaps as well: their heatmap_gradients go back with the logits' gradient.
    ///
    /// # Errors
    /// As [`Network::backward`].
    pub fn backward_with_heatmaps(
        &self,
        trace: &Trace<B>,
        logits_gradient: &[B::Real],
        heatmap_gradients: &HeatmapGradients<B>,
        scope: &Scope,
        gradients: &mut Gradients<B>,
    ) -> Result<(), Error> {
        let gates = self.gates()?;
        self.backward_with(
            trace,
            logits_gradient,
            Some(heatmap_gradients.norms()),
            scope,
            gradients,
        )?;
        for (index, spec) in self.specs.iter().enumerate() {
            if scope.wants(&spec.group)
                && let Some(weights) = heatmap_gradients.weights(index)
            {
                gates.add(gradients.at(index), weights);
            }
        }
        Ok(())
    }
}

fn check(operation: &'static str, what: &str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let what = what.to_owned();
    Err(Error::Length {
        operation,
        what,
        found,
        expected,
    })
}
