//! The tangent's pass forward, and the gradient of each layer on its way.

use super::back::Flex;
use super::gated_pass::{GatedPass, Reader};
use super::gradients::HeatmapGradients;
use crate::architecture::INPUT_CHANNELS;
use crate::backend::{Backend, Output, Pool, Real};
use crate::gradients::Scope;

impl<B: Backend> GatedPass<'_, B> {
    /// Passes a norm: first the gradient of its gate with `arrived` behind it, then the tangent behind the
    /// gate.
    fn pass_gate(
        &self,
        reader: &Reader<'_, B::Tensor>,
        arrived: B::Tensor,
        tangent: &B::Tensor,
        heatmap_gradients: &mut HeatmapGradients<B>,
    ) -> B::Tensor {
        let (backend, columns) = (self.pass.backend, reader.grid.columns());
        let heatmap_gradient = heatmap_gradients.norm(backend, reader.at, columns);
        self.gates
            .gate_backward(reader.gated(), columns, &arrived, tangent, heatmap_gradient);
        // The arrived signal is no longer needed: its buffer takes the tangent.
        let mut behind = arrived;
        self.gates
            .gate(reader.gated(), columns, tangent, &mut behind, false);
        behind
    }

    fn pooled(&self, reader: &Reader<'_, B::Tensor>, pool: Pool, tangent: &B::Tensor, out: &mut B::Tensor) {
        let (channels, grid) = (reader.at.channels, reader.grid);
        self.gates
            .pool_tangent(pool, channels, tangent, reader.x, &reader.affine, grid, out);
    }
}

/// The tangent `input ⊙ gradient` from the input to the logits, `[outputs, batch]`.
pub(super) fn forward<B: Backend>(
    gated_pass: &GatedPass<'_, B>,
    flex: &Flex<B>,
    gradient: &[f64],
    scope: &Scope,
    heatmap_gradients: &mut HeatmapGradients<B>,
) -> B::Tensor {
    let (pass, plan, trace) = (&gated_pass.pass, gated_pass.plan, gated_pass.trace);
    let backend = pass.backend;
    let mut map = stem(gated_pass, flex, gradient, scope, heatmap_gradients);
    for (number, block) in plan.blocks.iter().enumerate() {
        let signals = &flex.blocks[number];
        let grid = trace.blocks[number].grid;
        let columns = grid.columns();
        let wanted = scope.wants(&format!("block{}", number + 1));
        for (index, layer) in block.layers.iter().enumerate() {
            let (conv1, conv2, row) = (layer.conv1, layer.conv2, layer.conv1.inputs);
            let signal = &signals.bottlenecks[index];
            let reader = gated_pass.of_map(layer.norm1, number);
            let arrived = gated_pass.behind_pointwise(conv1, columns, signal);
            let tangent = gated_pass.pass_gate(&reader, arrived, &map, heatmap_gradients);
            if wanted {
                heatmap_gradients.convolution(gated_pass.gates, conv1, |out| {
                    let shape = (conv1.outputs, conv1.inputs);
                    backend.pointwise_weight_gradient(shape, signal, 0, &tangent, None, columns, out);
                });
            }
            let mut squeezed = backend.alloc_uninit(conv1.outputs * columns);
            let target = at(&mut squeezed, 0);
            backend.pointwise(pass.kernel(conv1), &tangent, None, None, columns, target);
            B::release(tangent);

            let reader = gated_pass.of_bottleneck(layer.norm2, number, index);
            let arrived = gated_pass.behind_bottleneck(conv2, row, grid, &signals.map);
            let tangent = gated_pass.pass_gate(&reader, arrived, &squeezed, heatmap_gradients);
            B::release(squeezed);
            if wanted {
                heatmap_gradients.convolution(gated_pass.gates, conv2, |out| {
                    let shape = (conv2.outputs, conv2.inputs);
                    backend.conv3x3_weight_gradient(shape, &signals.map, row, &tangent, None, grid, out);
                });
            }
            backend.conv3x3(pass.kernel(conv2), &tangent, None, grid, at(&mut map, row));
            B::release(tangent);
        }
        let Some(transition) = plan.transitions.get(number) else {
            break;
        };
        let (conv, next) = (transition.conv, &flex.blocks[number + 1].map);
        let columns = grid.halved().columns();
        let reader = gated_pass.of_map(transition.norm, number);
        let arrived = gated_pass.behind_pool(&reader, Pool::Average2, conv, next);
        let tangent = gated_pass.pass_gate(&reader, arrived, &map, heatmap_gradients);
        let mut pooled = backend.alloc_uninit(conv.inputs * columns);
        gated_pass.pooled(&reader, Pool::Average2, &tangent, &mut pooled);
        B::release(tangent);
        if scope.wants(&format!("transition{}", number + 1)) {
            heatmap_gradients.convolution(gated_pass.gates, conv, |out| {
                let shape = (conv.outputs, conv.inputs);
                backend.pointwise_weight_gradient(shape, next, 0, &pooled, None, columns, out);
            });
        }
        let after = backend.alloc_uninit(plan.blocks[number + 1].channels * columns);
        B::release(std::mem::replace(&mut map, after));
        backend.pointwise(pass.kernel(conv), &pooled, None, None, columns, at(&mut map, 0));
        B::release(pooled);
    }
    head(gated_pass, flex, &map, scope, heatmap_gradients)
}

/// From the input to a map of the first block with its first rows filled.
fn stem<B: Backend>(
    gated_pass: &GatedPass<'_, B>,
    flex: &Flex<B>,
    gradient: &[f64],
    scope: &Scope,
    heatmap_gradients: &mut HeatmapGradients<B>,
) -> B::Tensor {
    let (pass, plan, trace) = (&gated_pass.pass, &gated_pass.plan.stem, gated_pass.trace);
    let (backend, conv) = (pass.backend, plan.conv);
    let input = backend.download(&gated_pass.input);
    let gradients = gradient.iter().cycle().take(INPUT_CHANNELS * gradient.len());
    let input = input.iter().zip(gradients);
    let input = backend.adopt(
        input
            .map(|(x, gradient)| B::Real::from_f64(x.to_f64() * gradient))
            .collect(),
    );
    let grid = trace.stem.input_grid;
    if scope.wants("stem") {
        heatmap_gradients.convolution(gated_pass.gates, conv, |out| {
            let shape = (conv.outputs, conv.inputs);
            backend.stem_conv_weight_gradient(shape, plan.window, &flex.stem, &input, grid, out);
        });
    }
    let reader = gated_pass.stem();
    let mut convolved = backend.alloc_uninit(reader.len());
    backend.stem_conv(
        pass.kernel(conv),
        plan.window,
        &input,
        grid,
        at(&mut convolved, 0),
    );
    let arrived = gated_pass.behind_stem(&flex.blocks[0].map);
    let tangent = gated_pass.pass_gate(&reader, arrived, &convolved, heatmap_gradients);
    B::release(convolved);
    let columns = trace.blocks[0].grid.columns();
    let mut map = backend.alloc_uninit(gated_pass.plan.blocks[0].channels * columns);
    gated_pass.pooled(&reader, plan.pool, &tangent, &mut map);
    B::release(tangent);
    map
}

/// From the last block's map to the logits.
fn head<B: Backend>(
    gated_pass: &GatedPass<'_, B>,
    flex: &Flex<B>,
    map: &B::Tensor,
    scope: &Scope,
    heatmap_gradients: &mut HeatmapGradients<B>,
) -> B::Tensor {
    let (pass, plan) = (&gated_pass.pass, &gated_pass.plan.head);
    let (backend, linear, batch) = (pass.backend, plan.linear, gated_pass.trace.batch);
    let reader = gated_pass.of_map(plan.norm, gated_pass.plan.blocks.len() - 1);
    let arrived = gated_pass.behind_pool(&reader, Pool::Global, linear, &flex.start);
    let tangent = gated_pass.pass_gate(&reader, arrived, map, heatmap_gradients);
    let mut features = backend.zeros(linear.inputs * batch);
    gated_pass.pooled(&reader, Pool::Global, &tangent, &mut features);
    B::release(tangent);
    if scope.wants("head") {
        heatmap_gradients.convolution(gated_pass.gates, linear, |out| {
            let shape = (linear.outputs, linear.inputs);
            backend.pointwise_weight_gradient(shape, &flex.start, 0, &features, None, batch, out);
        });
    }
    let mut logits = backend.zeros(linear.outputs * batch);
    let target = at(&mut logits, 0);
    backend.pointwise(pass.kernel(linear), &features, None, None, batch, target);
    logits
}

fn at<T>(map: &mut T, row: usize) -> Output<'_, T> {
    Output {
        map,
        row,
        moments: None,
    }
}
