//! The reference: every primitive as its textbook formula, in double precision, in plain loops.
//!
//! The code is simple, so that it can be compared with the definitions. Tests compare every other backend
//! with it, and proofs that need twelve digits run on it.

mod flex;
mod relevance;
mod windows;

use std::ops::Range;

use self::windows::{convolve, convolve_back, correlate, largest, windows};
use crate::architecture::Window;
use crate::backend::{
    Account, Affine, Backend, GradientSink, Grid, Kernel, LrpFlex, Moments, NORM_EPSILON, NormBackward,
    NormReluBackward, Output, Pool, RelevanceStep, Sums, rule_weights,
};
use crate::rule::Rule;

type Tensor = Vec<f64>;

/// `f64`, plain and slow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

/// The map that a convolution reads: the first `channels` rows, after norm and `ReLU`.
fn activated(x: &[f64], channels: usize, columns: usize, prologue: Option<&Affine<Tensor>>) -> Tensor {
    let mut map = x[..channels * columns].to_vec();
    if let Some(affine) = prologue {
        for (channel, row) in map.chunks_exact_mut(columns).enumerate() {
            for value in row {
                *value = (affine.scale[channel] * *value + affine.shift[channel]).max(0.0);
            }
        }
    }
    map
}

/// `out += a · x`.
fn add_scaled(out: &mut [f64], a: f64, x: &[f64]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out += a * x;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The place in `[channels, grid]` of a place in `[channels, grid.doubled()]`.
fn quarter(place: usize, grid: Grid) -> usize {
    let large = grid.doubled();
    let (plane, inside) = (place / large.plane(), place % large.plane());
    let (y, x) = (inside / large.width, inside % large.width);
    plane * grid.plane() + y / 2 * grid.width + x / 2
}

const THREE: Window = Window {
    kernel: 3,
    stride: 1,
    padding: 1,
};

impl Reference {
    fn write(self, values: &[f64], rows: usize, columns: usize, target: Output<'_, Tensor>) {
        let Output { map, row, moments } = target;
        map[row * columns..(row + rows) * columns].copy_from_slice(&values[..rows * columns]);
        if let Some(moments) = moments {
            self.moments(map, row..row + rows, columns, moments);
        }
    }

    fn send(values: &[f64], columns: usize, sink: GradientSink<'_, Tensor>) {
        let NormReluBackward {
            x,
            norm,
            into,
            accumulate,
            gamma,
            beta,
            mut sums,
        } = match sink {
            GradientSink::Plain(out) => return out[..values.len()].copy_from_slice(values),
            GradientSink::Norm(through) => through,
        };
        for (channel, gradient) in values.chunks_exact(columns).enumerate() {
            let place = channel * columns..(channel + 1) * columns;
            let (scale, shift) = (norm.affine.scale[channel], norm.affine.shift[channel]);
            let (mut g_sum, mut gx_sum) = (0.0, 0.0);
            for ((gradient, x), into) in gradient.iter().zip(&x[place.clone()]).zip(&mut into[place]) {
                let g = if scale * x + shift > 0.0 { *gradient } else { 0.0 };
                g_sum += g;
                gx_sum += g * (x - norm.mean[channel]) * norm.inverse_deviation[channel];
                *into = if accumulate { *into } else { 0.0 } + norm.factor[channel] * g;
            }
            beta[channel] = g_sum;
            gamma[channel] = gx_sum;
            if let Some(sums) = &mut sums {
                sums.g[channel] += norm.factor[channel] * g_sum;
                sums.gx[channel] += norm.factor[channel] * gx_sum;
            }
        }
    }
}

impl Backend for Reference {
    type Real = f64;
    type Tensor = Tensor;

    fn describe(&self) -> String {
        "reference, f64, 1 thread".to_owned()
    }

    fn upload(&self, values: &[f64]) -> Tensor {
        values.to_vec()
    }

    fn download(&self, tensor: &Tensor) -> Vec<f64> {
        tensor.clone()
    }

    fn zeros(&self, len: usize) -> Tensor {
        vec![0.0; len]
    }

    fn moments(&self, x: &Tensor, rows: Range<usize>, columns: usize, moments: &mut Moments<Tensor>) {
        for row in rows {
            let values = &x[row * columns..(row + 1) * columns];
            let mean = values.iter().sum::<f64>() / columns as f64;
            moments.mean[row] = mean;
            moments.variance[row] =
                values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / columns as f64;
        }
    }

    fn fold_norm(&self, gamma: &Tensor, beta: &Tensor, mean: &Tensor, variance: &Tensor) -> Affine<Tensor> {
        let scale: Tensor = gamma
            .iter()
            .zip(variance)
            .map(|(g, v)| g / (v + NORM_EPSILON).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(mean)
            .zip(&scale)
            .map(|((b, m), s)| b - m * s)
            .collect();
        Affine { scale, shift }
    }

    fn norm_backward(
        &self,
        gamma: &Tensor,
        beta: &Tensor,
        mean: &Tensor,
        variance: &Tensor,
        batch_statistics: bool,
    ) -> NormBackward<Tensor> {
        let affine = self.fold_norm(gamma, beta, mean, variance);
        NormBackward {
            factor: if batch_statistics {
                gamma.clone()
            } else {
                affine.scale.clone()
            },
            mean: mean[..gamma.len()].to_vec(),
            inverse_deviation: variance[..gamma.len()]
                .iter()
                .map(|v| 1.0 / (v + NORM_EPSILON).sqrt())
                .collect(),
            affine,
        }
    }

    fn norm_correction(
        &self,
        gradient: &mut Tensor,
        x: &Tensor,
        rows: Range<usize>,
        columns: usize,
        moments: &Moments<Tensor>,
        sums: &Sums<Tensor>,
    ) {
        let count = columns as f64;
        for row in rows {
            let inverse = 1.0 / (moments.variance[row] + NORM_EPSILON).sqrt();
            for place in row * columns..(row + 1) * columns {
                let hat = (x[place] - moments.mean[row]) * inverse;
                gradient[place] =
                    inverse * (gradient[place] - sums.g[row] / count - hat * sums.gx[row] / count);
            }
        }
    }

    fn pointwise(
        &self,
        kernel: Kernel<'_, Tensor>,
        x: &Tensor,
        prologue: Option<&Affine<Tensor>>,
        bias: Option<&Tensor>,
        columns: usize,
        target: Output<'_, Tensor>,
    ) {
        let Kernel {
            weights,
            outputs,
            inputs,
            ..
        } = kernel;
        let map = activated(x, inputs, columns, prologue);
        let mut out = vec![0.0; outputs * columns];
        for (output, out) in out.chunks_exact_mut(columns).enumerate() {
            for (input, map) in map.chunks_exact(columns).enumerate() {
                add_scaled(out, weights[output * inputs + input], map);
            }
            if let Some(bias) = bias {
                for out in out.iter_mut() {
                    *out += bias[output];
                }
            }
        }
        self.write(&out, outputs, columns, target);
    }

    fn pointwise_input_gradient(
        &self,
        kernel: Kernel<'_, Tensor>,
        gradient: &Tensor,
        row: usize,
        columns: usize,
        sink: GradientSink<'_, Tensor>,
    ) {
        let Kernel {
            weights,
            outputs,
            inputs,
            ..
        } = kernel;
        let mut back = vec![0.0; inputs * columns];
        for (input, back) in back.chunks_exact_mut(columns).enumerate() {
            for (output, gradient) in gradient[row * columns..]
                .chunks_exact(columns)
                .enumerate()
                .take(outputs)
            {
                add_scaled(back, weights[output * inputs + input], gradient);
            }
        }
        Self::send(&back, columns, sink);
    }

    fn pointwise_weight_gradient(
        &self,
        (outputs, inputs): (usize, usize),
        gradient: &Tensor,
        row: usize,
        x: &Tensor,
        prologue: Option<&Affine<Tensor>>,
        columns: usize,
        weights: &mut Tensor,
    ) {
        let map = activated(x, inputs, columns, prologue);
        for (output, gradient) in gradient[row * columns..]
            .chunks_exact(columns)
            .enumerate()
            .take(outputs)
        {
            for (input, map) in map.chunks_exact(columns).enumerate() {
                weights[output * inputs + input] = dot(gradient, map);
            }
        }
    }

    fn conv3x3(
        &self,
        kernel: Kernel<'_, Tensor>,
        x: &Tensor,
        prologue: Option<&Affine<Tensor>>,
        grid: Grid,
        target: Output<'_, Tensor>,
    ) {
        let map = activated(x, kernel.inputs, grid.columns(), prologue);
        self.write(
            &convolve(kernel, THREE, &map, grid),
            kernel.outputs,
            grid.columns(),
            target,
        );
    }

    fn conv3x3_input_gradient(
        &self,
        kernel: Kernel<'_, Tensor>,
        gradient: &Tensor,
        row: usize,
        grid: Grid,
        sink: GradientSink<'_, Tensor>,
    ) {
        let back = convolve_back(kernel, THREE, &gradient[row * grid.columns()..], grid);
        Self::send(&back, grid.columns(), sink);
    }

    fn conv3x3_weight_gradient(
        &self,
        (outputs, inputs): (usize, usize),
        gradient: &Tensor,
        row: usize,
        x: &Tensor,
        prologue: Option<&Affine<Tensor>>,
        grid: Grid,
        weights: &mut Tensor,
    ) {
        let map = activated(x, inputs, grid.columns(), prologue);
        correlate(
            (outputs, inputs),
            THREE,
            &gradient[row * grid.columns()..],
            &map,
            grid,
            weights,
        );
    }

    fn stem_conv(
        &self,
        kernel: Kernel<'_, Tensor>,
        window: Window,
        x: &Tensor,
        grid: Grid,
        target: Output<'_, Tensor>,
    ) {
        let out = convolve(kernel, window, &x[..kernel.inputs * grid.columns()], grid);
        self.write(&out, kernel.outputs, grid.after(window).columns(), target);
    }

    fn stem_conv_input_gradient(
        &self,
        kernel: Kernel<'_, Tensor>,
        window: Window,
        gradient: &Tensor,
        grid: Grid,
        out: &mut Tensor,
    ) {
        out.copy_from_slice(&convolve_back(kernel, window, gradient, grid));
    }

    fn stem_conv_weight_gradient(
        &self,
        shape: (usize, usize),
        window: Window,
        gradient: &Tensor,
        x: &Tensor,
        grid: Grid,
        weights: &mut Tensor,
    ) {
        correlate(
            shape,
            window,
            gradient,
            &x[..shape.1 * grid.columns()],
            grid,
            weights,
        );
    }

    fn pool(
        &self,
        pool: Pool,
        channels: usize,
        x: &Tensor,
        prologue: &Affine<Tensor>,
        grid: Grid,
        target: Output<'_, Tensor>,
    ) {
        let columns = pool.after(grid).columns();
        let map = activated(x, channels, grid.columns(), Some(prologue));
        let mut out = vec![0.0; channels * columns];
        for (map, out) in map
            .chunks_exact(grid.columns())
            .zip(out.chunks_exact_mut(columns))
        {
            for (place, members) in windows(pool, grid).into_iter().enumerate() {
                out[place] = match pool {
                    Pool::Max(_) => map[largest(map, &members)],
                    _ => members.iter().map(|&member| map[member]).sum::<f64>() / members.len() as f64,
                };
            }
        }
        self.write(&out, channels, columns, target);
    }

    fn pool_input_gradient(
        &self,
        pool: Pool,
        channels: usize,
        gradient: &Tensor,
        x: &Tensor,
        prologue: &Affine<Tensor>,
        grid: Grid,
        sink: GradientSink<'_, Tensor>,
    ) {
        let columns = pool.after(grid).columns();
        let map = activated(x, channels, grid.columns(), Some(prologue));
        let mut back = vec![0.0; channels * grid.columns()];
        for (channel, map) in map.chunks_exact(grid.columns()).enumerate() {
            let back = &mut back[channel * grid.columns()..(channel + 1) * grid.columns()];
            for (place, members) in windows(pool, grid).into_iter().enumerate() {
                let sent = gradient[channel * columns + place];
                if let Pool::Max(_) = pool {
                    back[largest(map, &members)] += sent;
                } else {
                    for &member in &members {
                        back[member] += sent / members.len() as f64;
                    }
                }
            }
        }
        Self::send(&back, grid.columns(), sink);
    }

    fn upsample2(&self, channels: usize, x: &Tensor, grid: Grid, target: Output<'_, Tensor>) {
        let large = grid.doubled();
        let mut out = vec![0.0; channels * large.columns()];
        for (place, value) in out.iter_mut().enumerate() {
            *value = x[quarter(place, grid)];
        }
        self.write(&out, channels, large.columns(), target);
    }

    fn upsample2_gradient(
        &self,
        channels: usize,
        gradient: &Tensor,
        row: usize,
        grid: Grid,
        out: &mut Tensor,
    ) {
        let columns = grid.doubled().columns();
        out[..channels * grid.columns()].fill(0.0);
        for place in 0..channels * columns {
            out[quarter(place, grid)] += gradient[row * columns + place];
        }
    }

    fn rule_weights(&self, kernel: Kernel<'_, Tensor>, rule: Rule, negated: &[usize]) -> Tensor {
        rule_weights(kernel.weights, kernel.outputs, rule, negated)
    }

    fn relevance_step(&self, step: RelevanceStep<'_, Tensor>) -> Vec<Account> {
        relevance::relevance_step(step)
    }

    fn flat(
        &self,
        window: Window,
        relevance: &Tensor,
        (rows, inputs): (Range<usize>, usize),
        grid: Grid,
        out: &mut Tensor,
    ) -> Vec<f64> {
        relevance::flat(window, relevance, (rows, inputs), grid, out)
    }

    fn multiply(&self, relevance: &mut Tensor, x: &Tensor, channels: usize, grid: Grid) -> Vec<f64> {
        relevance::multiply(relevance, x, channels, grid)
    }

    fn quotient(
        &self,
        relevance: &mut Tensor,
        z: &Tensor,
        channels: usize,
        grid: Grid,
        epsilon: f64,
    ) -> Vec<f64> {
        relevance::quotient(relevance, z, channels, grid, epsilon)
    }

    fn lrp_flex(&self) -> Option<&dyn LrpFlex<Tensor>> {
        Some(self)
    }

    fn row_sums(&self, x: &Tensor, rows: Range<usize>, columns: usize, out: &mut Tensor) {
        let first = rows.start;
        for row in rows {
            out[row - first] = x[row * columns..(row + 1) * columns].iter().sum();
        }
    }
}
