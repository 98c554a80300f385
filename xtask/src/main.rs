//! Maintenance tasks of the workspace: `cargo xtask test | bench | golden | onnx | fuzz`.
//!
//! Each task is one file. `steps` prints progress, `workspace` knows paths, `python` makes the virtual
//! environments for comparisons with Python programs.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks on its output streams"
)]

#[cfg(test)]
mod book;
mod fuzz;
mod golden;
mod measure;
mod onnx;
mod peers;
mod python;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Maintenance tasks of the pleura workspace.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install the tools of the checks, then run all checks.
    Test(test::Args),
    /// Measure speed and memory beside other programs.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Make the golden files again and report differences.
    Golden(golden::Args),
    /// Compare exported graphs in other runtimes with the engine.
    Onnx(onnx::Args),
    /// Feed random and mutated files to all parsers.
    Fuzz(fuzz::Args),
    /// Run one command and record its time and peak memory.
    #[command(hide = true)]
    Measure(measure::Args),
}

#[derive(Subcommand)]
enum Bench {
    /// Training and inference of pleura and other engines, in turns on this machine.
    Peers(peers::Args),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Test(args) => Ok(test::run(&args)),
        Chore::Bench {
            what: Bench::Peers(args),
        } => peers::run(&args),
        Chore::Golden(args) => golden::run(&args),
        Chore::Onnx(args) => onnx::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Measure(args) => measure::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
