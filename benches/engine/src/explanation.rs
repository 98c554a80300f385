//! Explanations: one film, one output, composite `epsilon-plus-flat`, timed in turns with forward passes of
//! the same film.

use anyhow::{Context as _, Result};
use pleura_explain::{Composite, Start, explain};
use pleura_nn::{Cpu, Network, Norm};
use serde_json::{Map, Value, json};

use super::{Lap, Work, clocked, facts};

/// A step is the work of `pleura explain` for one film and finding, from grey levels to relevance: forward,
/// then back.
pub(super) struct Explaining {
    network: Network<Cpu>,
    grey: Vec<f32>,
    size: usize,
    composite: Composite,
    starts: Vec<Start>,
    /// Residual of the latest explanation's ledger.
    residual: Option<f64>,
}

impl Explaining {
    pub(super) fn new(network: Network<Cpu>, grey: Vec<f32>, size: usize) -> Self {
        let starts = network.findings().first().cloned().map(Start::Logit);
        Self {
            network,
            grey,
            size,
            composite: Composite::default(),
            starts: starts.into_iter().collect(),
            residual: None,
        }
    }
}

impl Work for Explaining {
    /// Forward passes are timed in turns with the explanation, so that a slow phase of the machine affects
    /// both.
    fn step(&mut self) -> Result<Lap> {
        let (inference, logits) = clocked(|| self.network.infer(&self.grey, 1, self.size));
        logits?;
        let (forward, passed) = clocked(|| self.network.forward(&self.grey, 1, self.size, Norm::Running));
        passed?;
        let (seconds, explanation) = clocked(|| {
            explain(
                &self.network,
                &self.grey,
                self.size,
                &self.composite,
                &self.starts,
            )
        });
        let explanation = explanation?;
        let map = explanation
            .maps
            .first()
            .context("the explanation has no heatmap")?;
        self.residual = map.account.open(map.value);
        Ok(Lap {
            seconds,
            parts: vec![("forward", forward), ("inference", inference)],
        })
    }

    fn facts(&self) -> Map<String, Value> {
        let mut facts = facts(&self.network);
        facts.insert("composite".to_owned(), json!(self.composite.name()));
        facts.insert("residual".to_owned(), json!(self.residual));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Timed, network, noise};
    use super::*;

    #[test]
    fn a_step_explains_and_its_account_closes() {
        let mut explaining = Explaining::new(network("small", 3).unwrap(), noise(64 * 64), 64);
        let timed = Timed::of(&mut explaining, 0, 2).unwrap();
        assert!(explaining.residual.unwrap().abs() < 1e-3);
        for name in ["forward", "inference"] {
            assert_eq!(timed.parts[name].len(), 2, "{name}");
        }
    }
}
