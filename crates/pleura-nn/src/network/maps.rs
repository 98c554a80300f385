//! The last feature maps, whose means are the features.

use super::{Network, Trace};
use crate::backend::{Backend, Real};

/// The last feature maps of a pass, after norm and `ReLU`. Their means are the features, and the logits are
/// linear in the features.
#[derive(Clone, Debug, PartialEq)]
pub struct LastMaps {
    /// `[channels, batch, height, width]`.
    pub values: Vec<f64>,
    /// Maps per film.
    pub channels: usize,
    /// Films.
    pub batch: usize,
    /// Rows of a map.
    pub height: usize,
    /// Columns of a map.
    pub width: usize,
}

impl<B: Backend> Network<B> {
    /// The last feature maps of a trace.
    pub fn last_maps(&self, trace: &Trace<B>) -> LastMaps {
        let norm = self.plan.head.norm;
        let last = &trace.blocks[self.plan.blocks.len() - 1];
        let affine = self.pass(trace.norm, true).affine(norm, &last.moments);
        let (scale, shift) = (
            self.backend.download(&affine.scale),
            self.backend.download(&affine.shift),
        );
        let map = self.backend.download(&last.map);
        let columns = last.grid.columns();
        let rows = map.chunks_exact(columns).zip(scale.iter().zip(&shift));
        let values = rows.take(norm.channels).flat_map(|(row, (scale, shift))| {
            let (scale, shift) = (scale.to_f64(), shift.to_f64());
            row.iter()
                .map(move |value| (scale * value.to_f64() + shift).max(0.0))
        });
        LastMaps {
            values: values.collect(),
            channels: norm.channels,
            batch: trace.batch,
            height: last.grid.height,
            width: last.grid.width,
        }
    }

    /// The head's weights, `[outputs, features]`.
    pub fn head_weights(&self) -> Vec<f64> {
        let weights = self.backend.download(&self.values[self.plan.head.linear.weights]);
        weights.into_iter().map(Real::to_f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::weights::Normalisation;
    use crate::{Architecture, Network, Norm, Reference, Weights};

    #[test]
    fn the_logits_follow_from_the_means_of_the_last_maps() {
        let findings = ["a", "b"].map(str::to_owned);
        let architecture = Architecture::by_name("small").unwrap();
        let weights = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 3);
        let network = Network::new(Reference, &weights).unwrap();
        let films: Vec<f32> = (0..2 * 70 * 70).map(|i| (i * 31 % 97) as f32 / 97.0).collect();
        let (logits, trace) = network.forward(&films, 2, 70, Norm::Running).unwrap();
        let (maps, head) = (network.last_maps(&trace), network.head_weights());
        let plane = maps.height * maps.width;
        assert_eq!(maps.values.len(), maps.channels * maps.batch * plane);
        for (film, logits) in logits.chunks_exact(2).enumerate() {
            for (row, logit) in head.chunks_exact(maps.channels).zip(logits) {
                let mean = |channel: usize| {
                    let begin = (channel * maps.batch + film) * plane;
                    maps.values[begin..begin + plane].iter().sum::<f64>() / plane as f64
                };
                // The head of fresh weights has no bias.
                let sum: f64 = row
                    .iter()
                    .enumerate()
                    .map(|(channel, weight)| weight * mean(channel))
                    .sum();
                assert!((sum - logit).abs() < 1e-9, "{sum} {logit}");
            }
        }
    }
}
