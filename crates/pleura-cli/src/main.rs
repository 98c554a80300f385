//! `pleura`: from a folder of chest films to an explained, audited classifier. The program parses arguments,
//! calls the library, and prints.

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    unsafe_code
)]
#![allow(
    unreachable_pub,
    reason = "a program exports nothing; `pub` marks what a module offers to the others"
)]
#![allow(
    clippy::doc_markdown,
    reason = "what stands above an argument is its help, where backticks are noise"
)]

#[cfg(test)]
mod book;
mod calibration;
mod console;
mod hints;
mod looks;
mod model;
mod table;
mod verbs;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

/// Train, measure and explain classifiers of chest films. Research use only; not a medical device.
#[derive(Parser)]
#[command(
    name = "pleura",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
#[command(after_help = "Exit codes: 0 done, 1 a check failed, 2 could not.")]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,
    /// Print only JSON on stdout.
    #[arg(long, global = true, display_order = 1000)]
    json: bool,
    /// Show only errors on stderr, no progress or notes.
    #[arg(short, long, global = true, display_order = 1001)]
    quiet: bool,
    /// Number of threads. Default: all cores. Results do not depend on it.
    #[arg(long, global = true, display_order = 1002, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
}

fn main() -> ExitCode {
    let program = Cli::command();
    let called = program.clone().get_matches();
    let cli = match Cli::from_arg_matches(&called) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    console::set(cli.quiet, cli.json);
    console::set_output(hints::output_option(&program, &called));
    match carry_out(cli) {
        Ok(code) => code,
        // The reader has closed our output (`pleura … | head`): not an error.
        Err(error) if console::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            console::report(&error);
            ExitCode::from(console::COULD_NOT)
        }
    }
}

fn carry_out(cli: Cli) -> Result<ExitCode> {
    if let Some(threads) = cli.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build_global()
            .with_context(|| format!("cannot start {threads} threads"))?;
    }
    verbs::run(cli.verb, cli.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_before_and_after_the_verb() {
        for line in [
            ["pleura", "--json", "-q", "--threads", "3", "doctor"],
            ["pleura", "doctor", "--json", "-q", "--threads", "3"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.json && cli.quiet && cli.threads == Some(3), "{line:?}");
        }
        assert!(Cli::try_parse_from(["pleura", "doctor", "--threads", "0"]).is_err());
    }
}
