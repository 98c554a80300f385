//! The options of `--onnx`, and the graph as text.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pleura::explain::{Contrast, Selection, Target};
use pleura::export::{HeatmapOptions, OnnxExport, OnnxOptions, TestData};
use pleura::{Classifier, Composite, Error};
use pleura_onnx::Batch;

use crate::verbs::weights::list;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Write an ONNX graph: input is one grey channel in 0 to 1, outputs are logits and probabilities.
    #[arg(long, value_name = "OUT.onnx")]
    onnx: Option<PathBuf>,
    /// Add heatmaps as an output, by this composite (as in `explain --composite`) or TOML file. Default:
    /// epsilon-plus-flat.
    #[arg(long, value_name = "NAME|FILE.toml", num_args = 0..=1, requires = "onnx",
        default_missing_value = pleura_explain::composite::NAMES[0])]
    heatmap: Option<String>,
    /// The finding to explain, or `all`.
    #[arg(long, default_value = "all", value_name = "NAME|all", requires = "heatmap")]
    finding: String,
    /// Explain the difference to this finding's logit.
    #[arg(
        long,
        alias = "minus",
        value_name = "NAME",
        requires = "heatmap",
        conflicts_with = "threshold"
    )]
    contrast: Option<String>,
    /// Explain why the finding is above this probability; independent findings only.
    #[arg(long, value_name = "PROBABILITY", requires = "heatmap")]
    threshold: Option<f64>,
    /// Also write test inputs and expected outputs (input_0.pb, output_0.pb, …) in ONNX's format.
    #[arg(long, value_name = "DIR", requires = "onnx")]
    test_data: Option<PathBuf>,
    /// Test data in double precision; takes seconds to minutes per film.
    #[arg(long, requires = "test_data")]
    exact: bool,
    /// Films of the test data. Default: noise.
    #[arg(long, value_name = "FILM", requires = "test_data")]
    film: Vec<PathBuf>,
    /// Batch size: a number, or `dynamic`.
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
    /// The output file.
    pub(super) fn path(&self) -> Option<&Path> {
        self.onnx.as_deref()
    }

    /// The library's options.
    pub(super) fn options(&self, model: &Classifier) -> Result<OnnxOptions, Error> {
        let heatmap = match &self.heatmap {
            Some(name) => Some(HeatmapOptions {
                composite: Composite::find(name)?,
                questions: self.questions(model)?,
            }),
            None => None,
        };
        Ok(OnnxOptions {
            batch: self.batch.0,
            heatmap,
            test_data: self.test_data.as_ref().map(|folder| TestData {
                folder: folder.clone(),
                films: self.film.clone(),
                exact: self.exact,
            }),
        })
    }

    fn questions(&self, model: &Classifier) -> Result<Selection, Error> {
        let target = match self.finding.as_str() {
            "all" => Target::All,
            name => Target::Named(name.to_owned()),
        };
        let contrast = self.contrast.clone().map(Contrast::Named);
        Selection::new(model, target, contrast, self.threshold)
    }
}

/// The graph, its input and its outputs.
pub(super) fn text(path: &Path, export: &OnnxExport, model: &Classifier) -> String {
    let size = model.preparation().size;
    let batch = match export.batch {
        Batch::Fixed(films) => films.to_string(),
        Batch::Dynamic => "dynamic".to_owned(),
    };
    let mut text = format!(
        "{}: opset {}, {:.1} MB\n  film [{batch}, 1, {size}, {size}], grey in 0 to 1 -> logits, probabilities ({}): {}\n",
        path.display(),
        pleura_onnx::OPSET,
        export.bytes as f64 / 1e6,
        model.task().name(),
        list(model.findings()),
    );
    if let Some(composite) = &export.composite {
        text += &format!(
            "  heatmaps [{batch}, {}, {size}, {size}] by {composite}: {}\n",
            export.questions.len(),
            export.questions.join(", ")
        );
    }
    text
}
