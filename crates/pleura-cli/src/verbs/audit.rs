//! `pleura audit`: what a model may have learnt that is no disease.

mod whole;
mod words;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Search for shortcuts: what on the films, other than disease, carries a model's answers.
///
/// A table of films can be audited before anything is trained on it, a run after. One kind of check alone has a command of its own.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 nothing from --fail-on upwards, 1 something, 2 could not."
)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    whole: whole::Args,
}

#[derive(Subcommand)]
enum What {
    Words(Box<words::Args>),
}

/// Carries an audit out.
pub fn run(args: Args, json: bool) -> Result<ExitCode> {
    match args.what {
        Some(What::Words(args)) => words::run(&args, json),
        None => whole::run(&args.whole, json),
    }
}

/// Audits a stage of a run into the run's folder, and says in a sentence what came out.
pub fn of_stage(run: &Path, stage: &str) -> Result<String> {
    whole::of_stage(run, stage)
}
