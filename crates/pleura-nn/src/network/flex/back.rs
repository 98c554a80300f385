//! The gated pass back: from a start at the logits to the input.

use super::super::Network;
use super::gated_pass::GatedPass;
use crate::architecture::INPUT_CHANNELS;
use crate::backend::{Backend, Pool, Real};

/// The result of a gated pass back: the signal at every convolution's output, and the relevance of the input.
pub struct Flex<B: Backend> {
    pub(super) epsilon: f64,
    /// The start, `[outputs, batch]`.
    pub(super) start: B::Tensor,
    pub(super) blocks: Vec<BlockSignals<B::Tensor>>,
    /// Signal at the output of the stem's convolution.
    pub(super) stem: B::Tensor,
    /// `[3, batch, size, size]`.
    relevance: B::Tensor,
}

/// Signals of a dense block.
pub(super) struct BlockSignals<T> {
    /// At every row of the map, `[channels, columns]`.
    pub(super) map: T,
    /// At the output of each layer's 1×1 convolution.
    pub(super) bottlenecks: Vec<T>,
}

impl<B: Backend> Drop for Flex<B> {
    fn drop(&mut self) {
        for block in &mut self.blocks {
            B::release(std::mem::take(&mut block.map));
            for bottleneck in &mut block.bottlenecks {
                B::release(std::mem::take(bottleneck));
            }
        }
        B::release(std::mem::take(&mut self.stem));
    }
}

impl<B: Backend> Flex<B> {
    /// Relevance of each input, `[3, batch, size, size]`.
    pub fn relevance(&self) -> &B::Tensor {
        &self.relevance
    }

    /// Relevance of each pixel, `[batch, size, size]`.
    pub fn heatmaps(&self, network: &Network<B>) -> Vec<B::Real> {
        let relevance = network.backend.download(&self.relevance);
        let pixels = relevance.len() / INPUT_CHANNELS;
        let sum = |pixel: usize| {
            let channels = relevance[pixel..].iter().step_by(pixels);
            B::Real::from_f64(channels.map(|r| r.to_f64()).sum())
        };
        (0..pixels).map(sum).collect()
    }
}

pub(super) fn back<B: Backend>(gated_pass: &GatedPass<'_, B>, start: B::Tensor) -> Flex<B> {
    let GatedPass {
        pass, plan, trace, ..
    } = gated_pass;
    let (backend, gates) = (pass.backend, gated_pass.gates);
    let last = plan.blocks.len() - 1;
    let reader = gated_pass.of_map(plan.head.norm, last);
    let arrived = gated_pass.behind_pool(&reader, Pool::Global, plan.head.linear, &start);
    let mut map = backend.alloc_uninit(reader.len());
    gates.gate(reader.gated(), reader.grid.columns(), &arrived, &mut map, false);
    B::release(arrived);
    let mut blocks = Vec::new();
    for (number, block) in plan.blocks.iter().enumerate().rev() {
        let grid = trace.blocks[number].grid;
        let columns = grid.columns();
        let mut bottlenecks = Vec::new();
        for (index, layer) in block.layers.iter().enumerate().rev() {
            let arrived = gated_pass.behind_bottleneck(layer.conv2, layer.conv1.inputs, grid, &map);
            let reader = gated_pass.of_bottleneck(layer.norm2, number, index);
            let mut bottleneck = backend.alloc_uninit(reader.len());
            gates.gate(reader.gated(), columns, &arrived, &mut bottleneck, false);
            B::release(arrived);
            let arrived = gated_pass.behind_pointwise(layer.conv1, columns, &bottleneck);
            let reader = gated_pass.of_map(layer.norm1, number);
            gates.gate(reader.gated(), columns, &arrived, &mut map, true);
            B::release(arrived);
            bottlenecks.push(bottleneck);
        }
        bottlenecks.reverse();
        let before = number.checked_sub(1).map(|before| {
            let transition = &plan.transitions[before];
            let reader = gated_pass.of_map(transition.norm, before);
            let arrived = gated_pass.behind_pool(&reader, Pool::Average2, transition.conv, &map);
            let mut signal = backend.alloc_uninit(reader.len());
            gates.gate(
                reader.gated(),
                reader.grid.columns(),
                &arrived,
                &mut signal,
                false,
            );
            B::release(arrived);
            signal
        });
        blocks.push(BlockSignals { map, bottlenecks });
        map = before.unwrap_or_default();
    }
    blocks.reverse();
    let reader = gated_pass.stem();
    let arrived = gated_pass.behind_stem(&blocks[0].map);
    let mut stem = backend.alloc_uninit(reader.len());
    gates.gate(reader.gated(), reader.grid.columns(), &arrived, &mut stem, false);
    B::release(arrived);
    let (grid, conv) = (trace.stem.input_grid, plan.stem.conv);
    let mut relevance = backend.zeros(conv.inputs * grid.columns());
    backend.stem_conv_input_gradient(pass.kernel(conv), plan.stem.window, &stem, grid, &mut relevance);
    backend.multiply(&mut relevance, &gated_pass.input, conv.inputs, grid);
    Flex {
        epsilon: gated_pass.epsilon,
        start,
        blocks,
        stem,
        relevance,
    }
}
