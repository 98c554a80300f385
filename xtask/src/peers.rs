//! `cargo xtask bench peers`: pleura beside PyTorch, ONNX Runtime and `OpenVINO`, on one machine in one run.
//!
//! Every measurement is a process of its own. A round runs all engines on one case one after the other, and the next
//! round runs them in the opposite order, so that a machine that grows warm or busy treats all alike; ratios are taken
//! within a round, and medians over the rounds. The machine's matrix product is measured in every round too.

mod case;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::json;

use self::case::{Answer, Case, Engine, Measurement, Mode};
use crate::measure::{self, Cost};
use crate::{python, workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Architectures by torchvision's names.
    #[arg(long, value_delimiter = ',', default_value = "densenet121")]
    architecture: Vec<String>,
    /// Films in a batch, for training and inference; inference is measured one by one as well.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// How often every measurement is made.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Threads of every engine; the machine's cores if left out.
    #[arg(long)]
    threads: Option<usize>,
    /// Other engines to run; those that are not installed are left out with a word.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "eager,channels-last,onnxruntime,openvino"
    )]
    peers: Vec<Engine>,
    /// Training, inference, or both.
    #[arg(long, value_delimiter = ',', default_value = "train,infer")]
    mode: Vec<Mode>,
    /// Where the measurements go, as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/bench-peers.json")]
    json: PathBuf,
    /// One round of one step on two films: shows that all engines run; the numbers mean little.
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    // Before the build, which keeps the machine busy itself.
    let load = load();
    workspace::run(&mut workspace::cargo([
        "build",
        "--release",
        "--locked",
        "--package",
        "pleura",
    ]))?;
    let python = python::interpreter("peers", "benches/peers/requirements.txt", "PLEURA_PEERS_PYTHON")?;
    let mut bench = Bench::new(args, python, load)?;
    println!("{}, {} threads of every engine", bench.machine, bench.threads);
    if let Some(load) = bench.load.filter(|load| *load > 0.5) {
        println!(
            "this machine is busy (load {load:.1}): ratios may still hold, speeds do not; run it on an idle one"
        );
    }
    bench.export()?;
    let rounds = if args.quick { 1 } else { args.rounds };
    for round in 0..rounds {
        bench.round(round)?;
    }
    for (index, case) in bench.cases.iter().enumerate() {
        let measurements: Vec<_> = bench
            .measurements
            .iter()
            .filter(|measurement| measurement.case == index)
            .collect();
        println!("\n{}", table::of(case, &measurements));
    }
    bench.write(&args.json)?;
    println!(
        "\nall measurements: {}",
        workspace::relative(&args.json).display()
    );
    Ok(ExitCode::SUCCESS)
}

struct Bench {
    machine: String,
    /// Programs that wanted to run in the last minute, on average, before anything was measured.
    load: Option<f64>,
    threads: usize,
    python: PathBuf,
    cases: Vec<Case>,
    engines: Vec<Engine>,
    measurements: Vec<Measurement>,
    /// The exported networks lie here.
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(args: &Args, python: PathBuf, load: Option<f64>) -> Result<Self> {
        let threads = match args.threads {
            Some(0) => bail!("--threads 0: at least one thread must work"),
            Some(threads) => threads,
            None => thread::available_parallelism().map_or(1, usize::from),
        };
        let mut engines = vec![Engine::Pleura];
        for peer in &args.peers {
            if !engines.contains(peer) {
                engines.push(*peer);
            }
        }
        Ok(Self {
            machine: processor(),
            load,
            threads,
            python,
            cases: case::plan(args, threads),
            engines,
            measurements: Vec::new(),
            folder: tempfile::tempdir().context("cannot make a temporary folder")?,
        })
    }

    /// Writes the ONNX files of the engines that read one; drops those engines where the exporter lacks something.
    fn export(&mut self) -> Result<()> {
        for case in self.cases.clone().iter().filter(|case| case.mode == Mode::Infer) {
            if !self.engines.iter().any(|engine| engine.reads_onnx()) {
                return Ok(());
            }
            let mut command = self.peer("export", case);
            command.arg("--network").arg(self.network(case));
            let (answer, _) = asked(&command)?;
            if !answer.missing.is_empty() {
                println!(
                    "without onnxruntime and openvino: the export lacks {}",
                    answer.missing.join(", ")
                );
                self.engines.retain(|engine| !engine.reads_onnx());
            }
        }
        Ok(())
    }

    fn round(&mut self, round: u32) -> Result<()> {
        for index in 0..self.cases.len() {
            let case = self.cases[index].clone();
            let mut order: Vec<Engine> = self
                .engines
                .iter()
                .copied()
                .filter(|engine| case.mode == Mode::Infer || engine.trains())
                .collect();
            if round % 2 == 1 {
                order.reverse();
            }
            order.insert(0, Engine::Sgemm);
            for engine in order {
                self.measure(round, index, &case, engine)?;
            }
        }
        Ok(())
    }

    fn measure(&mut self, round: u32, index: usize, case: &Case, engine: Engine) -> Result<()> {
        let (answer, cost) = asked(&self.command(engine, case))?;
        if !answer.missing.is_empty() {
            println!(
                "without {}: {} not installed",
                engine.name(),
                answer.missing.join(", ")
            );
            self.engines.retain(|kept| *kept != engine);
            return Ok(());
        }
        if answer.seconds.is_empty() || answer.loss.is_some_and(|loss| !loss.is_finite()) {
            bail!("{} measured nothing that counts: {answer:?}", engine.name());
        }
        if engine != Engine::Sgemm {
            println!(
                "  round {}  {} {} batch {:<3} {:<14} {:>7.2} films/s",
                round + 1,
                case.architecture,
                case.mode.name(),
                case.batch,
                engine.name(),
                table::films_per_second(case, &answer)
            );
        }
        self.measurements.push(Measurement {
            case: index,
            round,
            engine,
            answer,
            cost,
        });
        self.same_work(index)
    }

    /// Engines that train networks of different sizes are not compared.
    fn same_work(&self, case: usize) -> Result<()> {
        let sizes: BTreeMap<Engine, u64> = self
            .measurements
            .iter()
            .filter(|measurement| measurement.case == case)
            .filter_map(|measurement| Some((measurement.engine, measurement.answer.parameters?)))
            .collect();
        if sizes.values().min() != sizes.values().max() {
            bail!("the engines' networks differ in size: {sizes:?} parameters");
        }
        Ok(())
    }

    fn command(&self, engine: Engine, case: &Case) -> Command {
        if engine == Engine::Pleura {
            let mut command = Command::new(workspace::target().join("release").join("pleura"));
            command.arg("bench").args(case.arguments()).arg("--json");
            return command;
        }
        let mut command = self.peer(engine.name(), case);
        if engine.reads_onnx() {
            command.arg("--network").arg(self.network(case));
        }
        command
    }

    fn peer(&self, engine: &str, case: &Case) -> Command {
        let mut command = Command::new(&self.python);
        command
            .arg(workspace::root().join("benches/peers/peer.py"))
            .args(["--engine", engine])
            .args(case.arguments());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
            command.env(variable, self.threads.to_string());
        }
        if engine == Engine::Sgemm.name() {
            // A matrix product takes a fraction of a second: enough of them for a steady median. The later one wins.
            command.args(["--mode", "infer", "--steps", "9"]);
        }
        command
    }

    fn network(&self, case: &Case) -> PathBuf {
        self.folder
            .path()
            .join(format!("{}-{}.onnx", case.architecture, case.batch))
    }

    fn write(&self, path: &Path) -> Result<()> {
        let document = json!({
            "machine": self.machine,
            "load_before": self.load,
            "threads": self.threads,
            "cases": self.cases,
            "measurements": self.measurements,
        });
        let path = workspace::root().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, serde_json::to_vec_pretty(&document)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Runs one engine once, measured, and reads the JSON object on the last line it printed.
fn asked(command: &Command) -> Result<(Answer, Cost)> {
    let (stdout, cost) = measure::measured(command)?;
    let line = stdout
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let answer = serde_json::from_str(line).with_context(|| {
        format!(
            "`{}` answered what is no measurement: {line}",
            workspace::shown(command)
        )
    })?;
    Ok((answer, cost))
}

/// The processor's name where the system tells it.
fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text
            .lines()
            .find(|line| line.starts_with("model name"))?
            .to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    told.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The system's load over the last minute, where it tells.
fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
