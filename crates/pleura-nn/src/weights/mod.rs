//! What a network has learnt: tensors under torchvision's names, with everything needed to use them rightly.

pub mod fetch;
mod file;
mod head;
pub mod import;
mod initialise;
mod read;

use std::collections::BTreeMap;

use pleura_core::sha256;
use serde::{Deserialize, Serialize};

use crate::{
    architecture::{Architecture, ParameterKind},
    error::Error,
};

pub use head::Head;

/// A trained or fresh network at rest: tensors and what belongs to them.
///
/// [`Weights::read`] and [`Weights::write`] keep it in a safetensors file.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The network these are the weights of.
    pub architecture: Architecture,
    /// What each output neuron stands for, in order.
    pub findings: Vec<String>,
    /// What grey levels become before the first convolution.
    pub normalisation: Normalisation,
    /// Further facts, as `preparation` (JSON) or the digest of the manifest they were trained on.
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

/// `(grey − mean) / std` by input channel, for grey levels in 0 to 1; it belongs to the weights that were trained with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Subtracted.
    pub mean: [f32; 3],
    /// Divided by.
    pub std: [f32; 3],
}

impl Normalisation {
    /// What torchvision's and CheXNet's weights expect.
    pub const IMAGENET: Self = Self {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };
    /// Grey levels as they are, in 0 to 1.
    pub const NONE: Self = Self {
        mean: [0.0; 3],
        std: [1.0; 3],
    };
}

impl Weights {
    /// Says what is wrong with these weights, if anything is.
    ///
    /// Each tensor of the architecture must be there once with its shape, nothing else may be, all numbers must be finite, variances
    /// not negative, findings named and different, and the normalisation usable.
    ///
    /// # Errors
    /// [`Error::Weights`] names the first tensors at fault; [`Error::Head`] the findings.
    pub fn check(&self) -> Result<(), Error> {
        head::check_findings(&self.findings)?;
        let refuse = |problem: String| {
            Err(Error::Weights {
                architecture: self.architecture.name().to_owned(),
                problem,
            })
        };
        let Normalisation { mean, std } = self.normalisation;
        if mean.iter().any(|value| !value.is_finite())
            || std.iter().any(|value| !(value.is_finite() && *value > 0.0))
        {
            return refuse(format!(
                "normalisation mean {mean:?}, std {std:?}: expected finite, std above 0"
            ));
        }
        let specs = self.architecture.parameters(self.findings.len());
        let missing: Vec<&str> = specs
            .iter()
            .map(|spec| spec.name.as_str())
            .filter(|name| !self.tensors.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            return refuse(format!("missing {}", few(&missing)));
        }
        if self.tensors.len() != specs.len() {
            let known: std::collections::BTreeSet<&str> =
                specs.iter().map(|spec| spec.name.as_str()).collect();
            let extra: Vec<&str> = self
                .tensors
                .keys()
                .map(String::as_str)
                .filter(|name| !known.contains(name))
                .collect();
            return refuse(format!("no place for {}", few(&extra)));
        }
        for spec in &specs {
            let Array { shape, data } = &self.tensors[&spec.name];
            let name = &spec.name;
            if *shape != spec.shape || data.len() != spec.elements() {
                return refuse(format!(
                    "{name} has shape {shape:?} and {} numbers, expected {:?}",
                    data.len(),
                    spec.shape
                ));
            }
            if let Some(index) = position(data, |value| !value.is_finite()) {
                return refuse(format!(
                    "{name} holds {} at position {index}, expected finite numbers",
                    data[index]
                ));
            }
            if spec.kind == ParameterKind::RunningVariance
                && let Some(index) = position(data, |value| value < 0.0)
            {
                return refuse(format!(
                    "{name} holds the variance {} at position {index}",
                    data[index]
                ));
            }
        }
        Ok(())
    }

    /// SHA-256 over names, shapes and bits of all tensors, as 64 hexadecimal digits: equal for equal weights in different files.
    pub fn digest(&self) -> String {
        let mut digester = Digester::default();
        for (name, array) in &self.tensors {
            digester.add(name, array);
        }
        digester.finish()
    }
}

/// Finds [`Weights::digest`] from tensors that are added in the order of their names.
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

/// Where the first number at fault is. Looks at many before it asks whether one was, which is what makes it fast.
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

/// The first few of many names, for a message.
fn few(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text = format!("{text} and {} more", names.len() - SHOWN);
    }
    text
}
