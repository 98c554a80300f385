//! The tangent's way forward, and what each layer it passes is asked for.

use super::back::Flex;
use super::pulls::Pulls;
use super::walk::{Reader, Walk};
use crate::architecture::INPUT_CHANNELS;
use crate::backend::{Gates, Pool, Real, Target};
use crate::gradients::Scope;

impl<B: Gates> Walk<'_, B> {
    /// Passes a norm: what its gate asks for with `arrived` behind it, then the tangent behind the gate.
    fn pass_gate(
        &self,
        reader: &Reader<'_, B::Tensor>,
        arrived: B::Tensor,
        tangent: &B::Tensor,
        pulls: &mut Pulls<B>,
    ) -> B::Tensor {
        let (backend, columns) = (self.pass.backend, reader.grid.columns());
        let pull = pulls.norm(backend, reader.at, columns);
        backend.bend(reader.gated(), columns, &arrived, tangent, pull);
        // What arrived is no longer needed: the tangent takes its place.
        let mut behind = arrived;
        backend.gate(reader.gated(), columns, tangent, &mut behind, false);
        behind
    }

    fn pooled(&self, reader: &Reader<'_, B::Tensor>, pool: Pool, tangent: &B::Tensor, out: &mut B::Tensor) {
        let (channels, grid) = (reader.at.channels, reader.grid);
        self.pass
            .backend
            .pool_tangent(pool, channels, tangent, reader.x, &reader.affine, grid, out);
    }
}

/// The tangent `input ⊙ gradient` from the input to the logits, `[outputs, batch]`.
pub(super) fn forward<B: Gates>(
    walk: &Walk<'_, B>,
    flex: &Flex<B>,
    gradient: &[f64],
    scope: &Scope,
    pulls: &mut Pulls<B>,
) -> B::Tensor {
    let (pass, plan, trace) = (&walk.pass, walk.plan, walk.trace);
    let backend = pass.backend;
    let mut map = stem(walk, flex, gradient, scope, pulls);
    for (number, block) in plan.blocks.iter().enumerate() {
        let signals = &flex.blocks[number];
        let grid = trace.blocks[number].grid;
        let columns = grid.columns();
        let wanted = scope.wants(&format!("block{}", number + 1));
        for (index, layer) in block.layers.iter().enumerate() {
            let (conv1, conv2, row) = (layer.conv1, layer.conv2, layer.conv1.inputs);
            let signal = &signals.bottlenecks[index];
            let reader = walk.of_map(layer.norm1, number);
            let arrived = walk.behind_pointwise(conv1, columns, signal);
            let tangent = walk.pass_gate(&reader, arrived, &map, pulls);
            if wanted {
                pulls.convolution(backend, conv1, |out| {
                    let shape = (conv1.outputs, conv1.inputs);
                    backend.pointwise_weight_gradient(shape, signal, 0, &tangent, None, columns, out);
                });
            }
            let mut squeezed = backend.room(conv1.outputs * columns);
            let target = at(&mut squeezed, 0);
            backend.pointwise(pass.kernel(conv1), &tangent, None, None, columns, target);
            B::recycle(tangent);

            let reader = walk.of_bottleneck(layer.norm2, number, index);
            let arrived = walk.behind_bottleneck(conv2, row, grid, &signals.map);
            let tangent = walk.pass_gate(&reader, arrived, &squeezed, pulls);
            B::recycle(squeezed);
            if wanted {
                pulls.convolution(backend, conv2, |out| {
                    let shape = (conv2.outputs, conv2.inputs);
                    backend.conv3x3_weight_gradient(shape, &signals.map, row, &tangent, None, grid, out);
                });
            }
            backend.conv3x3(pass.kernel(conv2), &tangent, None, grid, at(&mut map, row));
            B::recycle(tangent);
        }
        let Some(transition) = plan.transitions.get(number) else {
            break;
        };
        let (conv, next) = (transition.conv, &flex.blocks[number + 1].map);
        let columns = grid.halved().columns();
        let reader = walk.of_map(transition.norm, number);
        let arrived = walk.behind_pool(&reader, Pool::Average2, conv, next);
        let tangent = walk.pass_gate(&reader, arrived, &map, pulls);
        let mut pooled = backend.room(conv.inputs * columns);
        walk.pooled(&reader, Pool::Average2, &tangent, &mut pooled);
        B::recycle(tangent);
        if scope.wants(&format!("transition{}", number + 1)) {
            pulls.convolution(backend, conv, |out| {
                let shape = (conv.outputs, conv.inputs);
                backend.pointwise_weight_gradient(shape, next, 0, &pooled, None, columns, out);
            });
        }
        let after = backend.room(plan.blocks[number + 1].channels * columns);
        B::recycle(std::mem::replace(&mut map, after));
        backend.pointwise(pass.kernel(conv), &pooled, None, None, columns, at(&mut map, 0));
        B::recycle(pooled);
    }
    head(walk, flex, &map, scope, pulls)
}

/// From the input to a map of the first block with its first rows filled.
fn stem<B: Gates>(
    walk: &Walk<'_, B>,
    flex: &Flex<B>,
    gradient: &[f64],
    scope: &Scope,
    pulls: &mut Pulls<B>,
) -> B::Tensor {
    let (pass, plan, trace) = (&walk.pass, &walk.plan.stem, walk.trace);
    let (backend, conv) = (pass.backend, plan.conv);
    let input = backend.download(&walk.input);
    let gradients = gradient.iter().cycle().take(INPUT_CHANNELS * gradient.len());
    let input = input.iter().zip(gradients);
    let input = backend.adopt(
        input
            .map(|(x, gradient)| B::Real::from_f64(x.to_f64() * gradient))
            .collect(),
    );
    let grid = trace.stem.input_grid;
    if scope.wants("stem") {
        pulls.convolution(backend, conv, |out| {
            let shape = (conv.outputs, conv.inputs);
            backend.stem_conv_weight_gradient(shape, plan.window, &flex.stem, &input, grid, out);
        });
    }
    let reader = walk.stem();
    let mut convolved = backend.room(reader.len());
    backend.stem_conv(
        pass.kernel(conv),
        plan.window,
        &input,
        grid,
        at(&mut convolved, 0),
    );
    let arrived = walk.behind_stem(&flex.blocks[0].map);
    let tangent = walk.pass_gate(&reader, arrived, &convolved, pulls);
    B::recycle(convolved);
    let columns = trace.blocks[0].grid.columns();
    let mut map = backend.room(walk.plan.blocks[0].channels * columns);
    walk.pooled(&reader, plan.pool, &tangent, &mut map);
    B::recycle(tangent);
    map
}

/// From the last block's map to the logits.
fn head<B: Gates>(
    walk: &Walk<'_, B>,
    flex: &Flex<B>,
    map: &B::Tensor,
    scope: &Scope,
    pulls: &mut Pulls<B>,
) -> B::Tensor {
    let (pass, plan) = (&walk.pass, &walk.plan.head);
    let (backend, linear, batch) = (pass.backend, plan.linear, walk.trace.batch);
    let reader = walk.of_map(plan.norm, walk.plan.blocks.len() - 1);
    let arrived = walk.behind_pool(&reader, Pool::Global, linear, &flex.start);
    let tangent = walk.pass_gate(&reader, arrived, map, pulls);
    let mut features = backend.zeros(linear.inputs * batch);
    walk.pooled(&reader, Pool::Global, &tangent, &mut features);
    B::recycle(tangent);
    if scope.wants("head") {
        pulls.convolution(backend, linear, |out| {
            let shape = (linear.outputs, linear.inputs);
            backend.pointwise_weight_gradient(shape, &flex.start, 0, &features, None, batch, out);
        });
    }
    let mut logits = backend.zeros(linear.outputs * batch);
    let target = at(&mut logits, 0);
    backend.pointwise(pass.kernel(linear), &features, None, None, batch, target);
    logits
}

fn at<T>(map: &mut T, row: usize) -> Target<'_, T> {
    Target {
        map,
        row,
        moments: None,
    }
}
