//! `pleura objects`: DICOM objects of a model's answers, for an archive.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Result;
use pleura::output::objects::{FilmObjects, ObjectFile, Objects, Unmade};
use pleura::output::shown;
use pleura::{Classifier, Composite, NOTICE, Outcome};
use pleura_core::FileError;
use pleura_core::fs::write_atomic;
use pleura_dicom::objects::{Answer, Error, Moment, Object, Settings, of_file};

use crate::calibration::CalibrationArgs;
use crate::console;
use crate::model::ModelArgs;
use crate::verbs::package::keys;

/// Write DICOM objects of a model's answers: a structured report and pictures of the heatmaps.
#[derive(clap::Args)]
pub struct Args {
    /// A package (.pleura), which answers only the films that it was made for; or weights (.safetensors), or
    /// a run's folder.
    #[arg(long, value_name = "PACKAGE|WEIGHTS|RUN")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    #[command(flatten)]
    calibration: CalibrationArgs,
    /// Of a package: demand a signature with this key; may be repeated: one of them.
    #[arg(long, value_name = "PUBLIC.pem")]
    trust: Vec<PathBuf>,
    /// DICOM films. Other pictures have no patient and no study to refer to.
    #[arg(required = true, value_name = "FILM")]
    films: Vec<PathBuf>,
    /// Folder for the objects.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The most heatmaps of a film: findings that are predicted positive, or the likeliest.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=32))]
    heatmaps: u8,
    /// Composite of LRP rules of the heatmaps. Default: epsilon-plus-flat.
    #[arg(long, value_name = "NAME|FILE.toml")]
    composite: Option<String>,
    /// Also write a presentation state with contours of the heatmaps.
    #[arg(long)]
    presentation_state: bool,
    /// Also write a parametric map with the numbers of the heatmaps.
    #[arg(long)]
    parametric_map: bool,
    /// Also write the report of films that the package refuses.
    #[arg(long)]
    refused: bool,
    /// Root of the UIDs in place of 2.25.
    #[arg(long, value_name = "UID")]
    root: Option<String>,
    /// Name of this machine in the objects, at most 16 characters.
    #[arg(long, default_value = "pleura", value_name = "NAME")]
    station: String,
}

/// Makes the objects of each film, in the order given. A film that cannot be read does not stop the others.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let settings = Settings {
        heatmaps: args.heatmaps.into(),
        presentation_state: args.presentation_state,
        parametric_map: args.parametric_map,
        refused: args.refused,
        composite: match &args.composite {
            Some(name) => Composite::find(name)?,
            None => Composite::default(),
        },
        root: args.root.clone(),
        station: args.station.clone(),
        ..Settings::default()
    };
    let options = args.options.options().calibration(args.calibration.choice());
    let model = Classifier::open_with(&args.model, &options.trusted(keys(&args.trust)?))?;
    let mut out = io::stdout().lock();
    let (mut unmade, mut unanswered) = (0, 0);
    for path in &args.films {
        let document = match film(&model, path, &settings, &args.out) {
            Ok((answer, files)) => {
                let outcome = answer.answer.outcome;
                unanswered += usize::from(outcome != Outcome::Answered);
                let reasons = answer.answer.flags.into_iter().map(|flag| flag.check).collect();
                let film = FilmObjects::of(&model, shown(path), outcome, reasons, files);
                Objects::Film(Box::new(film))
            }
            Err(error @ Error::Settings { .. }) => return Err(error.into()),
            Err(error) => {
                unmade += 1;
                console::complain(&error);
                Objects::Unmade(Unmade::of(shown(path), pleura::error::chain(&error).join(": ")))
            }
        };
        if json {
            writeln!(out, "{}", serde_json::to_string(&document)?)?;
        } else if let Objects::Film(film) = document {
            text(&mut out, &film)?;
        }
    }
    if !json {
        writeln!(out, "\n{NOTICE}")?;
    }
    Ok(match (unmade, unanswered) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(console::FAILED),
        _ => ExitCode::from(console::COULD_NOT),
    })
}

/// Makes and writes the objects of a film.
fn film(
    model: &Classifier,
    path: &Path,
    settings: &Settings,
    folder: &Path,
) -> Result<(Answer, Vec<ObjectFile>), Error> {
    let (answer, objects) = of_file(model, path, settings, &Moment::at(SystemTime::now()))?;
    let files: Result<_, FileError> = objects.iter().map(|object| write(object, folder)).collect();
    Ok((answer, files?))
}

fn write(object: &Object, folder: &Path) -> Result<ObjectFile, FileError> {
    let path = folder.join(object.file_name());
    write_atomic(&path, &object.bytes)?;
    Ok(ObjectFile {
        kind: object.kind.name(),
        sop_class: object.sop_class_uid.clone(),
        sop_instance: object.sop_instance_uid.clone(),
        series: object.series_uid.clone(),
        file: shown(&path),
        bytes: object.bytes.len(),
        sha256: object.sha256.clone(),
    })
}

fn text(out: &mut impl io::Write, film: &FilmObjects) -> io::Result<()> {
    let reasons = match film.reasons.join(", ") {
        reasons if reasons.is_empty() => reasons,
        reasons => format!(" ({reasons})"),
    };
    writeln!(out, "{}: {}{reasons}", film.path, film.outcome)?;
    for object in &film.objects {
        writeln!(out, "  {}  {}", object.kind, object.file)?;
    }
    if film.objects.is_empty() {
        writeln!(out, "  no objects; --refused writes a report with the reasons")?;
    }
    Ok(())
}
