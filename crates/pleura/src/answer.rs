//! The answer to one film.

use pleura_film::lungs::Implausible;
use pleura_film::{BodyPart, Source};
use pleura_package::contract::RADIOGRAPH_IN_COLOUR;
use pleura_package::{Flag, Judgement, Outcome, Verdict};

/// A model's answer to one film.
///
/// A weight file or run answers every film that can be decoded. A package also abstains and refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether the film has an answer.
    pub outcome: Outcome,
    /// Reasons against an answer, the gravest first. Only packages check films.
    pub flags: Vec<Flag>,
    /// Checks of the package that need facts which the file does not contain.
    pub not_checked: Vec<&'static str>,
    /// Values of the package's out-of-distribution measures, by name.
    pub measures: Vec<(&'static str, f64)>,
    /// Format, size and decoding steps; `None` where a file was refused before it was decoded.
    pub source: Option<Source>,
    /// Facts about the file or the model that make an answer doubtful, where no package checks them.
    pub doubts: Vec<String>,
    /// One score for each finding, in the order of the model's outputs; empty unless the film is answered.
    pub findings: Vec<FindingScore>,
    /// The scores of a film that is not answered. They mean nothing for the film: use them to study the model
    /// only.
    pub withheld: Vec<FindingScore>,
}

/// The score of one finding on one film.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingScore {
    /// The finding.
    pub finding: String,
    /// The network's raw output.
    pub logit: f64,
    /// Its probability.
    pub probability: f64,
    /// True if a fitted temperature was applied.
    pub calibrated: bool,
    /// The probability from which the finding is predicted positive, if a threshold was chosen.
    pub threshold: Option<f64>,
}

impl FindingScore {
    /// True if the finding is predicted positive; `None` without a threshold.
    pub fn positive(&self) -> Option<bool> {
        self.threshold.map(|threshold| self.probability >= threshold)
    }
}

impl Answer {
    /// The probability of a finding; `None` if the film is not answered or the model does not know the
    /// finding.
    pub fn probability(&self, finding: &str) -> Option<f64> {
        let mut scores = self.findings.iter();
        scores
            .find(|score| score.finding == finding)
            .map(|score| score.probability)
    }

    /// Findings and their probabilities, in the order of the model's outputs; none if the film is not
    /// answered.
    pub fn probabilities(&self) -> impl Iterator<Item = (&str, f64)> {
        self.findings
            .iter()
            .map(|score| (score.finding.as_str(), score.probability))
    }

    /// The findings that are predicted positive.
    pub fn predicted_positive(&self) -> impl Iterator<Item = &str> {
        let positive = self
            .findings
            .iter()
            .filter(|score| score.positive() == Some(true));
        positive.map(|score| score.finding.as_str())
    }

    /// The answer of a weight file or run.
    pub(crate) fn of_weights(
        source: Source,
        findings: Vec<FindingScore>,
        one_sided: &[String],
        without_lungs: Option<&Implausible>,
    ) -> Self {
        Self {
            outcome: Outcome::Answered,
            flags: Vec::new(),
            not_checked: Vec::new(),
            measures: Vec::new(),
            doubts: doubts(&source, one_sided, without_lungs),
            source: Some(source),
            findings,
            withheld: Vec::new(),
        }
    }

    /// The answer of a package.
    pub(crate) fn judged(
        judgement: Judgement,
        source: Option<Source>,
        scores: Vec<FindingScore>,
        one_sided: &[String],
    ) -> Self {
        let doubts = if judgement.outcome == Outcome::Answered {
            doubt_of_findings(one_sided).into_iter().collect()
        } else {
            Vec::new()
        };
        let (findings, withheld) = match judgement.outcome {
            Outcome::Answered => (scores, Vec::new()),
            // A finding of a film that is not answered is never predicted positive.
            _ => {
                let withheld = scores.into_iter().map(|score| FindingScore {
                    threshold: None,
                    ..score
                });
                (Vec::new(), withheld.collect())
            }
        };
        Self {
            outcome: judgement.outcome,
            flags: judgement.flags,
            not_checked: judgement.not_checked,
            measures: judgement.measures,
            source,
            doubts,
            findings,
            withheld,
        }
    }

    /// A package's refusal of a file that declares itself not to be a single X-ray image. Other errors are
    /// returned.
    pub(crate) fn refused(error: pleura_film::Error) -> Result<Self, pleura_film::Error> {
        use pleura_film::Error::{Frames, Modality, NoPixels};
        let check = match error {
            Modality { .. } | NoPixels { .. } => "modality",
            Frames { .. } => "frames",
            _ => return Err(error),
        };
        let judgement = Judgement {
            outcome: Outcome::Refused,
            flags: vec![Flag::new(check, Verdict::Refuse, error.to_string())],
            not_checked: Vec::new(),
            measures: Vec::new(),
        };
        Ok(Self::judged(judgement, None, Vec::new(), &[]))
    }
}

/// Facts that make an answer of weights doubtful: about the film's file, about lungs that were not found, and
/// about findings whose training films were all positive or all negative.
pub(crate) fn doubts(
    source: &Source,
    one_sided: &[String],
    without_lungs: Option<&Implausible>,
) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(fault) = source.contrast.fault() {
        doubts.push(format!(
            "the film has no contrast: {fault}; the answer means nothing"
        ));
    }
    if let Some(tags) = &source.dicom
        && tags.part() == BodyPart::Other
    {
        let part = tags.body_part.as_deref().unwrap_or_default();
        doubts.push(format!(
            "the file says that the body part is {part:?}: no model of chest films can answer for it"
        ));
    }
    if source.colourfulness() > RADIOGRAPH_IN_COLOUR {
        let percent = 100.0 * source.colourfulness();
        doubts.push(format!(
            "the picture is in colour (channels differ by up to {percent:.0} %): is it a radiograph?"
        ));
    }
    doubts.extend(without_lungs.map(|problem| {
        format!(
            "the lungs were not found ({problem}), and the network sees only lungs: the whole film was used"
        )
    }));
    doubts.extend(doubt_of_findings(one_sided));
    doubts
}

fn doubt_of_findings(one_sided: &[String]) -> Option<String> {
    (!one_sided.is_empty()).then(|| {
        format!(
            "the training films were all positive or all negative for {}: their probabilities mean nothing",
            one_sided.join(", ")
        )
    })
}
