//! `pleura predict`: what a model says about films.

mod text;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura::output::predict::Prediction;
use pleura::{Classifier, Error, NOTICE, Outcome};

use crate::calibration::CalibrationArgs;
use crate::console;
use crate::model::ModelArgs;
use crate::verbs::package::keys;

/// Ask a model about films.
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
    /// Of a package: show the probabilities of films, too, that it does not answer. They mean nothing there.
    #[arg(long, alias = "anyway")]
    show_unanswered: bool,
    /// Films: PNG, JPEG, TIFF, BMP, WebP or DICOM.
    #[arg(required = true, value_name = "FILM")]
    films: Vec<PathBuf>,
    /// Films answered at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
}

/// Answers each film, in the order given. A film that cannot be read does not keep the others from being
/// answered.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let options = args.options.options().calibration(args.calibration.choice());
    let model = Classifier::open_with(&args.model, &options.trusted(keys(&args.trust)?))?;
    if args.show_unanswered && model.package().is_none() {
        bail!(
            "{}: --show-unanswered goes with a package, and this is none; make one with `pleura package`",
            args.model.display()
        );
    }
    let answers = model.predict_files(&args.films, args.batch as usize)?;
    let mut out = io::stdout().lock();
    if !json {
        text::model(&mut out, &model)?;
    }
    let (mut unread, mut unanswered) = (0, 0);
    for (path, answer) in answers {
        let answer = match answer {
            Ok(answer) => {
                unanswered += usize::from(answer.outcome != Outcome::Answered);
                Ok(answer)
            }
            Err(error @ Error::Film(_)) => {
                unread += 1;
                Err(error)
            }
            Err(error) => return Err(error.into()),
        };
        if json {
            let document = Prediction::of(&model, path, &answer, args.show_unanswered);
            writeln!(out, "{}", serde_json::to_string(&document)?)?;
        } else {
            text::film(&mut out, path, &answer, &model, args.show_unanswered)?;
        }
    }
    if !json {
        writeln!(out, "\n{NOTICE}")?;
    }
    let films = args.films.len();
    if model.package().is_some() && unread + unanswered > 0 {
        console::note(format_args!(
            "of {films} films {unanswered} were not answered and {unread} could not be read"
        ));
    } else if unread > 0 {
        console::note(format_args!("{unread} of {films} films could not be read"));
    }
    Ok(match (unread, unanswered) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(console::FAILED),
        _ => ExitCode::from(console::COULD_NOT),
    })
}
