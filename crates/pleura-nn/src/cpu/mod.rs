//! The fast backend: `f32`, all cores, instruction set chosen at run time.
#![allow(
    unsafe_code,
    reason = "SIMD kernels, and threads that share buffers without locks"
)]

mod direct3x3;
mod films;
mod finish;
mod kernel;
mod lanes;
mod norm;
mod pack;
#[macro_use]
mod path;
mod buffer_pool;
mod flex;
mod pointwise;
mod pool;
mod relevance;
mod scratch;
mod session;
mod spin_pool;
mod stem;
mod sync;
#[cfg(test)]
mod tests;
mod upsample;
mod winograd;
mod winograd_tiles;

use std::ops::Range;

use self::direct3x3::Bands;
use self::finish::{Finish, write_moments};
use self::kernel::Kernels;
use self::pack::{Panels, Source};
pub use self::path::Path;
use self::stem::Patches;
use crate::architecture::Window;
use crate::backend::{
    Account, Affine, Backend, Films, GradientSink, Grid, Kernel, LrpFlex, Moments, NormBackward, Output,
    Pool, RelevanceStep, Role, Sums, rule_weights,
};
use crate::rule::Rule;

type Tensor = Vec<f32>;

/// `f32` on the processor's cores.
#[derive(Clone, Copy)]
pub struct Cpu {
    path: Path,
    kernels: Kernels,
}

impl Cpu {
    /// The backend with the fastest instruction set of this machine.
    pub fn new() -> Self {
        Self::with_path(Path::detect())
    }

    /// The backend with a given instruction set, which this machine must have.
    pub(crate) fn with_path(path: Path) -> Self {
        Self {
            path,
            kernels: Kernels::of(path),
        }
    }

    /// The instruction set.
    pub fn path(&self) -> Path {
        self.path
    }

    fn source<'a>(
        &self,
        map: &'a Tensor,
        first_row: usize,
        columns: usize,
        prologue: Option<&'a Affine<Tensor>>,
    ) -> Source<'a> {
        Source {
            path: self.path,
            map,
            first_row,
            columns,
            prologue,
        }
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Cpu {
    type Real = f32;
    type Tensor = Tensor;

    fn describe(&self) -> String {
        format!(
            "cpu, {}, {} threads",
            self.path.name(),
            rayon::current_num_threads()
        )
    }

    /// One film: its largest block is 3 MiB in DenseNet-121 at 224², while a batch's does not fit any cache.
    /// Each core takes whole films, and all cores share the last ones.
    fn inference_batch(&self) -> usize {
        1
    }

    fn run_pass<R>(&self, body: impl FnOnce() -> R) -> R {
        session::session(body)
    }

    fn upload(&self, values: &[f32]) -> Tensor {
        values.to_vec()
    }

    fn adopt(&self, values: Vec<f32>) -> Tensor {
        values
    }

    fn download(&self, tensor: &Tensor) -> Vec<f32> {
        tensor.clone()
    }

    fn zeros(&self, len: usize) -> Tensor {
        vec![0.0; len]
    }

    fn alloc_uninit(&self, len: usize) -> Tensor {
        buffer_pool::alloc_uninit(len)
    }

    fn release(tensor: Tensor) {
        buffer_pool::release(tensor);
    }

    fn moments(&self, x: &Tensor, rows: Range<usize>, columns: usize, moments: &mut Moments<Tensor>) {
        let total = session::collect(rows.len(), |row| {
            path::sums(self.path, &x[(rows.start + row) * columns..][..columns])
        });
        write_moments(&total, columns, rows.start, moments);
    }

    fn fold_norm(&self, gamma: &Tensor, beta: &Tensor, mean: &Tensor, variance: &Tensor) -> Affine<Tensor> {
        norm::fold(gamma, beta, mean, variance)
    }

    fn norm_backward(
        &self,
        gamma: &Tensor,
        beta: &Tensor,
        mean: &Tensor,
        variance: &Tensor,
        batch_statistics: bool,
    ) -> NormBackward<Tensor> {
        norm::back(gamma, beta, mean, variance, batch_statistics)
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
        norm::correct(self.path, gradient, x, rows, columns, (moments, sums));
    }

    fn prepare(&self, kernel: Kernel<'_, Tensor>, role: Role) -> Option<Tensor> {
        let Kernel {
            weights,
            outputs,
            inputs,
            ..
        } = kernel;
        let panels = |steps| self.rows_panels(weights, None, outputs, steps).into_values();
        Some(match role {
            Role::Pointwise => panels(inputs),
            Role::Conv3x3 => self.forward3x3(weights, outputs, inputs),
        })
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
            prepared,
            ..
        } = kernel;
        let panels = self.rows_panels(weights, prepared, outputs, inputs);
        let bias = bias.map(Vec::as_slice);
        let finish = Finish::write(self.path, target, bias, outputs, columns, self.tiles(columns));
        self.product(&panels, inputs, self.source(x, 0, columns, prologue), &finish);
        finish.end();
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
        let panels = Panels::new(inputs, outputs, self.kernels.wide.rows, |row, step| {
            weights[step * inputs + row]
        });
        let finish = Finish::sink(self.path, sink, inputs, columns, self.tiles(columns));
        self.product(
            &panels,
            outputs,
            self.source(gradient, row, columns, None),
            &finish,
        );
        finish.end();
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
        let gradient = self.source(gradient, row, columns, None);
        self.outer_product(
            (outputs, gradient),
            (inputs, self.source(x, 0, columns, prologue)),
            weights,
        );
    }

    fn conv3x3(
        &self,
        kernel: Kernel<'_, Tensor>,
        x: &Tensor,
        prologue: Option<&Affine<Tensor>>,
        grid: Grid,
        target: Output<'_, Tensor>,
    ) {
        let Kernel {
            weights,
            outputs,
            inputs,
            prepared,
            exact,
        } = kernel;
        if exact {
            let panels = self.rows_panels(weights, None, outputs, inputs * 9);
            let (columns, bands) = (grid.columns(), Bands::of(grid));
            let finish = Finish::write(self.path, target, None, outputs, columns, bands.count());
            let source = self.source(x, 0, columns, prologue);
            self.direct3x3(&panels, inputs, source, bands, &finish);
            finish.end();
            return;
        }
        let made = prepared
            .is_none()
            .then(|| self.forward3x3(weights, outputs, inputs));
        let weights = prepared.or(made.as_ref()).map_or(&[][..], Vec::as_slice);
        let columns = grid.columns();
        let finish = Finish::write(
            self.path,
            target,
            None,
            outputs,
            columns,
            Self::square_tiles(grid),
        );
        let source = self.source(x, 0, columns, prologue);
        self.convolve3x3(weights, (outputs, inputs), source, grid, &finish);
        finish.end();
    }

    fn conv3x3_input_gradient(
        &self,
        kernel: Kernel<'_, Tensor>,
        gradient: &Tensor,
        row: usize,
        grid: Grid,
        sink: GradientSink<'_, Tensor>,
    ) {
        let Kernel {
            weights,
            outputs,
            inputs,
            exact,
            ..
        } = kernel;
        // The transposed convolution is a convolution with the taps in reverse order, inputs and outputs
        // exchanged.
        if exact {
            return self.direct3x3_back(
                (weights, outputs, inputs),
                self.source(gradient, row, grid.columns(), None),
                grid,
                sink,
            );
        }
        let weights = self.transformed(inputs, outputs, |input, output, tap| {
            weights[(output * inputs + input) * 9 + 8 - tap]
        });
        let columns = grid.columns();
        let finish = Finish::sink(self.path, sink, inputs, columns, Self::square_tiles(grid));
        let source = self.source(gradient, row, columns, None);
        self.convolve3x3(&weights, (inputs, outputs), source, grid, &finish);
        finish.end();
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
        let columns = grid.columns();
        let gradient = self.source(gradient, row, columns, None);
        let source = self.source(x, 0, columns, prologue);
        self.correlate3x3((outputs, gradient), (inputs, source), grid, weights);
    }

    fn stem_conv(
        &self,
        kernel: Kernel<'_, Tensor>,
        window: Window,
        x: &Tensor,
        grid: Grid,
        target: Output<'_, Tensor>,
    ) {
        let Kernel {
            weights,
            outputs,
            inputs,
            ..
        } = kernel;
        let patches = Patches {
            inputs,
            window,
            grid,
            inside: false,
        };
        let panels = self.rows_panels(weights, None, outputs, patches.len());
        let columns = grid.after(window).columns();
        let finish = Finish::write(
            self.path,
            target,
            None,
            outputs,
            columns,
            Self::patch_tiles(patches),
        );
        self.convolve_patches(|_| &panels, patches, x, &finish);
        finish.end();
    }

    fn stem_conv_input_gradient(
        &self,
        kernel: Kernel<'_, Tensor>,
        window: Window,
        gradient: &Tensor,
        grid: Grid,
        out: &mut Tensor,
    ) {
        let Kernel {
            weights,
            outputs,
            inputs,
            ..
        } = kernel;
        let patches = Patches {
            inputs,
            window,
            grid,
            inside: false,
        };
        let steps = patches.len();
        let panels = Panels::new(steps, outputs, self.kernels.wide.rows, |row, step| {
            weights[step * steps + row]
        });
        self.scatter_patches(&panels, patches, gradient, out);
    }

    fn stem_conv_weight_gradient(
        &self,
        (outputs, inputs): (usize, usize),
        window: Window,
        gradient: &Tensor,
        x: &Tensor,
        grid: Grid,
        weights: &mut Tensor,
    ) {
        let gradient = self.source(gradient, 0, grid.after(window).columns(), None);
        let patches = Patches {
            inputs,
            window,
            grid,
            inside: false,
        };
        let sums = self.correlate_patches((outputs, gradient), patches, x, (1, |_| 0));
        for (output, weights) in weights.chunks_exact_mut(patches.len()).enumerate() {
            for (step, weight) in weights.iter_mut().enumerate() {
                *weight = sums[step * outputs + output];
            }
        }
    }

    fn film_conv(
        &self,
        kernel: Kernel<'_, Tensor>,
        window: Window,
        films: Films<'_, Tensor>,
        grid: Grid,
        target: Output<'_, Tensor>,
    ) {
        self.convolve_films(kernel, window, films, grid, target);
    }

    fn film_conv_weight_gradient(
        &self,
        shape: (usize, usize),
        window: Window,
        gradient: &Tensor,
        films: Films<'_, Tensor>,
        grid: Grid,
        weights: &mut Tensor,
    ) {
        self.correlate_films(shape, window, gradient, films, grid, weights);
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
        let finish = Finish::write(self.path, target, None, channels, pool.after(grid).columns(), 1);
        self.pool_channels(pool, channels, x, prologue, grid, &finish);
        finish.end();
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
        let finish = Finish::sink(self.path, sink, channels, grid.columns(), 1);
        self.pool_channels_back(pool, channels, gradient, x, prologue, grid, &finish);
        finish.end();
    }

    fn upsample2(&self, channels: usize, x: &Tensor, grid: Grid, target: Output<'_, Tensor>) {
        upsample::double(self.path, channels, x, grid, target);
    }

    fn upsample2_gradient(
        &self,
        channels: usize,
        gradient: &Tensor,
        row: usize,
        grid: Grid,
        out: &mut Tensor,
    ) {
        let large = grid.doubled().columns();
        let gradient = &gradient[row * large..(row + channels) * large];
        upsample::squares(gradient, grid, &mut out[..channels * grid.columns()]);
    }

    fn rule_weights(&self, kernel: Kernel<'_, Tensor>, rule: Rule, turned: &[usize]) -> Tensor {
        rule_weights(kernel.weights, kernel.outputs, rule, turned)
    }

    fn relevance_step(&self, step: RelevanceStep<'_, Tensor>) -> Vec<Account> {
        self.share_rows(step)
    }

    fn flat(
        &self,
        window: Window,
        relevance: &Tensor,
        (rows, inputs): (Range<usize>, usize),
        grid: Grid,
        out: &mut Tensor,
    ) -> Vec<f64> {
        self.spread_flat(window, relevance, (rows, inputs), grid, out)
    }

    fn multiply(&self, relevance: &mut Tensor, x: &Tensor, channels: usize, grid: Grid) -> Vec<f64> {
        self.multiply_rows(relevance, x, channels, grid)
    }

    fn quotient(
        &self,
        relevance: &mut Tensor,
        z: &Tensor,
        channels: usize,
        grid: Grid,
        epsilon: f64,
    ) -> Vec<f64> {
        self.divide_rows(relevance, z, channels, grid, epsilon)
    }

    fn lrp_flex(&self) -> Option<&dyn LrpFlex<Tensor>> {
        Some(self)
    }

    fn row_sums(&self, x: &Tensor, rows: Range<usize>, columns: usize, out: &mut Tensor) {
        let first = rows.start;
        for row in rows {
            out[row - first] = path::sums(self.path, &x[row * columns..(row + 1) * columns]).0 as f32;
        }
    }
}
