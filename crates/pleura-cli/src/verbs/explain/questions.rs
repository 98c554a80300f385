//! What is asked of a film, and how exactly.

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura::Classifier;
use pleura_eval::{Calibration, Kind};
use pleura_explain::score::{Scorer, Settings};
use pleura_explain::{Explanation, Method, Start};
use pleura_nn::{Cpu, Network, Reference};

use super::score::AnyScorer;

/// Questions.
#[derive(clap::Args)]
pub struct QuestionArgs {
    /// The finding to explain; `all`; `answer`, each film's likeliest; or `label`, what the manifest says is there.
    #[arg(long, default_value = "all", value_name = "NAME|all|answer|label")]
    finding: String,
    /// Explain the finding rather than this one, or rather than the `next`, the film's likeliest other: relevance of the difference of their
    /// logits.
    #[arg(long, value_name = "NAME|next", conflicts_with = "threshold")]
    minus: Option<String>,
    /// Explain why the finding is above this probability, such as the one that decides: relevance of its logit less the probability's. For
    /// findings that stand for themselves.
    #[arg(long, value_name = "PROBABILITY")]
    threshold: Option<f64>,
    /// Only films whose likeliest finding is right, or wrong, by the manifest's labels; where these do not tell, it is neither.
    #[arg(long, value_enum)]
    answered: Option<Answered>,
    /// In double precision, by plain loops: some hundred times as slow.
    #[arg(long)]
    exact: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Answered {
    /// The label says it is there.
    Right,
    /// The label says that it is not there, or that another is.
    Wrong,
}

/// What is asked of every film, or follows from its answer or its label.
pub(super) enum Questions {
    Same(Vec<Start>),
    OfFilm {
        finding: Which,
        minus: Option<Other>,
        above: Option<Above>,
    },
}

/// A probability that findings are to be above.
#[derive(Clone)]
pub struct Above {
    probability: f64,
    /// What each finding's logit is divided by before it becomes a probability.
    temperatures: Vec<f64>,
}

impl Above {
    /// # Errors
    /// Of findings that exclude each other; what is no probability.
    pub fn new(probability: f64, model: &Classifier, calibration: Option<&Calibration>) -> Result<Self> {
        if model.task() == Kind::Exclusive {
            bail!(
                "--threshold is for findings that stand for themselves, and this model's exclude each other; say --minus NAME to explain one \
                 class rather than another"
            );
        }
        if !(probability > 0.0 && probability < 1.0) {
            bail!("--threshold {probability}: say a probability between 0 and 1");
        }
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

#[derive(Clone)]
pub(super) enum Which {
    Named(Vec<String>),
    Answer,
    Label,
}

#[derive(Clone)]
pub(super) enum Other {
    Named(String),
    Next,
}

impl QuestionArgs {
    /// What is asked.
    ///
    /// # Errors
    /// Findings that the model does not have, questions that ask nothing.
    pub(super) fn questions(
        &self,
        model: &Classifier,
        calibration: Option<&Calibration>,
        labelled: bool,
    ) -> Result<Questions> {
        let above = self
            .threshold
            .map(|probability| Above::new(probability, model, calibration))
            .transpose()?;
        if self.answered.is_some() && !labelled {
            bail!("--answered: what is right stands in a manifest; give one with --manifest");
        }
        let finding = match self.finding.as_str() {
            "answer" => Which::Answer,
            "label" if labelled => Which::Label,
            "label" => bail!("--finding label: labels stand in a manifest; give one with --manifest"),
            _ => Which::Named(Vec::new()),
        };
        let next = self.minus.as_deref() == Some("next");
        let findings = model.findings();
        if next && findings.len() < 2 {
            bail!(
                "--minus next: the model has one finding alone, {}",
                findings.join(", ")
            );
        }
        if let (Which::Named(_), false) = (&finding, next) {
            let starts = starts(model, &self.finding, self.minus.as_ref(), above.as_ref())?;
            return Ok(Questions::Same(starts));
        }
        // Names are checked once, before any film.
        let minus = self.minus.as_ref().filter(|_| !next);
        let named = match finding {
            Which::Named(_) => self.finding.as_str(),
            Which::Answer | Which::Label => "all",
        };
        let named = starts(model, named, minus, above.as_ref())?;
        Ok(Questions::OfFilm {
            finding: match finding {
                Which::Named(_) => Which::Named(
                    named
                        .iter()
                        .filter_map(|start| start.finding().map(str::to_owned))
                        .collect(),
                ),
                finding => finding,
            },
            minus: if next {
                Some(Other::Next)
            } else {
                minus.cloned().map(Other::Named)
            },
            above,
        })
    }

    /// Whether a film with these logits and labels (what is there, and what is not) is one of those that are wanted.
    pub(super) fn wants(
        &self,
        model: &Classifier,
        logits: impl FnOnce() -> Result<Vec<f64>>,
        labels: &[String],
        absent: &[String],
    ) -> Result<bool> {
        let Some(answered) = self.answered else {
            return Ok(true);
        };
        let findings = model.findings();
        let Some(answer) = likeliest(findings, &logits()?, None) else {
            return Ok(false);
        };
        let right = labels.contains(&answer);
        Ok(match (answered, model.task()) {
            (Answered::Right, _) => right,
            (Answered::Wrong, Kind::Exclusive) => !right && findings.iter().any(|name| labels.contains(name)),
            (Answered::Wrong, Kind::Independent) => absent.contains(&answer),
        })
    }

    /// The network, as exact as asked for.
    ///
    /// # Errors
    /// As [`Model::network`]; composites that do not fit the network.
    pub(super) fn engine<'m>(&self, model: &'m Classifier, methods: &[Method]) -> Result<Engine<'m>> {
        for method in methods {
            method.check(&model.weights().architecture)?;
        }
        if self.exact {
            let network = Network::new(Reference, model.weights())
                .with_context(|| format!("{}: cannot set up the network", model.path().display()))?;
            return Ok(Engine::Exact(Box::new(network)));
        }
        Ok(Engine::Fast(model.network()?))
    }
}

impl Questions {
    /// What is asked of a film with these logits and labels.
    ///
    /// # Errors
    /// Where nothing is left to ask.
    pub(super) fn of(
        &self,
        findings: &[String],
        logits: impl FnOnce() -> Result<Vec<f64>>,
        labels: &[String],
    ) -> Result<Vec<Start>> {
        let (finding, minus, above) = match self {
            Self::Same(starts) => return Ok(starts.clone()),
            Self::OfFilm {
                finding,
                minus,
                above,
            } => (finding, minus, above),
        };
        let logits = logits()?;
        let asked: Vec<String> = match finding {
            Which::Named(names) => names.clone(),
            Which::Answer => likeliest(findings, &logits, None).into_iter().collect(),
            Which::Label => {
                let known = findings.iter().filter(|name| labels.contains(name));
                known.cloned().collect()
            }
        };
        if asked.is_empty() {
            bail!(
                "its row says of none of the model's findings ({}) that it is there; ask by --finding answer, or by name",
                findings.join(", ")
            );
        }
        let start = |finding: String| match (minus, above) {
            (_, Some(above)) => Some(above.start(findings, finding)),
            (Some(Other::Next), _) => {
                likeliest(findings, &logits, Some(&finding)).map(|other| Start::Difference(finding, other))
            }
            (Some(Other::Named(other)), _) => {
                (*other != finding).then(|| Start::Difference(finding, other.clone()))
            }
            (None, None) => Some(Start::Logit(finding)),
        };
        let starts: Vec<Start> = asked.into_iter().filter_map(start).collect();
        if starts.is_empty() {
            bail!("what is asked about is what it shall be compared with; ask with --minus next");
        }
        Ok(starts)
    }
}

/// The finding with the greatest logit, but for one.
fn likeliest(findings: &[String], logits: &[f64], but: Option<&String>) -> Option<String> {
    let others = findings.iter().zip(logits).filter(|(name, _)| Some(*name) != but);
    others
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(name, _)| name.clone())
}

/// Where relevance starts: at one finding or `all`, rather than at another, above a probability.
///
/// # Errors
/// Findings that the model does not have, questions that ask nothing.
pub fn starts(
    model: &Classifier,
    finding: &str,
    minus: Option<&String>,
    above: Option<&Above>,
) -> Result<Vec<Start>> {
    let known = |name: &str| {
        if model.findings().iter().any(|finding| finding == name) {
            return Ok(name.to_owned());
        }
        bail!(
            "the model has no finding {name:?}; it has {}",
            model.findings().join(", ")
        )
    };
    let findings = match finding {
        "all" => model.findings().to_vec(),
        _ => vec![known(finding)?],
    };
    if let Some(above) = above {
        let start = |finding| above.start(model.findings(), finding);
        return Ok(findings.into_iter().map(start).collect());
    }
    let Some(minus) = minus else {
        return Ok(findings.into_iter().map(Start::Logit).collect());
    };
    let minus = known(minus)?;
    let others = findings.into_iter().filter(|finding| *finding != minus);
    let starts: Vec<Start> = others
        .map(|finding| Start::Difference(finding, minus.clone()))
        .collect();
    if starts.is_empty() {
        bail!("--finding and --minus are both {minus:?}: their difference is nothing; choose two findings");
    }
    Ok(starts)
}

/// A network that explains itself.
pub(super) enum Engine<'m> {
    /// In single precision.
    Fast(&'m Network),
    /// In double precision.
    Exact(Box<Network<Reference>>),
}

impl Engine<'_> {
    /// As [`Method::explain`].
    pub(super) fn explain(
        &self,
        grey: &[f32],
        size: usize,
        method: &Method,
        starts: &[Start],
    ) -> Result<Explanation, pleura_explain::Error> {
        match self {
            Self::Fast(network) => method.explain(network, grey, size, starts),
            Self::Exact(network) => method.explain(network, grey, size, starts),
        }
    }

    /// The logits of a film.
    pub(super) fn logits(&self, grey: &[f32], size: usize) -> Result<Vec<f64>> {
        Ok(match self {
            Self::Fast(network) => network.infer(grey, 1, size)?.into_iter().map(f64::from).collect(),
            Self::Exact(network) => network.infer(grey, 1, size)?,
        })
    }

    /// What measures this network's heatmaps.
    pub(super) fn scorer(&self, settings: Settings) -> Result<AnyScorer<'_>> {
        Ok(match self {
            Self::Fast(network) => AnyScorer::Fast(Scorer::new(network, settings, Cpu::new)?),
            Self::Exact(network) => AnyScorer::Exact(Scorer::new(network, settings, || Reference)?),
        })
    }
}
