//! `pleura audit`: the search for shortcuts.

mod text;
mod whole;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Search for shortcuts: image content other than disease that determines a model's answers.
///
/// Audit a manifest before training, and a run after training. `audit text` checks burned-in text only.
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
    #[command(alias = "words")]
    Text(Box<text::Args>),
}

/// Runs an audit.
pub fn run(args: Args, json: bool) -> Result<ExitCode> {
    match args.what {
        Some(What::Text(args)) => text::run(&args, json),
        None => whole::run(&args.whole, json),
    }
}

/// Audits a stage of a run into the run's folder, and returns the result as a sentence.
pub fn of_stage(run: &Path, stage: &str) -> Result<String> {
    whole::of_stage(run, stage)
}
