//! `pleura package key`: a key pair.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use pleura_package::Pair;
use serde_json::json;

/// Make an ed25519 key pair: NAME.private.pem, readable by you only, and NAME.public.pem, for those who check
/// signatures.
#[derive(clap::Args)]
pub struct Args {
    /// Name of both files, without extension.
    #[arg(value_name = "NAME")]
    name: PathBuf,
}

/// Makes the keys and prints their files.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let pair = Pair::create(&args.name)?;
    let mut out = std::io::stdout().lock();
    if json {
        let record = json!({
            "private": pair.private.display().to_string(), "public": pair.public.display().to_string(), "key": pair.key.fingerprint(),
        });
        writeln!(out, "{record}")?;
    } else {
        writeln!(
            out,
            "key {}\n{}: sign with it (--key), and keep it to yourself\n{}: give it to those who check signatures (--trust)",
            pair.key.fingerprint(),
            pair.private.display(),
            pair.public.display()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
