//! `pleura bench` (hidden): how fast the engine trains and infers on this machine, by itself.
//!
//! `cargo xtask bench peers` runs it in turns with other engines, which do the same work: films as grey levels come in; a
//! training step is forward with batch statistics, softmax cross-entropy, gradients of all parameters, running statistics
//! moved, and one update by SGD with momentum 0.9; inference is forward with running statistics.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Cpu, Gradients, Network, Norm, Scope, Weights};
use pleura_train::loss::{Loss, Targets};
use pleura_train::optimiser::{self, State};
use pleura_train::recipe::OptimiserRecipe;
use serde_json::json;

const LEARNING_RATE: f64 = 1e-3;
const RUNNING_MOMENTUM: f32 = 0.1;

/// Time training steps or inference on films of noise.
#[derive(clap::Args)]
pub struct Args {
    /// Network to run.
    #[arg(long, default_value = "densenet121")]
    architecture: String,
    /// What a step is.
    #[arg(long, value_enum, default_value_t = Mode::Infer)]
    mode: Mode,
    /// Films in a step.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Width and height of a film, in pixels.
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    /// Output neurons.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    outputs: u32,
    /// Steps before the clock starts.
    #[arg(long, default_value_t = 1)]
    warm_up: u32,
    /// Steps that are timed.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Forward, loss, backward, update.
    Train,
    /// Forward alone.
    Infer,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
        }
    }
}

/// Times the steps and prints them, one line of JSON where `json` asks for it.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let mut bench = Bench::new(args)?;
    let seconds = bench.timed(args)?;
    let films_per_second = f64::from(args.batch) / median(&seconds);
    let mut out = io::stdout().lock();
    if json {
        let document = json!({
            "engine": "pleura",
            "version": env!("CARGO_PKG_VERSION"),
            "path": bench.path,
            "architecture": args.architecture,
            "mode": args.mode.name(),
            "batch": args.batch,
            "size": args.size,
            "outputs": args.outputs,
            "threads": rayon::current_num_threads(),
            "seconds": seconds,
            "films_per_second": films_per_second,
            "parameters": bench.trainable(),
            "loss": bench.loss,
        });
        writeln!(out, "{document}")?;
    } else {
        writeln!(
            out,
            "{}, {}, batch {}, {}: {films_per_second:.2} films/s (median of {} steps)",
            args.architecture,
            args.mode.name(),
            args.batch,
            bench.path,
            args.steps,
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

struct Bench {
    network: Network<Cpu>,
    gradients: Gradients<Cpu>,
    states: Vec<State>,
    grey: Vec<f32>,
    targets: Targets,
    loss_function: Loss,
    optimiser: OptimiserRecipe,
    path: String,
    /// Of the latest training step.
    loss: Option<f64>,
}

impl Bench {
    fn new(args: &Args) -> Result<Self> {
        let architecture = Architecture::by_name(&args.architecture)?;
        let findings: Vec<String> = (0..args.outputs)
            .map(|output| format!("output {output}"))
            .collect();
        let weights = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 0);
        let backend = Cpu::new();
        let path = pleura_nn::backend::Backend::describe(&backend);
        let network = Network::new(backend, &weights)?;
        let (batch, size, outputs) = (args.batch as usize, args.size as usize, args.outputs as usize);
        Ok(Self {
            gradients: network.gradients(),
            states: vec![State::default(); network.parameters().len()],
            network,
            grey: noise(batch * size * size),
            targets: Targets::Classes((0..batch).map(|film| film % outputs).collect()),
            loss_function: Loss::Exclusive {
                weights: vec![1.0; outputs],
            },
            // SGD with momentum 0.9.
            optimiser: OptimiserRecipe::default(),
            path,
            loss: None,
        })
    }

    /// Seconds of each timed step.
    fn timed(&mut self, args: &Args) -> Result<Vec<f64>> {
        let mut seconds = Vec::new();
        for step in 0..u64::from(args.warm_up) + u64::from(args.steps) {
            let start = Instant::now();
            self.step(args)?;
            if step >= u64::from(args.warm_up) {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        Ok(seconds)
    }

    fn step(&mut self, args: &Args) -> Result<()> {
        let (batch, size) = (args.batch as usize, args.size as usize);
        match args.mode {
            Mode::Infer => {
                self.network.infer(&self.grey, batch, size)?;
            }
            Mode::Train => {
                let (logits, trace) = self.network.forward(&self.grey, batch, size, Norm::Batch)?;
                let (loss, slope) = self.loss_function.with_gradient(&logits, &self.targets)?;
                self.network
                    .backward(&trace, &slope, &Scope::all(), &mut self.gradients)?;
                self.network.update_running(&trace, RUNNING_MOMENTUM)?;
                self.update();
                self.loss = Some(loss.mean());
            }
        }
        Ok(())
    }

    fn update(&mut self) {
        let trained: Vec<bool> = self
            .network
            .parameters()
            .iter()
            .map(|spec| spec.kind.trainable())
            .collect();
        let values = self
            .network
            .values_mut()
            .iter_mut()
            .zip(self.gradients.tensors())
            .zip(&mut self.states);
        for (((value, gradient), state), _) in values.zip(trained).filter(|(_, trained)| *trained) {
            optimiser::step(&self.optimiser, LEARNING_RATE, false, 1.0, value, gradient, state);
        }
    }

    /// Numbers that training moves.
    fn trainable(&self) -> usize {
        let trained = self
            .network
            .parameters()
            .iter()
            .filter(|spec| spec.kind.trainable());
        trained.map(|spec| spec.shape.iter().product::<usize>()).sum()
    }
}

/// Grey levels in [0, 1) without a pattern: a linear congruential generator's upper bits.
fn noise(len: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(mode: Mode) -> Args {
        Args {
            architecture: "small".to_owned(),
            mode,
            batch: 2,
            size: 64,
            outputs: 3,
            warm_up: 1,
            steps: 2,
        }
    }

    #[test]
    fn every_timed_step_is_one_update_and_moves_the_loss() {
        let args = args(Mode::Train);
        let mut bench = Bench::new(&args).unwrap();
        bench.step(&args).unwrap();
        let before = bench.loss.unwrap();
        assert_eq!(bench.timed(&args).unwrap().len(), 2);
        assert!(bench.loss.unwrap() < before, "{before} then {:?}", bench.loss);
        assert!(bench.states.iter().any(|state| state.steps == 4));
    }

    #[test]
    fn inference_moves_nothing() {
        let args = args(Mode::Infer);
        let mut bench = Bench::new(&args).unwrap();
        let before = bench.network.weights();
        assert_eq!(bench.timed(&args).unwrap().len(), 2);
        assert!(bench.network.weights() == before);
        assert_eq!(bench.loss, None);
    }

    #[test]
    fn noise_is_within_the_range_of_grey_levels() {
        let grey = noise(1000);
        assert!(grey.iter().all(|grey| (0.0..1.0).contains(grey)));
        let mean = grey.iter().sum::<f32>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
    }
}
