//! `pleura explain`: heatmaps of a model's answers.

mod draw;
mod films;
pub mod questions;
mod raw;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use pleura_explain::{Composite, Explanation, Map, Start, npy};
use pleura_film::{DecodeOptions, Film, Prepared};
use serde_json::{Value, json};

use crate::console::{self, NOTICE};
use crate::model::{Model, ModelArgs};
use draw::DrawingArgs;
use films::{FilmArgs, Subject};
use questions::{Engine, QuestionArgs};
use raw::RawFormat;

/// Show what in a film speaks for and against a model's findings.
#[derive(clap::Args)]
pub struct Args {
    /// Weights (.safetensors), or a run's folder.
    #[arg(long, value_name = "WEIGHTS|RUN")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    #[command(flatten)]
    films: FilmArgs,
    #[command(flatten)]
    questions: QuestionArgs,
    /// Relevance of each channel here, `[questions, 3, size, size]` (composite by composite); of several films, each under its own name
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
}

/// Explains film after film. One that cannot be read does not keep the others from being explained.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let composites = args.questions.composites()?;
    let subjects = args.films.subjects()?;
    let raw = args.raw.as_deref().map(RawFormat::of).transpose()?;
    let model = Model::open(&args.model, &args.options)?;
    let starts = args.questions.starts(&model)?;
    let engine = args.questions.engine(&model, &composites)?;
    args.films.log_look(&subjects, &model)?;
    let job = Job {
        args,
        composites,
        raw,
        starts,
        several: subjects.len() > 1,
        engine,
        model,
    };
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot make the folder", args.out.display()))?;
    let mut failed = 0;
    let mut mean = Mean::default();
    let mut out = io::stdout().lock();
    for subject in &subjects {
        match job.film(subject) {
            Ok(done) => {
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
                    let said = console::chain(&error).join(": ");
                    writeln!(
                        out,
                        "{}",
                        json!({"path": subject.path, "error": said, "notice": NOTICE})
                    )?;
                }
                console::complain(&error);
            }
        }
    }
    let means = if args.mean { job.means(&mean)? } else { Vec::new() };
    if json && args.mean {
        let record = json!({"films": mean.films, "means": means, "composite": job.names(), "model": job.model.record(), "notice": NOTICE});
        writeln!(out, "{record}")?;
    }
    if !json {
        for path in &means {
            writeln!(out, "mean of {} films: {}", mean.films, path.display())?;
        }
        writeln!(out, "\n{NOTICE}")?;
    }
    Ok(if failed > 0 {
        ExitCode::from(console::COULD_NOT)
    } else {
        ExitCode::SUCCESS
    })
}

struct Job<'a> {
    args: &'a Args,
    composites: Vec<Composite>,
    raw: Option<RawFormat>,
    starts: Vec<Start>,
    /// Whether there is more than one film.
    several: bool,
    engine: Engine,
    model: Model,
}

struct Done {
    record: Value,
    words: String,
    explanations: Vec<Explanation>,
}

/// Sums of the films' heatmaps and ledgers, composite by composite and question by question.
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
                sum.ledger.start += map.ledger.start;
                sum.ledger.input += map.ledger.input;
                sum.ledger.bias += map.ledger.bias;
                sum.ledger.epsilon += map.ledger.epsilon;
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
    /// All composites by name.
    fn names(&self) -> String {
        let names: Vec<&str> = self.composites.iter().map(Composite::name).collect();
        names.join(", ")
    }

    /// Every map with its composite.
    fn maps<'e>(&'e self, explanations: &'e [Explanation]) -> impl Iterator<Item = (&'e Composite, &'e Map)> {
        let both = self.composites.iter().zip(explanations);
        both.flat_map(|(composite, explanation)| explanation.maps.iter().map(move |map| (composite, map)))
    }

    fn film(&self, subject: &Subject) -> Result<Done> {
        let path = &subject.path;
        let film = pleura_film::open(path, &DecodeOptions::default())?;
        let prepared = pleura_film::prepare(&film, &self.model.preparation);
        let seen = Seen { film, prepared };
        let masks = subject.masks(&seen.film)?;
        let grey = seen.prepared.unit_grey();
        let explain = |composite| {
            self.engine
                .explain(&grey, seen.prepared.size, composite, &self.starts)
                .with_context(|| format!("{}: cannot explain", path.display()))
        };
        let explanations = self.composites.iter().map(explain).collect::<Result<Vec<_>>>()?;
        let logits = &explanations[0].logits;
        let probabilities = self.model.kind.probabilities(logits, self.model.findings().len());

        let drawn = self.draw_film(subject, &seen, &explanations, &probabilities, &masks)?;
        let raw = self.raw(&explanations, &subject.stem)?;
        let maps = || self.maps(&explanations);
        let ledger_path = self.args.out.join(format!("{}.ledger.json", subject.stem));
        let ledgers: Vec<Value> = maps()
            .map(|(composite, map)| {
                json!({"question": map.start.words(), "composite": composite.name(), "residual": map.ledger.residual(), "ledger": map.ledger})
            })
            .collect();
        let text = serde_json::to_string_pretty(&json!({
            "film": path, "composite": self.names(), "model": self.model.record(), "maps": ledgers, "notice": NOTICE,
        }))?;
        npy::write_file(&ledger_path, text.as_bytes())?;

        let findings = self.model.findings();
        let by_finding = |values: &[f64]| -> Value {
            findings
                .iter()
                .cloned()
                .zip(values.iter().map(|&value| json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let records: Vec<Value> = maps()
            .zip(&drawn.files)
            .map(|((composite, map), files)| {
                json!({
                    "question": map.start.words(), "composite": composite.name(), "picture": files.picture, "values": files.saved.values,
                    "about": files.saved.about, "start": map.ledger.start, "input": map.ledger.input,
                    "bias": map.ledger.bias, "epsilon": map.ledger.epsilon, "residual": map.ledger.residual(),
                })
            })
            .collect();
        let record = json!({
            "path": path, "composite": self.names(), "logits": by_finding(logits), "probabilities": by_finding(&probabilities),
            "maps": records, "sheet": drawn.sheet, "viewer": drawn.viewer, "ledger": ledger_path, "raw": raw,
            "model": self.model.record(), "notice": NOTICE,
        });
        let shown = drawn.viewer.as_ref().unwrap_or(&drawn.sheet);
        let mut words = format!("{}: {}\n", path.display(), shown.display());
        for (composite, map) in maps() {
            let ledger = &map.ledger;
            let by = if self.composites.len() > 1 {
                format!(", {}", composite.name())
            } else {
                String::new()
            };
            words += &format!(
                "  {}{by}: logit {:+.4} = pixels {:+.4} + biases {:+.4} + stabilisers {:+.1e} (open: {:+.0e})\n",
                map.start.words(),
                ledger.start,
                ledger.input,
                ledger.bias,
                ledger.epsilon,
                ledger.residual()
            );
        }
        Ok(Done {
            record,
            words,
            explanations,
        })
    }
}

/// A question as part of a file's name.
fn file_name(words: &str) -> String {
    words
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}
