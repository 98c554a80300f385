//! The head: the last norm, `ReLU`, mean over each image, one linear layer.

use super::dense_block::BlockTrace;
use super::relevance::{Form, LayerRelevance};
use super::{Pass, through};
use crate::backend::{Account, Backend, GradientSink, Grid, Output, Pool, Real, Sums, neuron};
use crate::gradients::Gradients;
use crate::plan::HeadPlan;
use crate::relevance::{LINEAR, LedgerBuilder, POOL, Rules, Start};

/// The pooled features, `[features, batch]`.
pub(crate) fn pool<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &HeadPlan,
    from: &BlockTrace<B::Tensor>,
) -> B::Tensor {
    let channels = plan.norm.channels;
    let prologue = pass.affine(plan.norm, &from.moments);
    let mut features = pass.backend.zeros(channels * from.grid.batch);
    let out = Output {
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
    let out = Output {
        map: &mut logits,
        row: 0,
        moments: None,
    };
    let bias = Some(&pass.values[plan.bias]);
    pass.backend
        .pointwise(pass.kernel(plan.linear), features, None, bias, batch, out);
    logits
}

/// `gradient` is that of the logits, `[outputs, batch]`.
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

/// From the gradient of the logits to `G` of the last block's map, with its sums.
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
        GradientSink::Plain(&mut back),
    );
    let norm = pass.norm_backward(plan.norm, &from.moments);
    let mut into = pass.backend.alloc_uninit(channels * from.grid.columns());
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
        GradientSink::Norm(sink),
    );
    pass.add_heatmap_gradient(
        plan.norm,
        &from.map,
        &norm,
        grid,
        (&mut into, &mut sums),
        gradients,
    );
    (into, sums)
}

/// From a start at the logits, `[outputs, batch]` (`R_k = c_k (z_k − θ_k)`), to the relevance at the
/// activations behind the last norm, with the account of the mean over each image.
pub(crate) fn relevance<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &HeadPlan,
    (features, logits): (&B::Tensor, &B::Tensor),
    from: &BlockTrace<B::Tensor>,
    start: &Start,
    rules: &Rules,
    ledger: &mut LedgerBuilder,
) -> (LayerRelevance<B::Tensor>, Vec<Account>) {
    let (batch, channels) = (from.grid.batch, plan.norm.channels);
    let images = Grid {
        batch,
        height: 1,
        width: 1,
    };
    let download = |tensor: &B::Tensor| -> Vec<f64> {
        let values = pass.backend.download(tensor);
        values.iter().map(|value| value.to_f64()).collect()
    };
    let (weights, bias) = (
        download(&pass.values[plan.linear.weights]),
        download(&pass.values[plan.bias]),
    );
    let (activations, logits) = (download(features), download(logits));
    let mut accounts = vec![Account::default(); batch];
    let mut relevance = vec![0.0; channels * batch];
    let starts = start.coefficients.iter().zip(&start.thresholds);
    for (place, (&coefficient, &threshold)) in starts.enumerate() {
        if coefficient == 0.0 {
            continue;
        }
        let (output, image) = (place / batch, place % batch);
        let row = &weights[output * channels..(output + 1) * channels];
        let inputs = activations[image..].iter().step_by(batch).copied();
        let inputs = inputs.zip(row.iter().copied());
        // A threshold is a part of the bias. The start is the logit as the pass forward rounded it, so ε
        // absorbs the rounding.
        let (z, bias) = (logits[place] - threshold, bias[output] - threshold);
        let rule = (rules.linear(), rules.bias);
        let account = neuron(&inputs, bias, rule, coefficient * z, |channel, part| {
            relevance[channel * batch + image] += part;
        });
        accounts[image].received += account.received;
        accounts[image].bias += account.bias;
        accounts[image].epsilon += account.epsilon;
    }
    let mut at_features = vec![0.0; batch];
    for (place, part) in relevance.iter().enumerate() {
        at_features[place % batch] += part;
    }
    ledger.add_entry(LINEAR, &accounts, &at_features);

    // The mean over each image, under the ε rule.
    let values: Vec<B::Real> = relevance.iter().map(|&part| B::Real::from_f64(part)).collect();
    let mut relevance = pass.backend.adopt(values);
    let lost = pass
        .backend
        .quotient(&mut relevance, features, channels, images, rules.pool(POOL));
    let affine = pass.affine(plan.norm, &from.moments);
    let mut product = pass.backend.zeros(channels * from.grid.columns());
    let sink = GradientSink::Plain(&mut product);
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
    let sent = LayerRelevance {
        product,
        form: Form::Factor,
        equal: None,
    };
    (sent, accounts)
}
