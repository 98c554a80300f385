//! `cargo xtask onnx`: compares exported graphs in other runtimes with the engine.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::{python, workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Networks with random weights, with the side of their films. Default: small@96, small@75 and
    /// densenet121.
    #[arg(long, value_delimiter = ',', value_name = "NAME[@SIZE]")]
    network: Vec<String>,
    /// Trained weights.
    #[arg(long, value_name = "WEIGHTS|RUN")]
    model: Vec<PathBuf>,
    /// Films for the trained weights. Default: noise.
    #[arg(long, value_name = "FILM", requires = "model")]
    film: Vec<PathBuf>,
    /// Run tract too, which takes minutes to build.
    #[arg(long)]
    tract: bool,
    /// Time ONNX Runtime and the engine in turns instead of comparing their outputs.
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Threads. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let python = python::interpreter("peers", "benches/peers/requirements.txt", "PLEURA_PEERS_PYTHON")?;
    workspace::run(&mut workspace::cargo([
        "build",
        "--release",
        "--package",
        "pleura-cli",
        "--package",
        "pleura-bench",
    ]))?;
    let folder = workspace::target().join("onnx");
    let mut script = Command::new(python);
    script
        .arg(workspace::root().join("benches/onnx/check.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("--pleura")
        .arg(program(&workspace::target(), "pleura"))
        .arg("--bench")
        .arg(program(&workspace::target(), "pleura-bench"))
        .arg("--folder")
        .arg(&folder);
    if args.tract {
        script.arg("--tract").arg(tract()?);
    }
    for network in &args.network {
        script.arg("--network").arg(network);
    }
    for (option, paths) in [("--model", &args.model), ("--film", &args.film)] {
        for path in paths {
            script.arg(option).arg(path);
        }
    }
    for (option, number) in [
        ("--seconds", args.seconds.map(|rounds| rounds.to_string())),
        ("--threads", args.threads.map(|threads| threads.to_string())),
    ] {
        if let Some(number) = number {
            script.arg(option).arg(number);
        }
    }
    let status = script
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{}`", workspace::shown(&script)))?;
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        Some(1) => ExitCode::FAILURE,
        _ => ExitCode::from(2),
    })
}

/// Builds the program that runs graphs in tract.
fn tract() -> Result<PathBuf> {
    let target = workspace::target().join("peers");
    let mut command = workspace::cargo(["build", "--release", "--locked", "--manifest-path"]);
    command
        .arg(workspace::root().join("benches/peers/rust/Cargo.toml"))
        .args([
            "--package",
            "peer-tract",
            "--bin",
            "tract-answers",
            "--target-dir",
        ])
        .arg(&target);
    workspace::run(&mut command)?;
    Ok(program(&target, "tract-answers"))
}

fn program(target: &Path, name: &str) -> PathBuf {
    let name = Path::new(name).with_extension(std::env::consts::EXE_EXTENSION);
    target.join("release").join(name)
}
