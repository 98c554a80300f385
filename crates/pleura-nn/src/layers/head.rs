//! The head: the last norm, `ReLU`, mean over each image, one linear layer.

use super::dense_block::BlockTrace;
use super::{Pass, through};
use crate::backend::{Backend, Pool, Sink, Sums, Target};
use crate::network::Gradients;
use crate::plan::HeadPlan;

/// The pooled features, `[features, batch]`.
pub(crate) fn pool<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &HeadPlan,
    from: &BlockTrace<B::Tensor>,
) -> B::Tensor {
    let channels = plan.norm.channels;
    let prologue = pass.affine(plan.norm, &from.moments);
    let mut features = pass.backend.zeros(channels * from.grid.batch);
    let out = Target {
        map: &mut features,
        row: 0,
        moments: None,
    };
    pass.backend
        .pool(Pool::Global, channels, &from.map, &prologue, from.grid, out);
    features
}

/// The logits, `[outputs, batch]`.
pub(crate) fn forward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &HeadPlan,
    features: &B::Tensor,
    batch: usize,
) -> B::Tensor {
    let mut logits = pass.backend.zeros(plan.linear.outputs * batch);
    let out = Target {
        map: &mut logits,
        row: 0,
        moments: None,
    };
    let bias = Some(&pass.values[plan.bias]);
    pass.backend
        .pointwise(pass.kernel(plan.linear), features, None, bias, batch, out);
    logits
}

/// `gradient`: the logits', `[outputs, batch]`.
pub(crate) fn backward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &HeadPlan,
    features: &B::Tensor,
    gradient: &B::Tensor,
    batch: usize,
    gradients: &mut Gradients<B>,
) {
    let shape = (plan.linear.outputs, plan.linear.inputs);
    let out = gradients.at(plan.linear.weights);
    pass.backend
        .pointwise_weight_gradient(shape, gradient, 0, features, None, batch, out);
    pass.backend
        .row_sums(gradient, 0..plan.linear.outputs, batch, gradients.at(plan.bias));
}

/// From the logits' gradient to `G` of the last block's map, with its sums.
pub(crate) fn backward_to_map<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &HeadPlan,
    from: &BlockTrace<B::Tensor>,
    gradient: &B::Tensor,
    gradients: &mut Gradients<B>,
) -> (B::Tensor, Sums<B::Tensor>) {
    let channels = plan.norm.channels;
    let batch = from.grid.batch;
    let mut back = pass.backend.zeros(channels * batch);
    pass.backend.pointwise_input_gradient(
        pass.kernel(plan.linear),
        gradient,
        0,
        batch,
        Sink::Plain(&mut back),
    );
    let norm = pass.norm_back(plan.norm, &from.moments);
    let mut into = pass.backend.zeros(channels * from.grid.columns());
    let mut sums = pass.fresh_sums(channels);
    let sink = through(
        gradients,
        plan.norm,
        &from.map,
        &norm,
        &mut into,
        false,
        Some(&mut sums),
    );
    let (pool, grid) = (Pool::Global, from.grid);
    pass.backend.pool_input_gradient(
        pool,
        channels,
        &back,
        &from.map,
        &norm.affine,
        grid,
        Sink::Norm(sink),
    );
    (into, sums)
}
