//! LRP-Flex: heatmaps from one gated pass back, and their gradients with respect to the weights.
//!
//! For a network of `ReLU`s, the ε rule on the canonised network is a backward pass in which every `ReLU`
//! with the output `r` multiplies by the gate `h = r / (r + ε)` instead of 0 or 1, followed by input ×
//! gradient (Bassi, Decherchi and Cavalli, Faster `ISNet`, arXiv 2401.08409). Max pools send everything to
//! the winner. Average pools and the head have no `ReLU` behind them and stay linear. With `J` the gated
//! Jacobian of the logits, the heatmap of the start `c` is `H = x ⊙ Jᵀc`.
//!
//! **The second pass.** A heatmap loss gives `λ = ∂L/∂H`, and `λ·H = cᵀ J (x ⊙ λ)`. This is linear in the
//! tangent `x ⊙ λ`, which runs *forward* through the same gates. Let `u` be the gated signal at a layer's
//! output on the way back, and `t` the gated tangent at its input on the way forward. Then:
//! * a convolution `y = W a` contributes `dW = u tᵀ`, as in an ordinary backward pass with `t` in place of
//!   the activations;
//! * a norm `y = s x + b`, behind whose gate `u` arrives, contributes `ds = Σ u h t`;
//! * its gate depends on `y`: `dy = u s t · ε / (y + ε)²` ([`LrpFlex::gate_backward`]). An ordinary backward
//!   pass sends `dy` on to everything before it, including the norm's own γ and β ([`HeatmapGradients`]).
//!
//! Since `s = γ/σ`, `ds` also reaches the map through σ under batch statistics. It takes the place of `Σ G
//! x̂` in a norm's correction, `dx = (1/σ)(G − mean G − x̂ mean(G x̂))`: adding `s · ds` to that sum is
//! enough. So the gradient is exact with either kind of statistics. The heatmap is that of the network whose
//! norms are the affine maps of this pass.

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

/// Default ε of the gates: the authors' value (method.md §5).
pub const EPSILON: f64 = 0.01;

impl<B: Backend> Network<B> {
    /// LRP-Flex heatmaps `[batch, size, size]`, summed over the input's channels, one per start, in their
    /// order. A start is `Σ_k c_k · logit_k` with coefficients `c`, `[batch, outputs]`.
    ///
    /// Norms are those of the trace: use a trace with running statistics to explain a prediction.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of the coefficients is not that of the trace's logits; [`Error::Gate`]
    /// for a negative ε; [`Error::NoLrpFlex`].
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

    /// One gated pass back, with everything that [`Network::flex_gradient`] needs.
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

    /// Adds the gradient of `Σ gradient · heatmap` with respect to the weights to `heatmap_gradients`.
    /// `gradient` is that of the heatmap, `[batch, size, size]`. Returns the gradient of the start's
    /// coefficients, `[batch, outputs]`; if these depend on the logits, the caller passes it on.
    ///
    /// The scope selects the weights.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of the gradient is not that of the heatmap.
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

    /// Heatmap gradients filled with zeros.
    pub fn heatmap_gradients(&self) -> HeatmapGradients<B> {
        HeatmapGradients::new(self.gradients())
    }

    /// [`Network::backward`] for a loss that also depends on heatmaps: adds their gradients on the way back.
    ///
    /// # Errors
    /// As [`Network::backward`]; [`Error::NoLrpFlex`].
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
