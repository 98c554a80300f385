//! The processor backend's primitives at DenseNet-121's shapes, batch 16, each with its share of the
//! machine's limits: of the multiply-adds that registers allow, and of the bytes that a copy moves.
//!
//! Arithmetic is the direct algorithm's; one that multiplies less may pass 100 %. Bytes are what must move at
//! least once: maps that are read and written, each once, and weights. Which share is larger says what bounds
//! a primitive. `cargo bench -p pleura-nn` runs all, `cargo bench -p pleura-nn -- 3x3` some.
#![allow(missing_docs, clippy::print_stdout)]

mod machine;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use pleura_nn::Cpu;
use pleura_nn::architecture::Window;
use pleura_nn::backend::{
    Backend, Films, GradientSink, Grid, Kernel, Moments, NormBackward, NormReluBackward, Output, Pool,
};

use machine::Machine;

type Tensor = <Cpu as Backend>::Tensor;

const BATCH: usize = 16;
/// The middle layer of each dense block: channels that its 1×1 convolution reads, and side of its maps.
const LAYERS: [(usize, usize); 4] = [(160, 56), (320, 28), (640, 14), (768, 7)];
/// Channels between a layer's two convolutions.
const BOTTLENECK: usize = 128;
/// Channels that a layer adds.
const GROWTH: usize = 32;
const STEM: Window = Window {
    kernel: 7,
    stride: 2,
    padding: 3,
};
const STEM_POOL: Window = Window {
    kernel: 3,
    stride: 2,
    padding: 1,
};

fn main() {
    let machine = Machine::measured();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10)
        .configure_from_args();
    let backend = Cpu::new();
    let mut rows = Vec::new();
    for (inputs, side) in LAYERS {
        pointwise(&backend, inputs, square(side), &mut criterion, &mut rows);
    }
    for (_, side) in LAYERS {
        conv3x3(&backend, square(side), &mut criterion, &mut rows);
    }
    stem(&backend, &mut criterion, &mut rows);
    pools(&backend, &mut criterion, &mut rows);
    criterion.final_summary();
    table(&backend, &machine, &rows);
}

/// One primitive's work and time.
struct Row {
    name: String,
    flops: f64,
    bytes: f64,
    /// Median over the samples.
    seconds: f64,
}

/// A 1×1 convolution and its two gradients.
fn pointwise(backend: &Cpu, inputs: usize, grid: Grid, criterion: &mut Criterion, rows: &mut Vec<Row>) {
    let columns = grid.columns();
    let layer = Layer::new(backend, inputs, BOTTLENECK, 1, columns);
    let (maps, weights) = ((inputs + BOTTLENECK) * columns, inputs * BOTTLENECK);
    let work = |name: &str, moved: usize| Work {
        name: format!("1x1 {name} {inputs}>{BOTTLENECK} {}x{0}", grid.width),
        flops: 2 * weights * columns,
        numbers: moved + weights,
    };
    let mut out = backend.zeros(BOTTLENECK * columns);
    let mut moments = moments(backend, BOTTLENECK);
    work("forward", maps).time(backend, criterion, rows, || {
        let target = target(&mut out, &mut moments);
        backend.pointwise(
            layer.kernel(),
            &layer.x,
            Some(&layer.norm.affine),
            None,
            columns,
            target,
        );
    });
    let mut back = Back::new(backend, inputs, columns);
    // The gradient of the map is read and written, the map itself is read.
    work("input gradient", maps + 2 * inputs * columns).time(backend, criterion, rows, || {
        backend.pointwise_input_gradient(layer.kernel(), &layer.gradient, 0, columns, back.sink(&layer));
    });
    let mut slope = backend.zeros(weights);
    work("weight gradient", maps).time(backend, criterion, rows, || {
        let (shape, affine) = ((BOTTLENECK, inputs), Some(&layer.norm.affine));
        backend.pointwise_weight_gradient(shape, &layer.gradient, 0, &layer.x, affine, columns, &mut slope);
    });
}

/// A 3×3 convolution and its two gradients.
fn conv3x3(backend: &Cpu, grid: Grid, criterion: &mut Criterion, rows: &mut Vec<Row>) {
    let columns = grid.columns();
    let layer = Layer::new(backend, BOTTLENECK, GROWTH, 9, columns);
    let (maps, weights) = ((BOTTLENECK + GROWTH) * columns, 9 * BOTTLENECK * GROWTH);
    let work = |name: &str, moved: usize| Work {
        name: format!("3x3 {name} {BOTTLENECK}>{GROWTH} {}x{0}", grid.width),
        flops: 2 * weights * columns,
        numbers: moved + weights,
    };
    let mut out = backend.zeros(GROWTH * columns);
    let mut moments = moments(backend, GROWTH);
    work("forward", maps).time(backend, criterion, rows, || {
        let target = target(&mut out, &mut moments);
        backend.conv3x3(layer.kernel(), &layer.x, Some(&layer.norm.affine), grid, target);
    });
    let mut back = Back::new(backend, BOTTLENECK, columns);
    work("input gradient", maps + 2 * BOTTLENECK * columns).time(backend, criterion, rows, || {
        backend.conv3x3_input_gradient(layer.kernel(), &layer.gradient, 0, grid, back.sink(&layer));
    });
    let mut slope = backend.zeros(weights);
    work("weight gradient", maps).time(backend, criterion, rows, || {
        let (shape, affine) = ((GROWTH, BOTTLENECK), Some(&layer.norm.affine));
        backend.conv3x3_weight_gradient(shape, &layer.gradient, 0, &layer.x, affine, grid, &mut slope);
    });
}

/// The stem's convolution and the gradient of its weights. Training needs no gradient of its input.
fn stem(backend: &Cpu, criterion: &mut Criterion, rows: &mut Vec<Row>) {
    let (grid, inputs, outputs) = (square(224), 3, 64);
    let after = grid.after(STEM);
    let area = STEM.kernel * STEM.kernel;
    let weights = area * inputs * outputs;
    let layer = Layer::new(backend, inputs, outputs, area, grid.columns());
    let gradient = backend.upload(&noise(outputs * after.columns()));
    let films = Films {
        grey: &backend.upload(&noise(grid.columns())),
        scale: &[4.4, 4.5, 4.4],
        shift: &[-2.1, -2.0, -1.8],
    };
    let work = |name: &str| Work {
        name: format!("7x7 {name} {inputs}>{outputs} {}x{0}", grid.width),
        flops: 2 * weights * after.columns(),
        numbers: inputs * grid.columns() + outputs * after.columns() + weights,
    };
    let mut out = backend.zeros(outputs * after.columns());
    let mut moments = moments(backend, outputs);
    work("forward").time(backend, criterion, rows, || {
        let target = target(&mut out, &mut moments);
        backend.film_conv(layer.kernel(), STEM, films, grid, target);
    });
    let mut slope = backend.zeros(weights);
    work("weight gradient").time(backend, criterion, rows, || {
        backend.film_conv_weight_gradient((outputs, inputs), STEM, &gradient, films, grid, &mut slope);
    });
}

/// The three pools and their gradients.
fn pools(backend: &Cpu, criterion: &mut Criterion, rows: &mut Vec<Row>) {
    for (name, pool, channels, side) in [
        ("max pool", Pool::Max(STEM_POOL), 64, 112),
        ("average pool", Pool::Average2, 128, 56),
        ("global pool", Pool::Global, 1024, 7),
    ] {
        let grid = square(side);
        let (before, after) = (channels * grid.columns(), channels * pool.after(grid).columns());
        let layer = Layer::new(backend, channels, 1, 1, grid.columns());
        let gradient = backend.upload(&noise(after));
        let work = |what: &str, numbers: usize| Work {
            name: format!("{name} {what} {channels} {side}x{side}"),
            flops: 0,
            numbers,
        };
        let mut out = backend.zeros(after);
        work("forward", before + after).time(backend, criterion, rows, || {
            let target = Output {
                map: &mut out,
                row: 0,
                moments: None,
            };
            backend.pool(pool, channels, &layer.x, &layer.norm.affine, grid, target);
        });
        let mut back = Back::new(backend, channels, grid.columns());
        work("gradient", 3 * before + after).time(backend, criterion, rows, || {
            let (x, affine) = (&layer.x, &layer.norm.affine);
            backend.pool_input_gradient(pool, channels, &gradient, x, affine, grid, back.sink(&layer));
        });
    }
}

/// A convolution behind a norm, with its operands from both sides.
struct Layer {
    inputs: usize,
    outputs: usize,
    weights: Tensor,
    x: Tensor,
    norm: NormBackward<Tensor>,
    /// At its output, where that has as many columns as its input.
    gradient: Tensor,
}

impl Layer {
    fn new(backend: &Cpu, inputs: usize, outputs: usize, area: usize, columns: usize) -> Self {
        let [gamma, beta, mean, variance] =
            [1.0, 0.1, 0.5, 0.08].map(|value| backend.upload(&vec![value; inputs]));
        Self {
            inputs,
            outputs,
            weights: backend.upload(&noise(outputs * inputs * area)),
            x: backend.upload(&noise(inputs * columns)),
            norm: backend.norm_backward(&gamma, &beta, &mean, &variance, true),
            gradient: backend.upload(&noise(outputs * columns)),
        }
    }

    fn kernel(&self) -> Kernel<'_, Tensor> {
        Kernel {
            weights: &self.weights,
            outputs: self.outputs,
            inputs: self.inputs,
            // As in training, where weights change in every step.
            prepared: None,
            exact: false,
        }
    }
}

/// The destination of a gradient through a norm.
struct Back {
    into: Tensor,
    gamma: Tensor,
    beta: Tensor,
}

impl Back {
    fn new(backend: &Cpu, channels: usize, columns: usize) -> Self {
        Self {
            into: backend.zeros(channels * columns),
            gamma: backend.zeros(channels),
            beta: backend.zeros(channels),
        }
    }

    fn sink<'a>(&'a mut self, layer: &'a Layer) -> GradientSink<'a, Tensor> {
        GradientSink::Norm(NormReluBackward {
            x: &layer.x,
            norm: &layer.norm,
            into: &mut self.into,
            accumulate: true,
            gamma: &mut self.gamma,
            beta: &mut self.beta,
            sums: None,
        })
    }
}

/// The minimum work of a primitive.
struct Work {
    name: String,
    flops: usize,
    /// Numbers of four bytes read or written.
    numbers: usize,
}

impl Work {
    fn time(self, backend: &Cpu, criterion: &mut Criterion, rows: &mut Vec<Row>, mut done: impl FnMut()) {
        let mut group = criterion.benchmark_group("primitives");
        group.throughput(match self.flops {
            0 => Throughput::Bytes(4 * self.numbers as u64),
            flops => Throughput::Elements(flops as u64),
        });
        let mut samples = Vec::new();
        group.bench_function(&self.name, |bench| {
            bench.iter_custom(|times| {
                let start = Instant::now();
                // As within a pass.
                backend.run_pass(|| {
                    for _ in 0..times {
                        done();
                    }
                });
                let taken = start.elapsed();
                samples.push(taken.as_secs_f64() / times as f64);
                taken
            });
        });
        group.finish();
        samples.sort_by(f64::total_cmp);
        if let Some(seconds) = samples.get(samples.len() / 2) {
            rows.push(Row {
                name: self.name,
                flops: self.flops as f64,
                bytes: 4.0 * self.numbers as f64,
                seconds: *seconds,
            });
        }
    }
}

fn table(backend: &Cpu, machine: &Machine, rows: &[Row]) {
    println!(
        "\n{}: registers {:.0} GFLOP/s, copy {:.1} GB/s; batch {BATCH}\n",
        backend.describe(),
        machine.flops / 1e9,
        machine.bytes / 1e9
    );
    println!(
        "| {:<38} | {:>8} | {:>7} | {:>10} | {:>6} | {:>9} |",
        "primitive", "ms", "GFLOP/s", "arithmetic", "GB/s", "bandwidth"
    );
    println!(
        "| {:-<38} | {0:->7}: | {0:->6}: | {0:->9}: | {0:->5}: | {0:->8}: |",
        ""
    );
    for row in rows {
        let (flops, bytes) = (row.flops / row.seconds, row.bytes / row.seconds);
        // Pools multiply nothing.
        let (rate, share) = match row.flops {
            0.0 => (String::new(), String::new()),
            _ => (
                format!("{:.1}", flops / 1e9),
                format!("{:.0} %", 100.0 * flops / machine.flops),
            ),
        };
        println!(
            "| {:<38} | {:>8.3} | {rate:>7} | {share:>10} | {:>6.1} | {:>7.0} % |",
            row.name,
            1e3 * row.seconds,
            bytes / 1e9,
            100.0 * bytes / machine.bytes
        );
    }
}

fn square(side: usize) -> Grid {
    Grid {
        batch: BATCH,
        height: side,
        width: side,
    }
}

fn moments(backend: &Cpu, channels: usize) -> Moments<Tensor> {
    Moments {
        mean: backend.zeros(channels),
        variance: backend.zeros(channels),
    }
}

fn target<'a>(map: &'a mut Tensor, moments: &'a mut Moments<Tensor>) -> Output<'a, Tensor> {
    Output {
        map,
        row: 0,
        moments: Some(moments),
    }
}

/// Pseudorandom numbers in [0, 1): half of them pass the `ReLU` after the norm.
fn noise(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    std::iter::repeat_with(next).take(len).collect()
}
