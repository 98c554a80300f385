//! `data.json`: the films of a stage, by split.

use std::collections::BTreeMap;

use pleura_manifest::{MatchKind, Split};
use serde::{Deserialize, Serialize};

/// The films that a stage was trained and evaluated on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageData {
    /// Digest of the manifest.
    pub manifest: String,
    /// Names of the output neurons.
    pub findings: Vec<String>,
    /// The films by split.
    pub splits: Counts,
    /// Films that were trained on although duplicates of them are in a held-out split.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// The effect of the recipe's `sampling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<SamplingEffect>,
}

/// The training films of an epoch that are drawn by [`Sampling`](crate::recipe::Sampling).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplingEffect {
    /// Kish's effective number of films: `(Σ w)² / Σ w²`.
    pub effective_films: f64,
    /// The largest expected number of draws of one film in an epoch.
    pub largest_repeat: f64,
    /// The share of each class among the draws, in the order of the findings.
    pub class_shares: Vec<f64>,
    /// The balanced attributes.
    pub attributes: Vec<BalancedAttribute>,
}

/// The association of an attribute with the class, among films and among draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BalancedAttribute {
    /// Its name in the recipe.
    pub name: String,
    /// Its values; empty: unknown.
    pub values: Vec<String>,
    /// Training films, `[classes][values]`.
    pub films: Vec<Vec<usize>>,
    /// Shares of the draws, `[classes][values]`; all sum to 1.
    pub drawn: Vec<Vec<f64>>,
    /// Cramér's V of class and attribute among the films; 0 for independence, 1 if one determines the other.
    pub association: f64,
    /// Cramér's V among the draws.
    pub association_drawn: f64,
}

/// The films of a stage by split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Films that weights are fitted to.
    pub train: SplitCounts,
    /// Films that choose the epoch.
    pub validation: SplitCounts,
    /// Films of the final evaluation.
    pub test: SplitCounts,
    /// Films without a split.
    pub unsplit: usize,
}

/// The films that one split gives a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Films that take part.
    pub films: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Films that do not take part, by reason.
    #[serde(default)]
    pub excluded: BTreeMap<Exclusion, usize>,
    /// Positive, negative and unknown films of each finding.
    pub findings: Vec<FindingCount>,
}

/// The films of one finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingCount {
    /// Name of the output.
    pub finding: String,
    /// Films that have it.
    pub positive: usize,
    /// Films that do not.
    pub negative: usize,
    /// Films for which it is unknown.
    pub unknown: usize,
}

/// The reason why a film takes no part in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// Exclusive classes: none of them is positive.
    NoClass,
    /// Exclusive classes: two or more are positive.
    SeveralClasses,
    /// Exclusive classes: one that would decide is uncertain.
    UncertainClass,
    /// Independent findings: not one label is known.
    NothingKnown,
    /// The patient is in a held-out split of this or a later stage.
    HeldOut,
    /// The film has no contrast (column `note:contrast`).
    NoContrast,
}

impl std::fmt::Display for Exclusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoClass => "of no class",
            Self::SeveralClasses => "of several classes",
            Self::UncertainClass => "of an uncertain class",
            Self::NothingKnown => "without a known label",
            Self::NoContrast => "without contrast",
            Self::HeldOut => "of patients in a held-out split of this or a later stage",
        })
    }
}

/// A film that a stage must not learn from, because a duplicate of it is in a held-out split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// The film.
    pub film: String,
    /// Its split.
    pub split: Split,
    /// The duplicate of the film.
    pub copy_of: String,
    /// The split of the duplicate.
    pub judged_in: Split,
    /// Why they count as one radiograph.
    #[serde(flatten)]
    pub how: MatchKind,
}

impl std::fmt::Display for Leak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            film,
            split,
            copy_of,
            judged_in,
            how,
        } = self;
        write!(f, "{film} ({split}) and {copy_of} ({judged_in}) are {how}")
    }
}
