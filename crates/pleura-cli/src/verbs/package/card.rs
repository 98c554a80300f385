//! `pleura package card`: the questions of a model card.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura_core::fs::write_atomic;
use pleura_package::card::{questions, template};
use serde_json::json;

/// Write the questions of TRIPOD+AI and CLAIM as a file to fill in (see --card).
#[derive(clap::Args)]
pub struct Args {
    /// Output file. Default: standard output. An existing file is not overwritten.
    #[arg(long, value_name = "ANSWERS.toml")]
    out: Option<PathBuf>,
}

/// Writes the questions.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let count = questions().len();
    let mut out = std::io::stdout().lock();
    match &args.out {
        Some(path) if path.exists() => bail!(
            "{}: exists, and may hold answers; choose another name",
            path.display()
        ),
        Some(path) => {
            write_atomic(path, template().as_bytes())?;
            if json {
                let record = json!({"path": path.display().to_string(), "questions": count});
                writeln!(out, "{record}")?;
            } else {
                writeln!(out, "{}: {count} questions", path.display())?;
            }
        }
        None if json => writeln!(out, "{}", json!({"template": template(), "questions": count}))?,
        None => write!(out, "{}", template())?,
    }
    Ok(ExitCode::SUCCESS)
}
