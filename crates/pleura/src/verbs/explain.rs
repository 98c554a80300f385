//! `pleura explain`: heatmaps of a model's answers.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura_explain::picture::{self, Labels};
use pleura_explain::{Composite, Explanation, Map, Start, explain, npy};
use pleura_film::picture::{Picture, Sheet, Style};
use pleura_film::{DecodeOptions, Film, Fit, Geometry, Prepared};
use pleura_nn::Network;
use serde_json::{Value, json};

use crate::console::{self, NOTICE};
use crate::model::{Model, ModelArgs};

/// Show what in a film speaks for and against a model's findings.
#[derive(clap::Args)]
pub struct Args {
    /// Weights (.safetensors), or a run's folder.
    #[arg(long, value_name = "WEIGHTS|RUN")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    /// Films: PNG, JPEG or DICOM.
    #[arg(required = true, value_name = "FILM")]
    films: Vec<PathBuf>,
    /// Rules of relevance: epsilon-plus-flat, or lrp-0.
    #[arg(long, default_value = pleura_explain::composite::NAMES[0])]
    composite: String,
    /// The finding to explain, or `all`.
    #[arg(long, default_value = "all", value_name = "NAME|all")]
    finding: String,
    /// Explain the finding rather than this one: relevance of the difference of their logits.
    #[arg(long, value_name = "NAME")]
    minus: Option<String>,
    /// Raw relevance here, `[questions, 3, size, size]`; of several films, each under its own name beside it.
    #[arg(long, value_name = "OUT.npy|OUT.safetensors")]
    raw: Option<PathBuf>,
    /// Folder of the pictures and ledgers.
    #[arg(long, default_value = "explain", value_name = "DIR")]
    out: PathBuf,
    /// Draw the mean of all films' heatmaps too, over nothing (`mean.….png`): where the model looks on the whole.
    #[arg(long)]
    mean: bool,
}

/// Explains film after film. One that cannot be read does not keep the others from being explained.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let composite = Composite::by_name(&args.composite)?;
    let raw = args.raw.as_deref().map(RawFormat::of).transpose()?;
    let model = Model::open(&args.model, &args.options)?;
    let starts = starts(args, &model)?;
    let job = Job {
        args,
        composite,
        raw,
        starts,
        network: model.network()?,
        model,
    };
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot make the folder", args.out.display()))?;
    let mut failed = 0;
    let mut mean = Mean::default();
    let mut out = io::stdout().lock();
    for (number, path) in args.films.iter().enumerate() {
        match job.film(path, number) {
            Ok(done) => {
                mean.add(done.explanation);
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
                    writeln!(out, "{}", json!({"path": path, "error": said, "notice": NOTICE}))?;
                }
                console::complain(&error);
            }
        }
    }
    let means = if args.mean { job.means(&mean)? } else { Vec::new() };
    if json && args.mean {
        let record = json!({"films": mean.films, "means": means, "composite": job.composite.name(), "model": job.model.record(), "notice": NOTICE});
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

fn starts(args: &Args, model: &Model) -> Result<Vec<Start>> {
    let known = |name: &String| {
        if model.findings().contains(name) {
            return Ok(name.clone());
        }
        bail!(
            "the model has no finding {name:?}; it has {}",
            model.findings().join(", ")
        )
    };
    let findings = match args.finding.as_str() {
        "all" => model.findings().to_vec(),
        _ => vec![known(&args.finding)?],
    };
    let Some(minus) = &args.minus else {
        return Ok(findings.into_iter().map(Start::Logit).collect());
    };
    let minus = known(minus)?;
    let others = findings.into_iter().filter(|finding| *finding != minus);
    let starts: Vec<Start> = others
        .map(|finding| Start::Difference(finding, minus.clone()))
        .collect();
    if starts.is_empty() {
        bail!("--finding and --minus are both {minus:?}: their difference is nothing; choose two findings");
    }
    Ok(starts)
}

#[derive(Clone, Copy)]
enum RawFormat {
    Npy,
    Safetensors,
}

impl RawFormat {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Ok(Self::Npy),
            Some("safetensors") => Ok(Self::Safetensors),
            _ => bail!(
                "--raw {}: the name must end in .npy or .safetensors",
                path.display()
            ),
        }
    }
}

struct Job<'a> {
    args: &'a Args,
    composite: Composite,
    raw: Option<RawFormat>,
    starts: Vec<Start>,
    network: Network,
    model: Model,
}

struct Done {
    record: Value,
    words: String,
    explanation: Explanation,
}

/// Sums of the films' heatmaps and ledgers, question by question.
#[derive(Default)]
struct Mean {
    films: usize,
    maps: Vec<Map>,
}

impl Mean {
    fn add(&mut self, explanation: Explanation) {
        self.films += 1;
        if self.maps.is_empty() {
            self.maps = explanation.maps;
            return;
        }
        for (sum, map) in self.maps.iter_mut().zip(explanation.maps) {
            for (sum, value) in sum.heatmap.iter_mut().zip(map.heatmap) {
                *sum += value;
            }
            sum.ledger.start += map.ledger.start;
            sum.ledger.input += map.ledger.input;
        }
    }
}

impl Job<'_> {
    fn film(&self, path: &Path, number: usize) -> Result<Done> {
        let film = pleura_film::open(path, &DecodeOptions::default())?;
        let prepared = pleura_film::prepare(&film, &self.model.preparation);
        let size = prepared.size;
        let explanation = explain(
            &self.network,
            &prepared.unit_grey(),
            size,
            &self.composite,
            &self.starts,
        )
        .with_context(|| format!("{}: cannot explain", path.display()))?;
        let probabilities = self
            .model
            .kind
            .probabilities(&explanation.logits, self.model.findings().len());
        // Films of one name from different folders must not overwrite each other.
        let stem = path
            .file_stem()
            .map_or_else(|| "film".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let again = self.args.films[..number]
            .iter()
            .any(|other| other.file_stem() == path.file_stem());
        let stem = if again {
            format!("{stem}-{}", number + 1)
        } else {
            stem
        };

        let (pictures, sheet) = self.pictures(&film, &prepared, &explanation, &probabilities, &stem)?;
        let raw = self.raw(&explanation, &stem)?;
        let ledger_path = self.args.out.join(format!("{stem}.ledger.json"));
        let ledgers: Vec<Value> = explanation
            .maps
            .iter()
            .map(|map| json!({"question": map.start.words(), "residual": map.ledger.residual(), "ledger": map.ledger}))
            .collect();
        let text = serde_json::to_string_pretty(&json!({
            "film": path, "composite": self.composite.name(), "model": self.model.record(), "maps": ledgers, "notice": NOTICE,
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
        let maps: Vec<Value> = explanation
            .maps
            .iter()
            .zip(&pictures)
            .map(|(map, picture)| {
                json!({
                    "question": map.start.words(), "picture": picture, "start": map.ledger.start, "input": map.ledger.input,
                    "bias": map.ledger.bias, "epsilon": map.ledger.epsilon, "residual": map.ledger.residual(),
                })
            })
            .collect();
        let record = json!({
            "path": path, "composite": self.composite.name(), "logits": by_finding(&explanation.logits),
            "probabilities": by_finding(&probabilities), "maps": maps, "sheet": sheet, "ledger": ledger_path, "raw": raw,
            "model": self.model.record(), "notice": NOTICE,
        });
        let mut words = format!("{}: {}\n", path.display(), sheet.display());
        for map in &explanation.maps {
            let ledger = &map.ledger;
            words += &format!(
                "  {}: logit {:+.4} = pixels {:+.4} + biases {:+.4} + stabilisers {:+.1e} (open: {:+.0e})\n",
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
            explanation,
        })
    }

    /// One picture a question and a sheet of all; returns their paths.
    fn pictures(
        &self,
        film: &Film,
        prepared: &Prepared,
        explanation: &Explanation,
        probabilities: &[f64],
        stem: &str,
    ) -> Result<(Vec<PathBuf>, PathBuf)> {
        let style = Style::default();
        let labels = Labels {
            title: stem.to_owned(),
            notes: Vec::new(),
        };
        let (mut drawn, mut paths): (Vec<Picture>, Vec<PathBuf>) = (Vec::new(), Vec::new());
        for map in &explanation.maps {
            let probability = match &map.start {
                Start::Logit(finding) => self
                    .model
                    .findings()
                    .iter()
                    .position(|other| other == finding)
                    .map(|place| probabilities[place]),
                Start::Difference(..) => None,
            };
            let (picture, path) = self.draw(film, &prepared.geometry, map, probability, &labels, stem)?;
            drawn.push(picture);
            paths.push(path);
        }
        let sheet = self.args.out.join(format!("{stem}.sheet.png"));
        picture::sheet(film, &drawn, stem, &style).save(&sheet)?;
        Ok((paths, sheet))
    }

    /// One heatmap over its film, saved.
    fn draw(
        &self,
        film: &Film,
        geometry: &Geometry,
        map: &Map,
        probability: Option<f64>,
        labels: &Labels,
        stem: &str,
    ) -> Result<(Picture, PathBuf)> {
        let style = Style::default();
        let picture = picture::draw(
            film,
            geometry,
            map,
            probability,
            &self.composite,
            labels,
            &[],
            &style,
        )?;
        let name = format!("{stem}.{}.png", file_name(&map.start.words()));
        let path = self.args.out.join(name);
        picture.save(&path)?;
        Ok((picture, path))
    }

    /// The mean heatmap of each question over an empty film, and a sheet of all; returns their paths.
    fn means(&self, mean: &Mean) -> Result<Vec<PathBuf>> {
        if mean.films == 0 {
            return Ok(Vec::new());
        }
        let size = self.model.preparation.size;
        let nothing = Film::from_grey(size, size, vec![0.25; size * size])?;
        let geometry = Geometry::new(size, size, size, Fit::Stretch);
        let labels = Labels {
            title: format!("mean of {} films", mean.films),
            notes: Vec::new(),
        };
        let (mut drawn, mut paths) = (Vec::new(), Vec::new());
        for map in &mean.maps {
            let mut map = map.clone();
            let films = mean.films as f64;
            map.heatmap
                .iter_mut()
                .for_each(|value| *value = (f64::from(*value) / films) as f32);
            map.ledger.start /= films;
            map.ledger.input /= films;
            let (picture, path) = self.draw(&nothing, &geometry, &map, None, &labels, "mean")?;
            drawn.push(picture);
            paths.push(path);
        }
        let sheet = Sheet {
            columns: drawn.len().min(4),
            ..Sheet::default()
        };
        let path = self.args.out.join("mean.sheet.png");
        sheet.draw(&drawn).save(&path)?;
        paths.push(path);
        Ok(paths)
    }

    fn raw(&self, explanation: &Explanation, stem: &str) -> Result<Option<PathBuf>> {
        let (Some(path), Some(format)) = (&self.args.raw, self.raw) else {
            return Ok(None);
        };
        let path = match self.args.films.len() {
            1 => path.clone(),
            _ => {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                path.with_file_name(format!("{stem}.{name}"))
            }
        };
        let shape = [explanation.maps.len(), 3, explanation.size, explanation.size];
        let values: Vec<f32> = explanation
            .maps
            .iter()
            .flat_map(|map| map.raw.iter().copied())
            .collect();
        let bytes = match format {
            RawFormat::Npy => npy::bytes(&shape, &values),
            RawFormat::Safetensors => {
                let questions: Vec<String> = explanation.maps.iter().map(|map| map.start.words()).collect();
                pleura_explain::raw_safetensors(&shape, &values, &questions, self.composite.name())?
            }
        };
        npy::write_file(&path, &bytes)?;
        Ok(Some(path))
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
