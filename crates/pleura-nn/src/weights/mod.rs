//! Model weights: tensors with torchvision names, plus the metadata needed for inference.

pub mod fetch;
pub(crate) mod file;
mod head;
pub mod import;
pub(crate) mod initialise;
pub(crate) mod read;

use std::collections::BTreeMap;

use pleura_core::sha256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    architecture::{Architecture, ParameterKind, ParameterSpec},
    error::Error,
};

pub use head::Head;

/// The weights of a network, with its metadata.
///
/// [`Weights::read`] and [`Weights::write`] store them in a safetensors file.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The network's architecture.
    pub architecture: Architecture,
    /// The finding of each output neuron, in order.
    pub findings: Vec<String>,
    /// The normalisation of grey levels before the first convolution.
    pub normalisation: Normalisation,
    /// Further facts, such as `preparation` (JSON) or the digest of the training manifest.
    pub metadata: BTreeMap<String, String>,
    /// One tensor for each of [`Architecture::parameters`], by name.
    pub tensors: BTreeMap<String, Array>,
}

/// Numbers in row-major order with their shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes of the dimensions, outermost first.
    pub shape: Vec<usize>,
    /// As many numbers as the product of `shape`.
    pub data: Vec<f32>,
}

/// `(grey − mean) / std` by input channel, for grey levels in 0 to 1; it belongs to the weights that were
/// trained with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by.
    pub std: [f32; 3],
}

impl Normalisation {
    /// The normalisation of torchvision's and CheXNet's weights.
    pub const IMAGENET: Self = Self {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };
    /// Unchanged grey levels, in 0 to 1.
    pub const NONE: Self = Self {
        mean: [0.0; 3],
        std: [1.0; 3],
    };

    /// Checks that the numbers can be used. Returns the problem.
    fn check(&self) -> Result<(), String> {
        let Self { mean, std } = self;
        if mean.iter().any(|value| !value.is_finite())
            || std.iter().any(|value| !(value.is_finite() && *value > 0.0))
        {
            return Err(format!(
                "normalisation mean {mean:?}, std {std:?}: expected finite, std above 0"
            ));
        }
        Ok(())
    }
}

impl Weights {
    /// Checks that these weights are valid.
    ///
    /// Each tensor of the architecture must exist with its shape, and no other tensor may. All numbers must
    /// be finite, variances not negative, findings named and different, and the normalisation usable.
    ///
    /// # Errors
    /// [`Error::Weights`] names the first invalid tensors; [`Error::Head`] the findings.
    pub fn check(&self) -> Result<(), Error> {
        head::check_findings(&self.findings)?;
        let refuse = |problem: String| Error::Weights {
            architecture: self.architecture.name().to_owned(),
            problem,
        };
        self.normalisation.check().map_err(refuse)?;
        let specs = self.architecture.parameters(self.findings.len());
        check_tensors(&specs, &self.tensors).map_err(refuse)
    }

    /// SHA-256 over names, shapes and bits of all tensors, as 64 hexadecimal digits. Equal weights have equal
    /// digests, in whatever file.
    pub fn digest(&self) -> String {
        digest(&self.tensors)
    }
}

/// SHA-256 over names, shapes and bits of tensors.
pub(crate) fn digest(tensors: &BTreeMap<String, Array>) -> String {
    let mut digester = Digester::default();
    for (name, array) in tensors {
        digester.add(name, array);
    }
    digester.finish()
}

/// Checks that the tensors are those of an architecture, with finite numbers. Returns the problem.
pub(crate) fn check_tensors(
    specs: &[ParameterSpec],
    tensors: &BTreeMap<String, Array>,
) -> Result<(), String> {
    let missing: Vec<&str> = specs
        .iter()
        .map(|spec| spec.name.as_str())
        .filter(|name| !tensors.contains_key(*name))
        .collect();
    if !missing.is_empty() {
        return Err(format!("missing {}", few(&missing)));
    }
    if tensors.len() != specs.len() {
        let known: std::collections::BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let extra: Vec<&str> = tensors
            .keys()
            .map(String::as_str)
            .filter(|name| !known.contains(name))
            .collect();
        return Err(format!("unexpected tensors: {}", few(&extra)));
    }
    for spec in specs {
        let Array { shape, data } = &tensors[&spec.name];
        let name = &spec.name;
        if *shape != spec.shape || data.len() != spec.elements() {
            return Err(format!(
                "{name} has shape {shape:?} and {} numbers, expected {:?}",
                data.len(),
                spec.shape
            ));
        }
        if let Some(index) = position(data, |value| !value.is_finite()) {
            return Err(format!(
                "{name} holds {} at position {index}, expected finite numbers",
                data[index]
            ));
        }
        if spec.kind == ParameterKind::RunningVariance
            && let Some(index) = position(data, |value| value < 0.0)
        {
            return Err(format!(
                "{name} holds the variance {} at position {index}",
                data[index]
            ));
        }
    }
    Ok(())
}

/// Computes [`Weights::digest`] from tensors that are added in the order of their names.
#[derive(Default)]
struct Digester(sha256::Hasher);

impl Digester {
    fn add(&mut self, name: &str, Array { shape, data }: &Array) {
        let hash = &mut self.0;
        hash.update_part(name);
        hash.update((shape.len() as u64).to_le_bytes());
        for &size in shape {
            hash.update((size as u64).to_le_bytes());
        }
        for chunk in data.chunks(1024) {
            let mut bytes = [0; 4096];
            for (place, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(chunk) {
                *place = value.to_le_bytes();
            }
            hash.update(&bytes[..4 * chunk.len()]);
        }
    }

    fn finish(self) -> String {
        self.0.hex()
    }
}

/// Position of the first invalid number. Whole chunks are tested at once, which is fast.
fn position(data: &[f32], fault: impl Fn(f32) -> bool) -> Option<usize> {
    const MANY: usize = 1024;
    let chunk = data
        .chunks(MANY)
        .position(|chunk| chunk.iter().fold(false, |any, &value| any | fault(value)))?;
    let first = chunk * MANY;
    data[first..]
        .iter()
        .position(|&value| fault(value))
        .map(|place| first + place)
}

/// The first of many names, for a message.
fn few(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text = format!("{text} and {} more", names.len() - SHOWN);
    }
    text
}
