//! The last layer alone: its rows can be created, read and replaced by finding.

use std::collections::BTreeSet;

use super::{Array, Weights, initialise::stream};
use crate::error::Error;
use rand::RngExt as _;

const WEIGHT: &str = "classifier.weight";
const BIAS: &str = "classifier.bias";

/// Output neurons: a row of weights and a bias for each finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// The finding of each neuron.
    pub findings: Vec<String>,
    /// `[findings, features]`.
    pub weight: Array,
    /// `[findings]`.
    pub bias: Array,
}

impl Head {
    /// A random head: weights and biases uniform in ±1/√features (PyTorch's default for a linear layer).
    ///
    /// The numbers of a neuron depend only on `seed` and the name of its finding. So it starts the same in
    /// heads with other findings or another order.
    pub fn fresh(findings: &[String], features: usize, seed: u64) -> Self {
        let bound = 1.0 / (features as f32).sqrt();
        let mut weight = Vec::with_capacity(findings.len() * features);
        let mut bias = Vec::with_capacity(findings.len());
        for finding in findings {
            let mut random = stream(seed, "head", finding);
            weight.extend((0..features).map(|_| random.random_range(-bound..=bound)));
            bias.push(random.random_range(-bound..=bound));
        }
        Self {
            findings: findings.to_vec(),
            weight: Array {
                shape: vec![findings.len(), features],
                data: weight,
            },
            bias: Array {
                shape: vec![findings.len()],
                data: bias,
            },
        }
    }

    /// Weight row and bias of a finding, if the head has it.
    pub fn neuron(&self, finding: &str) -> Option<(&[f32], f32)> {
        let index = self.findings.iter().position(|name| name == finding)?;
        let features = *self.weight.shape.get(1)?;
        Some((
            self.weight.data.get(index * features..(index + 1) * features)?,
            *self.bias.data.get(index)?,
        ))
    }

    /// Weight row and bias of a finding, mutable, if the head has it.
    pub fn neuron_mut(&mut self, finding: &str) -> Option<(&mut [f32], &mut f32)> {
        let index = self.findings.iter().position(|name| name == finding)?;
        let features = *self.weight.shape.get(1)?;
        let row = self
            .weight
            .data
            .get_mut(index * features..(index + 1) * features)?;
        Some((row, self.bias.data.get_mut(index)?))
    }
}

impl Weights {
    /// A copy of the last layer.
    ///
    /// # Errors
    /// [`Error::Head`] if the tensors of the head are missing.
    pub fn head(&self) -> Result<Head, Error> {
        let take = |name: &str| {
            self.tensors.get(name).cloned().ok_or_else(|| Error::Head {
                problem: format!("{name} is missing"),
            })
        };
        Ok(Head {
            findings: self.findings.clone(),
            weight: take(WEIGHT)?,
            bias: take(BIAS)?,
        })
    }

    /// Replaces the last layer and its findings.
    ///
    /// # Errors
    /// [`Error::Head`] if its shape does not fit the architecture's features, or if findings are empty or
    /// repeated.
    pub fn set_head(&mut self, head: Head) -> Result<(), Error> {
        check_findings(&head.findings)?;
        let expected = [head.findings.len(), self.architecture.features()];
        if head.weight.shape != expected
            || head.bias.shape != expected[..1]
            || head.weight.data.len() != expected[0] * expected[1]
            || head.bias.data.len() != expected[0]
        {
            return Err(Error::Head {
                problem: format!(
                    "weight {:?} and bias {:?}, expected {expected:?} and [{}]",
                    head.weight.shape, head.bias.shape, expected[0]
                ),
            });
        }
        self.findings = head.findings;
        self.tensors.insert(WEIGHT.to_owned(), head.weight);
        self.tensors.insert(BIAS.to_owned(), head.bias);
        Ok(())
    }
}

pub(super) fn check_findings(findings: &[String]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let problem = if findings.is_empty() {
        "there are no findings, expected at least one".to_owned()
    } else if findings.iter().any(|finding| finding.trim().is_empty()) {
        "a finding has an empty name".to_owned()
    } else if let Some(twice) = findings.iter().find(|finding| !seen.insert(finding.as_str())) {
        format!("the finding {twice:?} appears twice")
    } else {
        return Ok(());
    };
    Err(Error::Head { problem })
}
