//! `pleura-bench`: times the engine on this machine.
//!
//! `cargo xtask bench peers` runs it in turns with other programs that do the same work. Each kind of work is
//! one file: [`mod@network`] trains and infers, [`mod@explanation`] explains, [`mod@film`] prepares a
//! network's input.

mod explanation;
mod film;
mod network;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Cpu, Network, Weights};
use serde_json::{Map, Value, json};

/// Time training steps, inference, explanations, or the preparation of a network's input.
#[derive(Parser)]
#[command(name = "pleura-bench", version)]
struct Args {
    /// Network architecture.
    #[arg(long, default_value = "densenet121")]
    architecture: String,
    /// Work of one step.
    #[arg(long, value_enum, default_value_t = Mode::Infer)]
    mode: Mode,
    /// Films in a step. Default: 16, or 1 for explanations.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Width and height of a network's input, in pixels.
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    /// Output neurons.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    outputs: u32,
    /// The file that `--mode film` reads.
    #[arg(long, value_name = "FILM", required_if_eq("mode", "film"))]
    film: Option<PathBuf>,
    /// Untimed steps before the timed ones.
    #[arg(long, default_value_t = 1)]
    warm_up: u32,
    /// Timed steps.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Threads to compute with; all cores if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Forward, loss, backward, update.
    Train,
    /// Forward alone.
    Infer,
    /// Forward, then relevance of one output: composite epsilon-plus-flat.
    Explain,
    /// Decode a file, resize it, turn, shift and flip it.
    Film,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
            Self::Explain => "explain",
            Self::Film => "film",
        }
    }
}

/// Work whose steps are timed.
trait Work {
    /// Does one step.
    fn step(&mut self) -> Result<Lap>;

    /// Further facts for the record, after all steps.
    fn facts(&self) -> Map<String, Value>;
}

/// One step's time.
struct Lap {
    seconds: f64,
    /// Seconds of parts of the step, or of other work timed with it, by name.
    parts: Vec<(&'static str, f64)>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build_global()
            .with_context(|| format!("cannot start {threads} threads"))?;
    }
    let batch = match (args.batch, args.mode) {
        (Some(batch), Mode::Explain) if batch != 1 => {
            bail!("--batch {batch}: films are explained one by one; omit --batch")
        }
        (Some(batch), _) => batch,
        (None, Mode::Explain) => 1,
        (None, _) => 16,
    };
    if args.film.is_some() && args.mode != Mode::Film {
        bail!(
            "--film is an option of --mode film; --mode {} generates its own films of noise",
            args.mode.name()
        );
    }
    let mut work = work(&args, batch as usize)?;
    let timed = Timed::of(work.as_mut(), args.warm_up, args.steps)?;
    let films_per_second = f64::from(batch) / median(&timed.seconds);
    let mut out = io::stdout().lock();
    if args.json {
        let mut document = Map::new();
        let facts = json!({
            "engine": "pleura",
            "version": env!("CARGO_PKG_VERSION"),
            "mode": args.mode.name(),
            "batch": batch,
            "size": args.size,
            "threads": rayon::current_num_threads(),
            "seconds": timed.seconds,
            "films_per_second": films_per_second,
            "parts": timed.parts,
        });
        for facts in [facts, Value::Object(work.facts())] {
            let Value::Object(facts) = facts else { continue };
            document.extend(facts);
        }
        writeln!(out, "{}", Value::Object(document))?;
    } else {
        let what = match args.mode {
            Mode::Film => String::new(),
            _ => format!("{}, ", args.architecture),
        };
        let (mode, steps) = (args.mode.name(), args.steps);
        writeln!(
            out,
            "{what}{mode}, batch {batch}: {films_per_second:.2} films/s (median of {steps} steps)"
        )?;
        for (name, seconds) in &timed.parts {
            writeln!(out, "  {name}: {:.2} ms a step", 1e3 * median(seconds))?;
        }
    }
    Ok(())
}

fn work(args: &Args, batch: usize) -> Result<Box<dyn Work>> {
    let size = args.size as usize;
    if let (Mode::Film, Some(path)) = (args.mode, &args.film) {
        return Ok(Box::new(film::Films::new(path.clone(), size, batch)));
    }
    let network = network(&args.architecture, args.outputs)?;
    let grey = noise(batch * size * size);
    Ok(match args.mode {
        Mode::Train => Box::new(network::Training::new(network, grey, batch, size)),
        Mode::Explain => Box::new(explanation::Explaining::new(network, grey, size)),
        Mode::Infer | Mode::Film => Box::new(network::Inference::new(network, grey, batch, size)),
    })
}

/// A network with random weights.
fn network(architecture: &str, outputs: u32) -> Result<Network<Cpu>> {
    let architecture = Architecture::by_name(architecture)?;
    let findings: Vec<String> = (0..outputs).map(|output| format!("output {output}")).collect();
    let weights = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 0);
    Ok(Network::new(Cpu::new(), &weights)?)
}

/// Facts about a network, for the record.
fn facts(network: &Network<Cpu>) -> Map<String, Value> {
    let trained = network.parameters().iter().filter(|spec| spec.kind.trainable());
    let parameters: usize = trained.map(|spec| spec.shape.iter().product::<usize>()).sum();
    let path = pleura_nn::backend::Backend::describe(network.backend());
    Map::from_iter([
        ("architecture".to_owned(), json!(network.architecture().name())),
        ("path".to_owned(), json!(path)),
        ("parameters".to_owned(), json!(parameters)),
    ])
}

/// The timed steps, and their parts by name.
struct Timed {
    seconds: Vec<f64>,
    parts: BTreeMap<&'static str, Vec<f64>>,
}

impl Timed {
    fn of(work: &mut dyn Work, warm_up: u32, steps: u32) -> Result<Self> {
        for _ in 0..warm_up {
            work.step()?;
        }
        let mut timed = Self {
            seconds: Vec::new(),
            parts: BTreeMap::new(),
        };
        for _ in 0..steps {
            let lap = work.step()?;
            timed.seconds.push(lap.seconds);
            for (name, seconds) in lap.parts {
                timed.parts.entry(name).or_default().push(seconds);
            }
        }
        Ok(timed)
    }
}

/// Calls `work`; returns its seconds and its result.
fn clocked<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

/// Pseudorandom grey levels in [0, 1): the upper bits of a linear congruential generator.
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

    struct Counted(u32);

    impl Work for Counted {
        fn step(&mut self) -> Result<Lap> {
            self.0 += 1;
            Ok(Lap {
                seconds: f64::from(self.0),
                parts: vec![("half", f64::from(self.0) / 2.0)],
            })
        }

        fn facts(&self) -> Map<String, Value> {
            Map::new()
        }
    }

    #[test]
    fn warm_up_steps_are_done_and_not_counted() {
        let timed = Timed::of(&mut Counted(0), 2, 3).unwrap();
        assert_eq!(timed.seconds, [3.0, 4.0, 5.0]);
        assert_eq!(timed.parts["half"], [1.5, 2.0, 2.5]);
        assert_eq!(median(&timed.seconds), 4.0);
    }

    #[test]
    fn noise_is_within_the_range_of_grey_levels() {
        let grey = noise(1000);
        assert!(grey.iter().all(|grey| (0.0..1.0).contains(grey)));
        let mean = grey.iter().sum::<f32>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
    }
}
