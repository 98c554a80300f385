//! `audit/audit.json`: the checks of an audit and their verdicts.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An audit of a run, or of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The notice that goes with every result.
    #[serde(default)]
    pub notice: String,
    /// The manifest.
    #[serde(default)]
    pub manifest: String,
    /// Digest of its films.
    #[serde(default)]
    pub digest: String,
    /// Films examined.
    pub films: usize,
    /// The stage whose network was examined, if any.
    pub stage: Option<String>,
    /// The model of that stage.
    #[serde(default)]
    pub model: Value,
    /// True if its probabilities were calibrated; `None` without a network.
    #[serde(default)]
    pub calibration_applied: Option<bool>,
    /// The thresholds of the checks.
    #[serde(default)]
    pub thresholds: Value,
    /// The worst of the checks' verdicts.
    pub verdict: Verdict,
    /// The checks, the worst first.
    pub checks: Vec<Check>,
}

/// The severity of a check's result, in rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The check could not be made; it names the reason.
    #[default]
    NotPossible,
    /// Nothing was found.
    #[serde(alias = "quiet")]
    Pass,
    /// A fact worth knowing.
    Note,
    /// A shortcut that a network may well use: report it with every result.
    Alarm,
    /// The result is void until this is corrected.
    Block,
}

impl Verdict {
    /// The verdict in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotPossible => "not possible",
            Self::Pass => "pass",
            Self::Note => "note",
            Self::Alarm => "alarm",
            Self::Block => "block",
        }
    }
}

impl AuditRecord {
    /// Its name in the folder of an audit.
    pub const FILE: &str = "audit.json";
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The numbers of a check's figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Figure {
    /// An observed value beside the values expected by chance.
    Null {
        /// Name of the axis.
        axis: String,
        /// The observed value.
        observed: f64,
        /// Its interval.
        interval: (f64, f64),
        /// The value expected by chance.
        chance: f64,
        /// Values under permuted labels, sorted.
        null: Vec<f64>,
    },
    /// Films by class and another property.
    Counts {
        /// Name of the columns.
        #[serde(default)]
        axis: String,
        /// Classes.
        rows: Vec<String>,
        /// Names of the columns.
        columns: Vec<String>,
        /// `[rows, columns]`
        counts: Vec<Vec<usize>>,
    },
    /// Values with intervals.
    Intervals {
        /// Name of the axis.
        axis: String,
        /// Name, value and interval.
        lines: Vec<(String, f64, (f64, f64))>,
    },
}

/// A check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, which is the key of its threshold.
    pub name: String,
    /// The question.
    pub asks: String,
    /// The severity of a check's result, in rising order.
    pub verdict: Verdict,
    /// The result with its numbers, or the reason why the check was not possible.
    pub says: String,
    /// The value that is compared with the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The smallest value that is an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Probability of such a value by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The remedy; empty if none is needed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// Publications that describe the problem.
    #[serde(default)]
    pub literature: Vec<String>,
    /// The numbers of its figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
}
