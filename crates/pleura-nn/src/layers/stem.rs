//! The stem: convolution, norm, `ReLU`, max-pool.

use super::{Pass, through};
use crate::architecture::Window;
use crate::backend::{Account, Backend, Grid, Kernel, Moments, Producer, Real, Share, Sink, Target};
use crate::gradients::Gradients;
use crate::network::Norm;
use crate::plan::StemPlan;
use crate::relevance::{Book, FirstRule, Rules};

/// What the stem keeps.
pub(crate) struct StemTrace<T> {
    /// The convolution's output, before its norm: `[channels, grid.after(window)]`.
    pub(crate) convolved: T,
    pub(crate) moments: Moments<T>,
    /// Where the convolution read.
    pub(crate) input_grid: Grid,
    /// Where the pool read.
    pub(crate) grid: Grid,
}

/// Writes the first rows of the first block's map.
pub(crate) fn forward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &StemPlan,
    input: &B::Tensor,
    input_grid: Grid,
    target: Target<'_, B::Tensor>,
) -> StemTrace<B::Tensor> {
    let channels = plan.conv.outputs;
    let grid = input_grid.after(plan.window);
    let mut convolved = pass.backend.zeros(channels * grid.columns());
    let mut moments = pass.fresh_moments(channels);
    let out = Target {
        map: &mut convolved,
        row: 0,
        moments: pass.taken(&mut moments),
    };
    pass.backend
        .stem_conv(pass.kernel(plan.conv), plan.window, input, input_grid, out);
    let prologue = pass.affine(plan.norm, &moments);
    pass.backend
        .pool(plan.pool, channels, &convolved, &prologue, grid, target);
    StemTrace {
        convolved,
        moments,
        input_grid,
        grid,
    }
}

/// `gradient`: the first block's map's, first rows. Returns the input's, `[3, columns]`, if it is wanted.
pub(crate) fn backward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &StemPlan,
    trace: &StemTrace<B::Tensor>,
    input: &B::Tensor,
    gradient: &B::Tensor,
    (weights, input_gradient): (bool, bool),
    gradients: &mut Gradients<B>,
) -> Option<B::Tensor> {
    let StemTrace {
        convolved,
        moments,
        input_grid,
        grid,
    } = trace;
    let channels = plan.conv.outputs;
    let norm = pass.norm_back(plan.norm, moments);
    let mut back = pass.backend.zeros(channels * grid.columns());
    let mut sums = pass.fresh_sums(channels);
    let sink = through(
        gradients,
        plan.norm,
        convolved,
        &norm,
        &mut back,
        false,
        Some(&mut sums),
    );
    pass.backend.pool_input_gradient(
        plan.pool,
        channels,
        gradient,
        convolved,
        &norm.affine,
        *grid,
        Sink::Norm(sink),
    );
    if pass.norm == Norm::Batch {
        pass.backend
            .norm_correction(&mut back, convolved, 0..channels, grid.columns(), moments, &sums);
    }
    if weights {
        let shape = (channels, plan.conv.inputs);
        let out = gradients.at(plan.conv.weights);
        pass.backend
            .stem_conv_weight_gradient(shape, plan.window, &back, input, *input_grid, out);
    }
    input_gradient.then(|| {
        let mut out = pass.backend.zeros(plan.conv.inputs * input_grid.columns());
        pass.backend.stem_conv_input_gradient(
            pass.kernel(plan.conv),
            plan.window,
            &back,
            *input_grid,
            &mut out,
        );
        out
    })
}

/// From relevance at the pool's outputs, `[channels, pooled columns]`, to the input's, `[3, columns]`: the winner of each window
/// takes all; the norm is merged into the convolution.
pub(crate) fn relevance<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &StemPlan,
    trace: &StemTrace<B::Tensor>,
    input: &B::Tensor,
    relevance: &B::Tensor,
    rules: &Rules,
    book: &mut Book,
) -> (B::Tensor, Vec<f64>) {
    let StemTrace {
        convolved,
        moments,
        input_grid,
        grid,
    } = trace;
    let channels = plan.conv.outputs;
    let affine = pass.affine(plan.norm, moments);
    let mut at_norm = pass.backend.zeros(channels * grid.columns());
    let sink = Sink::Plain(&mut at_norm);
    pass.backend
        .pool_input_gradient(plan.pool, channels, relevance, convolved, &affine, *grid, sink);
    let inputs = plan.conv.inputs;
    let mut out = pass.backend.zeros(inputs * input_grid.columns());
    let (accounts, passed) = match rules.first {
        FirstRule::Epsilon { epsilon } => {
            let mut shares = pass.backend.zeros(channels * grid.columns());
            let accounts = pass.backend.share(Share {
                producer: Producer::Epsilon(epsilon),
                relevance: &at_norm,
                rows: 0..channels,
                raw: convolved,
                affine: &affine,
                grid: *grid,
                positive: None,
                unpooled: None,
                out: &mut shares,
            });
            let kernel = pass.kernel(plan.conv);
            pass.backend
                .stem_conv_input_gradient(kernel, plan.window, &shares, *input_grid, &mut out);
            (
                accounts,
                pass.backend.multiply(&mut out, input, None, inputs, *input_grid),
            )
        }
        FirstRule::Flat => {
            let (accounts, shares) = flat_shares(pass, plan, &at_norm, *input_grid);
            let ones = vec![B::Real::from_f64(1.0); inputs * plan.window.kernel * plan.window.kernel];
            let ones = pass.backend.upload(&ones);
            let kernel = Kernel {
                weights: &ones,
                outputs: 1,
                inputs,
                prepared: None,
                exact: true,
            };
            pass.backend
                .stem_conv_input_gradient(kernel, plan.window, &shares, *input_grid, &mut out);
            let passed = image_sums(&pass.backend.download(&out), *input_grid);
            (accounts, passed)
        }
    };
    book.enter("features.conv0", &accounts, &passed);
    (out, passed)
}

/// Each output place's relevance over all channels, divided by the real inputs under its window: `[1, grid]`.
fn flat_shares<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &StemPlan,
    at_norm: &B::Tensor,
    input_grid: Grid,
) -> (Vec<Account>, B::Tensor) {
    let grid = input_grid.after(plan.window);
    let values = pass.backend.download(at_norm);
    let Window {
        kernel,
        stride,
        padding,
    } = plan.window;
    let reach = |at: usize, size: usize| {
        let start = at * stride;
        (start + kernel).saturating_sub(padding).min(size) - start.saturating_sub(padding).min(size)
    };
    let columns = grid.columns();
    let mut shares = Vec::with_capacity(columns);
    let mut accounts = vec![Account::default(); grid.batch];
    for column in 0..columns {
        let received: f64 = values
            .iter()
            .skip(column)
            .step_by(columns)
            .map(|value| value.to_f64())
            .sum();
        let (image, within) = (column / grid.plane(), column % grid.plane());
        accounts[image].received += received;
        let pixels =
            reach(within / grid.width, input_grid.height) * reach(within % grid.width, input_grid.width);
        shares.push(B::Real::from_f64(
            received / (plan.conv.inputs * pixels.max(1)) as f64,
        ));
    }
    (accounts, pass.backend.upload(&shares))
}

/// The sum of each image over all channels.
pub(crate) fn image_sums<R: Real>(values: &[R], grid: Grid) -> Vec<f64> {
    let mut sums = vec![0.0; grid.batch];
    for (number, plane) in values.chunks_exact(grid.plane()).enumerate() {
        sums[number % grid.batch] += plane.iter().map(|value| value.to_f64()).sum::<f64>();
    }
    sums
}
