//! The weights of a segmentation network, in the file format of classifiers with a header of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pleura_core::fs::write_atomic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::UNet;
use crate::architecture::ParameterKind;
use crate::error::Error;
use crate::weights::Array;
use crate::weights::file::{VERSION, bytes_of};
use crate::weights::initialise::kaiming_normal;
use crate::weights::read::{parts, segmenter, undamaged};
use crate::weights::{check_tensors, digest};

/// The weights of a segmentation network, with its metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct UNetWeights {
    /// The network's architecture.
    pub architecture: UNet,
    /// The region of each output, in order, such as `lungs`.
    pub regions: Vec<String>,
    /// The normalisation of grey levels.
    pub grey: GreyScale,
    /// Further facts, such as `preparation` (JSON).
    pub metadata: BTreeMap<String, String>,
    /// One tensor for each of [`UNet::parameters`], by name.
    pub tensors: BTreeMap<String, Array>,
}

/// `(grey − mean) / std` of grey levels in 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GreyScale {
    /// Subtracted.
    pub mean: f32,
    /// Divided by.
    pub std: f32,
}

impl Default for GreyScale {
    fn default() -> Self {
        Self { mean: 0.5, std: 0.25 }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    architecture: UNet,
    regions: Vec<String>,
    grey: GreyScale,
    metadata: BTreeMap<String, String>,
    /// Digest of the tensors.
    digest: String,
}

impl UNetWeights {
    /// Random initial weights: convolutions Kaiming normal (σ² = 2 / fan-in), norms 1 and 0, biases 0. The
    /// numbers of a tensor depend only on `seed` and its name.
    pub fn initialise(architecture: &UNet, regions: &[String], grey: GreyScale, seed: u64) -> Self {
        let tensors = architecture.parameters(regions.len()).into_iter().map(|spec| {
            let data = match spec.kind {
                ParameterKind::Weight => kaiming_normal(&spec, seed),
                ParameterKind::NormWeight | ParameterKind::RunningVariance => vec![1.0; spec.elements()],
                ParameterKind::Bias | ParameterKind::NormBias | ParameterKind::RunningMean => {
                    vec![0.0; spec.elements()]
                }
            };
            let shape = spec.shape;
            (spec.name, Array { shape, data })
        });
        Self {
            architecture: architecture.clone(),
            regions: regions.to_vec(),
            grey,
            metadata: [("initialised".to_owned(), format!("seed {seed}"))].into(),
            tensors: tensors.collect(),
        }
    }

    /// Checks that these weights are valid: see [`crate::Weights::check`].
    ///
    /// # Errors
    /// [`Error::Weights`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |problem: String| Error::Weights {
            architecture: self.architecture.name().to_owned(),
            problem,
        };
        let distinct: BTreeSet<&String> = self.regions.iter().collect();
        let named = self
            .regions
            .iter()
            .all(|name| !name.trim().is_empty() && name.len() <= 200 && !name.chars().any(char::is_control));
        if !(1..=64).contains(&self.regions.len()) || distinct.len() != self.regions.len() || !named {
            let found: Vec<&String> = self.regions.iter().take(5).collect();
            return Err(refuse(format!(
                "regions {found:?}: expected 1 to 64 different names"
            )));
        }
        let GreyScale { mean, std } = self.grey;
        if !(mean.is_finite() && std.is_finite() && std > 0.0) {
            return Err(refuse(format!(
                "grey levels: mean {mean}, std {std}: expected finite, std above 0"
            )));
        }
        check_tensors(&self.architecture.parameters(self.regions.len()), &self.tensors).map_err(refuse)
    }

    /// SHA-256 over names, shapes and bits of all tensors, as 64 hexadecimal digits.
    pub fn digest(&self) -> String {
        digest(&self.tensors)
    }

    /// Reads a file that [`UNetWeights::write`] wrote.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Format`] for any other file, such as a classifier's, and for damage; those of
    /// [`UNetWeights::check`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = std::fs::File::open(path).map_err(Error::file(path, "read"))?;
        let length = file.metadata().map_err(Error::file(path, "read"))?.len();
        Self::from_source(file, length, &path.display().to_string(), path)
    }

    /// [`UNetWeights::read`] from bytes; `name` is for messages.
    ///
    /// # Errors
    /// As [`UNetWeights::read`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        Self::from_source(bytes, bytes.len() as u64, name, Path::new(name))
    }

    fn from_source(source: impl std::io::Read, length: u64, name: &str, path: &Path) -> Result<Self, Error> {
        let parse = |json: &str, value: &serde_json::Value| {
            if segmenter(value).is_none() {
                let known = value.get("architecture").and_then(|known| known.get("name"));
                let network = known.and_then(serde_json::Value::as_str);
                return Err(format!(
                    "holds the classifier {}, expected a segmentation network",
                    network.unwrap_or("without a name")
                ));
            }
            serde_json::from_str::<Header>(json).map_err(|error| format!("pleura's header: {error}"))
        };
        let unreadable = |error| Error::file(path, "read")(error);
        let (header, tensors, digest) = parts(source, length, name, unreadable, parse)?;
        let weights = Self {
            architecture: header.architecture,
            regions: header.regions,
            grey: header.grey,
            metadata: header.metadata,
            tensors,
        };
        weights.check()?;
        undamaged(name, &digest, &header.digest)?;
        Ok(weights)
    }

    /// Writes a safetensors file with a JSON header. Equal weights make equal bytes.
    ///
    /// # Errors
    /// [`Error::File`]; those of [`UNetWeights::check`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        Ok(write_atomic(path, &self.to_bytes()?)?)
    }

    /// The bytes of a file of [`UNetWeights::write`].
    ///
    /// # Errors
    /// As [`UNetWeights::write`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let header = Header {
            version: VERSION,
            architecture: self.architecture.clone(),
            regions: self.regions.clone(),
            grey: self.grey,
            metadata: self.metadata.clone(),
            digest: self.digest(),
        };
        bytes_of(&header, &self.tensors).map_err(|problem| Error::Weights {
            architecture: self.architecture.name().to_owned(),
            problem,
        })
    }
}
