//! Cases and measurements.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::engine::Engine;
use crate::measure::Cost;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// Forward, cross-entropy, backward, one SGD update.
    Train,
    /// Forward with running statistics.
    Infer,
    /// Forward, then layer-wise relevance of one output.
    Explain,
    /// A whole process: weights and a film from disk, one answer.
    Start,
    /// From a film's file to a network's input.
    Film,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
            Self::Explain => "explain",
            Self::Start => "start",
            Self::Film => "film",
        }
    }

    /// Name in tables.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Infer => "inference",
            Self::Explain => "explanation",
            Self::Start => "start to first answer",
            Self::Film => "film to input",
        }
    }

    /// True if the work needs a network.
    pub(super) fn has_network(self) -> bool {
        self != Self::Film
    }
}

/// A case, measured on all engines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) architecture: String,
    pub(super) mode: Mode,
    pub(super) batch: u32,
    pub(super) size: u32,
    pub(super) outputs: u32,
    pub(super) threads: usize,
    pub(super) warm_up: u32,
    pub(super) steps: u32,
    /// Part of a series that shows how cost grows. Only pleura is measured.
    #[serde(default)]
    pub(super) growth: bool,
}

impl Case {
    /// Options of `peer.py` and of `pleura-bench`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let values: [(&str, String); 8] = [
            ("--architecture", self.architecture.clone()),
            ("--mode", self.mode.name().to_owned()),
            ("--batch", self.batch.to_string()),
            ("--size", self.size.to_string()),
            ("--outputs", self.outputs.to_string()),
            ("--threads", self.threads.to_string()),
            ("--warm-up", self.warm_up.to_string()),
            ("--steps", self.steps.to_string()),
        ];
        values
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }

    /// Short description.
    pub(super) fn title(&self) -> String {
        let what = self.mode.title();
        match self.mode {
            Mode::Train | Mode::Infer => {
                let films = if self.batch == 1 {
                    "one film".to_owned()
                } else {
                    format!("batch {}", self.batch)
                };
                format!("{}, {what}, {films}", self.network())
            }
            Mode::Explain | Mode::Start => format!("{}, {what}", self.network()),
            Mode::Film => what.to_owned(),
        }
    }

    /// The architecture's name as in papers.
    fn network(&self) -> String {
        self.architecture.replace("densenet", "DenseNet-")
    }

    /// True if both measure the same work, with any number of steps.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let often = |case: &Self| Self {
            warm_up: 0,
            steps: 0,
            ..case.clone()
        };
        often(self) == often(other)
    }
}

/// Answer of an engine to one measurement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    /// Seconds of each timed step.
    #[serde(default)]
    pub(super) seconds: Vec<f64>,
    /// Seconds of parts of the steps, or of other work timed with them, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) parts: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    pub(super) version: String,
    /// Instruction set that an engine chose on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// Trainable numbers of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<u64>,
    /// Of one film's forward pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) multiply_adds: Option<u64>,
    /// The matrix product's rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) multiply_adds_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) loss: Option<f64>,
    /// Outputs of a program that answers a film.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) logits: Vec<f64>,
    /// Packages that the engine needs and that are not installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) missing: Vec<String>,
}

/// One measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Measurement {
    pub(super) case: Case,
    pub(super) round: u32,
    pub(super) engine: Engine,
    pub(super) answer: Answer,
    pub(super) cost: Cost,
}
