//! `pleura package`: a model as it is handed over, in one file.

mod card;
mod key;
mod make;
mod reference;
mod show;
mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

pub use verify::keys;

/// Put a model with everything needed to use it rightly into one file; check such a file, show what it says, make keys to sign it with.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    make: make::Args,
}

#[derive(Subcommand)]
enum What {
    Verify(verify::Args),
    Show(show::Args),
    Key(key::Args),
    Card(card::Args),
}

/// Makes a package, or does what is asked with one.
pub fn run(args: Args, json: bool) -> Result<ExitCode> {
    match args.what {
        Some(What::Verify(args)) => verify::run(&args, json),
        Some(What::Show(args)) => show::run(&args, json),
        Some(What::Key(args)) => key::run(&args, json),
        Some(What::Card(args)) => card::run(&args, json),
        None => make::run(&args.make, json),
    }
}
