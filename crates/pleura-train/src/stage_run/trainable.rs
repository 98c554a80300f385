//! The parameters that are trained in an epoch, and their rates.

use std::collections::BTreeMap;

use pleura_nn::{Cpu, Network, Scope, architecture::ParameterKind};
use pleura_run::recipe::{Decay, OptimiserRecipe};

use crate::plan::StagePlan;

/// The trainable parameters of an epoch.
pub(super) struct Trainable {
    pub(super) parameters: Vec<TrainableParameter>,
    /// Base rate of each trainable group.
    pub(super) rates: BTreeMap<String, f64>,
    pub(super) scope: Scope,
}

pub(super) struct TrainableParameter {
    pub(super) index: usize,
    pub(super) rate: f64,
    pub(super) decays: bool,
}

impl Trainable {
    pub(super) fn new(plan: &StagePlan, network: &Network<Cpu>, epoch: usize) -> Self {
        let stage = &plan.stage;
        let decay = match stage.optimiser {
            OptimiserRecipe::Sgd { decay, .. } | OptimiserRecipe::AdamW { decay, .. } => decay,
        };
        let mut trainable = Self {
            parameters: Vec::new(),
            rates: BTreeMap::new(),
            scope: Scope::all(),
        };
        for (index, spec) in network.parameters().iter().enumerate() {
            if !spec.kind.trainable() || stage.freeze.iter().any(|freeze| freeze.holds(&spec.group, epoch)) {
                continue;
            }
            let rate = stage.learning_rate.of(&spec.group).unwrap_or(0.0);
            let decays = decay == Decay::All || spec.kind == ParameterKind::Weight;
            trainable
                .parameters
                .push(TrainableParameter { index, rate, decays });
            trainable.rates.insert(spec.group.clone(), rate);
        }
        trainable.scope = Scope::groups(trainable.rates.keys());
        trainable
    }
}
