//! The stem: convolution, norm, `ReLU`, max-pool.

mod relevance;

pub(crate) use self::relevance::Sharing;
use super::{Pass, through};
use crate::backend::{Backend, Films, GradientSink, Grid, Moments, Output, Real};
use crate::gradients::Gradients;
use crate::norm::Norm;
use crate::plan::StemPlan;

/// The stem's values of a forward pass.
pub(crate) struct StemTrace<T> {
    /// The convolution's output, before its norm: `[channels, grid.after(window)]`.
    pub(crate) convolved: T,
    pub(crate) moments: Moments<T>,
    /// Grid of the convolution's input.
    pub(crate) input_grid: Grid,
    /// Grid of the pool's input.
    pub(crate) grid: Grid,
}

/// Writes the first rows of the first block's map.
pub(crate) fn forward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &StemPlan,
    films: Films<'_, B::Tensor>,
    input_grid: Grid,
    target: Output<'_, B::Tensor>,
) -> StemTrace<B::Tensor> {
    let channels = plan.conv.outputs;
    let grid = input_grid.after(plan.window);
    let mut convolved = pass.backend.alloc_uninit(channels * grid.columns());
    let mut moments = pass.fresh_moments(channels);
    let out = Output {
        map: &mut convolved,
        row: 0,
        moments: pass.taken(&mut moments),
    };
    let kernel = pass.kernel(plan.conv);
    if kernel.exact {
        let input = pass.backend.channels(films);
        pass.backend
            .stem_conv(kernel, plan.window, &input, input_grid, out);
    } else {
        pass.backend
            .film_conv(kernel, plan.window, films, input_grid, out);
    }
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

/// `gradient` is that of the first block's map, in its first rows. Returns the gradient of the input, `[3,
/// columns]`, if it is wanted.
pub(crate) fn backward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &StemPlan,
    trace: &StemTrace<B::Tensor>,
    films: Films<'_, B::Tensor>,
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
    let norm = pass.norm_backward(plan.norm, moments);
    let mut back = pass.backend.alloc_uninit(channels * grid.columns());
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
        GradientSink::Norm(sink),
    );
    pass.add_heatmap_gradient(
        plan.norm,
        convolved,
        &norm,
        *grid,
        (&mut back, &mut sums),
        gradients,
    );
    if pass.norm == Norm::Batch {
        pass.backend
            .norm_correction(&mut back, convolved, 0..channels, grid.columns(), moments, &sums);
    }
    if weights {
        let shape = (channels, plan.conv.inputs);
        let out = gradients.at(plan.conv.weights);
        pass.backend
            .film_conv_weight_gradient(shape, plan.window, &back, films, *input_grid, out);
    }
    let input = input_gradient.then(|| {
        let mut out = pass.backend.zeros(plan.conv.inputs * input_grid.columns());
        pass.backend.stem_conv_input_gradient(
            pass.kernel(plan.conv),
            plan.window,
            &back,
            *input_grid,
            &mut out,
        );
        out
    });
    B::release(back);
    input
}

/// The sum of each image over all channels.
pub(crate) fn image_sums<R: Real>(values: &[R], grid: Grid) -> Vec<f64> {
    let mut sums = vec![0.0; grid.batch];
    for (number, plane) in values.chunks_exact(grid.plane()).enumerate() {
        sums[number % grid.batch] += plane.iter().map(|value| value.to_f64()).sum::<f64>();
    }
    sums
}
