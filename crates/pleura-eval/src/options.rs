//! Options of an evaluation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Settings of [`evaluate`](crate::evaluate) and [`compare`](crate::compare).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Nominal coverage of intervals, in (0, 1).
    pub level: f64,
    /// Patient bootstrap samples; 0 for none, otherwise at least 100.
    pub bootstrap: usize,
    /// Strata within which patients are sampled.
    pub stratify: Stratify,
    /// Samples of the Bayesian posterior; 0 for none, otherwise at least 20,000.
    pub bayes: usize,
    /// Seed of all samples.
    pub seed: u64,
    /// Probability from which an independent finding is predicted positive, unless `thresholds` names it.
    ///
    /// Choose it on validation films, never on the films that are evaluated.
    pub threshold: f64,
    /// Thresholds by finding. Exclusive classes are predicted by the largest probability; each of their
    /// thresholds adds an [`OperatingPoint`](crate::OperatingPoint).
    pub thresholds: BTreeMap<String, f64>,
    /// Prevalence by finding, for predictive values ([`PredictiveValues`](crate::PredictiveValues)).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prevalence: BTreeMap<String, f64>,
    /// Equal-width bins of the reliability curve ([`Reliability`](crate::Reliability)); 0 for none.
    pub reliability_bins: usize,
    /// Maximum number of points kept of a ROC or precision–recall curve, at least 3. Areas use all points.
    pub curve_points: usize,
}

/// The strata within which the bootstrap draws patients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stratify {
    /// One stratum: class counts vary between samples, as in a new sample of patients.
    #[default]
    None,
    /// By the class or classes of a patient's films: right for a test set with fixed counts per class.
    /// Exclusive classes only.
    Class,
    /// By the dataset a patient comes from.
    Dataset,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: 0.95,
            bootstrap: 2000,
            stratify: Stratify::None,
            bayes: 20_000,
            seed: 0,
            threshold: 0.5,
            thresholds: BTreeMap::new(),
            prevalence: BTreeMap::new(),
            reliability_bins: 10,
            curve_points: 400,
        }
    }
}

impl Options {
    /// Values and exact intervals only, without sampling: fast enough for every epoch.
    pub fn points() -> Self {
        Self {
            bootstrap: 0,
            bayes: 0,
            reliability_bins: 0,
            ..Self::default()
        }
    }

    /// The threshold of a finding.
    pub fn threshold_of(&self, finding: &str) -> f64 {
        self.thresholds.get(finding).copied().unwrap_or(self.threshold)
    }

    /// Checks that every option is in its range, and that thresholds and prevalences name these findings.
    pub fn check(&self, findings: &[String]) -> Result<(), Error> {
        let wrong = |name, found: String, expected: &str| {
            Err(Error::Setting {
                name,
                found,
                expected: expected.to_owned(),
            })
        };
        if !(self.level > 0.0 && self.level < 1.0) {
            return wrong(
                "level",
                self.level.to_string(),
                "a number between 0 and 1, such as 0.95",
            );
        }
        if (1..100).contains(&self.bootstrap) {
            return wrong(
                "bootstrap",
                self.bootstrap.to_string(),
                "0 (none) or at least 100 draws",
            );
        }
        if (1..20_000).contains(&self.bayes) {
            return wrong(
                "bayes",
                self.bayes.to_string(),
                "0 (none) or at least 20000 draws",
            );
        }
        if self.curve_points < 3 {
            return wrong("curve_points", self.curve_points.to_string(), "at least 3");
        }
        if !(0.0..=1.0).contains(&self.threshold) {
            return wrong("threshold", self.threshold.to_string(), "a probability in [0, 1]");
        }
        for (name, what, values) in [
            ("thresholds", "a probability in [0, 1]", &self.thresholds),
            ("prevalence", "a share above 0 and below 1", &self.prevalence),
        ] {
            for (finding, value) in values {
                if !findings.contains(finding) {
                    return wrong(name, format!("`{finding}`"), &format!("one of {findings:?}"));
                }
                let inside = (0.0..=1.0).contains(value);
                if !inside || name == "prevalence" && (*value == 0.0 || *value == 1.0) {
                    return wrong(name, format!("{value} for `{finding}`"), what);
                }
            }
        }
        Ok(())
    }
}
