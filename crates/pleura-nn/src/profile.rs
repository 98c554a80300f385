//! Where a pass spends its time: a backend around another that keeps the books of each primitive.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::architecture::Window;
use crate::backend::{
    Account, Affine, Backend, Films, Grid, Kernel, Moments, NormBack, Pool, Role, Share, Sink, Sums, Target,
};
use crate::gradients::Gradients;
use crate::network::Network;
use crate::relevance::Rule;

/// A backend that measures what the one inside it does.
///
/// Steps are measured on the thread that asks for them. A pass over one film or a training step asks from one thread; inference over
/// many films asks from several, and their times are added.
pub struct Profiled<B> {
    inner: B,
    books: Mutex<BTreeMap<Key, Book>>,
}

/// Primitive, and the parameter it works with by the place of its tensor (0: none), and the columns of its map.
type Key = (&'static str, usize, usize);

#[derive(Clone, Copy, Default)]
struct Book {
    calls: u64,
    time: Duration,
    multiply_adds: f64,
    bytes: f64,
}

/// What one primitive cost in one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Primitive of [`Backend`].
    pub primitive: &'static str,
    /// Name of the parameter; empty for primitives without one.
    pub layer: String,
    /// Columns of the map read: films · height · width.
    pub columns: usize,
    /// How often it ran.
    pub calls: u64,
    /// Seconds in all.
    pub seconds: f64,
    /// Multiply-adds of the direct algorithm, in all.
    pub multiply_adds: f64,
    /// Bytes of the maps and weights that it must read and write, each once, in all.
    pub bytes: f64,
}

impl Line {
    /// Billions of floating-point operations a second: two for a multiply-add of the direct algorithm.
    pub fn gflops(&self) -> f64 {
        2.0 * self.multiply_adds / self.seconds / 1e9
    }

    /// Billions of bytes a second.
    pub fn gigabytes(&self) -> f64 {
        self.bytes / self.seconds / 1e9
    }
}

impl<B: Backend> Profiled<B> {
    /// Measures `inner`.
    pub fn new(inner: B) -> Self {
        Self {
            inner,
            books: Mutex::default(),
        }
    }

    /// Forgets what was measured so far.
    pub fn clear(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Book>> {
        self.books
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn measured<R>(&self, key: Key, multiply_adds: f64, reals: usize, step: impl FnOnce(&B) -> R) -> R {
        let start = Instant::now();
        let result = step(&self.inner);
        let time = start.elapsed();
        let mut books = self.locked();
        let book = books.entry(key).or_default();
        book.calls += 1;
        book.time += time;
        book.multiply_adds += multiply_adds;
        book.bytes += (reals * size_of::<B::Real>()) as f64;
        result
    }
}

impl<B: Backend> Network<Profiled<B>> {
    /// What has been measured since [`Profiled::clear`], the longest first. `gradients` are those that backward passes wrote.
    pub fn profile(&self, gradients: Option<&Gradients<Profiled<B>>>) -> Vec<Line> {
        let names: BTreeMap<usize, &str> = self
            .values()
            .iter()
            .chain(gradients.map_or(&[][..], Gradients::tensors))
            .map(place)
            .zip(
                self.parameters()
                    .iter()
                    .chain(self.parameters())
                    .map(|spec| &*spec.name),
            )
            .collect();
        let line = |(&(primitive, place, columns), book): (&Key, &Book)| Line {
            primitive,
            layer: names.get(&place).copied().unwrap_or_default().to_owned(),
            columns,
            calls: book.calls,
            seconds: book.time.as_secs_f64(),
            multiply_adds: book.multiply_adds,
            bytes: book.bytes,
        };
        let mut lines: Vec<Line> = self.backend().locked().iter().map(line).collect();
        lines.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        lines
    }
}

fn place<T>(tensor: &T) -> usize {
    std::ptr::from_ref(tensor) as usize
}

/// Maps that a gradient's end reads and writes beside the product itself.
fn touched<T>(sink: &Sink<'_, T>) -> usize {
    match sink {
        Sink::Plain(_) => 1,
        Sink::Norm(through) => 2 + usize::from(through.accumulate),
    }
}

impl<B: Backend> Backend for Profiled<B> {
    type Real = B::Real;
    type Tensor = B::Tensor;

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn films_at_once(&self) -> usize {
        self.inner.films_at_once()
    }

    fn together<R>(&self, body: impl FnOnce() -> R) -> R {
        self.inner.together(body)
    }

    fn upload(&self, values: &[Self::Real]) -> Self::Tensor {
        self.inner.upload(values)
    }

    fn adopt(&self, values: Vec<Self::Real>) -> Self::Tensor {
        self.inner.adopt(values)
    }

    fn download(&self, tensor: &Self::Tensor) -> Vec<Self::Real> {
        self.inner.download(tensor)
    }

    fn zeros(&self, len: usize) -> Self::Tensor {
        self.measured(("zeros", 0, 0), 0.0, len, |inner| inner.zeros(len))
    }

    fn room(&self, len: usize) -> Self::Tensor {
        self.measured(("room", 0, 0), 0.0, 0, |inner| inner.room(len))
    }

    fn recycle(tensor: Self::Tensor) {
        B::recycle(tensor);
    }

    fn moments(
        &self,
        x: &Self::Tensor,
        rows: Range<usize>,
        columns: usize,
        moments: &mut Moments<Self::Tensor>,
    ) {
        let reals = rows.len() * columns;
        self.measured(("moments", 0, columns), 0.0, reals, |inner| {
            inner.moments(x, rows, columns, moments);
        });
    }

    fn fold_norm(
        &self,
        gamma: &Self::Tensor,
        beta: &Self::Tensor,
        mean: &Self::Tensor,
        variance: &Self::Tensor,
    ) -> Affine<Self::Tensor> {
        self.measured(("fold_norm", 0, 0), 0.0, 0, |inner| {
            inner.fold_norm(gamma, beta, mean, variance)
        })
    }

    fn norm_back(
        &self,
        gamma: &Self::Tensor,
        beta: &Self::Tensor,
        mean: &Self::Tensor,
        variance: &Self::Tensor,
        batch_statistics: bool,
    ) -> NormBack<Self::Tensor> {
        self.measured(("norm_back", 0, 0), 0.0, 0, |inner| {
            inner.norm_back(gamma, beta, mean, variance, batch_statistics)
        })
    }

    fn norm_correction(
        &self,
        gradient: &mut Self::Tensor,
        x: &Self::Tensor,
        rows: Range<usize>,
        columns: usize,
        moments: &Moments<Self::Tensor>,
        sums: &Sums<Self::Tensor>,
    ) {
        let reals = 3 * rows.len() * columns;
        self.measured(("norm_correction", 0, columns), 0.0, reals, |inner| {
            inner.norm_correction(gradient, x, rows, columns, moments, sums);
        });
    }

    fn prepare(&self, kernel: Kernel<'_, Self::Tensor>, role: Role) -> Option<Self::Tensor> {
        let key = ("prepare", place(kernel.weights), 0);
        let reals = 2 * kernel.outputs * kernel.inputs;
        self.measured(key, 0.0, reals, |inner| inner.prepare(kernel, role))
    }

    fn pointwise(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        bias: Option<&Self::Tensor>,
        columns: usize,
        target: Target<'_, Self::Tensor>,
    ) {
        let (outputs, inputs) = (kernel.outputs, kernel.inputs);
        let key = ("pointwise", place(kernel.weights), columns);
        let reals = (inputs + outputs) * columns + inputs * outputs;
        self.measured(key, (outputs * inputs * columns) as f64, reals, |inner| {
            inner.pointwise(kernel, x, prologue, bias, columns, target);
        });
    }

    fn pointwise_input_gradient(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        gradient: &Self::Tensor,
        row: usize,
        columns: usize,
        sink: Sink<'_, Self::Tensor>,
    ) {
        let (outputs, inputs) = (kernel.outputs, kernel.inputs);
        let key = ("pointwise_input_gradient", place(kernel.weights), columns);
        let reals = (touched(&sink) * inputs + outputs) * columns + inputs * outputs;
        self.measured(key, (outputs * inputs * columns) as f64, reals, |inner| {
            inner.pointwise_input_gradient(kernel, gradient, row, columns, sink);
        });
    }

    fn pointwise_weight_gradient(
        &self,
        shape: (usize, usize),
        gradient: &Self::Tensor,
        row: usize,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        columns: usize,
        weights: &mut Self::Tensor,
    ) {
        let (outputs, inputs) = shape;
        let key = ("pointwise_weight_gradient", place(weights), columns);
        let reals = (inputs + outputs) * columns + inputs * outputs;
        self.measured(key, (outputs * inputs * columns) as f64, reals, |inner| {
            inner.pointwise_weight_gradient(shape, gradient, row, x, prologue, columns, weights);
        });
    }

    fn conv3x3(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        grid: Grid,
        target: Target<'_, Self::Tensor>,
    ) {
        let (outputs, inputs, columns) = (kernel.outputs, kernel.inputs, grid.columns());
        let key = ("conv3x3", place(kernel.weights), columns);
        let reals = (inputs + outputs) * columns + 9 * inputs * outputs;
        self.measured(key, (9 * outputs * inputs * columns) as f64, reals, |inner| {
            inner.conv3x3(kernel, x, prologue, grid, target);
        });
    }

    fn conv3x3_input_gradient(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        gradient: &Self::Tensor,
        row: usize,
        grid: Grid,
        sink: Sink<'_, Self::Tensor>,
    ) {
        let (outputs, inputs, columns) = (kernel.outputs, kernel.inputs, grid.columns());
        let key = ("conv3x3_input_gradient", place(kernel.weights), columns);
        let reals = (touched(&sink) * inputs + outputs) * columns + 9 * inputs * outputs;
        self.measured(key, (9 * outputs * inputs * columns) as f64, reals, |inner| {
            inner.conv3x3_input_gradient(kernel, gradient, row, grid, sink);
        });
    }

    fn conv3x3_weight_gradient(
        &self,
        shape: (usize, usize),
        gradient: &Self::Tensor,
        row: usize,
        x: &Self::Tensor,
        prologue: Option<&Affine<Self::Tensor>>,
        grid: Grid,
        weights: &mut Self::Tensor,
    ) {
        let (outputs, inputs) = shape;
        let columns = grid.columns();
        let key = ("conv3x3_weight_gradient", place(weights), columns);
        let reals = (inputs + outputs) * columns + 9 * inputs * outputs;
        self.measured(key, (9 * outputs * inputs * columns) as f64, reals, |inner| {
            inner.conv3x3_weight_gradient(shape, gradient, row, x, prologue, grid, weights);
        });
    }

    fn stem_conv(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        window: Window,
        x: &Self::Tensor,
        grid: Grid,
        target: Target<'_, Self::Tensor>,
    ) {
        let columns = grid.columns();
        let key = ("stem_conv", place(kernel.weights), columns);
        let (work, reals) = stem(kernel.outputs, kernel.inputs, window, grid);
        self.measured(key, work, reals, |inner| {
            inner.stem_conv(kernel, window, x, grid, target);
        });
    }

    fn stem_conv_input_gradient(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        window: Window,
        gradient: &Self::Tensor,
        grid: Grid,
        out: &mut Self::Tensor,
    ) {
        let key = ("stem_conv_input_gradient", place(kernel.weights), grid.columns());
        let (work, reals) = stem(kernel.outputs, kernel.inputs, window, grid);
        self.measured(key, work, reals, |inner| {
            inner.stem_conv_input_gradient(kernel, window, gradient, grid, out);
        });
    }

    fn stem_conv_weight_gradient(
        &self,
        shape: (usize, usize),
        window: Window,
        gradient: &Self::Tensor,
        x: &Self::Tensor,
        grid: Grid,
        weights: &mut Self::Tensor,
    ) {
        let key = ("stem_conv_weight_gradient", place(weights), grid.columns());
        let (work, reals) = stem(shape.0, shape.1, window, grid);
        self.measured(key, work, reals, |inner| {
            inner.stem_conv_weight_gradient(shape, window, gradient, x, grid, weights);
        });
    }

    fn film_conv(
        &self,
        kernel: Kernel<'_, Self::Tensor>,
        window: Window,
        films: Films<'_, Self::Tensor>,
        grid: Grid,
        target: Target<'_, Self::Tensor>,
    ) {
        let columns = grid.columns();
        let key = ("film_conv", place(kernel.weights), columns);
        let (work, reals) = stem(kernel.outputs, kernel.inputs, window, grid);
        self.measured(key, work, reals, |inner| {
            inner.film_conv(kernel, window, films, grid, target);
        });
    }

    fn film_conv_weight_gradient(
        &self,
        shape: (usize, usize),
        window: Window,
        gradient: &Self::Tensor,
        films: Films<'_, Self::Tensor>,
        grid: Grid,
        weights: &mut Self::Tensor,
    ) {
        let key = ("film_conv_weight_gradient", place(weights), grid.columns());
        let (work, reals) = stem(shape.0, shape.1, window, grid);
        self.measured(key, work, reals, |inner| {
            inner.film_conv_weight_gradient(shape, window, gradient, films, grid, weights);
        });
    }

    fn pool(
        &self,
        pool: Pool,
        channels: usize,
        x: &Self::Tensor,
        prologue: &Affine<Self::Tensor>,
        grid: Grid,
        target: Target<'_, Self::Tensor>,
    ) {
        let reals = channels * (grid.columns() + pool.after(grid).columns());
        self.measured(("pool", 0, grid.columns()), 0.0, reals, |inner| {
            inner.pool(pool, channels, x, prologue, grid, target);
        });
    }

    fn pool_input_gradient(
        &self,
        pool: Pool,
        channels: usize,
        gradient: &Self::Tensor,
        x: &Self::Tensor,
        prologue: &Affine<Self::Tensor>,
        grid: Grid,
        sink: Sink<'_, Self::Tensor>,
    ) {
        let reals = channels * (touched(&sink) * grid.columns() + pool.after(grid).columns());
        self.measured(("pool_input_gradient", 0, grid.columns()), 0.0, reals, |inner| {
            inner.pool_input_gradient(pool, channels, gradient, x, prologue, grid, sink);
        });
    }

    fn share(&self, share: Share<'_, Self::Tensor>) -> Vec<Account> {
        let columns = share.grid.columns();
        let reals = 4 * share.rows.len() * columns;
        self.measured(("share", 0, columns), 0.0, reals, |inner| inner.share(share))
    }

    fn modified(&self, kernel: Kernel<'_, Self::Tensor>, rule: Rule, turned: &[usize]) -> Self::Tensor {
        let key = ("modified", place(kernel.weights), 0);
        let reals = 2 * kernel.outputs * kernel.inputs;
        self.measured(key, 0.0, reals, |inner| inner.modified(kernel, rule, turned))
    }

    fn flat(
        &self,
        window: Window,
        relevance: &Self::Tensor,
        shape: (Range<usize>, usize),
        grid: Grid,
        out: &mut Self::Tensor,
    ) -> Vec<f64> {
        let columns = grid.columns();
        let reals = shape.0.len() * grid.after(window).columns() + shape.1 * columns;
        self.measured(("flat", 0, columns), 0.0, reals, |inner| {
            inner.flat(window, relevance, shape, grid, out)
        })
    }

    fn multiply(
        &self,
        relevance: &mut Self::Tensor,
        x: &Self::Tensor,
        channels: usize,
        grid: Grid,
    ) -> Vec<f64> {
        let reals = 3 * channels * grid.columns();
        self.measured(("multiply", 0, grid.columns()), 0.0, reals, |inner| {
            inner.multiply(relevance, x, channels, grid)
        })
    }

    fn quotient(
        &self,
        relevance: &mut Self::Tensor,
        z: &Self::Tensor,
        channels: usize,
        grid: Grid,
        epsilon: f64,
    ) -> Vec<f64> {
        let reals = 3 * channels * grid.columns();
        self.measured(("quotient", 0, grid.columns()), 0.0, reals, |inner| {
            inner.quotient(relevance, z, channels, grid, epsilon)
        })
    }

    fn row_sums(&self, x: &Self::Tensor, rows: Range<usize>, columns: usize, out: &mut Self::Tensor) {
        let reals = rows.len() * columns;
        self.measured(("row_sums", 0, columns), 0.0, reals, |inner| {
            inner.row_sums(x, rows, columns, out);
        });
    }
}

/// Multiply-adds of a stem's convolution, and the reals of its maps and weights.
fn stem(outputs: usize, inputs: usize, window: Window, grid: Grid) -> (f64, usize) {
    let after = grid.after(window).columns();
    let weights = outputs * inputs * window.kernel * window.kernel;
    (
        (weights * after) as f64,
        inputs * grid.columns() + outputs * after + weights,
    )
}
