//! `pleura predict`: one document for each film.

use std::path::Path;

use pleura_core::NOTICE;
use pleura_film::Preparation;
use pleura_package::{Flag, Outcome, Package};
use schemars::JsonSchema;
use serde::Serialize;

use super::{ByFinding, Calibration, FilmFile, shown};
use crate::answer::{Answer, FindingScore};
use crate::{Classifier, Error, Task, error};

/// The answer to one film, or why there is none.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Prediction {
    /// The answer of a weight file or run.
    Weights(Box<WeightsAnswer>),
    /// A film that a weight file or run could not read.
    WeightsUnread(WeightsUnread),
    /// The answer of a package.
    Package(Box<PackageAnswer>),
    /// A film that a package could not read.
    PackageUnread(PackageUnread),
}

/// The answer of a weight file or run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WeightsAnswer {
    /// The film.
    pub path: String,
    /// Whether findings exclude each other.
    pub kind: Task,
    /// The network's raw outputs.
    pub logits: ByFinding<f64>,
    /// Probabilities, calibrated if there is a calibration.
    pub probabilities: ByFinding<f64>,
    /// The film's file.
    pub film: FilmFile,
    /// Facts about the file or the model that make the answer doubtful.
    pub doubts: Vec<String>,
    /// How the film became the network's input.
    pub preparation: Preparation,
    /// The model.
    pub model: WeightsFile,
    /// Limits of use.
    pub notice: &'static str,
    /// The calibration that was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Whether a finding is predicted positive, for findings with a threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<ByFinding<bool>>,
}

/// A film that a weight file or run could not read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WeightsUnread {
    /// The film.
    pub path: String,
    /// Why it could not be read.
    pub error: String,
    /// The model.
    pub model: WeightsFile,
    /// Limits of use.
    pub notice: &'static str,
}

/// The weights that answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WeightsFile {
    /// The weight file.
    pub path: String,
    /// Name of the architecture.
    pub architecture: String,
    /// SHA-256 of the weights' tensors.
    pub digest: String,
}

/// The answer of a package.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackageAnswer {
    /// The film.
    pub path: String,
    /// Whether the film has an answer.
    pub outcome: Outcome,
    /// Reasons against an answer, the gravest first.
    pub flags: Vec<Flag>,
    /// Checks that need facts which the file does not contain.
    pub not_checked: Vec<&'static str>,
    /// Facts about the model that make the answer doubtful; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
    /// Values of the out-of-distribution measures, by name.
    pub measures: ByFinding<f64>,
    /// The film's file; absent if the file was refused before it was decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub film: Option<FilmFile>,
    /// Scores; absent unless the film is answered or scores of unanswered films were demanded.
    #[serde(flatten)]
    pub scores: Option<PackageScores>,
    /// The package.
    pub package: PackageId,
    /// Limits of use.
    pub notice: &'static str,
}

/// A package's scores of one film.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackageScores {
    /// Whether findings exclude each other.
    pub kind: Task,
    /// True if every temperature was fitted.
    pub calibrated: bool,
    /// Findings whose probabilities are as the network gives them.
    pub not_calibrated: Vec<String>,
    /// Probabilities. They mean nothing if the film is not answered.
    pub probabilities: ByFinding<f64>,
    /// The network's raw outputs.
    pub logits: ByFinding<f64>,
    /// Whether a finding is predicted positive, for findings with a threshold; empty if the film is not
    /// answered.
    pub called: ByFinding<bool>,
    /// Probability from which a finding is predicted positive; empty if the film is not answered.
    pub thresholds: ByFinding<f64>,
}

/// A film that a package could not read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackageUnread {
    /// The film.
    pub path: String,
    /// Always `unreadable`.
    pub outcome: &'static str,
    /// Why it could not be read.
    pub error: String,
    /// The package.
    pub package: PackageId,
    /// Limits of use.
    pub notice: &'static str,
}

/// The package that answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackageId {
    /// SHA-256 of the package's index.
    pub digest: String,
    /// Fingerprint of the key that signed it.
    pub signer: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// SHA-256 of the weights' tensors.
    pub weights: String,
}

impl Prediction {
    /// The document of a film. `show_unanswered` adds the withheld scores of films that a package does not
    /// answer.
    pub fn of(
        model: &Classifier,
        path: &Path,
        answer: &Result<Answer, Error>,
        show_unanswered: bool,
    ) -> Self {
        let (path, notice) = (shown(path), NOTICE);
        match (model.package(), answer) {
            (None, Ok(answer)) => match &answer.source {
                Some(source) => Self::Weights(Box::new(WeightsAnswer {
                    path,
                    kind: model.task(),
                    logits: logits(&answer.findings),
                    probabilities: probabilities(&answer.findings),
                    film: FilmFile::of(source),
                    doubts: answer.doubts.clone(),
                    preparation: *model.preparation(),
                    model: WeightsFile::of(model),
                    notice,
                    calibration: model.calibration().map(Calibration::of),
                    called: model.calibration().map(|_| positive(&answer.findings)),
                })),
                None => Self::unread(model, path, "the film has no source".to_owned()),
            },
            (None, Err(error)) => Self::unread(model, path, error::chain(error).join(": ")),
            (Some(package), Ok(answer)) => {
                let withheld = show_unanswered.then_some(&answer.withheld);
                let scores = Some(&answer.findings).filter(|scores| !scores.is_empty());
                let scores = scores.or(withheld).filter(|scores| !scores.is_empty());
                Self::Package(Box::new(PackageAnswer {
                    path,
                    outcome: answer.outcome,
                    flags: answer.flags.clone(),
                    not_checked: answer.not_checked.clone(),
                    doubts: answer.doubts.clone(),
                    measures: answer.measures.iter().copied().collect(),
                    film: answer.source.as_ref().map(FilmFile::of),
                    scores: scores.map(|scores| PackageScores::of(model, scores)),
                    package: PackageId::of(package),
                    notice,
                }))
            }
            (Some(package), Err(error)) => Self::PackageUnread(PackageUnread {
                path,
                outcome: "unreadable",
                error: error::chain(error).join(": "),
                package: PackageId::of(package),
                notice,
            }),
        }
    }

    fn unread(model: &Classifier, path: String, error: String) -> Self {
        Self::WeightsUnread(WeightsUnread {
            path,
            error,
            model: WeightsFile::of(model),
            notice: NOTICE,
        })
    }
}

impl WeightsFile {
    fn of(model: &Classifier) -> Self {
        Self {
            path: shown(model.path()),
            architecture: model.weights().architecture.name().to_owned(),
            digest: model.digest().to_owned(),
        }
    }
}

impl PackageId {
    /// The record of a package.
    pub fn of(package: &Package) -> Self {
        Self {
            digest: package.digest.clone(),
            signer: package.signer.map(|key| key.fingerprint()),
            name: package.parts.card.name.clone(),
            version: package.parts.card.version.clone(),
            weights: package.parts.model.digest.clone(),
        }
    }
}

impl PackageScores {
    fn of(model: &Classifier, scores: &[FindingScore]) -> Self {
        let not_calibrated = scores.iter().filter(|score| !score.calibrated);
        let thresholds = scores.iter();
        Self {
            kind: model.task(),
            calibrated: scores.iter().all(|score| score.calibrated),
            not_calibrated: not_calibrated.map(|score| score.finding.clone()).collect(),
            probabilities: probabilities(scores),
            logits: logits(scores),
            called: positive(scores),
            thresholds: thresholds
                .filter_map(|score| Some((&score.finding, score.threshold?)))
                .collect(),
        }
    }
}

fn logits(scores: &[FindingScore]) -> ByFinding<f64> {
    scores.iter().map(|score| (&score.finding, score.logit)).collect()
}

fn probabilities(scores: &[FindingScore]) -> ByFinding<f64> {
    scores
        .iter()
        .map(|score| (&score.finding, score.probability))
        .collect()
}

fn positive(scores: &[FindingScore]) -> ByFinding<bool> {
    let positive = scores.iter();
    positive
        .filter_map(|score| Some((&score.finding, score.positive()?)))
        .collect()
}
