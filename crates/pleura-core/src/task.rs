//! The two kinds of classification, and probabilities from raw outputs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Relation between findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Exactly one class per film; probabilities by softmax.
    Exclusive,
    /// Any number of findings per film; probabilities by sigmoid.
    Independent,
}

impl Task {
    /// The word that recipes and weight files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Independent => "independent",
        }
    }

    /// The task of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Exclusive, Self::Independent]
            .into_iter()
            .find(|task| task.name() == name)
    }

    /// The name of the mean sensitivity over classes or findings. For exclusive classes it is the balanced
    /// accuracy. For independent findings it ignores films without any.
    pub fn mean_sensitivity(self) -> &'static str {
        match self {
            Self::Exclusive => "balanced accuracy",
            Self::Independent => "macro sensitivity",
        }
    }

    /// Probabilities of logits `[films, findings]`, row-major.
    pub fn probabilities(self, logits: &[f64], findings: usize) -> Vec<f64> {
        match self {
            Self::Exclusive => logits
                .chunks(findings.max(1))
                .flat_map(|row| softmax(row).0)
                .collect(),
            Self::Independent => logits.iter().map(|&logit| sigmoid(logit)).collect(),
        }
    }
}

/// Probabilities of one film's exclusive classes, and ln Σ exp(logit).
pub fn softmax(logits: &[f64]) -> (Vec<f64>, f64) {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut powers: Vec<f64> = logits.iter().map(|logit| (logit - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    for power in &mut powers {
        *power /= sum;
    }
    (powers, top + sum.ln())
}

/// 1 / (1 + exp(−logit)), without overflow.
pub fn sigmoid(logit: f64) -> f64 {
    let power = (-logit.abs()).exp();
    if logit >= 0.0 {
        1.0 / (1.0 + power)
    } else {
        power / (1.0 + power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_recipes() {
        for task in [Task::Exclusive, Task::Independent] {
            assert_eq!(Task::by_name(task.name()), Some(task));
            assert_eq!(serde_json::to_value(task).unwrap(), task.name());
        }
        assert_eq!(Task::by_name("both"), None);
    }

    #[test]
    fn probabilities_are_right_and_never_overflow() {
        let exclusive = Task::Exclusive.probabilities(&[3_f64.ln(), 0.0, -900.0, 900.0], 2);
        assert!((exclusive[0] - 0.75).abs() < 1e-15, "{exclusive:?}");
        assert_eq!(exclusive[2..], [0.0, 1.0]);
        let independent = Task::Independent.probabilities(&[1.0, -800.0, 800.0], 3);
        assert!((independent[0] - 0.731_058_578_630_004_9).abs() < 1e-15);
        assert_eq!(independent[1..], [0.0, 1.0]);
        assert!((softmax(&[0.0, 0.0]).1 - 2_f64.ln()).abs() < 1e-15);
    }
}
