//! `ISNet`: training with a loss on the relevance outside the lungs (docs/method.md §5).
//!
//! Bassi, Dertkigil and Cavalli, Nature Communications 15, 291 (2024), arXiv 2202.00232; Bassi, Decherchi
//! and Cavalli, arXiv 2401.08409. Training and validation need lung masks; prediction does not.
//!
//! ```text
//! loss = (1 − P) · cross-entropy + P · (w1 · L1 + w2 · L2)
//! ```
//!
//! Both terms come from one forward pass with the stage's batch-norm statistics
//! ([`pleura_run::recipe::NormChoice`]). The heatmap is that of the network as it processed this batch, and
//! its gradient includes the batch statistics exactly. Heatmaps of validation films use running statistics,
//! as explanations do.

mod bounds;
mod loss;
mod masks;
mod starts;

use pleura_core::Task;
use pleura_nn::{Cpu, HeatmapGradients, Network, Scope, Trace};
use pleura_run::log::LossParts;
use pleura_run::recipe::Isnet;

pub(crate) use self::{bounds::measure, masks::Masks};
use self::{loss::Order, starts::Start};
pub use self::{
    loss::{HeatmapLoss, MapLoss},
    masks::mask_digest,
};
use crate::{error::Error, loss::Value};

/// The inputs of heatmap training beside films and labels.
pub(crate) struct HeatmapTraining {
    pub(crate) isnet: Isnet,
    pub(crate) kind: Task,
    pub(crate) loss: HeatmapLoss,
    pub(crate) masks: Masks,
}

/// A batch after its forward pass.
pub(crate) struct ForwardPass<'a> {
    pub(crate) network: &'a Network<Cpu>,
    pub(crate) trace: &'a Trace<Cpu>,
    /// `[films, outputs]`.
    pub(crate) logits: &'a [f32],
    /// One mask for each film, `[size, size]`.
    pub(crate) masks: &'a [Vec<bool>],
}

impl ForwardPass<'_> {
    fn outputs(&self) -> usize {
        self.logits.len() / self.masks.len().max(1)
    }

    fn starts(&self, heat: &Isnet, kind: Task) -> Vec<Start> {
        starts::starts(heat.maps, kind, self.logits, self.outputs())
    }
}

impl HeatmapTraining {
    /// The whole loss as a [`Value`] over the same mass as the classification loss.
    pub(crate) fn value(&self, classification: &Value, l1: f64, l2: f64) -> (Value, LossParts) {
        let cross_entropy = classification.mean();
        let HeatmapLoss { w1, w2, .. } = self.loss;
        let share = self.isnet.share;
        let whole = (1.0 - share) * cross_entropy + share * (w1 * l1 + w2 * l2);
        let value = Value {
            sum: whole * classification.mass,
            mass: classification.mass,
        };
        let parts = LossParts {
            cross_entropy,
            l1,
            l2,
        };
        (value, parts)
    }

    /// Sums over films of L1 and L2, each a mean over a film's maps.
    pub(crate) fn sums(&self, passed: &ForwardPass<'_>) -> Result<(f64, f64), Error> {
        let starts = passed.starts(&self.isnet, self.kind);
        let (mut sums, mut order) = ((0.0, 0.0), Order::default());
        for start in &starts {
            let flex = passed
                .network
                .flex(passed.trace, &start.coefficients, self.isnet.epsilon)?;
            let maps = flex.heatmaps(passed.network);
            for (map, mask) in maps.chunks_exact(self.masks.pixels()).zip(passed.masks) {
                let found = self.loss.of(map, mask, &mut order);
                sums.0 += found.l1;
                sums.1 += found.l2;
            }
        }
        let maps = starts.len() as f64;
        Ok((sums.0 / maps, sums.1 / maps))
    }

    /// Means over films and maps of L1 and L2, and their gradients with respect to the weights, scaled by
    /// their share of the whole loss. `logits_gradient` is scaled by the share of the classification loss.
    /// The gradients with respect to the logits are added to it, if the start of a heatmap depends on the
    /// logits.
    pub(crate) fn gradients(
        &self,
        passed: &ForwardPass<'_>,
        scope: &Scope,
        logits_gradient: &mut [f32],
    ) -> Result<(f64, f64, HeatmapGradients<Cpu>), Error> {
        let (network, share) = (passed.network, self.isnet.share);
        for gradient in logits_gradient.iter_mut() {
            *gradient = (f64::from(*gradient) * (1.0 - share)) as f32;
        }
        let starts = passed.starts(&self.isnet, self.kind);
        let maps = (starts.len() * passed.masks.len()) as f64;
        let mut pulls = network.heatmap_gradients();
        let (mut l1, mut l2, mut order) = (0.0, 0.0, Order::default());
        for start in &starts {
            let flex = network.flex(passed.trace, &start.coefficients, self.isnet.epsilon)?;
            let heatmaps = flex.heatmaps(network);
            let mut asked = vec![0.0; heatmaps.len()];
            let pixels = self.masks.pixels();
            let films = heatmaps.chunks_exact(pixels).zip(asked.chunks_exact_mut(pixels));
            for ((map, asked), mask) in films.zip(passed.masks) {
                let found = self
                    .loss
                    .with_gradient(map, mask, share / maps, asked, &mut order);
                l1 += found.l1 / maps;
                l2 += found.l2 / maps;
            }
            let asked = network.flex_gradient(passed.trace, &flex, &asked, scope, &mut pulls)?;
            start.to_logits(&asked, logits_gradient);
        }
        Ok((l1, l2, pulls))
    }
}
