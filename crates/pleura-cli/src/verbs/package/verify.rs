//! `pleura package verify`: integrity of a package, and equality of its answers on this machine.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use pleura_package::{Error, GoldenCheck, Package, PublicKey};
use serde_json::json;

use crate::console;

/// Check a package: every byte, consistency of its documents, its signature, and its golden films on this
/// machine.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 as it was made, 1 changed, damaged, not signed by whom it should be or computed otherwise, 2 could not."
)]
pub struct Args {
    /// The package.
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,
    /// Demand a signature by this key. May be repeated; one of them suffices.
    #[arg(long, value_name = "PUBLIC.pem")]
    trust: Vec<PathBuf>,
}

/// Checks the package and prints the result.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let keys = keys(&args.trust)?;
    let (package, golden) = match checked(args, &keys) {
        Ok(found) => found,
        Err(error @ (Error::File(_) | Error::Key { .. })) => return Err(error.into()),
        Err(error) => {
            let error = anyhow::Error::new(error);
            if json {
                let said = console::chain(error.as_ref()).join(": ");
                let record =
                    json!({"package": args.package.display().to_string(), "verified": false, "why": said});
                // If the output is closed, the exit code still gives the result.
                let _ = writeln!(std::io::stdout().lock(), "{record}");
            } else {
                console::report(&error);
            }
            return Ok(ExitCode::from(console::FAILED));
        }
    };
    let mut out = std::io::stdout().lock();
    if json {
        let record = json!({
            "package": args.package.display().to_string(),
            "verified": true,
            "digest": package.digest,
            "signer": package.signer.map(|key| key.fingerprint()),
            "trusted": !keys.is_empty(),
            "entries": package.entries,
            "golden": golden,
        });
        writeln!(out, "{record}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "package    {}", package.digest)?;
    writeln!(
        out,
        "entries    {}, each with the length and SHA-256 that the index lists",
        package.entries.len()
    )?;
    let signed = match package.signer {
        Some(key) if keys.is_empty() => format!(
            "by the key {}; whose that is, this does not say: name keys that you trust with --trust",
            key.fingerprint()
        ),
        Some(key) => format!("by the key {}, which you trust", key.fingerprint()),
        None => "no: anybody may have made it".to_owned(),
    };
    writeln!(out, "signed     {signed}")?;
    let how = if golden.to_the_bit {
        "equal to the bit".to_owned()
    } else {
        format!(
            "made with another program or instruction set: logits apart by {:.1e}, heatmaps by {:.1e}, within what is allowed",
            golden.logits, golden.heatmaps
        )
    };
    writeln!(out, "golden     {} films computed anew: {how}", golden.films)?;
    writeln!(out, "{}", pleura_package::NOTICE)?;
    Ok(ExitCode::SUCCESS)
}

/// The keys in these files.
pub fn keys(paths: &[PathBuf]) -> Result<Vec<PublicKey>> {
    Ok(paths
        .iter()
        .map(|path| PublicKey::read(path))
        .collect::<Result<_, _>>()?)
}

fn checked(args: &Args, keys: &[PublicKey]) -> Result<(Package, GoldenCheck), Error> {
    let package = Package::read(&args.package)?;
    if !keys.is_empty() {
        package.trust(keys)?;
    }
    let golden = package.check_golden(&package.network()?)?;
    Ok((package, golden))
}
