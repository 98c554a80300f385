//! `pleura weights` and `pleura import`: one document each.

use std::collections::BTreeMap;
use std::path::Path;

use pleura_nn::architecture::ParameterSpec;
use pleura_nn::weights::Normalisation;
use pleura_nn::weights::fetch::Published;
use pleura_nn::weights::import::{Container, Imported};
use pleura_nn::{Architecture, Weights};
use schemars::JsonSchema;
use serde::Serialize;

use super::shown;

/// `pleura weights fetch`: a file that was fetched.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Fetched {
    /// Name of the architecture.
    pub architecture: String,
    /// The file.
    pub path: String,
    /// The address that it was fetched from.
    pub url: String,
    /// The first digits of its SHA-256, as its publisher names it.
    pub digest_prefix: String,
}

/// `pleura weights show`: a weight file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WeightFile {
    /// The file.
    pub path: String,
    /// The architecture.
    pub architecture: Architecture,
    /// The number of trained parameters.
    pub parameters: usize,
    /// SHA-256 of the tensors.
    pub digest: String,
    /// The findings, in the order of the network's outputs.
    pub findings: Vec<String>,
    /// The normalisation of grey levels.
    pub normalisation: Normalisation,
    /// Further facts, such as task, preparation and the digest of the training manifest.
    pub metadata: BTreeMap<String, String>,
}

/// `pleura import`: a weight file that was imported.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportedWeights {
    /// The new weight file.
    pub weights: String,
    /// Name of the architecture.
    pub architecture: String,
    /// SHA-256 of the tensors.
    pub digest: String,
    /// The findings, in the order of the network's outputs.
    pub findings: Vec<String>,
    /// The normalisation of grey levels.
    pub normalisation: Normalisation,
    /// Further facts, such as task and preparation.
    pub metadata: BTreeMap<String, String>,
    /// The file that was read.
    pub from: ImportSource,
}

/// A file that was imported.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportSource {
    /// The file.
    pub path: String,
    /// Its format.
    pub container: &'static str,
    /// The prefix that was removed from every name.
    pub prefix: String,
    /// The number of tensors with older names.
    pub renamed: usize,
    /// Entries that were left out, such as counters.
    pub skipped: Vec<String>,
}

impl Fetched {
    /// The record of fetched weights.
    pub fn of(architecture: &str, path: &Path, published: &Published) -> Self {
        Self {
            architecture: architecture.to_owned(),
            path: shown(path),
            url: published.url.clone(),
            digest_prefix: published.digest.clone(),
        }
    }
}

impl WeightFile {
    /// The record of weights.
    pub fn of(path: &Path, weights: &Weights) -> Self {
        let specs = weights.architecture.parameters(weights.findings.len());
        let trained = specs.iter().filter(|spec| spec.kind.trainable());
        Self {
            path: shown(path),
            architecture: weights.architecture.clone(),
            parameters: trained.map(ParameterSpec::elements).sum(),
            digest: weights.digest(),
            findings: weights.findings.clone(),
            normalisation: weights.normalisation,
            metadata: weights.metadata.clone(),
        }
    }
}

impl ImportedWeights {
    /// The record of an import.
    pub fn of(file: &Path, out: &Path, imported: &Imported) -> Self {
        let weights = &imported.weights;
        Self {
            weights: shown(out),
            architecture: weights.architecture.name().to_owned(),
            digest: weights.digest(),
            findings: weights.findings.clone(),
            normalisation: weights.normalisation,
            metadata: weights.metadata.clone(),
            from: ImportSource {
                path: shown(file),
                container: container(imported),
                prefix: imported.prefix.clone(),
                renamed: imported.renamed,
                skipped: imported.skipped.clone(),
            },
        }
    }
}

/// The format of an imported file.
pub fn container(imported: &Imported) -> &'static str {
    match imported.container {
        Container::TorchZip => "torch.save (ZIP)",
        Container::TorchLegacy => "torch.save (before 1.6)",
        Container::SafeTensors => "safetensors",
    }
}
