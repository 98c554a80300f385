//! `pleura data leaks`: copies of a film in two splits, in one manifest or several.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura_core::fs::write_atomic;
use pleura_data::{Manifest, Sidecar};
use pleura_duplicates::{self as leaks, Look, LookOptions, Pair, Trial, TrialOptions, Twice};
use serde_json::json;

use crate::console::{FAILED, Progress};
use crate::table::Table;

/// The pairs, in the folder of `--out`.
const PAIRS: &str = "leaks.json";
/// The pairs side by side.
const SHEET: &str = "pairs.png";

#[derive(clap::Args)]
pub(super) struct LeakArgs {
    /// The manifests, looked at together.
    #[arg(required_unless_present = "scale", value_name = "M.csv")]
    manifests: Vec<PathBuf>,
    /// A folder for leaks.json (every pair) and pairs.png (films side by side).
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Pairs on pairs.png, those in two splits first.
    #[arg(long, default_value_t = 40, requires = "out")]
    pictures: usize,
    /// Correlation from which films count as alike, 0.5 to 1.
    #[arg(long, value_name = "R", default_value_t = LookOptions::LEAST, value_parser = correlation)]
    least: f32,
    /// Leave the manifests' sidecars as they are. Otherwise the pairs are kept there, for split, check and train to heed.
    #[arg(long)]
    no_record: bool,
    /// Alter this many films on purpose, look for the copies among all films, and tell how many are found and what else is.
    #[arg(long, value_name = "FILMS", num_args = 0..=1, default_missing_value = "200", conflicts_with = "out")]
    trial: Option<usize>,
    /// Chooses the films of a trial, and draws those made up.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Make this many films up, and tell what looking for copies among them takes in time and memory.
    #[arg(long, value_name = "FILMS", conflicts_with_all = ["manifests", "trial", "out"])]
    scale: Option<usize>,
    /// Of the films made up look up the first so many; all if left out.
    #[arg(long, value_name = "FILMS", requires = "scale")]
    look_up: Option<usize>,
}

fn correlation(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if (0.5..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0.5 to 1".to_owned()),
    }
}

/// Looks, tells and keeps what was found; 0 nothing is in two splits, 1 something is, or a film could not be looked at.
pub(super) fn run(args: &LeakArgs, json: bool) -> Result<ExitCode> {
    if let Some(films) = args.scale {
        return scale(films, args, json);
    }
    let manifests = args
        .manifests
        .iter()
        .map(|path| Ok((path.display().to_string(), Manifest::read(path)?)))
        .collect::<Result<Vec<_>>>()?;
    if let Some(films) = args.trial {
        return trial(args, films, &manifests, json);
    }
    let named: Vec<(String, &Manifest)> = manifests
        .iter()
        .map(|(name, manifest)| (name.clone(), manifest))
        .collect();
    let options = LookOptions { least: args.least };
    let look = watched(|progress| leaks::look(&named, &options, progress));
    // An earlier look's pairs may well be of the films that are gone now.
    if !args.no_record && look.unread == 0 {
        record(args, &manifests, &look)?;
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

/// Does work whose parts are shown one after another.
fn watched<T>(work: impl FnOnce(leaks::Progress<'_>) -> T) -> T {
    let shown: std::sync::Mutex<Option<(&'static str, Progress)>> = std::sync::Mutex::new(None);
    let done = work(&|what, done, of| {
        let mut shown = shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if shown.as_ref().is_none_or(|(before, _)| *before != what) {
            *shown = None;
            *shown = Some((what, Progress::new(what, of)));
        }
        if let Some((_, progress)) = &*shown {
            progress.at(done, of);
        }
    });
    drop(shown);
    done
}

fn record(args: &LeakArgs, manifests: &[(String, Manifest)], look: &Look) -> Result<()> {
    for (number, (path, (_, manifest))) in args.manifests.iter().zip(manifests).enumerate() {
        let mut sidecar = Sidecar::read(path)?.unwrap_or_else(|| Sidecar::bare(manifest));
        sidecar.leaks = Some(look.record(number, manifest));
        sidecar.write(path)?;
    }
    Ok(())
}

fn told(look: &Look) -> Result<serde_json::Value> {
    let mut told = serde_json::to_value(look)?;
    told["passed"] = json!(look.passed());
    told["across"] = json!(look.across());
    Ok(told)
}

fn write(folder: &Path, pictures: usize, look: &Look) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let text = serde_json::to_string_pretty(&told(look)?)?;
    write_atomic(&folder.join(PAIRS), text.as_bytes())?;
    let sheet = folder.join(SHEET);
    if look.pairs.is_empty() || pictures == 0 {
        // An older look's pictures would speak of pairs that are no more.
        match fs::remove_file(&sheet) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{}: cannot remove", sheet.display()));
            }
            _ => return Ok(()),
        }
    }
    leaks::sheet(look, pictures)?.save(&sheet)?;
    Ok(())
}

/// Pairs within one split that are told one by one.
const TOLD: usize = 20;

fn tell(out: &mut impl Write, look: &Look, args: &LeakArgs) -> io::Result<()> {
    for Twice { patient, films } in &look.patients {
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

/// Both films with their splits, and why they are one.
fn line(look: &Look, pair: &Pair) -> String {
    let film = |looked: &leaks::Looked| {
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
        pair.how
    )
}

fn scale(films: usize, args: &LeakArgs, json: bool) -> Result<ExitCode> {
    let looked_up = args.look_up.unwrap_or(films);
    let scale = watched(|progress| leaks::scale(films, looked_up, args.seed, progress));
    let peak = peak_memory();
    let mut out = io::stdout().lock();
    if json {
        let mut told = serde_json::to_value(&scale)?;
        told["peak_bytes"] = json!(peak);
        told["threads"] = json!(rayon::current_num_threads());
        writeln!(out, "{told}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{} films made up: {:.0} bytes a film in memory{}",
        scale.films,
        scale.bytes_a_film,
        peak.map_or_else(String::new, |peak| format!(
            ", {:.2} GB at the peak",
            peak as f64 / 1e9
        ))
    )?;
    writeln!(
        out,
        "hashes and index {:.1} s; {} films looked up in {:.1} s; {} pairs compared in {:.1} s, {} worth opening; {} threads",
        scale.index_seconds,
        scale.looked_up,
        scale.look_seconds,
        scale.candidates,
        scale.compare_seconds,
        scale.opened,
        rayon::current_num_threads()
    )?;
    writeln!(
        out,
        "{} of {} copies found, within {} of 192 bits",
        scale.found, scale.copies, scale.reach
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The most memory that this process has had, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}

fn trial(args: &LeakArgs, films: usize, manifests: &[(String, Manifest)], json: bool) -> Result<ExitCode> {
    let [(_, manifest)] = manifests else {
        bail!("--trial takes one manifest, found {}", manifests.len());
    };
    let options = TrialOptions {
        films,
        seed: args.seed,
        least: args.least,
    };
    let trial = watched(|progress| leaks::trial(manifest, &options, progress))?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_value(&trial)?)?;
    } else {
        tell_trial(&mut out, &trial)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_trial(out: &mut impl Write, trial: &Trial) -> io::Result<()> {
    let mut table = Table::with_headings(["copy", ">copies", ">found", ">recall", ">tenth", ">median"]);
    let share = |found: usize, of: usize| format!("{:.1} %", 100.0 * found as f64 / of.max(1) as f64);
    let number = |value: Option<f32>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    for line in &trial.lines {
        table.row([
            line.alteration.to_owned(),
            line.copies.to_string(),
            line.found.to_string(),
            share(line.found, line.copies),
            number(line.tenth),
            number(line.median),
        ]);
    }
    writeln!(out, "{table}")?;
    let mut table = Table::with_headings([
        "least correlation",
        ">recall",
        ">pairs, different patients",
        ">pairs, one patient",
    ]);
    for line in &trial.thresholds {
        table.row([
            format!("{:.2}", line.least),
            share(line.found, trial.copies()),
            line.different_patients.to_string(),
            line.same_patient.to_string(),
        ]);
    }
    writeln!(out, "{table}")?;
    for alarm in &trial.alarms {
        let patient = if alarm.same_patient {
            ", of one patient"
        } else {
            ""
        };
        writeln!(
            out,
            "  {} and {}: alike ({}){patient}",
            alarm.one, alarm.other, alarm.likeness
        )?;
    }
    writeln!(
        out,
        "{} films and {} copies: {} copies found; of {} pairs of different films {} count as alike from {:.2} on, {} of them of different patients",
        trial.films,
        trial.copies(),
        trial.found(),
        trial.pairs,
        trial.alarms.len(),
        trial.least,
        trial.alarms.iter().filter(|alarm| !alarm.same_patient).count()
    )?;
    writeln!(
        out,
        "the index gave {} pairs, {} were opened",
        trial.candidates, trial.opened
    )
}
