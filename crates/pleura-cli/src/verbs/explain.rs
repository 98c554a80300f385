//! `pleura explain`: heatmaps of a model's answers.

mod draw;
mod films;
mod methods;
pub mod questions;
mod raw;
mod score;
mod told;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura::Classifier;
use pleura::output;
use pleura_core::fs::write_atomic;
use pleura_explain::score::Table;
use pleura_explain::{Explanation, Map, Method};
use pleura_film::{DecodeOptions, Film, Prepared};
use serde_json::{Value, json};

use crate::calibration::CalibrationArgs;
use crate::console::{self, NOTICE, Progress};
use crate::model::ModelArgs;
use draw::DrawingArgs;
use films::{FilmArgs, Subject};
use methods::MethodArgs;
use questions::{Engine, QuestionArgs, Questions};
use raw::RawFormat;
use score::{AnyScorer, ScoreArgs};

/// Show what in a film speaks for and against a model's findings.
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
    /// Relevance of each channel here, `[questions, 3, size, size]` (method by method); of several films, each under its own name
    /// beside it. The sums over channels are saved beside every picture anyway.
    #[arg(long, value_name = "OUT.npy|OUT.safetensors")]
    raw: Option<PathBuf>,
    /// Folder of the pictures and ledgers.
    #[arg(long, default_value = "explain", value_name = "DIR")]
    out: PathBuf,
    /// Draw the mean of all films' heatmaps too, over nothing (`mean.….png`): where the model looks on the whole.
    #[arg(long)]
    mean: bool,
    #[command(flatten)]
    drawing: DrawingArgs,
    #[command(flatten)]
    scoring: ScoreArgs,
}

/// Explains film after film. One that cannot be read does not keep the others from being explained.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let methods = args.methods.methods()?;
    let subjects = args.films.subjects()?;
    let raw = args.raw.as_deref().map(RawFormat::of).transpose()?;
    if raw.is_some() {
        raw::check(&methods)?;
    }
    let model = args.options.open_calibrated(&args.model, &args.calibration)?;
    let fitted = model.calibration().map(|applied| &applied.calibration);
    let questions = args.questions.questions(&model, fitted, args.films.labelled())?;
    if let (true, Questions::OfFilm { .. }) = (args.mean, &questions) {
        bail!(
            "--mean: a mean over films needs one question for all of them; ask by name, with --finding NAME --minus NAME"
        );
    }
    let engine = args.questions.engine(&model, &methods)?;
    args.films.log_look(&subjects, &model)?;
    let settings = args.scoring.settings();
    let progress = settings
        .as_ref()
        .map(|_| Progress::new("films measured", subjects.len()));
    let scorer = settings.map(|settings| engine.scorer(settings)).transpose()?;
    let job = Job {
        args,
        methods,
        raw,
        questions,
        several: subjects.len() > 1,
        engine: &engine,
        scorer,
        model: &model,
    };
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot make the folder", args.out.display()))?;
    let mut failed = 0;
    let (mut mean, mut scores) = (Mean::default(), Table::default());
    let mut out = io::stdout().lock();
    for (number, subject) in subjects.iter().enumerate() {
        match job.film(subject, &mut scores) {
            Ok(None) => {}
            Ok(Some(done)) => {
                mean.add(done.explanations);
                if json {
                    writeln!(out, "{}", done.record)?;
                } else {
                    write!(out, "{}", done.words)?;
                }
            }
            Err(error) => {
                failed += 1;
                if json {
                    let said = console::chain(error.as_ref()).join(": ");
                    let record = json!({"path": shown(&subject.path), "error": said, "notice": NOTICE});
                    writeln!(out, "{record}")?;
                }
                console::complain(error.as_ref());
            }
        }
        if let Some(progress) = &progress {
            progress.at(number + 1, subjects.len());
        }
    }
    drop(progress);
    let means = if args.mean { job.means(&mean)? } else { Vec::new() };
    if json && args.mean {
        let means: Vec<String> = means.iter().map(|path| shown(path)).collect();
        let record = json!({
            "films": mean.films, "means": means, "method": job.names(), "composite": job.composites(), "model": output::Model::of(job.model),
            "notice": NOTICE,
        });
        writeln!(out, "{record}")?;
    }
    let (words, record) = job.told_scores(&scores)?;
    if json && !record.is_null() {
        writeln!(out, "{}", json!({"scores": record}))?;
    }
    if !json {
        for path in &means {
            writeln!(out, "mean of {} films: {}", mean.films, path.display())?;
        }
        writeln!(out, "{words}\n{NOTICE}")?;
    }
    Ok(if failed > 0 {
        ExitCode::from(console::COULD_NOT)
    } else {
        ExitCode::SUCCESS
    })
}

struct Job<'a> {
    args: &'a Args,
    methods: Vec<Method>,
    raw: Option<RawFormat>,
    questions: Questions,
    /// Whether there is more than one film.
    several: bool,
    engine: &'a Engine<'a>,
    scorer: Option<AnyScorer<'a>>,
    model: &'a Classifier,
}

struct Done {
    record: Value,
    words: String,
    explanations: Vec<Explanation>,
}

/// Sums of the films' heatmaps and accounts, method by method and question by question.
#[derive(Default)]
struct Mean {
    films: usize,
    maps: Vec<Vec<Map>>,
}

impl Mean {
    fn add(&mut self, explanations: Vec<Explanation>) {
        self.films += 1;
        if self.maps.is_empty() {
            self.maps = explanations
                .into_iter()
                .map(|explanation| explanation.maps)
                .collect();
            return;
        }
        for (sums, explanation) in self.maps.iter_mut().zip(explanations) {
            for (sum, map) in sums.iter_mut().zip(explanation.maps) {
                for (sum, value) in sum.heatmap.iter_mut().zip(map.heatmap) {
                    *sum += value;
                }
                sum.value += map.value;
                sum.account.add(&map.account);
            }
        }
    }
}

/// A film as it is read and seen.
struct Seen {
    film: Film,
    prepared: Prepared,
}

impl Job<'_> {
    /// All methods by name.
    fn names(&self) -> String {
        let names: Vec<&str> = self.methods.iter().map(Method::name).collect();
        names.join(", ")
    }

    /// All composites by name; `None` where no method is one.
    fn composites(&self) -> Option<String> {
        let composites = self.methods.iter().filter_map(Method::composite);
        let names: Vec<&str> = composites.map(pleura_explain::Composite::name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Every map with its method.
    fn maps<'e>(&'e self, explanations: &'e [Explanation]) -> impl Iterator<Item = (&'e Method, &'e Map)> {
        let both = self.methods.iter().zip(explanations);
        both.flat_map(|(method, explanation)| explanation.maps.iter().map(move |map| (method, map)))
    }

    /// `None` where the film is not one of those that are wanted.
    fn film(&self, subject: &Subject, table: &mut Table) -> Result<Option<Done>> {
        let path = &subject.path;
        let film = pleura_film::open(path, &DecodeOptions::default())?;
        let prepared = pleura_film::prepare(&film, self.model.preparation());
        let seen = Seen { film, prepared };
        let masks = subject.masks(&seen.film)?;
        let (grey, size) = (seen.prepared.unit_grey(), seen.prepared.size);
        let findings = self.model.findings();
        let asked = &self.args.questions;
        let logits = || self.engine.logits(&grey, size);
        if !asked.wants(&self.model, logits, &subject.labels, &subject.absent)? {
            return Ok(None);
        }
        let starts = self
            .questions
            .of(findings, || self.engine.logits(&grey, size), &subject.labels)
            .with_context(|| format!("{}: cannot be asked", path.display()))?;
        let explain = |method| {
            self.engine
                .explain(&grey, size, method, &starts)
                .with_context(|| format!("{}: cannot explain", path.display()))
        };
        let explanations = self.methods.iter().map(explain).collect::<Result<Vec<_>>>()?;
        let logits = &explanations[0].logits;
        let probabilities = self.model.probabilities(logits);
        let scores = self.scores(
            subject,
            &seen,
            &masks.prepared(&seen.prepared.geometry),
            &explanations,
        );
        let scores = scores.with_context(|| format!("{}: cannot measure its heatmaps", path.display()))?;

        let drawn = if self.args.drawing.no_pictures {
            None
        } else {
            Some(self.draw_film(subject, &seen, &explanations, &probabilities, &masks)?)
        };
        let raw = self.raw(&explanations, &subject.stem)?;
        let ledger = self.ledgers(subject, &explanations)?;

        let by_finding = |values: &[f64]| -> Value {
            findings
                .iter()
                .cloned()
                .zip(values.iter().map(|&value| json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let mut records = Vec::new();
        for (number, (method, map)) in self.maps(&explanations).enumerate() {
            let mut record =
                json!({"question": map.start.words(), "method": method.name(), "unit": method.unit()});
            if let Value::Object(record) = &mut record {
                if let Some(composite) = method.composite() {
                    record.insert("composite".to_owned(), json!(composite.name()));
                }
                if let Some(files) = drawn.as_ref().and_then(|drawn| drawn.files.get(number)) {
                    record.insert("picture".to_owned(), json!(shown(&files.picture)));
                    record.insert("values".to_owned(), json!(shown(&files.saved.values)));
                    record.insert("about".to_owned(), json!(shown(&files.saved.about)));
                }
                record.append(&mut told::record(map));
                if let Some(row) = scores.as_ref().and_then(|scores| scores.get(number)) {
                    record.insert("scores".to_owned(), score::record(&row.scores));
                }
            }
            records.push(record);
        }
        let sheet = drawn.as_ref().map(|drawn| &drawn.sheet);
        let viewer = drawn.as_ref().and_then(|drawn| drawn.viewer.as_ref());
        let record = json!({
            "path": shown(path), "method": self.names(), "composite": self.composites(), "logits": by_finding(logits),
            "probabilities": by_finding(&probabilities), "maps": records,
            "sheet": sheet.map(|path| shown(path)), "viewer": viewer.map(|path| shown(path)),
            "ledger": ledger.map(|path| shown(&path)), "raw": raw.map(|path| shown(&path)),
            "calibration": self.model.calibration().map(output::Calibration::of), "model": output::Model::of(self.model), "notice": NOTICE,
        });
        let mut words = match viewer.or(sheet) {
            Some(shown) => format!("{}: {}\n", path.display(), shown.display()),
            None => format!("{}\n", path.display()),
        };
        for (method, map) in self.maps(&explanations) {
            let by = if self.methods.len() > 1 || method.composite().is_none() {
                format!(", {}", method.name())
            } else {
                String::new()
            };
            words += &format!("  {}{by}: {}\n", map.start.words(), told::line(map));
        }
        table.rows.extend(scores.into_iter().flatten());
        Ok(Some(Done {
            record,
            words,
            explanations,
        }))
    }

    /// The ledgers of a film's maps in a file, where there are any.
    fn ledgers(&self, subject: &Subject, explanations: &[Explanation]) -> Result<Option<PathBuf>> {
        let ledgers = self.maps(explanations).filter_map(|(method, map)| {
            let ledger = map.ledger()?;
            Some(json!({
                "question": map.start.words(), "composite": method.name(), "residual": ledger.residual(), "ledger": ledger,
            }))
        });
        let ledgers: Vec<Value> = ledgers.collect();
        if ledgers.is_empty() {
            return Ok(None);
        }
        let path = self.args.out.join(format!("{}.ledger.json", subject.stem));
        let text = serde_json::to_string_pretty(&json!({
            "film": shown(&subject.path), "composite": self.composites(), "model": output::Model::of(self.model), "maps": ledgers, "notice": NOTICE,
        }))?;
        write_atomic(&path, text.as_bytes())?;
        Ok(Some(path))
    }
}

/// A path as JSON can hold it: not every name of a file is text.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A question as part of a file's name.
fn file_name(words: &str) -> String {
    words
        .chars()
        .map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' })
        .collect()
}
