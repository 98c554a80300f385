//! `pleura package`: a model in one file for deployment.

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

/// Make a package: one file with everything needed to use a model correctly. Check and show packages, make
/// signing keys.
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

/// Makes a package, or runs a subcommand.
pub fn run(args: Args, json: bool) -> Result<ExitCode> {
    match args.what {
        Some(What::Verify(args)) => verify::run(&args, json),
        Some(What::Show(args)) => show::run(&args, json),
        Some(What::Key(args)) => key::run(&args, json),
        Some(What::Card(args)) => card::run(&args, json),
        None => make::run(&args.make, json),
    }
}
