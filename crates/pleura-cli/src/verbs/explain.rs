//! `pleura explain`: heatmaps of a model's answers.

mod draw;
mod films;
mod methods;
mod questions;
mod score;
mod text;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura::NOTICE;
use pleura::explain::{Engine, Explainer, Files, Mean, RawFile, Subject};
use pleura::output::explain::Explain;
use pleura_explain::score::Table;

use crate::calibration::CalibrationArgs;
use crate::console::{self, Progress};
use crate::model::ModelArgs;
use draw::DrawingArgs;
use films::FilmArgs;
use methods::MethodArgs;
use questions::QuestionArgs;
use score::ScoreArgs;

/// Draw heatmaps of the evidence for and against a model's findings.
#[derive(clap::Args)]
pub struct Args {
    /// Weights (.safetensors), or a run's folder.
    #[arg(long, value_name = "WEIGHTS|RUN")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    films: FilmArgs,
    #[command(flatten)]
    methods: MethodArgs,
    #[command(flatten)]
    questions: QuestionArgs,
    /// Write relevance of each channel, `[questions, 3, size, size]` (by method), to this file; for several
    /// films, to one file each with the film's name. The sums over channels are saved beside every picture.
    #[arg(long, value_name = "OUT.npy|OUT.safetensors")]
    raw: Option<PathBuf>,
    /// Folder for pictures and ledgers.
    #[arg(long, default_value = "explain", value_name = "DIR")]
    out: PathBuf,
    /// Also draw the mean of all heatmaps (`mean.….png`), without a film.
    #[arg(long)]
    mean: bool,
    #[command(flatten)]
    drawing: DrawingArgs,
    #[command(flatten)]
    scoring: ScoreArgs,
}

/// Explains the films in order. An unreadable film does not stop the others.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let methods = args.methods.methods()?;
    let subjects = args.films.subjects()?;
    let raw = args.raw.as_deref().map(|path| RawFile::new(path, &methods));
    let files = Files {
        folder: args.out.clone(),
        pictures: args.drawing.options(),
        raw: raw.transpose()?,
    };
    let model = args.options.open_calibrated(&args.model, &args.calibration)?;
    let selection = args.questions.selection(&model, args.films.labelled())?;
    if args.mean && selection.fixed().is_none() {
        bail!(
            "--mean: a mean over films needs one question for all of them; ask by name, with --finding NAME --contrast NAME"
        );
    }
    let engine = Engine::new(&model, args.questions.exact)?;
    args.films.log_look(&subjects, &model)?;
    let settings = args.scoring.settings();
    let measuring = settings
        .as_ref()
        .map(|_| Progress::new("films measured", subjects.len()));
    let only = args.questions.only();
    let explainer = Explainer::new(&model, &engine, methods, selection, only, settings)?;
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot make the folder", args.out.display()))?;
    let mut job = Job {
        explainer: &explainer,
        files: &files,
        several: subjects.len() > 1,
        json,
        out: io::stdout().lock(),
        mean: args.mean.then(Mean::default),
        scores: Table::default(),
    };
    let mut failed = 0;
    for (number, subject) in subjects.iter().enumerate() {
        failed += usize::from(!job.film(subject)?);
        if let Some(measuring) = &measuring {
            measuring.at(number + 1, subjects.len());
        }
    }
    drop(measuring);
    job.finish()?;
    Ok(if failed > 0 {
        ExitCode::from(console::COULD_NOT)
    } else {
        ExitCode::SUCCESS
    })
}

struct Job<'a> {
    explainer: &'a Explainer<'a>,
    files: &'a Files,
    /// True if there is more than one film.
    several: bool,
    json: bool,
    out: io::StdoutLock<'a>,
    mean: Option<Mean>,
    scores: Table,
}

impl Job<'_> {
    /// Explains, draws and prints a film; false if that was not possible.
    fn film(&mut self, subject: &Subject) -> Result<bool> {
        let explainer = self.explainer;
        let done = explainer.explain(subject).and_then(|explained| {
            let Some(explained) = explained else {
                return Ok(None);
            };
            let files = explainer.write(subject, &explained, self.files, self.several)?;
            Ok(Some((explained, files)))
        });
        match done {
            Ok(None) => {}
            Ok(Some((explained, files))) => {
                if self.json {
                    self.document(&Explain::film(explainer, subject, &explained, &files))?;
                } else {
                    write!(self.out, "{}", text::film(explainer, subject, &explained, &files))?;
                }
                self.scores.rows.extend(explained.scores.into_iter().flatten());
                if let Some(mean) = &mut self.mean {
                    mean.add(explained.explanations);
                }
            }
            Err(error) => {
                if self.json {
                    self.document(&Explain::unexplained(subject, &error))?;
                }
                console::complain(&error);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Draws the means, writes the scores, and prints both.
    fn finish(&mut self) -> Result<()> {
        let explainer = self.explainer;
        if let (Some(mean), Some(options)) = (&self.mean, &self.files.pictures) {
            let pictures = explainer.write_means(mean, &self.files.folder, options)?;
            if self.json {
                let document = Explain::means(explainer, mean, &pictures);
                self.document(&document)?;
            } else {
                let films = mean.films();
                for path in &pictures {
                    writeln!(self.out, "mean of {films} films: {}", path.display())?;
                }
            }
        }
        let mut words = String::new();
        if let Some(means) = explainer.mean_scores(&self.scores) {
            let (document, files) = explainer.write_scores(&self.scores, &means, &self.files.folder)?;
            words = text::scores(&means, &self.scores.methods());
            words += &format!("\nscores: {}, {}\n", files.csv.display(), files.json.display());
            if self.json {
                let scores = Box::new(document);
                self.document(&Explain::Scores { scores })?;
            }
        }
        if !self.json {
            writeln!(self.out, "{words}\n{NOTICE}")?;
        }
        Ok(())
    }

    fn document(&mut self, document: &Explain) -> Result<()> {
        writeln!(self.out, "{}", serde_json::to_string(document)?)?;
        Ok(())
    }
}
