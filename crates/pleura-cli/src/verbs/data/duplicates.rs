//! `pleura data duplicates`: duplicate films in one manifest or several.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use pleura_core::fs::write_atomic;
use pleura_duplicates::{
    DuplicateOptions, DuplicateReport, ImageRef, Pair, PatientInTwoSplits, find_duplicates, pair_sheet,
};
use pleura_manifest::{Manifest, Sidecar};
use serde_json::json;

use crate::console::{self, FAILED};

/// File of the pairs in the folder of `--out`.
const PAIRS: &str = "leaks.json";
/// The pairs side by side.
const SHEET: &str = "pairs.png";

#[derive(clap::Args)]
pub(super) struct DuplicateArgs {
    /// The manifests, compared together.
    #[arg(required = true, value_name = "M.csv")]
    manifests: Vec<PathBuf>,
    /// A folder for leaks.json (every pair) and pairs.png (films side by side).
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Pairs on pairs.png, those in two splits first.
    #[arg(long, default_value_t = 40, requires = "out")]
    pictures: usize,
    /// Correlation from which films count as duplicates, 0.5 to 1.
    #[arg(long, alias = "least", value_name = "R", default_value_t = DuplicateOptions::MIN_CORRELATION, value_parser = correlation)]
    min_correlation: f32,
    /// Do not record the pairs in the manifests' sidecars, where split, check and train use them.
    #[arg(long)]
    no_record: bool,
}

fn correlation(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if (0.5..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0.5 to 1".to_owned()),
    }
}

/// Finds, prints and records duplicates. Exit code 0 without duplicates in two splits, 1 with some, or if a
/// film cannot be read.
pub(super) fn run(args: &DuplicateArgs, json: bool) -> Result<ExitCode> {
    let manifests = args
        .manifests
        .iter()
        .map(|path| Ok((path.display().to_string(), Manifest::read(path)?)))
        .collect::<Result<Vec<_>>>()?;
    let named: Vec<(String, &Manifest)> = manifests
        .iter()
        .map(|(name, manifest)| (name.clone(), manifest))
        .collect();
    let options = DuplicateOptions {
        min_correlation: args.min_correlation,
    };
    let look = console::watched(|progress| find_duplicates(&named, &options, progress));
    // With unreadable films, the pairs of an earlier search may be more complete.
    if !args.no_record && look.unread == 0 {
        record(args, &manifests, &look)
            .context("the pairs cannot be recorded beside the manifest; --no-record prints them only")?;
    }
    if let Some(folder) = &args.out {
        write(folder, args.pictures, &look)?;
    }
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", told(&look)?)?;
    } else {
        tell(&mut out, &look, args)?;
    }
    Ok(if look.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn record(args: &DuplicateArgs, manifests: &[(String, Manifest)], look: &DuplicateReport) -> Result<()> {
    for (number, (path, (_, manifest))) in args.manifests.iter().zip(manifests).enumerate() {
        let mut sidecar = Sidecar::read(path)?.unwrap_or_else(|| Sidecar::bare(manifest));
        sidecar.duplicates = Some(look.record(number, manifest));
        sidecar.write(path)?;
    }
    Ok(())
}

fn told(look: &DuplicateReport) -> Result<serde_json::Value> {
    let mut told = serde_json::to_value(look)?;
    told["passed"] = json!(look.passed());
    told["across"] = json!(look.across());
    Ok(told)
}

fn write(folder: &Path, pictures: usize, look: &DuplicateReport) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let text = serde_json::to_string_pretty(&told(look)?)?;
    write_atomic(&folder.join(PAIRS), text.as_bytes())?;
    let sheet = folder.join(SHEET);
    if look.pairs.is_empty() || pictures == 0 {
        // Remove the pictures of an earlier search.
        match fs::remove_file(&sheet) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{}: cannot remove", sheet.display()));
            }
            _ => return Ok(()),
        }
    }
    pair_sheet(look, pictures)?.save(&sheet)?;
    Ok(())
}

/// Maximum number of listed pairs within one split.
const TOLD: usize = 20;

fn tell(out: &mut impl Write, look: &DuplicateReport, args: &DuplicateArgs) -> io::Result<()> {
    for PatientInTwoSplits { patient, films } in &look.patients {
        let films: Vec<String> = films
            .iter()
            .map(|(split, films)| format!("{} ({split})", films.join(", ")))
            .collect();
        writeln!(
            out,
            "leak: patient {patient} is in two splits: {}",
            films.join("; ")
        )?;
    }
    let (across, within): (Vec<&Pair>, Vec<&Pair>) = look.pairs.iter().partition(|pair| pair.across);
    for pair in across {
        writeln!(out, "leak: {}", line(look, pair))?;
    }
    for pair in within.iter().take(TOLD) {
        writeln!(out, "  note: {}", line(look, pair))?;
    }
    if within.len() > TOLD {
        let rest = within.len() - TOLD;
        writeln!(
            out,
            "  note: and {rest} more such pairs within one split or without one"
        )?;
    }
    super::tell_remarks(out, &look.remarks)?;
    writeln!(
        out,
        "{} films; pairs that are one radiograph: {}, in two splits: {}; patients in two splits: {}",
        look.films,
        look.pairs.len(),
        look.across(),
        look.patients.len()
    )?;
    if let Some(folder) = &args.out {
        writeln!(
            out,
            "{}: every pair, and the films side by side",
            folder.display()
        )?;
    }
    if look.unread > 0 {
        let films = match look.unread {
            1 => "1 film".to_owned(),
            films => format!("{films} films"),
        };
        let recorded = if args.no_record {
            ""
        } else {
            "nothing was recorded; "
        };
        writeln!(
            out,
            "{films} could not be read or changed since the manifest was made: {recorded}restore them and look again"
        )?;
    } else if !look.passed() && !args.no_record {
        writeln!(
            out,
            "`pleura data split` keeps such films together from now on; `pleura train` refuses them until they are"
        )?;
    }
    Ok(())
}

/// Both films with their splits, and the reason for the match.
fn line(look: &DuplicateReport, pair: &Pair) -> String {
    let film = |looked: &ImageRef| {
        let split = looked
            .split
            .map_or_else(|| "no split".to_owned(), |split| split.to_string());
        match &look.manifests[..] {
            [_] => format!("{} ({split})", looked.film),
            several => format!("{} ({split}, {})", looked.film, several[looked.manifest]),
        }
    };
    let patient = if pair.same_patient { ", of one patient" } else { "" };
    format!(
        "{} and {}: {}{patient}",
        film(&pair.one),
        film(&pair.other),
        pair.kind
    )
}
