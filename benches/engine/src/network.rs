//! Training steps and inference on films of noise.
//!
//! A training step is forward with batch statistics, softmax cross-entropy, gradients of all parameters, an
//! update of running statistics, and one step of SGD with momentum 0.9. Inference is forward with running
//! statistics.

use anyhow::Result;
use pleura_nn::{Cpu, Gradients, Network, Norm, Scope};
use pleura_run::recipe::OptimiserRecipe;
use pleura_train::loss::{Loss, Targets};
use pleura_train::optimiser::{self, State};
use serde_json::{Map, Value, json};

use super::{Lap, Work, clocked, facts};

const LEARNING_RATE: f64 = 1e-3;
const RUNNING_MOMENTUM: f32 = 0.1;

/// Forward with running statistics, without a trace.
pub(super) struct Inference {
    network: Network<Cpu>,
    grey: Vec<f32>,
    batch: usize,
    size: usize,
}

impl Inference {
    pub(super) fn new(network: Network<Cpu>, grey: Vec<f32>, batch: usize, size: usize) -> Self {
        Self {
            network,
            grey,
            batch,
            size,
        }
    }
}

impl Work for Inference {
    fn step(&mut self) -> Result<Lap> {
        let (seconds, logits) = clocked(|| self.network.infer(&self.grey, self.batch, self.size));
        logits?;
        Ok(Lap {
            seconds,
            parts: Vec::new(),
        })
    }

    fn facts(&self) -> Map<String, Value> {
        facts(&self.network)
    }
}

/// Steps that update every parameter.
pub(super) struct Training {
    network: Network<Cpu>,
    gradients: Gradients<Cpu>,
    states: Vec<State>,
    grey: Vec<f32>,
    batch: usize,
    size: usize,
    targets: Targets,
    loss_function: Loss,
    optimiser: OptimiserRecipe,
    /// Loss of the latest step.
    loss: Option<f64>,
}

impl Training {
    pub(super) fn new(network: Network<Cpu>, grey: Vec<f32>, batch: usize, size: usize) -> Self {
        let outputs = network.findings().len();
        Self {
            gradients: network.gradients(),
            states: vec![State::default(); network.parameters().len()],
            network,
            grey,
            batch,
            size,
            targets: Targets::Classes((0..batch).map(|film| film % outputs).collect()),
            loss_function: Loss::Exclusive {
                weights: vec![1.0; outputs],
            },
            // SGD with momentum 0.9.
            optimiser: OptimiserRecipe::default(),
            loss: None,
        }
    }

    fn train(&mut self) -> Result<()> {
        let (logits, trace) = self
            .network
            .forward(&self.grey, self.batch, self.size, Norm::Batch)?;
        let (loss, slope) = self.loss_function.with_gradient(&logits, &self.targets)?;
        self.network
            .backward(&trace, &slope, &Scope::all(), &mut self.gradients)?;
        self.network.update_running(&trace, RUNNING_MOMENTUM)?;
        self.update();
        self.loss = Some(loss.mean());
        Ok(())
    }

    fn update(&mut self) {
        let trained: Vec<bool> = self
            .network
            .parameters()
            .iter()
            .map(|spec| spec.kind.trainable())
            .collect();
        let values = self
            .network
            .values_mut()
            .iter_mut()
            .zip(self.gradients.tensors())
            .zip(&mut self.states);
        for (((value, gradient), state), _) in values.zip(trained).filter(|(_, trained)| *trained) {
            optimiser::step(&self.optimiser, LEARNING_RATE, false, 1.0, value, gradient, state);
        }
    }
}

impl Work for Training {
    fn step(&mut self) -> Result<Lap> {
        let (seconds, trained) = clocked(|| self.train());
        trained?;
        Ok(Lap {
            seconds,
            parts: Vec::new(),
        })
    }

    fn facts(&self) -> Map<String, Value> {
        let mut facts = facts(&self.network);
        facts.insert("loss".to_owned(), json!(self.loss));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Timed, network, noise};
    use super::*;

    #[test]
    fn every_step_is_one_update_and_moves_the_loss() {
        let mut training = Training::new(network("small", 3).unwrap(), noise(2 * 64 * 64), 2, 64);
        training.step().unwrap();
        let before = training.loss.unwrap();
        let timed = Timed::of(&mut training, 1, 2).unwrap();
        assert_eq!(timed.seconds.len(), 2);
        assert!(
            training.loss.unwrap() < before,
            "{before} then {:?}",
            training.loss
        );
        assert!(training.states.iter().any(|state| state.steps == 4));
    }

    #[test]
    fn inference_moves_nothing() {
        let mut inference = Inference::new(network("small", 3).unwrap(), noise(2 * 64 * 64), 2, 64);
        let before = inference.network.weights();
        assert_eq!(Timed::of(&mut inference, 1, 2).unwrap().seconds.len(), 2);
        assert!(inference.network.weights() == before);
        assert!(!inference.facts().contains_key("loss"));
    }
}
