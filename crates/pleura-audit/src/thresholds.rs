//! Thresholds of the checks.

use serde::{Deserialize, Serialize};

use crate::probe;

/// Thresholds of all checks. A TOML table of them may omit any.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Largest p of an alarm. With about eight checks, one clean set in twenty-five has a p below 0.005
    /// somewhere.
    pub p: f64,
    /// Skill score (0 for guessing, 1 for perfect) from which a probe is an alarm.
    pub skill: f64,
    /// Cramér's V of class and source from which the check is an alarm.
    pub association: f64,
    /// Cramér's V from which the check blocks.
    pub association_block: f64,
    /// Difference between classes in the share of children from which the check is an alarm.
    pub children: f64,
    /// The same difference from which the check is a note.
    pub children_note: f64,
    /// Width of the accuracy's interval above which the test set is too small: twenty points separate a good
    /// from a poor classifier.
    pub width: f64,
    /// Relevance per pixel outside the lungs, divided by that inside, from which the check is an alarm.
    pub outside: f64,
    /// Relevance per pixel at the border, divided by that elsewhere, from which the check is an alarm; a note
    /// from three quarters of it.
    pub border: f64,
    /// Rank correlation of heatmaps with those of randomised networks (lower end of its interval) from which
    /// the check is an alarm.
    pub sanity: f64,
    /// Expected calibration error from which the check is an alarm; a note from half of it.
    pub calibration: f64,
    /// Largest p of such an error under perfect calibration.
    pub calibration_p: f64,
    /// Difference in accuracy between subgroups, as a share.
    pub subgroups: f64,
    /// Largest p of a difference between subgroups, after Bonferroni's correction.
    pub subgroups_p: f64,
    /// Accuracy lost by covering burned-in text, as a share.
    pub words: f64,
    /// Minimum number of seeds for a claim about a method.
    pub seeds: usize,
    /// Settings of the probes.
    pub probe: probe::Settings,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            p: 0.005,
            skill: 0.15,
            association: 0.3,
            association_block: 0.9,
            children: 0.5,
            children_note: 0.1,
            width: 0.2,
            outside: 1.0,
            border: 1.0,
            sanity: 0.8,
            calibration: 0.1,
            calibration_p: 0.05,
            subgroups: 0.1,
            subgroups_p: 0.05,
            words: 0.05,
            seeds: 5,
            probe: probe::Settings::default(),
        }
    }
}
