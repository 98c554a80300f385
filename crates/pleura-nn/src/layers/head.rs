//! The head: the last norm, `ReLU`, mean over each image, one linear layer.

use super::dense_block::BlockTrace;
use super::{Pass, through};
use crate::backend::{Account, Backend, Grid, Pool, Real, Sink, Sums, Target};
use crate::gradients::Gradients;
use crate::plan::HeadPlan;
use crate::relevance::{Book, Rules};

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
    let mut into = pass.backend.room(channels * from.grid.columns());
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
    pass.pull(
        plan.norm,
        &from.map,
        &norm,
        grid,
        (&mut into, &mut sums),
        gradients,
    );
    (into, sums)
}

/// From relevance coefficients at the logits, `[outputs, batch]` (`R_k = c_k z_k`), to what arrives at the activations behind the
/// last norm, with the account of the mean over each image.
pub(crate) fn relevance<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &HeadPlan,
    (features, logits): (&B::Tensor, &B::Tensor),
    from: &BlockTrace<B::Tensor>,
    coefficients: &[f64],
    rules: &Rules,
    book: &mut Book,
) -> (B::Tensor, Vec<Account>) {
    let (batch, outputs) = (from.grid.batch, plan.linear.outputs);
    let channels = plan.norm.channels;
    let images = Grid {
        batch,
        height: 1,
        width: 1,
    };
    // The ε rule: c z / s(z) is what each output hands to its weights.
    let bias = pass.backend.download(&pass.values[plan.bias]);
    let logits = pass.backend.download(logits);
    let mut accounts = vec![Account::default(); batch];
    let mut quotients = Vec::with_capacity(coefficients.len());
    for (place, (&coefficient, logit)) in coefficients.iter().zip(&logits).enumerate().take(outputs * batch) {
        let (account, bias) = (&mut accounts[place % batch], bias[place / batch].to_f64());
        let z = logit.to_f64();
        let stabilised = if z < 0.0 {
            z - rules.head_epsilon
        } else {
            z + rules.head_epsilon
        };
        let q = if stabilised == 0.0 {
            coefficient
        } else {
            coefficient * z / stabilised
        };
        account.received += coefficient * z;
        account.bias += bias * q;
        account.epsilon += (coefficient - q) * z;
        quotients.push(B::Real::from_f64(q));
    }
    let mut relevance = pass.backend.zeros(channels * batch);
    let (quotients, sink) = (pass.backend.upload(&quotients), Sink::Plain(&mut relevance));
    pass.backend
        .pointwise_input_gradient(pass.kernel(plan.linear), &quotients, 0, batch, sink);
    let at_features = pass.backend.multiply(&mut relevance, features, channels, images);
    book.enter("classifier", &accounts, &at_features);

    // The mean over each image, under the ε rule as well.
    let lost = pass
        .backend
        .quotient(&mut relevance, features, channels, images, rules.epsilon);
    let affine = pass.affine(plan.norm, &from.moments);
    let mut spread = pass.backend.zeros(channels * from.grid.columns());
    let sink = Sink::Plain(&mut spread);
    pass.backend.pool_input_gradient(
        Pool::Global,
        channels,
        &relevance,
        &from.map,
        &affine,
        from.grid,
        sink,
    );
    let account = |(&received, &epsilon): (&f64, &f64)| Account {
        received,
        bias: 0.0,
        epsilon,
    };
    let accounts = at_features.iter().zip(&lost).map(account).collect();
    (spread, accounts)
}
