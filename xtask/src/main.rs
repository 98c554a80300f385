//! Chores of the workspace: `cargo xtask test | bench | golden | onnx | fuzz`.
//!
//! Each chore is one file; `steps` is how they show what they do, `workspace` where things are, `python` the virtual
//! environments of the chores that compare with Python programs.
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

/// Chores of the pleura workspace.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the checks need, then run them all.
    Test(test::Args),
    /// Measure speed and memory beside other programs.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Make the golden files anew and say whether they change.
    Golden(golden::Args),
    /// Run exported graphs in other runtimes and compare their answers with ours.
    Onnx(onnx::Args),
    /// Feed random and mutated files to everything that parses.
    Fuzz(fuzz::Args),
    /// Run one command and write down its time and peak memory.
    #[command(hide = true)]
    Measure(measure::Args),
}

#[derive(Subcommand)]
enum Bench {
    /// Training and inference beside other engines, in turns on this machine.
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
