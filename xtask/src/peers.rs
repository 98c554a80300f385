//! `cargo xtask bench peers`: measures pleura and other programs that do the same work, on one machine in one
//! run.
//!
//! Every measurement is its own process. A round runs all engines on one case, one after the other, and the
//! next round runs them in the opposite order, so that a machine that grows warm or busy affects all equally.
//! Ratios are taken within a round, and medians over the rounds. Every round also measures the machine's
//! matrix product.

mod case;
mod command;
mod engine;
mod machine;
mod plan;
mod record;
#[cfg(test)]
mod samples;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use self::case::{Answer, Case, Measurement, Mode};
use self::command::Programs;
use self::engine::Engine;
use self::machine::Machine;
use self::plan::Work;
use self::record::Record;
use self::table::median;
use crate::{python, workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kinds of work to measure.
    #[arg(long, value_delimiter = ',', default_value = "train,infer,explain,start,film")]
    work: Vec<Work>,
    /// All kinds of work, on DenseNet-121 and -201, and all peers. Takes most of an hour.
    #[arg(long, conflicts_with_all = ["work", "architecture", "peers", "quick"])]
    all: bool,
    /// Architectures by torchvision's names; `film` and `growth` are measured on the first.
    #[arg(long, value_delimiter = ',', default_value = "densenet121")]
    architecture: Vec<String>,
    /// Films in a batch, for training and inference. Inference is also measured with single films.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Repetitions of every measurement. With 0, only the tables of --join are printed.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Threads of every engine; the machine's cores if left out.
    #[arg(long)]
    threads: Option<usize>,
    /// Other engines to run; missing ones are skipped with a message. tract, candle and burn must be named:
    /// they are built first, in their own workspace.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "eager,channels-last,onnxruntime,openvino,zennit,zennit-plain,torchvision"
    )]
    peers: Vec<Engine>,
    /// File for the measurements (JSON), written after every round.
    #[arg(long, value_name = "FILE", default_value = "target/bench-peers.json")]
    json: PathBuf,
    /// Adds the measurements of an earlier run on this machine; cases measured now replace theirs.
    #[arg(long, value_name = "FILE")]
    join: Option<PathBuf>,
    /// One round of one step on two films, to test that all engines run.
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let machine = Machine::now();
    let threads = match args.threads {
        Some(0) => bail!("--threads 0: at least one thread must work"),
        Some(threads) => threads,
        None => machine.cores,
    };
    let rounds = if args.quick {
        args.rounds.min(1)
    } else {
        args.rounds
    };
    if rounds == 0 && args.join.is_none() {
        bail!(
            "--rounds 0 measures nothing, and would write that down; name earlier measurements with --join"
        );
    }
    let cases = if rounds == 0 {
        Vec::new()
    } else {
        plan::cases(args, threads)
    };
    let mut record = Record {
        machine,
        threads,
        measurements: Vec::new(),
    };
    if let Some(path) = &args.join {
        record.join(Record::read(&workspace::root().join(path))?, &cases)?;
    }
    if rounds > 0 {
        measure(args, rounds, cases, &mut record)?;
    }
    for table in table::all(&record) {
        println!("\n{table}");
    }
    println!("all measurements: {}", workspace::relative(&args.json).display());
    record.write(&workspace::root().join(&args.json))?;
    Ok(ExitCode::SUCCESS)
}

fn measure(args: &Args, rounds: u32, cases: Vec<Case>, record: &mut Record) -> Result<()> {
    workspace::run(&mut workspace::cargo([
        "build",
        "--release",
        "--locked",
        "--package",
        "pleura-cli",
        "--package",
        "pleura-bench",
    ]))?;
    let python = python::interpreter("peers", "benches/peers/requirements.txt", "PLEURA_PEERS_PYTHON")?;
    println!(
        "{}, {} threads of every engine",
        record.machine.processor, record.threads
    );
    if let Some(load) = record.machine.load_before.filter(|load| *load > 0.5) {
        println!(
            "this machine is busy (load {load:.1}): ratios may still hold, speeds do not; run it on an idle one"
        );
    }
    let engines = plan::peers(args);
    command::build(&engines)?;
    let mut bench = Bench {
        programs: Programs::new(python)?,
        cases,
        engines,
        record,
    };
    bench.prepare()?;
    for round in 0..rounds {
        bench.round(round)?;
        bench.record.write(&workspace::root().join(&args.json))?;
    }
    Ok(())
}

struct Bench<'a> {
    programs: Programs,
    cases: Vec<Case>,
    engines: Vec<Engine>,
    record: &'a mut Record,
}

impl Bench<'_> {
    /// Writes the input files of the engines. Drops the engines that read ONNX if the exporter lacks a
    /// package.
    fn prepare(&mut self) -> Result<()> {
        let onnx = self.engines.iter().any(|engine| engine.reads_onnx());
        let missing = self.programs.prepare(&self.cases, onnx)?;
        if !missing.is_empty() {
            println!(
                "without onnxruntime, openvino and tract: the export lacks {}",
                missing.join(", ")
            );
            self.engines.retain(|engine| !engine.reads_onnx());
        }
        Ok(())
    }

    fn round(&mut self, round: u32) -> Result<()> {
        for case in self.cases.clone() {
            let (limit, mut order): (Vec<Engine>, Vec<Engine>) = self
                .engines
                .iter()
                .filter(|engine| engine.does(case.mode))
                .filter(|engine| !case.growth || matches!(engine, Engine::Pleura | Engine::Sgemm))
                .partition(|engine| **engine == Engine::Sgemm);
            if round % 2 == 1 {
                order.reverse();
            }
            for engine in limit.into_iter().chain(order) {
                self.measure(round, &case, engine)?;
            }
            self.same_work(&case)?;
        }
        Ok(())
    }

    fn measure(&mut self, round: u32, case: &Case, engine: Engine) -> Result<()> {
        let (answer, cost) = self.programs.measure(engine, case)?;
        if !answer.missing.is_empty() {
            println!(
                "without {}: {} not installed",
                engine.name(),
                answer.missing.join(", ")
            );
            self.engines.retain(|kept| *kept != engine);
            return Ok(());
        }
        check(engine, &answer)?;
        if let (true, Some(seconds)) = (engine != Engine::Sgemm, median(answer.seconds.iter().copied())) {
            println!(
                "  round {}  {:<44} {:<14} {:>8.1} ms a film",
                round + 1,
                case.title(),
                engine.name(),
                1e3 * seconds / f64::from(case.batch)
            );
        }
        self.record.measurements.push(Measurement {
            case: case.clone(),
            round,
            engine,
            answer,
            cost,
        });
        Ok(())
    }

    /// Fails if the engines' networks differ in size, or their answers differ.
    fn same_work(&self, case: &Case) -> Result<()> {
        let measurements = self.record.of(case);
        if case.mode.has_network() {
            let sizes: BTreeMap<Engine, u64> = measurements
                .iter()
                .filter_map(|one| Some((one.engine, one.answer.parameters?)))
                .collect();
            if sizes.values().min() != sizes.values().max() {
                bail!("the engines' networks differ in size: {sizes:?} parameters");
            }
        }
        if case.mode == Mode::Start {
            same_answers(&measurements)?;
        }
        Ok(())
    }
}

/// Fails if an engine measured nothing or computed invalid numbers.
fn check(engine: Engine, answer: &Answer) -> Result<()> {
    let sound = answer.seconds.iter().all(|seconds| *seconds > 0.0)
        && !answer.seconds.is_empty()
        && answer.loss.is_none_or(f64::is_finite)
        && answer.logits.iter().all(|logit| logit.is_finite());
    if !sound {
        bail!("{} measured nothing that counts: {answer:?}", engine.name());
    }
    Ok(())
}

/// Programs resize films slightly differently: answers may differ by a hundredth.
fn same_answers(measurements: &[&Measurement]) -> Result<()> {
    let Some(first) = measurements.first() else {
        return Ok(());
    };
    for other in measurements {
        let (ours, theirs) = (&first.answer.logits, &other.answer.logits);
        let far = ours.iter().zip(theirs).any(|(a, b)| (a - b).abs() > 0.01);
        if far || ours.len() != theirs.len() {
            bail!(
                "{} answers {ours:?} and {} answers {theirs:?} to the same film",
                first.engine.name(),
                other.engine.name()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::samples::measurement;
    use super::*;

    #[test]
    fn answers_must_agree() {
        let answering = |engine, logits: &[f64]| {
            let mut one = measurement(0, engine, &[1.0]);
            one.answer.logits = logits.to_vec();
            one
        };
        let own = answering(Engine::Pleura, &[1.0, -2.0]);
        let near = answering(Engine::Onnxruntime, &[1.004, -2.0]);
        let far = answering(Engine::Torchvision, &[1.0, -2.1]);
        same_answers(&[&own, &near]).unwrap();
        let error = same_answers(&[&own, &near, &far]).unwrap_err().to_string();
        assert!(error.contains("torchvision answers [1.0, -2.1]"), "{error}");
    }

    #[test]
    fn what_counts_is_finite_and_takes_time() {
        let one = measurement(0, Engine::Eager, &[1.0]).answer;
        check(Engine::Eager, &one).unwrap();
        let nan = Answer {
            loss: Some(f64::NAN),
            ..one
        };
        assert!(check(Engine::Eager, &nan).is_err());
        assert!(check(Engine::Eager, &Answer::default()).is_err());
    }
}
