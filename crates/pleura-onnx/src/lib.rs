//! Classifiers as ONNX graphs, optionally with the heatmaps of their answers in the same graph.
//!
//! The relevance of a fixed network consists of standard operations: convolutions, their transposes,
//! products, quotients and sums. This crate writes the engine's relevance pass as such operations, so that
//! any program with an ONNX runtime answers and explains as pleura does, without pleura.
//!
//! [`export`] returns the bytes of a file. Equal weights and options give equal bytes.

mod builder;
mod describe;
pub mod error;
mod heatmap;
mod model;
mod network;
mod protobuf;

use std::borrow::Cow;
use std::collections::BTreeMap;

use pleura_nn::Weights;
use pleura_nn::relevance::{Rules, Start};

use crate::builder::Builder;
use crate::model::{Attribute, Dim, Model, Tensor, Values};
use crate::network::Writer;
pub use error::Error;

/// The ONNX operator set of the graphs.
pub const OPSET: i64 = model::OPSET;
/// The graph's input: grey levels in 0 to 1, `[batch, 1, size, size]`.
pub const INPUT: &str = "film";
/// Raw outputs, `[batch, findings]`.
pub const LOGITS: &str = "logits";
/// Probabilities, `[batch, findings]`.
pub const PROBABILITIES: &str = "probabilities";
/// Relevance of each pixel, `[batch, questions, size, size]`.
pub const HEATMAPS: &str = "heatmaps";

/// The function from logits to probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probabilities {
    /// Exclusive classes: softmax.
    Softmax,
    /// Independent findings: sigmoid.
    Sigmoid,
}

/// Batch size of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Exactly this number of films.
    Fixed(usize),
    /// Any number of films.
    Dynamic,
}

/// A question: the start of the relevance.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Name in the file's metadata.
    pub words: String,
    /// The start, for one film.
    pub start: Start,
}

/// The heatmaps of a graph.
#[derive(Clone, Debug)]
pub struct Heatmap<'a> {
    /// The rule of each layer.
    pub rules: &'a Rules,
    /// Name of the composite, for the metadata.
    pub composite: &'a str,
    /// One map per question.
    pub questions: &'a [Question],
}

/// Options for ONNX export.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// Side of the films in pixels.
    pub size: usize,
    /// Batch size.
    pub batch: Batch,
    /// The function from logits to probabilities.
    pub probabilities: Probabilities,
    /// Heatmaps in addition to the answers.
    pub heatmap: Option<Heatmap<'a>>,
    /// Further metadata; it replaces metadata of the weights under the same key.
    pub metadata: BTreeMap<String, String>,
}

/// Exports a network as the bytes of an `.onnx` file.
///
/// # Errors
/// [`Error::Rule`] for rules without a graph, [`Error::Question`], [`Error::None`], [`Error::TooLarge`];
/// [`Error::Network`] for weights that do not fit their architecture, and films too small for it.
pub fn export(weights: &Weights, export: &Export<'_>) -> Result<Vec<u8>, Error> {
    weights.check()?;
    let (size, outputs) = (export.size, weights.findings.len());
    let sizes = weights.architecture.map_sizes(size)?;
    if export.batch == Batch::Fixed(0) {
        return Err(Error::None {
            what: "films in a batch",
        });
    }
    if let Some(heatmap) = &export.heatmap {
        check(heatmap, outputs)?;
    }
    let batch = match export.batch {
        Batch::Fixed(films) => Dim::Fixed(films),
        Batch::Dynamic => Dim::Named("batch"),
    };
    let mut graph = Builder::new(weights.architecture.name());
    let shape = |rest: &[usize]| -> Vec<Dim> {
        let rest = rest.iter().map(|&size| Dim::Fixed(size));
        std::iter::once(batch.clone()).chain(rest).collect()
    };
    let films = graph.input(INPUT, shape(&[1, size, size]), describe::FILM);
    let mut writer = Writer {
        graph: &mut graph,
        weights,
        explained: export.heatmap.is_some(),
    };
    let forward = writer.forward(&films);
    graph.output(&forward.logits, shape(&[outputs]), describe::LOGITS);
    let probabilities = match export.probabilities {
        Probabilities::Softmax => {
            let axis = vec![("axis", Attribute::Int(1))];
            graph.node(PROBABILITIES, "Softmax", &[&forward.logits], axis)
        }
        Probabilities::Sigmoid => graph.plain(PROBABILITIES, "Sigmoid", &[&forward.logits]),
    };
    graph.output(&probabilities, shape(&[outputs]), describe::PROBABILITIES);
    if let Some(heatmap) = &export.heatmap {
        let starts: Vec<&Start> = heatmap.questions.iter().map(|question| &question.start).collect();
        let task = heatmap::Task {
            sizes: &sizes,
            size,
            rules: heatmap.rules,
            starts: &starts,
            single: export.batch == Batch::Fixed(1),
            weights,
        };
        let maps = heatmap::write(&mut graph, &forward, &task)?;
        graph.output(&maps, shape(&[starts.len(), size, size]), describe::HEATMAPS);
    }
    let bytes = Model {
        graph: graph.finish(),
        producer: ("pleura", env!("CARGO_PKG_VERSION")),
        doc: &describe::document(weights, export),
        metadata: &describe::metadata(weights, export),
    }
    .into_bytes();
    // Readers refuse messages of 2 GiB and more.
    if i32::try_from(bytes.len()).is_err() {
        return Err(Error::TooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// An array as the bytes of a `.pb` file, the format of ONNX test data. The length of `values` is the product
/// of `shape`.
pub fn tensor(name: &str, shape: &[usize], values: &[f32]) -> Vec<u8> {
    debug_assert_eq!(shape.iter().product::<usize>(), values.len());
    Tensor {
        name: name.to_owned(),
        dims: shape.to_vec(),
        values: Values::Floats(Cow::Borrowed(values)),
    }
    .into_bytes()
}

fn check(heatmap: &Heatmap<'_>, outputs: usize) -> Result<(), Error> {
    heatmap::check(heatmap.rules)?;
    if heatmap.questions.is_empty() {
        return Err(Error::None {
            what: "questions for a heatmap",
        });
    }
    for question in heatmap.questions {
        let Start {
            coefficients,
            thresholds,
        } = &question.start;
        for list in [coefficients, thresholds] {
            if list.len() != outputs {
                return Err(Error::Question {
                    question: question.words.clone(),
                    found: list.len(),
                    expected: outputs,
                });
            }
        }
    }
    Ok(())
}
