//! `pleura data phantoms`: a set of synthetic films and its manifest.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use pleura_synth::phantom::{self, PhantomOptions, PhantomSet};
use serde_json::json;

use crate::console::Progress;

#[derive(clap::Args)]
pub(super) struct PhantomArgs {
    /// The folder to write: films, masks and manifest.csv. It must be empty or new.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Label set of the films.
    #[arg(long, value_enum, default_value_t = Set::Target)]
    set: Set,
    /// Number of films.
    #[arg(long)]
    films: Option<usize>,
    /// Side in pixels.
    #[arg(long)]
    size: Option<usize>,
    /// The same options and seed give the same files.
    #[arg(long)]
    seed: Option<u64>,
    /// Mean number of films per patient.
    #[arg(long)]
    films_per_patient: Option<f32>,
    /// Share of each label, such as COVID-19=1,pneumonia=2; omitted labels have none.
    #[arg(long, value_name = "LABEL=SHARE", value_delimiter = ',', value_parser = share)]
    mix: Vec<(String, f32)>,
    /// Association of a film's text with its class, 0 to 1.
    #[arg(long, value_name = "0..1")]
    word_follows_class: Option<f32>,
    /// Give each film the text of another class: a test set that deceives models which rely on text.
    #[arg(long)]
    words_deceive: bool,
    /// Association of a patient's hospital with the class, 0 to 1.
    #[arg(long, value_name = "0..1")]
    source_follows_class: Option<f32>,
    /// Difficulty of the lesions, 0 to 1.
    #[arg(long, value_name = "0..1")]
    difficulty: Option<f32>,
    /// Number of hospitals.
    #[arg(long)]
    sources: Option<usize>,
    /// Probability of text on films whose text does not follow the class, 0 to 1.
    #[arg(long, value_name = "0..1")]
    words: Option<f32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Set {
    /// Non-medical images for the source stage.
    Source,
    /// Films with fifteen possible findings.
    Intermediate,
    /// Films of three classes: normal, pneumonia, COVID-19.
    Target,
}

pub(super) fn run(args: &PhantomArgs, json: bool) -> Result<ExitCode> {
    let usual = PhantomOptions::default();
    let options = PhantomOptions {
        set: match args.set {
            Set::Source => PhantomSet::Source,
            Set::Intermediate => PhantomSet::Intermediate,
            Set::Target => PhantomSet::Target,
        },
        films: args.films.unwrap_or(usual.films),
        size: args.size.unwrap_or(usual.size),
        seed: args.seed.unwrap_or(usual.seed),
        films_per_patient: args.films_per_patient.unwrap_or(usual.films_per_patient),
        mix: args.mix.iter().cloned().collect::<BTreeMap<_, _>>(),
        word_follows_class: args.word_follows_class.unwrap_or(usual.word_follows_class),
        words_deceive: args.words_deceive,
        source_follows_class: args.source_follows_class.unwrap_or(usual.source_follows_class),
        difficulty: args.difficulty.unwrap_or(usual.difficulty),
        sources: args.sources.unwrap_or(usual.sources),
        words: args.words.unwrap_or(usual.words),
    };
    let progress = Progress::new("phantoms drawn", options.films);
    let manifest = phantom::write(&options, &args.out, &|done, of| progress.at(done, of))?;
    drop(progress);
    let path = args.out.join(phantom::MANIFEST);
    let mut out = io::stdout().lock();
    let (films, patients, digest) = (manifest.rows.len(), manifest.patients(), manifest.digest());
    if json {
        let findings = &manifest.findings;
        let told = json!({
            "manifest": path.display().to_string(), "films": films, "patients": patients, "findings": findings, "digest": digest,
        });
        writeln!(out, "{told}")?;
    } else {
        writeln!(out, "{}: {films} phantoms of {patients} patients", path.display())?;
        writeln!(out, "digest {digest}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads `LABEL=SHARE`; the label may hold an equals sign, the share cannot.
fn share(text: &str) -> Result<(String, f32), String> {
    let (label, share) = text
        .rsplit_once('=')
        .ok_or("expected LABEL=SHARE, such as COVID-19=1")?;
    let share = share
        .trim()
        .parse()
        .map_err(|_| format!("{share:?} is no number"))?;
    Ok((label.trim().to_string(), share))
}
