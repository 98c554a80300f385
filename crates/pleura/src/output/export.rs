//! `pleura export`: one document.

use std::path::Path;

use pleura_nn::weights::Normalisation;
use pleura_onnx::{Batch, INPUT, OPSET};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Model, shown};
use crate::Classifier;
use crate::export::{OnnxExport, TestData, TorchExport};

/// The files that were written.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Export {
    /// The file for torchvision.
    #[serde(flatten)]
    pub torch: Option<Torch>,
    /// The test data of the ONNX graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_data: Option<TestFiles>,
    /// The ONNX graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onnx: Option<Onnx>,
}

/// A file for torchvision.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Torch {
    /// The file.
    pub torch: String,
    /// Name of the architecture.
    pub architecture: String,
    /// SHA-256 of the weights' tensors.
    pub digest: String,
    /// The findings, in the order of the network's outputs.
    pub findings: Vec<String>,
    /// The normalisation of grey levels.
    pub normalisation: Normalisation,
    /// The Python expression that makes the same network with torchvision; null if torchvision cannot make
    /// it.
    pub constructor: Option<String>,
}

/// The test data of an ONNX graph.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TestFiles {
    /// The folder.
    pub folder: String,
    /// The number of films.
    pub films: usize,
}

/// An ONNX graph.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Onnx {
    /// The file.
    pub path: String,
    /// Its length.
    pub bytes: usize,
    /// The version of ONNX's operators.
    pub opset: i64,
    /// Films in one pass.
    pub batch: BatchSize,
    /// The side of the input, in pixels.
    pub size: usize,
    /// Name of the input.
    pub input: &'static str,
    /// The rules of its heatmaps; null if it has none.
    pub composite: Option<String>,
    /// The questions of its heatmaps.
    pub questions: Vec<String>,
    /// The model.
    pub model: Model,
}

/// Films in one pass.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum BatchSize {
    /// So many.
    Films(usize),
    /// Any number.
    Any(AnyNumber),
}

/// Any number of films.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnyNumber {
    /// Any number of films.
    Dynamic,
}

impl Torch {
    /// The record of an export.
    pub fn of(path: &Path, export: &TorchExport) -> Self {
        let weights = &export.weights;
        Self {
            torch: shown(path),
            architecture: weights.architecture.name().to_owned(),
            digest: weights.digest(),
            findings: weights.findings.clone(),
            normalisation: weights.normalisation,
            constructor: export.constructor.clone(),
        }
    }
}

impl TestFiles {
    /// The record of an export's test data.
    pub fn of(data: &TestData, export: &OnnxExport) -> Self {
        Self {
            folder: shown(&data.folder),
            films: export.test_films,
        }
    }
}

impl Onnx {
    /// The record of an export.
    pub fn of(path: &Path, export: &OnnxExport, model: &Classifier) -> Self {
        Self {
            path: shown(path),
            bytes: export.bytes,
            opset: OPSET,
            batch: match export.batch {
                Batch::Fixed(films) => BatchSize::Films(films),
                Batch::Dynamic => BatchSize::Any(AnyNumber::Dynamic),
            },
            size: model.preparation().size,
            input: INPUT,
            composite: export.composite.clone(),
            questions: export.questions.clone(),
            model: Model::of(model),
        }
    }
}
