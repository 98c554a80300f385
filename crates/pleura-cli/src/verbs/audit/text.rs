//! `pleura audit text`: burned-in text, markers and arrows on films, and a model's reliance on them.

mod found;
mod pictures;
mod told;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura::explain::Mask;
use pleura::output;
use pleura::{Classifier, KnownLabels};
use pleura_audit::burned_in_text::{self, Agreement, Boxes, Films, Outcome, Settings, Text};
use pleura_core::fs::write_atomic;
use pleura_eval::Options;
use pleura_explain::Composite;
use pleura_film::{DecodeOptions, Film};
use pleura_manifest::{Manifest, Row};
use serde_json::{Value, json};

use crate::console::{NOTICE, Progress};
use crate::looks;
use crate::model::ModelArgs;
use crate::verbs::evaluate::SplitChoice;
use crate::verbs::evaluate::parse_column;

/// Find burned-in text, markers and arrows on films, and measure whether a model relies on them.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 done, 1 an effect of words that matters was found, 2 could not.")]
pub struct Args {
    /// Films: PNG, JPEG, TIFF, BMP, WebP or DICOM. Without a manifest, text is only detected.
    #[arg(value_name = "FILM")]
    films: Vec<PathBuf>,
    /// A manifest with labels.
    #[arg(long, value_name = "M.csv", conflicts_with = "films")]
    manifest: Option<PathBuf>,
    /// The model: a run's folder, or weights (.safetensors). Without a model, text is only detected.
    #[arg(long, value_name = "RUN|WEIGHTS")]
    model: Option<PathBuf>,
    #[command(flatten)]
    options: ModelArgs,
    /// Films of the manifest.
    #[arg(long, value_enum, default_value_t = SplitChoice::Test)]
    split: SplitChoice,
    /// Column of the manifest with a finding's labels, if its name differs. May be repeated.
    #[arg(long, value_name = "FINDING=COLUMN", value_parser = parse_column)]
    column: Vec<(String, String)>,
    /// Source of the text's place: detection, or the manifest's masks.
    #[arg(long, value_enum, default_value_t = Source::Found)]
    words: Source,
    /// Hand-drawn boxes to evaluate the detection: film,kind,left,top,right,bottom.
    #[arg(long, value_name = "BOXES.csv")]
    boxes: Option<PathBuf>,
    /// Random placements of patches per film.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    draws: u32,
    /// Films of each class whose relevance is measured.
    #[arg(long, default_value_t = 40, value_name = "N")]
    explain: usize,
    /// Composite of the relevance.
    #[arg(long, default_value = pleura_explain::composite::NAMES[0])]
    composite: String,
    /// Films of each other class whose text is pasted onto each film; 0 for no swap test.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    swaps: u32,
    /// The effect that matters, as a share of the answers. An effect above it makes the exit code 1.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    fail_above: f64,
    /// Coverage of intervals.
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    level: f64,
    /// Bootstrap samples of patients.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    bootstrap: usize,
    /// Seed of patches, donors and bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for figures, detected text and numbers.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Number of films drawn with their detected text.
    #[arg(long, default_value_t = 12, value_name = "N")]
    pictures: usize,
}

/// Source of the text's place.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Source {
    /// Detection.
    Found,
    /// The manifest's column `text_mask`.
    Masks,
}

/// Films in order.
enum Shelf<'a> {
    Paths(&'a [PathBuf]),
    Rows(&'a Manifest, Vec<usize>),
}

/// Runs the detection and the experiment, and prints the results.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let boxes = args.boxes.as_deref().map(Boxes::read).transpose()?;
    let Some(path) = &args.manifest else {
        if args.model.is_some() {
            bail!(
                "--model is asked about the films of a table, which says what is true of them: add --manifest M.csv"
            );
        }
        if args.films.is_empty() {
            bail!("no films: name some, or a table of them with --manifest");
        }
        let films = Shelf::Paths(&args.films);
        let found = found::all(&films, boxes.as_ref())?;
        return finish(args, &films, &found, None, json);
    };
    let manifest = Manifest::read(path)?;
    let rows = args.split.rows(&manifest);
    if rows.is_empty() {
        bail!(
            "{}: none of its {} films is in the split {:?}; run `pleura data split`, or take every film with --split all",
            path.display(),
            manifest.rows.len(),
            args.split.name()
        );
    }
    let Some(model_path) = &args.model else {
        let films = Shelf::Rows(&manifest, rows);
        let found = found::all(&films, boxes.as_ref())?;
        return finish(args, &films, &found, None, json);
    };
    let model = args.options.open(model_path)?;
    let known = KnownLabels::new(&model, &manifest, path, &args.column, None)?;
    let rows = known.labelled(&rows);
    if rows.is_empty() {
        bail!(
            "{}: no film of the split has a known label for the model's findings",
            path.display()
        );
    }
    let settings = settings(args)?;
    looks::log(path, &manifest, &rows, &model)?;
    let films = Shelf::Rows(&manifest, rows.clone());
    let found = found::all(&films, boxes.as_ref())?;
    let outcome = experiment(args, &model, &manifest, &rows, &known, &settings)?;
    finish(args, &films, &found, Some((&model, &outcome)), json)
}

fn settings(args: &Args) -> Result<Settings> {
    Ok(Settings {
        draws: args.draws as usize,
        explained: args.explain,
        composite: Composite::by_name(&args.composite)?,
        swaps: args.swaps as usize,
        threshold: args.fail_above,
        evaluation: Options {
            level: args.level,
            bootstrap: args.bootstrap,
            seed: args.seed,
            ..Settings::default().evaluation
        },
    })
}

fn experiment(
    args: &Args,
    model: &Classifier,
    manifest: &Manifest,
    rows: &[usize],
    known: &KnownLabels,
    settings: &Settings,
) -> Result<Outcome> {
    let column = |of: fn(&Row) -> &String| rows.iter().map(|&row| of(&manifest.rows[row]).clone()).collect();
    let open = |number: usize| {
        let row = &manifest.rows[rows[number]];
        let film = pleura_film::open(&manifest.file(row), &DecodeOptions::default())?;
        let text = match args.words {
            Source::Found => Text::find(&film),
            Source::Masks => masked(manifest, row, &film)?,
        };
        Ok((film, text))
    };
    let films = Films {
        films: column(|row| &row.film),
        patients: column(|row| &row.patient),
        datasets: column(|row| &row.dataset),
        truth: known.truth(rows),
        open: &open,
    };
    let network = model.network()?;
    let progress = Progress::new("films asked about", rows.len());
    let outcome = burned_in_text::run(network, model.preparation(), &films, settings, &|done, of| {
        progress.at(done, of);
    })?;
    Ok(outcome)
}

/// The text given by a row's mask.
fn masked(manifest: &Manifest, row: &Row, film: &Film) -> Result<Text> {
    let mask = Mask::read(manifest, row.masks.text.as_deref())?.with_context(|| {
        format!(
            "film {}: the manifest names no text mask (column text_mask); leave --words masks out to find words by their look",
            row.film
        )
    })?;
    Ok(Text::of_mask(
        &mask.inside,
        mask.width,
        mask.height,
        film.width,
        film.height,
    ))
}

/// Writes the folder, prints, and returns the exit code.
fn finish(
    args: &Args,
    films: &Shelf<'_>,
    found: &found::Found,
    asked: Option<(&Classifier, &Outcome)>,
    json: bool,
) -> Result<ExitCode> {
    let record = json!({
        "notice": NOTICE,
        "found": found.record(),
        "model": asked.map(|(model, _)| output::Model::of(model)),
        "words": args.words.to_possible_value().map(|value| value.get_name().to_owned()),
        "split": args.manifest.as_ref().map(|_| args.split.name()),
        "composite": args.composite,
        "seed": args.seed,
        "outcome": asked.map(|(_, outcome)| outcome),
    });
    let mut written = Vec::new();
    if let Some(out) = &args.out {
        fs::create_dir_all(out).with_context(|| format!("{}: cannot make the folder", out.display()))?;
        written = write(
            args,
            out,
            films,
            found,
            asked.map(|(_, outcome)| outcome),
            &record,
        )?;
    }
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{record}")?;
    } else {
        told::write(&mut out, found, asked)?;
        for path in written {
            writeln!(out, "{}", path.display())?;
        }
        writeln!(out, "{NOTICE}")?;
    }
    let failed = asked.is_some_and(|(_, outcome)| outcome.verdict.failed);
    Ok(if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn write(
    args: &Args,
    out: &Path,
    films: &Shelf<'_>,
    found: &found::Found,
    outcome: Option<&Outcome>,
    record: &Value,
) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    let mut save = |name: &str, bytes: &[u8]| -> Result<()> {
        let path = out.join(name);
        write_atomic(&path, bytes)?;
        written.push(path);
        Ok(())
    };
    save("words.json", serde_json::to_string_pretty(record)?.as_bytes())?;
    save("found.csv", found.table().as_bytes())?;
    if let Some(outcome) = outcome {
        for (name, plot) in pictures::plots(outcome) {
            save(name, plot.svg.as_bytes())?;
        }
    }
    if let Some(sheet) = pictures::sheet(films, found, args.pictures)? {
        save("found.png", &sheet.to_png()?)?;
    }
    Ok(written)
}

impl Shelf<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Paths(paths) => paths.len(),
            Self::Rows(_, rows) => rows.len(),
        }
    }

    fn path(&self, number: usize) -> PathBuf {
        match self {
            Self::Paths(paths) => paths[number].clone(),
            Self::Rows(manifest, rows) => manifest.file(&manifest.rows[rows[number]]),
        }
    }

    /// Name of the film in tables and on pictures.
    fn name(&self, number: usize) -> String {
        match self {
            Self::Paths(paths) => paths[number]
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            Self::Rows(manifest, rows) => manifest.rows[rows[number]].film.clone(),
        }
    }

    /// The text given by a film's mask, if there is one.
    fn masked(&self, number: usize, film: &Film) -> Result<Option<Text>> {
        match self {
            Self::Rows(manifest, rows) if manifest.rows[rows[number]].masks.text.is_some() => {
                masked(manifest, &manifest.rows[rows[number]], film).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Agreement of the detection with masks and with boxes.
type Agreements = [Option<Agreement>; 2];
