//! A transition: norm, `ReLU`, 1×1 convolution to half the channels, 2×2 average pool.
//!
//! Average pooling and a 1×1 convolution are linear in different directions, so they change places without changing the
//! result (up to rounding): pooling first leaves a quarter of the columns to multiply.

use super::dense_block::BlockTrace;
use super::{Pass, through};
use crate::backend::{Backend, Pool, Sink, Sums, Target};
use crate::network::Gradients;
use crate::plan::TransitionPlan;

/// What a transition keeps: the pooled map, `[channels, pooled columns]`.
pub(crate) struct TransitionTrace<T> {
    pub(crate) pooled: T,
}

/// Writes the first rows of the next block's map.
pub(crate) fn forward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &TransitionPlan,
    from: &BlockTrace<B::Tensor>,
    target: Target<'_, B::Tensor>,
) -> TransitionTrace<B::Tensor> {
    let channels = plan.norm.channels;
    let columns = from.grid.halved().columns();
    let prologue = pass.affine(plan.norm, &from.moments);
    let mut pooled = pass.backend.zeros(channels * columns);
    let out = Target {
        map: &mut pooled,
        row: 0,
        moments: None,
    };
    pass.backend
        .pool(Pool::Average2, channels, &from.map, &prologue, from.grid, out);
    pass.backend
        .pointwise(pass.kernel(plan.conv), &pooled, None, None, columns, target);
    TransitionTrace { pooled }
}

/// `gradient`: the next block's map's, first rows. Returns `G` of the block before with its sums.
pub(crate) fn backward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &TransitionPlan,
    trace: &TransitionTrace<B::Tensor>,
    from: &BlockTrace<B::Tensor>,
    gradient: &B::Tensor,
    weights: bool,
    gradients: &mut Gradients<B>,
) -> (B::Tensor, Sums<B::Tensor>) {
    let channels = plan.norm.channels;
    let columns = from.grid.halved().columns();
    if weights {
        let shape = (plan.conv.outputs, channels);
        let out = gradients.at(plan.conv.weights);
        pass.backend
            .pointwise_weight_gradient(shape, gradient, 0, &trace.pooled, None, columns, out);
    }
    let mut back = pass.backend.zeros(channels * columns);
    pass.backend.pointwise_input_gradient(
        pass.kernel(plan.conv),
        gradient,
        0,
        columns,
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
    let (pool, grid) = (Pool::Average2, from.grid);
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
