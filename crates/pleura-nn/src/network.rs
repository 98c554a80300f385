//! A DenseNet on a backend: its parameters and its passes.

// First, so that the documentation of `Network` begins with it.
mod passes;

pub mod flex;
mod head;
mod maps;
mod relevance;
pub(crate) mod running;

pub use self::maps::LastMaps;
pub use self::relevance::Relevance;

use std::sync::OnceLock;

use crate::architecture::{Architecture, INPUT_CHANNELS, ParameterSpec};
use crate::backend::{Backend, Real};
use crate::cpu::Cpu;
use crate::layers::dense_block::BlockTrace;
use crate::layers::stem::StemTrace;
use crate::layers::transition::TransitionTrace;
use crate::norm::Norm;
use crate::plan::Plan;
use crate::prepared_weights::PreparedWeights;
use crate::weights::Normalisation;

/// A network with its parameters on a backend.
///
/// Make [`Weights`](crate::Weights), put them on a backend with [`Network::new`], then call
/// [`Network::infer`], or [`Network::forward`] followed by [`Network::backward`] or [`Network::relevance`].
/// Films are grey levels in 0 to 1, `[batch, size, size]`; logits are `[batch, outputs]`.
pub struct Network<B: Backend = Cpu> {
    backend: B,
    architecture: Architecture,
    findings: Vec<String>,
    normalisation: Normalisation,
    /// The normalisation, as factors and offsets of grey levels.
    scale: [f64; INPUT_CHANNELS],
    shift: [f64; INPUT_CHANNELS],
    metadata: std::collections::BTreeMap<String, String>,
    specs: Vec<ParameterSpec>,
    values: Vec<B::Tensor>,
    plan: Plan,
    /// Made on first use, dropped when parameters change.
    prepared: OnceLock<PreparedWeights<B>>,
}

/// The values of a forward pass that the passes back need.
pub struct Trace<B: Backend> {
    pub(crate) norm: Norm,
    /// `[batch, size, size]`.
    pub(crate) grey: B::Tensor,
    pub(crate) stem: StemTrace<B::Tensor>,
    pub(crate) blocks: Vec<BlockTrace<B::Tensor>>,
    pub(crate) transitions: Vec<TransitionTrace<B::Tensor>>,
    /// `[features, batch]`.
    pub(crate) features: B::Tensor,
    /// `[outputs, batch]`.
    pub(crate) logits: B::Tensor,
    pub(crate) batch: usize,
}

impl<B: Backend> Drop for Trace<B> {
    fn drop(&mut self) {
        let maps = self.blocks.iter_mut().flat_map(|block| {
            let bottlenecks = block.layers.iter_mut().map(|layer| &mut layer.bottleneck);
            bottlenecks.chain([&mut block.map])
        });
        let pooled = self.transitions.iter_mut().map(|kept| &mut kept.pooled);
        for map in maps
            .chain(pooled)
            .chain([&mut self.stem.convolved, &mut self.grey])
        {
            B::release(std::mem::take(map));
        }
    }
}

pub(crate) fn upload<B: Backend>(backend: &B, values: &[f32]) -> B::Tensor {
    let values = values.iter().map(|&value| B::Real::from_f64(f64::from(value)));
    backend.adopt(values.collect())
}

/// `[rows, columns]` → `[columns, rows]`.
fn transposed<R: Real>(values: &[R], columns: usize) -> Vec<R> {
    let rows = values.len() / columns.max(1);
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}
