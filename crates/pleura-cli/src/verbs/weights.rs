//! `pleura weights`: fetch published weights, show a weight file.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use pleura::output::weights::{Fetched, WeightFile};
use pleura_nn::Weights;
use pleura_nn::weights::fetch::{Published, cache_folder};

use crate::console::Progress;

/// Fetch published weights, or show a weight file.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Fetch torchvision's ImageNet weights (.pth) into the cache, once; convert them with `pleura import`.
    Fetch {
        /// The network.
        #[arg(value_parser = ["densenet121", "densenet161", "densenet169", "densenet201"])]
        name: String,
        /// Folder for the file, instead of the cache ($PLEURA_HOME, or the user's cache folder).
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Show the contents of a weight file.
    Show {
        /// Weights (.safetensors).
        #[arg(value_name = "WEIGHTS")]
        weights: PathBuf,
    },
}

/// Runs the action.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    match &args.action {
        Action::Fetch { name, dir } => fetch(name, dir.as_deref(), json),
        Action::Show { weights } => show(weights, json),
    }
}

fn fetch(name: &str, dir: Option<&Path>, json: bool) -> Result<ExitCode> {
    let published =
        Published::torchvision(name).with_context(|| format!("torchvision has no weights of {name}"))?;
    let folder = match dir {
        Some(dir) => dir.to_owned(),
        None => cache_folder()?,
    };
    let progress = Progress::new("KiB fetched", 0);
    let kibibytes = |bytes: u64| (bytes / 1024) as usize;
    let path = published.fetch(&folder, &mut |here, total| {
        progress.at(kibibytes(here), kibibytes(total.unwrap_or(here)));
    })?;
    drop(progress);
    let mut out = io::stdout().lock();
    if json {
        let document = Fetched::of(name, &path, &published);
        writeln!(out, "{}", serde_json::to_string(&document)?)?;
    } else {
        writeln!(out, "{}\n", path.display())?;
        writeln!(
            out,
            "  pleura import {} --arch {name} --out {name}.safetensors",
            path.display()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(path: &Path, json: bool) -> Result<ExitCode> {
    let weights = Weights::read(path)?;
    let document = WeightFile::of(path, &weights);
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&document)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let architecture = &weights.architecture;
    writeln!(out, "{}", path.display())?;
    writeln!(
        out,
        "  network         {}, blocks {:?}, growth {}",
        architecture.name(),
        architecture.blocks(),
        architecture.growth()
    )?;
    writeln!(
        out,
        "  parameters      {} in {} tensors",
        document.parameters,
        weights.tensors.len()
    )?;
    writeln!(out, "  digest          {}", document.digest)?;
    writeln!(out, "  findings        {}", list(&weights.findings))?;
    writeln!(
        out,
        "  normalisation   mean {:?}, std {:?}",
        weights.normalisation.mean, weights.normalisation.std
    )?;
    for (key, value) in &weights.metadata {
        writeln!(out, "  {key:<15} {value}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Findings on one line; ImageNet's thousand are abbreviated.
pub fn list(findings: &[String]) -> String {
    match findings {
        [first, .., last] if findings.len() > 20 => format!("{first} to {last}, {} in all", findings.len()),
        _ => findings.join(", "),
    }
}
