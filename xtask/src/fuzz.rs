//! `cargo xtask fuzz`: runs the cargo-fuzz targets one after the other.
//!
//! libFuzzer's instrumentation is an unstable compiler option; `RUSTC_BOOTSTRAP=1` lets the stable compiler
//! take it, for these runs alone, so that what is fuzzed is what the same compiler builds for release.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::steps::{Steps, spoken};
use crate::workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Only targets whose name contains this; may be given more than once.
    #[arg(long, value_name = "PART")]
    target: Vec<String>,
    /// Processes that work on one target at a time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// List the targets and stop.
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut targets = targets()?;
    targets
        .retain(|name| args.target.is_empty() || args.target.iter().any(|part| name.contains(part.as_str())));
    if targets.is_empty() {
        bail!("no fuzz target of that name; --list shows all");
    }
    if args.list {
        for target in &targets {
            println!("{target}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    cargo_fuzz()?;
    seed()?;
    let whole = Duration::from_secs(args.seconds * targets.len() as u64);
    println!(
        "{} targets, {} in all after building",
        targets.len(),
        spoken(whole)
    );
    let mut steps = Steps::new(targets.len());
    for target in &targets {
        steps.run(target, || fuzz(target, args));
    }
    Ok(if steps.summary() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The folder of the cargo-fuzz project.
pub(crate) fn project() -> PathBuf {
    workspace::root().join("fuzz")
}

/// The programs of the project, as cargo names them.
fn targets() -> Result<Vec<String>> {
    let project = project();
    let mut command = workspace::cargo([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--manifest-path",
    ]);
    let output = command
        .arg(project.join("Cargo.toml"))
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!(
            "{}: {}",
            project.display(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo's metadata are no JSON")?;
    let targets = metadata["packages"][0]["targets"]
        .as_array()
        .context("cargo names no targets")?;
    let programs = targets.iter().filter(|target| target["kind"][0] == "bin");
    let mut names: Vec<String> = programs
        .filter_map(|target| Some(target["name"].as_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Runs `seed.py`, which makes first inputs of files that are in the repository.
fn seed() -> Result<()> {
    let Some(python) = ["python3", "python"]
        .into_iter()
        .find(|name| workspace::answers(name, &["--version"]))
    else {
        println!("no python3 on the PATH: decoders start from nothing");
        return Ok(());
    };
    workspace::run(Command::new(python).arg("seed.py").current_dir(project()))
}

/// Whether there is a C++ compiler, which libFuzzer needs.
pub(crate) fn has_cpp() -> bool {
    ["c++", "g++", "clang++"]
        .iter()
        .any(|compiler| workspace::answers(compiler, &["--version"]))
}

fn cargo_fuzz() -> Result<()> {
    const VERSION: &str = "0.13.2";
    let here = || {
        workspace::cargo(["fuzz", "--version"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if here() {
        return Ok(());
    }
    if !has_cpp() {
        bail!("no C++ compiler on the PATH, which libFuzzer needs; on Debian: apt-get install g++");
    }
    println!("cargo-fuzz is missing: cargo install cargo-fuzz --version {VERSION} --locked");
    workspace::run(&mut workspace::cargo([
        "install",
        "cargo-fuzz",
        "--version",
        VERSION,
        "--locked",
        "--quiet",
    ]))
}

/// One target for its time. A crash leaves its input under `fuzz/artifacts` and fails the step.
fn fuzz(target: &str, args: &Args) -> Result<()> {
    // Without `--release` cargo-fuzz optimises as well and keeps the debug assertions, which overflows need
    // to be seen.
    let mut command = workspace::cargo(["fuzz", "run", "--fuzz-dir"]);
    command.arg(project()).env("RUSTC_BOOTSTRAP", "1");
    // Sanitized objects fit nothing else: a folder of their own.
    command.arg("--target-dir").arg(workspace::target().join("fuzz"));
    command.arg(target);
    let seeds = project().join("seeds").join(target);
    if seeds.is_dir() {
        // The first folder takes new inputs, the second is only read: committed seeds stay as they are.
        let corpus = project().join("corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        command.arg(corpus).arg(seeds);
    }
    command.arg("--").arg(format!("-max_total_time={}", args.seconds));
    // Decoders promise an answer in milliseconds and bounded memory: ten seconds or 2 GiB is a finding.
    command.args([
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=0",
    ]);
    if args.jobs > 1 {
        command.args([format!("-fork={}", args.jobs), "-ignore_crashes=0".to_owned()]);
    }
    workspace::run(&mut command)
}
