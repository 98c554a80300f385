//! Thresholds for predicting a finding positive, chosen on validation films.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Estimate, Kind, Options, Predictions, evaluate};

/// Target of a threshold on the validation films.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// At least this sensitivity, with the highest specificity.
    Sensitivity {
        /// Minimum share of films with the finding that are predicted positive.
        at_least: f64,
    },
    /// At least this specificity, with the highest sensitivity.
    Specificity {
        /// Minimum share of films without the finding that are predicted negative.
        at_least: f64,
    },
    /// The least expected cost.
    Cost {
        /// Cost of a missed film; a false alarm costs 1.
        of_a_miss: f64,
        /// Prevalence for the expected cost; default: that of the validation films.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prevalence: Option<f64>,
    },
}

/// A threshold, and its rates on the films on which it was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Calibrated probability from which the finding is predicted positive.
    pub threshold: f64,
    /// The rule that chose it.
    pub rule: Rule,
    /// On the validation films that chose it: expect less on other films.
    pub sensitivity: Estimate,
    /// See `sensitivity`.
    pub specificity: Estimate,
}

impl Threshold {
    pub(super) fn fit(
        calibrated: &Predictions,
        finding: &str,
        rule: Rule,
        options: &Options,
    ) -> Result<Self, Error> {
        let Some(index) = calibrated.findings.iter().position(|name| name == finding) else {
            return Err(Error::Setting {
                name: "rules",
                found: format!("`{finding}`"),
                expected: format!("one of {:?}", calibrated.findings),
            });
        };
        let known = (0..calibrated.len())
            .filter_map(|film| Some((calibrated.score(film, index), calibrated.has(film, index)?)));
        let (scores, positive): (Vec<f64>, Vec<bool>) = known.unzip();
        let threshold = choose_threshold(&scores, &positive, rule).map_err(|message| Error::Calibration {
            message: format!("{finding}: {message}"),
        })?;
        let options = Options {
            thresholds: [(finding.to_owned(), threshold)].into(),
            ..options.clone()
        };
        let mut evaluation = evaluate(calibrated, &options)?;
        let (sensitivity, specificity) = match calibrated.kind() {
            Kind::Exclusive => {
                let point = evaluation.operating.swap_remove(0);
                (point.sensitivity, point.specificity)
            }
            Kind::Independent => {
                let one = evaluation.findings.swap_remove(index);
                (one.sensitivity, one.specificity)
            }
        };
        Ok(Self {
            threshold,
            rule,
            sensitivity,
            specificity,
        })
    }
}

/// Chooses the threshold for `rule` on films with `scores` in [0, 1], of which some are `positive`.
///
/// The threshold lies halfway between the lowest predicted positive and the highest predicted negative score,
/// so no film lies on it. If no number lies between two scores, no threshold separates them. Of thresholds
/// with equal cost the lowest is chosen, because it misses least.
///
/// # Errors
/// A sentence: only one kind of films, numbers out of range, or a specificity that no threshold reaches.
pub fn choose_threshold(scores: &[f64], positive: &[bool], rule: Rule) -> Result<f64, String> {
    let with = positive.iter().filter(|&&yes| yes).count() as f64;
    let without = positive.len() as f64 - with;
    if with == 0.0 || without == 0.0 {
        return Err(format!(
            "{with} validation films with it and {without} without; a threshold needs both"
        ));
    }
    rule.check()?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    // Candidates from no predicted positive to all: (threshold, sensitivity, specificity).
    let mut candidates = Vec::new();
    let (mut hits, mut alarms) = (0.0, 0.0);
    let mut lowest_called = 1.0;
    for (place, &film) in order.iter().enumerate() {
        if place == 0 || scores[film] != scores[order[place - 1]] {
            let threshold = f64::midpoint(lowest_called, scores[film]);
            // A threshold rounded down to this score, or at 1 with a score of 1, would include this film.
            if threshold > scores[film] {
                candidates.push((threshold, hits / with, 1.0 - alarms / without));
            }
        }
        lowest_called = scores[film];
        *if positive[film] { &mut hits } else { &mut alarms } += 1.0;
    }
    candidates.push((0.5 * lowest_called, 1.0, 0.0));
    let found = match rule {
        Rule::Sensitivity { at_least } => candidates.iter().find(|one| one.1 >= at_least),
        Rule::Specificity { at_least } => candidates.iter().rev().find(|one| one.2 >= at_least),
        Rule::Cost {
            of_a_miss,
            prevalence,
        } => {
            let share = prevalence.unwrap_or(with / (with + without));
            let cost =
                |one: &(f64, f64, f64)| of_a_miss * share * (1.0 - one.1) + (1.0 - share) * (1.0 - one.2);
            // `min_by` keeps the first of equals, and candidates come from the lowest threshold.
            candidates.iter().rev().min_by(|a, b| cost(a).total_cmp(&cost(b)))
        }
    };
    // Predicting all positive is always possible; predicting none is impossible if the highest score is 1.
    found
        .map(|one| one.0)
        .ok_or_else(|| format!("no threshold reaches it ({rule}); ask for less"))
}

impl Rule {
    fn check(self) -> Result<(), String> {
        let (sound, expected) = match self {
            Self::Sensitivity { at_least } | Self::Specificity { at_least } => (
                at_least > 0.0 && at_least <= 1.0,
                "a share above 0, and 1 at most",
            ),
            Self::Cost {
                of_a_miss,
                prevalence,
            } => (
                of_a_miss > 0.0
                    && of_a_miss.is_finite()
                    && prevalence.is_none_or(|share| share > 0.0 && share < 1.0),
                "a cost above 0 and, if given, a prevalence above 0 and below 1",
            ),
        };
        if sound {
            Ok(())
        } else {
            Err(format!("{self}: expected {expected}"))
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sensitivity { at_least } => write!(f, "sensitivity of at least {at_least}"),
            Self::Specificity { at_least } => write!(f, "specificity of at least {at_least}"),
            Self::Cost {
                of_a_miss,
                prevalence,
            } => {
                write!(f, "least cost where a miss costs {of_a_miss} false alarms")?;
                match prevalence {
                    Some(share) => write!(f, ", at a prevalence of {share}"),
                    None => Ok(()),
                }
            }
        }
    }
}
