//! `pleura predict`: what a model says about films.

mod packaged;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura_film::{BodyPart, DecodeOptions, Prepared, Source};
use pleura_package::contract::RADIOGRAPH_IN_COLOUR;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::calibration::{Applied, CalibrationArgs};
use crate::console::{self, NOTICE};
use crate::model::{Model, ModelArgs, is_package};
use crate::table::Table;

/// Ask a model about films.
#[derive(clap::Args)]
pub struct Args {
    /// A package (.pleura), which answers only the films that it was made for; or weights (.safetensors), or a run's folder.
    #[arg(long, value_name = "PACKAGE|WEIGHTS|RUN")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    package: packaged::PackageArgs,
    /// Films: PNG, JPEG or DICOM.
    #[arg(required = true, value_name = "FILM")]
    films: Vec<PathBuf>,
    /// Films answered at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
}

/// A film's probabilities and raw outputs, in the order of the model's findings.
struct Answer {
    source: Source,
    logits: Vec<f64>,
    probabilities: Vec<f64>,
}

/// Answers each film, in the order given. A film that cannot be read does not keep the others from being answered.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    if is_package(&args.model) {
        return packaged::run(args, json);
    }
    if !args.package.says_nothing() {
        bail!(
            "{}: --trust and --anyway go with a package, and this is none; make one with `pleura package`",
            args.model.display()
        );
    }
    let model = Model::open(&args.model, &args.options)?;
    let applied = args.calibration.of(&model)?;
    let read_all = |films: &[PathBuf]| -> Vec<Result<(Source, Prepared)>> {
        films.par_iter().map(|path| read(path, &model)).collect()
    };
    let batches = args.films.chunks(args.batch as usize);
    // The first films are read while the network is set up.
    let (network, first) = rayon::join(|| model.network(), || batches.clone().next().map(&read_all));
    let (network, mut first) = (network?, first);
    let width = model.findings().len();
    let mut unread = 0;
    let mut out = io::stdout().lock();
    if !json {
        writeln!(out, "model {}", model.line())?;
        if let Some(applied) = &applied {
            writeln!(out, "calibration {}", applied.line())?;
        }
    }
    for films in batches {
        let read = first.take().unwrap_or_else(|| read_all(films));
        let grey: Vec<f32> = read
            .iter()
            .flatten()
            .flat_map(|(_, prepared)| prepared.unit_grey())
            .collect();
        let batch = read.iter().flatten().count();
        let logits = match batch {
            0 => Vec::new(),
            _ => network
                .infer(&grey, batch, model.preparation.size)
                .context("cannot answer")?,
        };
        let mut rows = logits
            .chunks_exact(width)
            .map(|row| row.iter().map(|&logit| f64::from(logit)).collect::<Vec<_>>());
        for (path, film) in films.iter().zip(read) {
            let answer = film.and_then(|(source, _)| {
                let logits = rows.next().context("the network gave no answer")?;
                Ok(Answer {
                    source,
                    probabilities: match &applied {
                        Some(applied) => applied.calibration.probabilities(&logits),
                        None => model.kind.probabilities(&logits, width),
                    },
                    logits,
                })
            });
            unread += usize::from(answer.is_err());
            if json {
                writeln!(out, "{}", record(path, &answer, &model, applied.as_ref()))?;
            } else {
                show(&mut out, path, &answer, &model, applied.as_ref())?;
            }
        }
        out.flush()?;
    }
    if !json {
        writeln!(out, "\n{NOTICE}")?;
    }
    if unread > 0 {
        console::note(format_args!(
            "{unread} of {} films could not be read",
            args.films.len()
        ));
        return Ok(ExitCode::from(console::COULD_NOT));
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path, model: &Model) -> Result<(Source, Prepared)> {
    let answer = pleura_film::open_prepared(path, &DecodeOptions::default(), &model.preparation)?;
    Ok(answer)
}

/// What makes an answer about a film doubtful before it is given.
fn doubts(source: &Source) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(tags) = &source.dicom
        && tags.part() == BodyPart::Other
    {
        let part = tags.body_part.as_deref().unwrap_or_default();
        doubts.push(format!(
            "the file says that the body part is {part:?}: no model of chest films can answer for it"
        ));
    }
    if source.colourfulness() > RADIOGRAPH_IN_COLOUR {
        let percent = 100.0 * source.colourfulness();
        doubts.push(format!(
            "the picture is in colour (channels differ by up to {percent:.0} %): is it a radiograph?"
        ));
    }
    doubts
}

/// The findings with a threshold, and whether each is called.
fn calls<'a>(
    answer: &'a Answer,
    model: &'a Model,
    applied: &'a Applied,
) -> impl Iterator<Item = (&'a String, bool)> {
    let each = model.findings().iter().zip(&answer.probabilities);
    each.filter_map(|(finding, probability)| {
        let threshold = applied.calibration.thresholds.get(finding)?;
        Some((finding, *probability >= threshold.threshold))
    })
}

/// One film's line of JSON.
fn record(path: &Path, answer: &Result<Answer>, model: &Model, applied: Option<&Applied>) -> Value {
    let model_record = json!({
        "path": model.path.display().to_string(), "architecture": model.weights.architecture.name(), "digest": model.digest,
    });
    match answer {
        Err(error) => {
            let said = console::chain(error);
            json!({"path": path.display().to_string(), "error": said.join(": "), "model": model_record, "notice": NOTICE})
        }
        Ok(answer) => {
            let by_finding = |values: &[f64]| -> Map<String, Value> {
                model
                    .findings()
                    .iter()
                    .cloned()
                    .zip(values.iter().map(|&value| json!(value)))
                    .collect()
            };
            let mut record = json!({
                "path": path.display().to_string(),
                "kind": model.kind,
                "logits": by_finding(&answer.logits),
                "probabilities": by_finding(&answer.probabilities),
                "film": film_record(&answer.source),
                "doubts": doubts(&answer.source),
                "preparation": model.preparation,
                "model": model_record,
                "notice": NOTICE,
            });
            if let Some(applied) = applied {
                record["calibration"] = applied.record();
                let called =
                    calls(answer, model, applied).map(|(finding, called)| (finding.clone(), json!(called)));
                record["called"] = Value::Object(called.collect());
            }
            record
        }
    }
}

/// What is told of a film's file.
fn film_record(source: &Source) -> Value {
    json!({
        "format": source.format,
        "width": source.width,
        "height": source.height,
        "bit_depth": source.bit_depth,
        "colour": source.colour,
        "steps": source.steps,
    })
}

/// The same for people.
fn heading(out: &mut impl Write, path: &Path, source: &Source) -> Result<()> {
    let Source {
        format,
        width,
        height,
        bit_depth,
        ..
    } = source;
    writeln!(
        out,
        "\n{} ({format}, {width}×{height}, {bit_depth} bit)",
        path.display()
    )?;
    for step in &source.steps {
        writeln!(out, "  · {step}")?;
    }
    Ok(())
}

/// One film's table: findings, the most probable first.
fn show(
    out: &mut impl Write,
    path: &Path,
    answer: &Result<Answer>,
    model: &Model,
    applied: Option<&Applied>,
) -> Result<()> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            writeln!(out, "\n{}: not answered", path.display())?;
            console::complain(error);
            return Ok(());
        }
    };
    heading(out, path, &answer.source)?;
    for doubt in doubts(&answer.source) {
        writeln!(out, "  beware: {doubt}")?;
    }
    let mut order: Vec<usize> = (0..model.findings().len()).collect();
    order.sort_by(|&a, &b| answer.logits[b].total_cmp(&answer.logits[a]));
    let thresholds = applied
        .map(|applied| &applied.calibration.thresholds)
        .filter(|all| !all.is_empty());
    let mut headings = vec!["finding", ">probability", ">logit"];
    if thresholds.is_some() {
        headings.extend([">called from", "called"]);
    }
    let mut table = Table::with_headings(headings);
    for finding in order {
        let (probability, logit) = (answer.probabilities[finding], answer.logits[finding]);
        let name = &model.findings()[finding];
        let mut cells = vec![name.clone(), format!("{probability:.3}"), format!("{logit:.3}")];
        if let Some(one) = thresholds.and_then(|all| all.get(name)) {
            let called = if probability >= one.threshold { "yes" } else { "no" };
            cells.extend([format!("{:.3}", one.threshold), called.to_owned()]);
        }
        table.row(cells);
    }
    write!(out, "{table}")?;
    Ok(())
}
