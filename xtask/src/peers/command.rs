//! The command of each engine, and its input files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::case::{Answer, Case, Mode};
use super::engine::Engine;
use super::table::median;
use crate::measure::{self, Cost};
use crate::workspace;

/// Side of the film that is read from disk, in pixels.
const FILM_SIDE: &str = "1024";

/// Programs and the files made for them.
pub(super) struct Programs {
    pub(super) python: PathBuf,
    pub(super) folder: tempfile::TempDir,
}

impl Programs {
    pub(super) fn new(python: PathBuf) -> Result<Self> {
        Ok(Self {
            python,
            folder: tempfile::tempdir().context("cannot make a temporary folder")?,
        })
    }

    /// Runs one engine on one case.
    pub(super) fn measure(&self, engine: Engine, case: &Case) -> Result<(Answer, Cost)> {
        let command = self.command(engine, case)?;
        if case.mode == Mode::Start {
            whole(&command, case)
        } else {
            asked(&command)
        }
    }

    fn command(&self, engine: Engine, case: &Case) -> Result<Command> {
        Ok(match (engine, case.mode) {
            (Engine::Pleura, Mode::Start) => {
                let mut command = pleura();
                command
                    .arg("predict")
                    .arg(self.film()?)
                    .args(["--json", "--threads", &case.threads.to_string()])
                    .arg("--model")
                    .arg(self.weights(case));
                command
            }
            (Engine::Pleura, mode) => {
                let mut command = Command::new(program("pleura-bench"));
                command.args(case.arguments()).arg("--json");
                if mode == Mode::Film {
                    command.arg("--film").arg(self.film()?);
                }
                command
            }
            (peer, Mode::Start) => {
                let weights = match peer {
                    Engine::Onnxruntime => self.network(case),
                    _ => self.state(case),
                };
                let mut command = self.script("first_answer.py", case.threads);
                command.arg(peer.name()).arg(weights).arg(self.film()?);
                for (option, value) in [
                    ("--architecture", case.architecture.clone()),
                    ("--size", case.size.to_string()),
                    ("--outputs", case.outputs.to_string()),
                    ("--threads", case.threads.to_string()),
                ] {
                    command.arg(option).arg(value);
                }
                command
            }
            (peer, mode) => {
                let mut command = if peer.is_rust() {
                    rust_peer(peer, case)
                } else {
                    self.peer(peer.name(), case)
                };
                if peer.reads_onnx() {
                    command.arg("--network").arg(self.network(case));
                }
                if mode == Mode::Film {
                    command.arg("--film").arg(self.film()?);
                }
                if peer == Engine::Sgemm {
                    // A matrix product takes a fraction of a second: nine give a steady median. The later of
                    // two equal options wins.
                    command.args(["--mode", "infer", "--steps", "9"]);
                }
                command
            }
        })
    }

    fn peer(&self, engine: &str, case: &Case) -> Command {
        let mut command = self.script("peer.py", case.threads);
        command.args(["--engine", engine]).args(case.arguments());
        command
    }

    fn script(&self, name: &str, threads: usize) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(workspace::root().join("benches/peers").join(name));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
            command.env(variable, threads.to_string());
        }
        command
    }

    /// Writes the input files of the cases. Returns the missing packages that ONNX files need.
    pub(super) fn prepare(&self, cases: &[Case], onnx: bool) -> Result<Vec<String>> {
        if cases
            .iter()
            .any(|case| matches!(case.mode, Mode::Start | Mode::Film))
        {
            self.make_film()?;
        }
        let mut missing = Vec::new();
        for case in cases
            .iter()
            .filter(|case| matches!(case.mode, Mode::Infer | Mode::Start))
        {
            // The files of a network do not depend on the work.
            let network = &Case {
                mode: Mode::Infer,
                ..case.clone()
            };
            if case.mode == Mode::Start {
                self.make_weights(network)?;
            }
            if onnx && missing.is_empty() && !self.network(case).exists() {
                let mut command = self.peer("export", network);
                command.arg("--network").arg(self.network(case));
                missing = asked(&command)?.0.missing;
            }
        }
        Ok(missing)
    }

    /// One `state_dict` for Python, and what `pleura import` makes of it.
    fn make_weights(&self, case: &Case) -> Result<()> {
        let (state, weights) = (self.state(case), self.weights(case));
        if weights.exists() {
            return Ok(());
        }
        let mut command = self.peer("weights", case);
        command.arg("--weights").arg(&state);
        let (answer, _) = asked(&command)?;
        if !answer.missing.is_empty() {
            bail!(
                "{} not installed: what starts with weights on disk cannot be measured",
                answer.missing.join(", ")
            );
        }
        let findings: Vec<String> = (0..case.outputs)
            .map(|output| format!("output {output}"))
            .collect();
        let mut import = pleura();
        import.arg("import").arg(&state).args([
            "--arch",
            &case.architecture,
            "--findings",
            &findings.join(","),
            "--kind",
            "independent",
            "--size",
            &case.size.to_string(),
            "--fit",
            "stretch",
            "--json",
        ]);
        measure::measured(import.arg("--out").arg(&weights))?;
        Ok(())
    }

    /// A synthetic film: grey, 8 bits, as many published radiographs are.
    fn make_film(&self) -> Result<()> {
        let mut command = pleura();
        command
            .args([
                "data", "phantoms", "--films", "1", "--size", FILM_SIDE, "--seed", "0", "--json", "--out",
            ])
            .arg(self.phantoms());
        measure::measured(&command)?;
        self.film().map(drop)
    }

    fn phantoms(&self) -> PathBuf {
        self.folder.path().join("phantoms")
    }

    fn film(&self) -> Result<PathBuf> {
        let folder = self.phantoms().join("films");
        let entries = folder
            .read_dir()
            .with_context(|| format!("cannot list {}", folder.display()))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths
            .into_iter()
            .find(|path| path.extension().is_some_and(|extension| extension == "png"))
            .with_context(|| format!("{} holds no PNG", folder.display()))
    }

    fn network(&self, case: &Case) -> PathBuf {
        self.file(&format!("{}-{}.onnx", case.architecture, case.batch))
    }

    fn state(&self, case: &Case) -> PathBuf {
        self.file(&format!("{}.pth", case.architecture))
    }

    fn weights(&self, case: &Case) -> PathBuf {
        self.file(&format!("{}.safetensors", case.architecture))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Builds the peers that are written in Rust, in a workspace of their own.
pub(super) fn build(engines: &[Engine]) -> Result<()> {
    for engine in engines.iter().filter(|engine| engine.is_rust()) {
        let mut command = workspace::cargo(["build", "--release", "--locked", "--manifest-path"]);
        command
            .arg(rust_peers().join("Cargo.toml"))
            .args(["--package", &format!("peer-{}", engine.name())])
            .arg("--target-dir")
            .arg(rust_target());
        workspace::run(&mut command)?;
    }
    Ok(())
}

fn rust_peers() -> PathBuf {
    workspace::root().join("benches/peers/rust")
}

/// Beside the product's own build folders, so that cleaning one cleans the other.
fn rust_target() -> PathBuf {
    workspace::target().join("peers")
}

fn rust_peer(engine: Engine, case: &Case) -> Command {
    let program = Path::new("release").join(format!("peer-{}", engine.name()));
    let mut command =
        Command::new(rust_target().join(program.with_extension(std::env::consts::EXE_EXTENSION)));
    command
        .args(case.arguments())
        .env("RAYON_NUM_THREADS", case.threads.to_string());
    command
}

fn pleura() -> Command {
    Command::new(program("pleura"))
}

fn program(name: &str) -> PathBuf {
    workspace::target()
        .join("release")
        .join(Path::new(name).with_extension(std::env::consts::EXE_EXTENSION))
}

/// Runs one engine once, measured, and reads the JSON object on the last line it printed.
fn asked(command: &Command) -> Result<(Answer, Cost)> {
    let (stdout, cost) = measure::measured(command)?;
    let answer = serde_json::from_value(object(&stdout, command)?)
        .with_context(|| format!("`{}` answered what is no measurement", workspace::shown(command)))?;
    Ok((answer, cost))
}

/// Runs a program that infers one film, several times. Its seconds are those of whole processes.
fn whole(command: &Command, case: &Case) -> Result<(Answer, Cost)> {
    let mut answer = Answer::default();
    let mut peaks = Vec::new();
    for run in 0..case.warm_up + case.steps {
        let (stdout, cost) = measure::measured(command)?;
        if run < case.warm_up {
            let said = object(&stdout, command)?;
            answer.logits = logits(&said["logits"])
                .with_context(|| format!("`{}` gave no logits", workspace::shown(command)))?;
            said["version"]
                .as_str()
                .unwrap_or_default()
                .clone_into(&mut answer.version);
        } else {
            answer.seconds.push(cost.wall_seconds);
            peaks.extend(cost.peak_rss_bytes.map(|bytes| bytes as f64));
        }
    }
    let cost = Cost {
        wall_seconds: answer.seconds.iter().sum(),
        peak_rss_bytes: median(peaks).map(|bytes| bytes as u64),
    };
    Ok((answer, cost))
}

/// Numbers from a list or from an object's values.
fn logits(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(values) => values.iter().map(Value::as_f64).collect(),
        Value::Object(values) => values.values().map(Value::as_f64).collect(),
        _ => None,
    }
}

/// The JSON object on the last line of the output.
fn object(stdout: &str, command: &Command) -> Result<Value> {
    let line = stdout
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    serde_json::from_str(line)
        .with_context(|| format!("`{}` answered no JSON: {line}", workspace::shown(command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_are_read_from_lists_and_by_name() {
        let read = |text: &str| logits(&serde_json::from_str(text).unwrap());
        assert_eq!(read("[1.0, -2]"), Some(vec![1.0, -2.0]));
        assert_eq!(read(r#"{"b": 1.5, "a": 0}"#), Some(vec![1.5, 0.0]));
        assert_eq!(read("3"), None);
    }

    #[test]
    fn the_last_line_counts() {
        let command = Command::new("engine");
        let read = object("loading\n{\"seconds\": [1.0]}\n\n", &command).unwrap();
        assert_eq!(read["seconds"][0], 1.0);
        let error = object("nothing", &command).unwrap_err().to_string();
        assert!(error.contains("`engine` answered no JSON: nothing"), "{error}");
    }
}
