//! Measures the search for duplicate films: recall on altered films (`--trial`), or time and memory
//! (`--scale`).

mod alter;
mod scale;
mod trial;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use pleura_core::Silent;
use pleura_duplicates::DuplicateOptions;
use pleura_manifest::Manifest;
use serde_json::json;

/// Measures the search for duplicate films. Prints JSON.
#[derive(Parser)]
#[command(group = clap::ArgGroup::new("measurement").required(true))]
struct Args {
    /// The manifest of a trial.
    #[arg(required_unless_present = "scale", value_name = "M.csv")]
    manifest: Option<PathBuf>,
    /// Alter this many films of the manifest in 13 ways, and search for them among all films.
    #[arg(long, value_name = "FILMS", group = "measurement")]
    trial: Option<usize>,
    /// Generate this many thumbnails, and measure time and memory of a search among them.
    #[arg(
        long,
        value_name = "FILMS",
        group = "measurement",
        conflicts_with = "manifest"
    )]
    scale: Option<usize>,
    /// Look up only this many of the generated films.
    #[arg(long, value_name = "FILMS", requires = "scale")]
    look_up: Option<usize>,
    /// Seed of the films that are chosen or generated.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Minimum correlation of duplicates.
    #[arg(long, value_name = "R", default_value_t = DuplicateOptions::MIN_CORRELATION)]
    min_correlation: f32,
    /// Number of threads; all cores if left out.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0))
        .build_global()?;
    let result = if let Some(films) = args.scale {
        let scale = scale::scale(films, args.look_up.unwrap_or(films), args.seed, &Silent);
        let mut result = serde_json::to_value(scale)?;
        result["peak_bytes"] = json!(peak_memory());
        result["threads"] = json!(rayon::current_num_threads());
        result
    } else {
        let path = args.manifest.context("a trial needs a manifest")?;
        let options = trial::TrialOptions {
            films: args.trial.context("expected --trial or --scale")?,
            seed: args.seed,
            min_correlation: args.min_correlation,
        };
        serde_json::to_value(trial::trial(&Manifest::read(&path)?, &options, &Silent)?)?
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string_pretty(&result)?)?;
    Ok(())
}

/// The peak memory of this process, on Linux.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}
