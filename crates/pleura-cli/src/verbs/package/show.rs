//! `pleura package show`: the description of a package.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use pleura_core::fs::write_atomic;
use pleura_package::{Package, card};
use serde_json::json;

/// Show a package: findings, limits, results, data with licences, audit, and its model card with unanswered
/// questions.
#[derive(clap::Args)]
pub struct Args {
    /// The package.
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,
    /// Also write the description as one HTML page.
    #[arg(long, value_name = "OUT.html")]
    html: Option<PathBuf>,
}

/// Shows it.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let package = Package::read(&args.package)?;
    if let Some(path) = &args.html {
        write_atomic(path, card::html(&package).as_bytes())?;
    }
    let mut out = std::io::stdout().lock();
    if json {
        let parts = &package.parts;
        let record = json!({
            "package": package.digest,
            "signer": package.signer.map(|key| key.fingerprint()),
            "entries": package.entries,
            "model": parts.model,
            "contract": parts.contract,
            "calibration": parts.calibration,
            "training": parts.training,
            "metrics": parts.metrics,
            "audit": parts.audit,
            "card": parts.card,
            "golden": parts.golden.about,
            "notice": pleura_package::NOTICE,
        });
        writeln!(out, "{record}")?;
    } else {
        write!(out, "{}", card::text(&package))?;
        if let Some(path) = &args.html {
            writeln!(out, "\n{}", path.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
