//! Which parameters move in an epoch, and how fast.

use std::collections::BTreeMap;

use pleura_nn::{Cpu, Network, Scope, architecture::ParameterKind};
use pleura_run::recipe::{Decay, OptimiserRecipe};

use crate::plan::StagePlan;

/// What moves in an epoch.
pub(super) struct Moving {
    pub(super) parameters: Vec<Moved>,
    /// Base rate of each group that moves.
    pub(super) rates: BTreeMap<String, f64>,
    pub(super) scope: Scope,
}

pub(super) struct Moved {
    pub(super) index: usize,
    pub(super) rate: f64,
    pub(super) decays: bool,
}

impl Moving {
    pub(super) fn new(plan: &StagePlan, network: &Network<Cpu>, epoch: usize) -> Self {
        let stage = &plan.stage;
        let decay = match stage.optimiser {
            OptimiserRecipe::Sgd { decay, .. } | OptimiserRecipe::AdamW { decay, .. } => decay,
        };
        let mut moving = Self {
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
            moving.parameters.push(Moved { index, rate, decays });
            moving.rates.insert(spec.group.clone(), rate);
        }
        moving.scope = Scope::groups(moving.rates.keys());
        moving
    }
}
