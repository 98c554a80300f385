//! Questions to a model: about which finding, compared with what.

use pleura_explain::Start;

use crate::{Classifier, Error, Task};

/// A question about a film's answer. Relevance starts at logits, never at probabilities.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Why does the network give this finding its logit?
    Finding(String),
    /// Why this finding rather than the other? Relevance of the difference of their logits.
    Contrast(String, String),
    /// Why is the finding above (or below) this probability? For independent findings.
    Above {
        /// The finding.
        finding: String,
        /// A probability between 0 and 1.
        probability: f64,
    },
}

impl Question {
    /// Asks about one finding.
    pub fn finding(name: impl Into<String>) -> Self {
        Self::Finding(name.into())
    }

    /// Asks about one finding rather than another.
    pub fn contrast(finding: impl Into<String>, other: impl Into<String>) -> Self {
        Self::Contrast(finding.into(), other.into())
    }

    /// Asks about one finding and a probability.
    pub fn above(finding: impl Into<String>, probability: f64) -> Self {
        Self::Above {
            finding: finding.into(),
            probability,
        }
    }

    /// The point where relevance starts.
    pub(super) fn start(&self, model: &Classifier) -> Result<Start, Error> {
        let (finding, contrast, above) = match self {
            Self::Finding(finding) => (finding, None, None),
            Self::Contrast(finding, other) => (finding, Some(other), None),
            Self::Above { finding, probability } => (finding, None, Some(Above::new(*probability, model)?)),
        };
        let target = Target::Named(finding.clone());
        let mut starts = starts(model, &target, contrast, above.as_ref())?;
        starts.pop().ok_or(Error::SelfContrast)
    }
}

/// The findings that are asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// All findings of the model.
    All,
    /// One finding.
    Named(String),
    /// Each film's finding with the greatest logit.
    Answer,
    /// The findings that the film's row in the manifest labels as present.
    Label,
}

/// The finding that a finding is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Contrast {
    /// Each film's other finding with the greatest logit.
    Next,
    /// One finding.
    Named(String),
}

/// The questions that each of many films is asked: the same for all, or chosen by the film's answer or label.
#[derive(Clone, Debug)]
pub struct Selection {
    target: Target,
    contrast: Option<Contrast>,
    above: Option<Above>,
    /// The questions, if they are the same for all films.
    fixed: Option<Vec<Start>>,
}

impl Selection {
    /// Checks names and the probability once, before any film.
    ///
    /// # Errors
    /// [`Error::UnknownFinding`], [`Error::OneFinding`], [`Error::EqualFindings`];
    /// [`Error::ThresholdOfClasses`] and [`Error::ThresholdValue`] if `above` is set.
    pub fn new(
        model: &Classifier,
        target: Target,
        contrast: Option<Contrast>,
        above: Option<f64>,
    ) -> Result<Self, Error> {
        let above = above
            .map(|probability| Above::new(probability, model))
            .transpose()?;
        if contrast == Some(Contrast::Next) && model.findings().len() < 2 {
            return Err(Error::OneFinding {
                finding: model.findings().join(", "),
            });
        }
        let named = match &contrast {
            Some(Contrast::Named(name)) => Some(name),
            _ => None,
        };
        let of_film = matches!(target, Target::Answer | Target::Label);
        let checked = if of_film { &Target::All } else { &target };
        let starts = starts(model, checked, named, above.as_ref())?;
        let fixed = !of_film && contrast != Some(Contrast::Next);
        Ok(Self {
            target,
            contrast,
            above,
            fixed: fixed.then_some(starts),
        })
    }

    /// The questions, if they are the same for all films.
    pub fn fixed(&self) -> Option<&[Start]> {
        self.fixed.as_deref()
    }

    /// The questions to a film with these logits and labels.
    ///
    /// # Errors
    /// [`Error::NoLabelledFinding`], [`Error::SelfContrast`]: nothing is left to ask.
    pub(super) fn of(
        &self,
        findings: &[String],
        logits: impl FnOnce() -> Result<Vec<f64>, Error>,
        labels: &[String],
    ) -> Result<Vec<Start>, Error> {
        if let Some(starts) = &self.fixed {
            return Ok(starts.clone());
        }
        let logits = logits()?;
        let asked: Vec<String> = match &self.target {
            Target::All => findings.to_vec(),
            Target::Named(name) => vec![name.clone()],
            Target::Answer => likeliest(findings, &logits, None).into_iter().collect(),
            Target::Label => {
                let known = findings.iter().filter(|name| labels.contains(name));
                known.cloned().collect()
            }
        };
        if asked.is_empty() {
            return Err(Error::NoLabelledFinding {
                findings: findings.to_vec(),
            });
        }
        let start = |finding: String| match (&self.contrast, &self.above) {
            (_, Some(above)) => Some(above.start(findings, finding)),
            (Some(Contrast::Next), _) => {
                likeliest(findings, &logits, Some(&finding)).map(|other| Start::Difference(finding, other))
            }
            (Some(Contrast::Named(other)), _) => {
                (*other != finding).then(|| Start::Difference(finding, other.clone()))
            }
            (None, None) => Some(Start::Logit(finding)),
        };
        let starts: Vec<Start> = asked.into_iter().filter_map(start).collect();
        if starts.is_empty() {
            return Err(Error::SelfContrast);
        }
        Ok(starts)
    }
}

/// Films that are explained, by their answer and label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The finding with the greatest logit is labelled as present.
    Right,
    /// It is labelled as absent, or another is labelled as present.
    Wrong,
}

impl Answered {
    /// True if the film with these logits and labels is one of them. Without a label it is neither.
    pub(super) fn holds(
        self,
        model: &Classifier,
        logits: &[f64],
        present: &[String],
        absent: &[String],
    ) -> bool {
        let findings = model.findings();
        let Some(answer) = likeliest(findings, logits, None) else {
            return false;
        };
        let right = present.contains(&answer);
        match (self, model.task()) {
            (Self::Right, _) => right,
            (Self::Wrong, Task::Exclusive) => !right && findings.iter().any(|name| present.contains(name)),
            (Self::Wrong, Task::Independent) => absent.contains(&answer),
        }
    }
}

/// A probability that findings are compared with.
#[derive(Clone, Debug)]
struct Above {
    probability: f64,
    /// The divisor of each finding's logit.
    temperatures: Vec<f64>,
}

impl Above {
    fn new(probability: f64, model: &Classifier) -> Result<Self, Error> {
        if model.task() == Task::Exclusive {
            return Err(Error::ThresholdOfClasses);
        }
        if !(probability > 0.0 && probability < 1.0) {
            return Err(Error::ThresholdValue { probability });
        }
        let calibration = model.calibration().map(|applied| &applied.calibration);
        let temperature = |finding| calibration.map_or(1.0, |calibration| calibration.temperature(finding));
        Ok(Self {
            probability,
            temperatures: (0..model.findings().len()).map(temperature).collect(),
        })
    }

    fn start(&self, findings: &[String], finding: String) -> Start {
        let place = findings.iter().position(|other| *other == finding);
        Start::Threshold {
            probability: self.probability,
            temperature: place.map_or(1.0, |place| self.temperatures[place]),
            finding,
        }
    }
}

/// The finding with the greatest logit, except one.
fn likeliest(findings: &[String], logits: &[f64], except: Option<&String>) -> Option<String> {
    let others = findings
        .iter()
        .zip(logits)
        .filter(|(name, _)| Some(*name) != except);
    others
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(name, _)| name.clone())
}

fn starts(
    model: &Classifier,
    target: &Target,
    contrast: Option<&String>,
    above: Option<&Above>,
) -> Result<Vec<Start>, Error> {
    let known = |name: &str| {
        if model.findings().iter().any(|finding| finding == name) {
            return Ok(name.to_owned());
        }
        Err(Error::UnknownFinding {
            name: name.to_owned(),
            findings: model.findings().to_vec(),
        })
    };
    let findings = match target {
        Target::Named(name) => vec![known(name)?],
        _ => model.findings().to_vec(),
    };
    if let Some(above) = above {
        let start = |finding| above.start(model.findings(), finding);
        return Ok(findings.into_iter().map(start).collect());
    }
    let Some(contrast) = contrast else {
        return Ok(findings.into_iter().map(Start::Logit).collect());
    };
    let contrast = known(contrast)?;
    let others = findings.into_iter().filter(|finding| *finding != contrast);
    let starts: Vec<Start> = others
        .map(|finding| Start::Difference(finding, contrast.clone()))
        .collect();
    if starts.is_empty() {
        return Err(Error::EqualFindings { finding: contrast });
    }
    Ok(starts)
}
