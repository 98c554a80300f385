//! `neurons.json`: the origin of every output neuron of a stage, and the proof that kept neurons are
//! unchanged.

use serde::{Deserialize, Serialize};

use crate::recipe::KeepRule;

/// The output neurons of a stage before its first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neurons {
    /// The parameters that are copied to a kept neuron.
    pub rule: KeepRule,
    /// One entry for each finding, in the order of the outputs.
    pub neurons: Vec<Neuron>,
    /// Findings of the old head that the new head does not take over.
    #[serde(default)]
    pub left_behind: Vec<String>,
    /// The check before the first step; `None` if no neuron was kept.
    pub proof: Option<Proof>,
}

/// An output neuron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neuron {
    /// The finding it stands for.
    pub finding: String,
    /// Kept, mapped or fresh.
    pub origin: NeuronOrigin,
    /// The old finding, if the neuron was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// SHA-256 of the weight row's bytes (little-endian f32).
    pub weight_sha256: String,
    /// SHA-256 of the old neuron's row, if the neuron was kept: equal to `weight_sha256` by construction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_weight_sha256: Option<String>,
    /// The bias.
    pub bias: f32,
    /// True if the bias was copied too.
    pub bias_kept: bool,
}

/// The origin of an output neuron.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeuronOrigin {
    /// The old neuron of the same name.
    Kept,
    /// An old neuron of another name, by the recipe's map.
    Mapped,
    /// Drawn from the seed.
    Fresh,
}

/// The comparison of old and new neurons before the first step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Films that both networks answered.
    pub films: usize,
    /// Kept neurons compared.
    pub neurons: usize,
    /// The numbers that are equal bit for bit: `logits`, or `weight rows` where the biases are fresh.
    pub equal: String,
}

impl Neurons {
    /// Number of neurons that were taken over from the old head.
    pub fn kept(&self) -> usize {
        self.neurons.iter().filter(|neuron| neuron.from.is_some()).count()
    }
}

impl std::fmt::Display for Neurons {
    /// A table with one line for each neuron; one line in all if every neuron is fresh.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.kept() == 0 {
            return writeln!(f, "{} output neurons, all fresh", self.neurons.len());
        }
        let width = self
            .neurons
            .iter()
            .map(|neuron| neuron.finding.chars().count())
            .max()
            .unwrap_or(0);
        for neuron in &self.neurons {
            write!(f, "{:width$}  ", neuron.finding)?;
            match (&neuron.origin, &neuron.from) {
                (NeuronOrigin::Fresh, _) | (_, None) => write!(f, "fresh")?,
                (NeuronOrigin::Kept, _) => write!(f, "kept")?,
                (NeuronOrigin::Mapped, Some(from)) => write!(f, "kept from {from}")?,
            }
            if neuron.from.is_some() && !neuron.bias_kept {
                write!(f, " (weight only)")?;
            }
            writeln!(f, "  [{}]", neuron.weight_sha256.get(..12).unwrap_or_default())?;
        }
        if let Some(proof) = &self.proof {
            writeln!(
                f,
                "{} of {} kept; {} equal bit for bit on {} films",
                proof.neurons,
                self.neurons.len(),
                proof.equal,
                proof.films
            )?;
        }
        Ok(())
    }
}
