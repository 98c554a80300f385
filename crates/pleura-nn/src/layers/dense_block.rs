//! A dense block: one map that grows downwards.
//!
//! Each layer reads all rows so far through its own norm, reduces them to a bottleneck by a 1×1 convolution,
//! and writes `growth` new rows by a 3×3 convolution. The mean and variance of a row are computed once, when
//! it is written. Every later norm uses them, with its own γ and β.
//!
//! Backward, with `h = γ x̂ + β` of reader `r`, the gradient that arrives at `x̂` is `Σ_r γ_r g_r =: G`, and
//! `x̂` is the same for all readers. So the correction for the statistics is linear in `G`, and is applied
//! once per row, after its last reader added its part: `dx = (1/σ)(G − mean G − x̂ · mean(G x̂))`.

use super::{Pass, through};
use crate::backend::{Backend, GradientSink, Grid, Moments, Output, Sums};
use crate::gradients::Gradients;
use crate::norm::Norm;
use crate::plan::{BlockPlan, LayerPlan};

/// A block's values of a forward pass.
pub(crate) struct BlockTrace<T> {
    /// The map, `[channels, columns]`.
    pub(crate) map: T,
    pub(crate) moments: Moments<T>,
    pub(crate) grid: Grid,
    pub(crate) layers: Vec<LayerTrace<T>>,
}

/// A layer's values of a forward pass.
pub(crate) struct LayerTrace<T> {
    /// The 1×1 convolution's output, before its norm: `[bottleneck channels, columns]`.
    pub(crate) bottleneck: T,
    pub(crate) moments: Moments<T>,
}

/// A block's map, uninitialized.
pub(crate) fn fresh<B: Backend>(pass: &Pass<'_, B>, plan: &BlockPlan, grid: Grid) -> BlockTrace<B::Tensor> {
    BlockTrace {
        map: pass.backend.alloc_uninit(plan.channels * grid.columns()),
        moments: pass.fresh_moments(plan.channels),
        grid,
        layers: Vec::new(),
    }
}

impl<T> BlockTrace<T> {
    /// The destination of rows from `row` on.
    pub(crate) fn target<B: Backend<Tensor = T>>(&mut self, pass: &Pass<'_, B>, row: usize) -> Output<'_, T> {
        Output {
            map: &mut self.map,
            row,
            moments: pass.taken(&mut self.moments),
        }
    }
}

/// Fills the block's map after its first rows.
pub(crate) fn forward<B: Backend>(pass: &Pass<'_, B>, plan: &BlockPlan, trace: &mut BlockTrace<B::Tensor>) {
    let grid = trace.grid;
    for LayerPlan {
        norm1,
        conv1,
        norm2,
        conv2,
    } in &plan.layers
    {
        let prologue = pass.affine(*norm1, &trace.moments);
        let mut bottleneck = pass.backend.alloc_uninit(conv1.outputs * grid.columns());
        let mut moments = pass.fresh_moments(conv1.outputs);
        let out = Output {
            map: &mut bottleneck,
            row: 0,
            moments: pass.taken(&mut moments),
        };
        pass.backend.pointwise(
            pass.kernel(*conv1),
            &trace.map,
            Some(&prologue),
            None,
            grid.columns(),
            out,
        );
        let prologue = pass.affine(*norm2, &moments);
        let out = trace.target(pass, conv1.inputs);
        pass.backend
            .conv3x3(pass.kernel(*conv2), &bottleneck, Some(&prologue), grid, out);
        if pass.keep {
            trace.layers.push(LayerTrace { bottleneck, moments });
        } else {
            B::release(bottleneck);
        }
    }
}

/// `gradient` is `G` of the block's map, with the part of its last reader, and `sums` its sums. On return,
/// the first rows hold the gradient of the block's input.
pub(crate) fn backward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &BlockPlan,
    trace: &BlockTrace<B::Tensor>,
    gradient: &mut B::Tensor,
    sums: &mut Sums<B::Tensor>,
    weights: bool,
    gradients: &mut Gradients<B>,
) {
    let BlockTrace {
        map,
        moments,
        grid,
        layers,
    } = trace;
    let columns = grid.columns();
    let batch = pass.norm == Norm::Batch;
    for (layer, kept) in plan.layers.iter().zip(layers).rev() {
        let LayerPlan {
            norm1,
            conv1,
            norm2,
            conv2,
        } = *layer;
        let row = conv1.inputs;
        if batch {
            pass.backend
                .norm_correction(gradient, map, row..row + conv2.outputs, columns, moments, sums);
        }
        let norm = pass.norm_backward(norm2, &kept.moments);
        if weights {
            let shape = (conv2.outputs, conv2.inputs);
            let (x, prologue) = (&kept.bottleneck, Some(&norm.affine));
            let out = gradients.at(conv2.weights);
            pass.backend
                .conv3x3_weight_gradient(shape, gradient, row, x, prologue, *grid, out);
        }
        let mut back = pass.backend.alloc_uninit(conv2.inputs * columns);
        let mut back_sums = pass.fresh_sums(conv2.inputs);
        let sink = through(
            gradients,
            norm2,
            &kept.bottleneck,
            &norm,
            &mut back,
            false,
            Some(&mut back_sums),
        );
        pass.backend.conv3x3_input_gradient(
            pass.kernel(conv2).quick(),
            gradient,
            row,
            *grid,
            GradientSink::Norm(sink),
        );
        let (x, out) = (&kept.bottleneck, (&mut back, &mut back_sums));
        pass.add_heatmap_gradient(norm2, x, &norm, *grid, out, gradients);
        if batch {
            let rows = 0..conv2.inputs;
            pass.backend.norm_correction(
                &mut back,
                &kept.bottleneck,
                rows,
                columns,
                &kept.moments,
                &back_sums,
            );
        }
        let norm = pass.norm_backward(norm1, moments);
        if weights {
            let shape = (conv1.outputs, conv1.inputs);
            let out = gradients.at(conv1.weights);
            pass.backend
                .pointwise_weight_gradient(shape, &back, 0, map, Some(&norm.affine), columns, out);
        }
        let sink = through(gradients, norm1, map, &norm, gradient, true, Some(sums));
        pass.backend.pointwise_input_gradient(
            pass.kernel(conv1),
            &back,
            0,
            columns,
            GradientSink::Norm(sink),
        );
        pass.add_heatmap_gradient(norm1, map, &norm, *grid, (&mut *gradient, &mut *sums), gradients);
        B::release(back);
    }
    if batch {
        pass.backend
            .norm_correction(gradient, map, 0..plan.inputs, columns, moments, sums);
    }
}
