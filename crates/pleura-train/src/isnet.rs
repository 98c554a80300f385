//! `ISNet`: training with heatmaps that are punished for what they show outside the lungs (method.md §5).
//!
//! Bassi, Dertkigil and Cavalli, Nature Communications 15, 291 (2024), arXiv 2202.00232; Bassi, Decherchi and Cavalli, arXiv 2401.08409.
//! The lungs' masks are needed for training and for the validation films, never for an answer.
//!
//! ```text
//! loss = (1 − P) · cross-entropy + P · (w1 · L1 + w2 · L2)
//! ```
//!
//! Both parts are of one forward pass, with the statistics that the stage trains with ([`pleura_run::recipe::NormChoice`]): the heatmap is
//! that of the network as this batch went through it, and its gradient takes the batch's statistics along exactly. The validation films'
//! heatmaps are those of running statistics, as any explanation is.

mod bounds;
mod loss;
mod masks;
mod starts;

use pleura_nn::{Cpu, HeatmapGradients, Network, Scope, Trace};
use pleura_run::log::LossParts;
use pleura_run::recipe::{Isnet, StageKind};

pub(crate) use self::{bounds::measure, masks::Masks};
use self::{loss::Order, starts::Start};
pub use self::{
    loss::{HeatmapLoss, MapLoss},
    masks::mask_digest,
};
use crate::{error::Error, loss::Value};

/// What a stage that trains with heatmaps needs beside its films and labels.
pub(crate) struct Heat {
    pub(crate) isnet: Isnet,
    pub(crate) kind: StageKind,
    pub(crate) loss: HeatmapLoss,
    pub(crate) masks: Masks,
}

/// A batch that went through the network.
pub(crate) struct Passed<'a> {
    pub(crate) network: &'a Network<Cpu>,
    pub(crate) trace: &'a Trace<Cpu>,
    /// `[films, outputs]`.
    pub(crate) logits: &'a [f32],
    /// One a film, `[size, size]`.
    pub(crate) masks: &'a [Vec<bool>],
}

impl Passed<'_> {
    fn outputs(&self) -> usize {
        self.logits.len() / self.masks.len().max(1)
    }

    fn starts(&self, heat: &Isnet, kind: StageKind) -> Vec<Start> {
        starts::starts(heat.maps, kind, self.logits, self.outputs())
    }
}

impl Heat {
    /// The whole loss as a [`Value`] over the same mass as the classification's.
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

    /// Sums of L1 and L2 over the films' maps, each a mean over a film's maps.
    pub(crate) fn sums(&self, passed: &Passed<'_>) -> Result<(f64, f64), Error> {
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

    /// Means of L1 and L2 over films and maps, and what they ask of the weights with the weight that they have in the whole loss. What
    /// they ask of the logits, where a start follows from these, is added to `logits_gradient`, whose classification part is weighted
    /// as well.
    pub(crate) fn pulls(
        &self,
        passed: &Passed<'_>,
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
