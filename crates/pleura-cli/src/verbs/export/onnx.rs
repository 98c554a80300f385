//! The model as an ONNX graph, with or without its heatmaps.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

mod expected;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};
use pleura::output;
use pleura_core::fs::write_atomic;
use pleura_eval::Kind;
use pleura_explain::{Composite, Start};
use pleura_onnx::{Batch, Export, Heatmap, Probabilities, Question};
use serde_json::{Map, Value, json};

use crate::model::ModelArgs;
use crate::verbs::explain::questions::{self, Above};
use crate::verbs::weights::list;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Write an ONNX graph: one grey channel in 0 to 1 in, logits and probabilities out.
    #[arg(long, value_name = "OUT.onnx")]
    onnx: Option<PathBuf>,
    /// Heatmaps as a further output of the graph, by these rules: a name that `explain --composite` knows, or a TOML file;
    /// epsilon-plus-flat if none is said.
    #[arg(long, value_name = "NAME|FILE.toml", num_args = 0..=1, requires = "onnx",
        default_missing_value = pleura_explain::composite::NAMES[0])]
    heatmap: Option<String>,
    /// The finding that heatmaps explain, or `all`.
    #[arg(long, default_value = "all", value_name = "NAME|all", requires = "heatmap")]
    finding: String,
    /// Heatmaps explain the finding rather than this one: relevance of the difference of their logits.
    #[arg(long, value_name = "NAME", requires = "heatmap", conflicts_with = "threshold")]
    minus: Option<String>,
    /// Heatmaps explain why the finding is above this probability; for findings that stand for themselves.
    #[arg(long, value_name = "PROBABILITY", requires = "heatmap")]
    threshold: Option<f64>,
    /// Write what the graph shall answer too, to check a runtime by: input_0.pb and output_0.pb onwards, as ONNX keeps test data.
    #[arg(long, value_name = "DIR", requires = "onnx")]
    test_data: Option<PathBuf>,
    /// The test data in double precision; takes seconds to minutes a film.
    #[arg(long, requires = "test_data")]
    exact: bool,
    /// The films of the test data, as many as are given; without any, films of noise.
    #[arg(long, value_name = "FILM", requires = "test_data")]
    film: Vec<PathBuf>,
    /// Films that the graph takes at once: a number, or `dynamic` for any.
    #[arg(long, value_name = "N|dynamic", default_value = "dynamic", requires = "onnx")]
    batch: Films,
}

/// [`Batch`] as it is typed.
#[derive(Clone, Copy)]
struct Films(Batch);

impl FromStr for Films {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "dynamic" {
            return Ok(Self(Batch::Dynamic));
        }
        let films: NonZeroUsize = text
            .parse()
            .map_err(|_| "expected a number from 1, or `dynamic`".to_owned())?;
        Ok(Self(Batch::Fixed(films.get())))
    }
}

impl Args {
    /// The file to be written, if one is.
    pub(super) fn path(&self) -> Option<&Path> {
        self.onnx.as_deref()
    }

    /// Writes the graph, if one is asked for.
    pub(super) fn write(
        &self,
        model: &Path,
        options: &ModelArgs,
        record: &mut Map<String, Value>,
        words: &mut String,
    ) -> Result<()> {
        let Some(path) = &self.onnx else { return Ok(()) };
        let composite = self.heatmap.as_deref().map(Composite::find).transpose()?;
        let model = options.open(model)?;
        let starts = match composite {
            // The graph's own probabilities are as the network gives them.
            Some(_) => {
                let above = self
                    .threshold
                    .map(|probability| Above::new(probability, &model, None));
                questions::starts(
                    &model,
                    &self.finding,
                    self.minus.as_ref(),
                    above.transpose()?.as_ref(),
                )?
            }
            None => Vec::new(),
        };
        let question = |start: &Start| {
            let words = start.words();
            let start = start.at_logits(model.findings())?;
            Ok(Question { words, start })
        };
        let questions: Vec<Question> = starts.iter().map(question).collect::<Result<_>>()?;
        let rules = composite
            .as_ref()
            .map(|composite| composite.rules(&model.weights().architecture));
        let rules = rules.transpose()?;
        let heatmap = composite
            .as_ref()
            .zip(rules.as_ref())
            .map(|(composite, rules)| Heatmap {
                rules,
                composite: composite.name(),
                questions: &questions,
            });
        let preparation = serde_json::to_string(model.preparation())?;
        let export = Export {
            size: model.preparation().size,
            batch: self.batch.0,
            probabilities: match model.task() {
                Kind::Exclusive => Probabilities::Softmax,
                Kind::Independent => Probabilities::Sigmoid,
            },
            heatmap,
            metadata: BTreeMap::from([("preparation".to_owned(), preparation)]),
        };
        let bytes = pleura_onnx::export(model.weights(), &export)
            .with_context(|| format!("{}: cannot be written as a graph", model.path().display()))?;
        // Films are read before anything is written: what is refused leaves no file.
        let films = match &self.test_data {
            Some(_) => expected::films(&self.film, model.preparation(), self.batch.0)?,
            None => Vec::new(),
        };
        write_atomic(path, &bytes)?;
        if let Some(folder) = &self.test_data {
            expected::write(folder, &model, &films, (composite.as_ref(), &starts), self.exact)?;
            record.insert(
                "test_data".to_owned(),
                json!({"folder": folder.display().to_string(), "films": films.len()}),
            );
        }

        let size = model.preparation().size;
        let batch = match self.batch.0 {
            Batch::Fixed(films) => json!(films),
            Batch::Dynamic => json!("dynamic"),
        };
        let questions: Vec<&str> = questions.iter().map(|question| question.words.as_str()).collect();
        record.insert(
            "onnx".to_owned(),
            json!({
                "path": path.display().to_string(), "bytes": bytes.len(), "opset": pleura_onnx::OPSET, "batch": batch, "size": size,
                "input": pleura_onnx::INPUT,
                "composite": composite.as_ref().map(Composite::name), "questions": questions, "model": output::Model::of(&model),
            }),
        );
        let batch = batch.as_str().map_or_else(|| batch.to_string(), str::to_owned);
        *words += &format!(
            "{}: opset {}, {:.1} MB\n  film [{batch}, 1, {size}, {size}], grey in 0 to 1 -> logits, probabilities ({}): {}\n",
            path.display(),
            pleura_onnx::OPSET,
            bytes.len() as f64 / 1e6,
            model.task().name(),
            list(model.findings()),
        );
        if let Some(composite) = &composite {
            *words += &format!(
                "  heatmaps [{batch}, {}, {size}, {size}] by {}: {}\n",
                questions.len(),
                composite.name(),
                questions.join(", ")
            );
        }
        Ok(())
    }
}
