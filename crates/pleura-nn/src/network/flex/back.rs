//! The gated pass back: from a start at the logits to the input.

use super::super::Network;
use super::walk::Walk;
use crate::architecture::INPUT_CHANNELS;
use crate::backend::{Gates, Pool, Real};

/// What a gated pass back leaves: the signal at every convolution's output, and relevance at the input.
pub struct Flex<B: Gates> {
    pub(super) epsilon: f64,
    /// The start, `[outputs, batch]`.
    pub(super) start: B::Tensor,
    pub(super) blocks: Vec<BlockSignals<B::Tensor>>,
    /// At the stem's convolution's output.
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

impl<B: Gates> Drop for Flex<B> {
    fn drop(&mut self) {
        for block in &mut self.blocks {
            B::recycle(std::mem::take(&mut block.map));
            for bottleneck in &mut block.bottlenecks {
                B::recycle(std::mem::take(bottleneck));
            }
        }
        B::recycle(std::mem::take(&mut self.stem));
    }
}

impl<B: Gates> Flex<B> {
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

pub(super) fn back<B: Gates>(walk: &Walk<'_, B>, start: B::Tensor) -> Flex<B> {
    let Walk {
        pass, plan, trace, ..
    } = walk;
    let backend = pass.backend;
    let last = plan.blocks.len() - 1;
    let reader = walk.of_map(plan.head.norm, last);
    let arrived = walk.behind_pool(&reader, Pool::Global, plan.head.linear, &start);
    let mut map = backend.room(reader.len());
    backend.gate(reader.gated(), reader.grid.columns(), &arrived, &mut map, false);
    B::recycle(arrived);
    let mut blocks = Vec::new();
    for (number, block) in plan.blocks.iter().enumerate().rev() {
        let grid = trace.blocks[number].grid;
        let columns = grid.columns();
        let mut bottlenecks = Vec::new();
        for (index, layer) in block.layers.iter().enumerate().rev() {
            let arrived = walk.behind_bottleneck(layer.conv2, layer.conv1.inputs, grid, &map);
            let reader = walk.of_bottleneck(layer.norm2, number, index);
            let mut bottleneck = backend.room(reader.len());
            backend.gate(reader.gated(), columns, &arrived, &mut bottleneck, false);
            B::recycle(arrived);
            let arrived = walk.behind_pointwise(layer.conv1, columns, &bottleneck);
            let reader = walk.of_map(layer.norm1, number);
            backend.gate(reader.gated(), columns, &arrived, &mut map, true);
            B::recycle(arrived);
            bottlenecks.push(bottleneck);
        }
        bottlenecks.reverse();
        let before = number.checked_sub(1).map(|before| {
            let transition = &plan.transitions[before];
            let reader = walk.of_map(transition.norm, before);
            let arrived = walk.behind_pool(&reader, Pool::Average2, transition.conv, &map);
            let mut signal = backend.room(reader.len());
            backend.gate(
                reader.gated(),
                reader.grid.columns(),
                &arrived,
                &mut signal,
                false,
            );
            B::recycle(arrived);
            signal
        });
        blocks.push(BlockSignals { map, bottlenecks });
        map = before.unwrap_or_default();
    }
    blocks.reverse();
    let reader = walk.stem();
    let arrived = walk.behind_stem(&blocks[0].map);
    let mut stem = backend.room(reader.len());
    backend.gate(reader.gated(), reader.grid.columns(), &arrived, &mut stem, false);
    B::recycle(arrived);
    let (grid, conv) = (trace.stem.input_grid, plan.stem.conv);
    let mut relevance = backend.zeros(conv.inputs * grid.columns());
    backend.stem_conv_input_gradient(pass.kernel(conv), plan.stem.window, &stem, grid, &mut relevance);
    backend.multiply(&mut relevance, &walk.input, conv.inputs, grid);
    Flex {
        epsilon: walk.epsilon,
        start,
        blocks,
        stem,
        relevance,
    }
}
