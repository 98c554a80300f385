//! From where on something counts.

use serde::{Deserialize, Serialize};

use crate::probe;

/// Thresholds of all checks; a TOML table of them may leave any out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Largest p value of an alarm. With some eight questions asked of chance, one in twenty-five clean sets has a p value below 0.005 somewhere.
    pub p: f64,
    /// Skill, 0 guessing to 1 knowing, from which a class that can be told from what should say nothing is an alarm.
    pub skill: f64,
    /// Cramér's V of class and source from which it is an alarm.
    pub association: f64,
    /// The same, from which the result means nothing.
    pub association_block: f64,
    /// Share of a class's films that may be of children while another class's films are of adults, or the other way round.
    pub children: f64,
    /// The same, from which it is a note.
    pub children_note: f64,
    /// Width of the interval of the accuracy above which the test films are few: twenty points lie between a good and a poor classifier.
    pub width: f64,
    /// Relevance per pixel outside the lungs over that inside, from which it is an alarm.
    pub outside: f64,
    /// Relevance per pixel at the border over that elsewhere, from which it is an alarm; from three quarters of it on it is a note.
    pub border: f64,
    /// Rank correlation of heatmaps with those of networks made fresh layer by layer, at the lower end of its interval.
    pub sanity: f64,
    /// Expected calibration error from which it is an alarm; from half of it on it is a note.
    pub calibration: f64,
    /// Largest p value of either: how often answers that are right as often as they say have such an error.
    pub calibration_p: f64,
    /// Difference in accuracy between subgroups, as a share.
    pub subgroups: f64,
    /// Largest p value, after Bonferroni's correction, of a difference between subgroups.
    pub subgroups_p: f64,
    /// Accuracy that words may cost, as a share.
    pub words: f64,
    /// Seeds of a claim about a method.
    pub seeds: usize,
    /// How the class is told from other things.
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
