//! `pleura audit`: what a model may have learnt that is no disease.

mod words;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Search for shortcuts: what on the films, other than disease, carries a model's answers.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Words(Box<words::Args>),
}

/// Carries an audit out.
pub fn run(args: Args, json: bool) -> Result<ExitCode> {
    match args.what {
        What::Words(args) => words::run(&args, json),
    }
}
