//! What is asked of a film, by which rules, and how exactly.

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura_eval::Kind;
use pleura_explain::{Composite, Explanation, Start, explain};
use pleura_nn::relevance::Bias;
use pleura_nn::{Network, Reference};

use crate::model::Model;

/// Questions and rules.
#[derive(clap::Args)]
pub struct QuestionArgs {
    /// Rules of relevance, by name or as a TOML file of one's own; several are joined by commas. Names: epsilon-plus-flat,
    /// epsilon-alpha2-beta1-flat, epsilon-gamma-box, epsilon-box, lrp-0; wrong-norm-pass to compare with.
    #[arg(long, value_name = "NAMES|FILE.toml", value_delimiter = ',', default_value = pleura_explain::composite::NAMES[0])]
    composite: Vec<String>,
    /// What becomes of the share that biases have in an answer; else what the composite says, which is `ledger` for all with a name.
    #[arg(long, value_enum)]
    bias: Option<BiasChoice>,
    /// The finding to explain, or `all`.
    #[arg(long, default_value = "all", value_name = "NAME|all")]
    finding: String,
    /// Explain the finding rather than this one: relevance of the difference of their logits.
    #[arg(long, value_name = "NAME", conflicts_with = "threshold")]
    minus: Option<String>,
    /// Explain why the finding is above this probability, such as the one that decides: relevance of its logit less the probability's. For
    /// findings that stand for themselves.
    #[arg(long, value_name = "PROBABILITY")]
    threshold: Option<f64>,
    /// In double precision, by plain loops: some hundred times as slow.
    #[arg(long)]
    exact: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BiasChoice {
    /// Biases keep their share; the ledger says how much it is.
    Ledger,
    /// Biases count as zero where relevance is shared out.
    Zero,
    /// The inputs of a layer take its biases' share in equal parts.
    Absorb,
}

impl From<BiasChoice> for Bias {
    fn from(choice: BiasChoice) -> Self {
        match choice {
            BiasChoice::Ledger => Self::Ledger,
            BiasChoice::Zero => Self::Zero,
            BiasChoice::Absorb => Self::Absorb,
        }
    }
}

impl QuestionArgs {
    /// The composites asked for, each once.
    ///
    /// # Errors
    /// Names that are not known, files that are no composites.
    pub fn composites(&self) -> Result<Vec<Composite>> {
        let mut composites: Vec<Composite> = Vec::new();
        for name in &self.composite {
            let mut composite = Composite::find(name)?;
            if let Some(bias) = self.bias {
                composite = composite.with_bias(bias.into());
            }
            // Twice the same would be written to the same files.
            if !composites.iter().any(|other| other.name() == composite.name()) {
                composites.push(composite);
            }
        }
        Ok(composites)
    }

    /// Where relevance starts.
    ///
    /// # Errors
    /// Findings that the model does not have, questions that ask nothing.
    pub fn starts(&self, model: &Model) -> Result<Vec<Start>> {
        starts(model, &self.finding, self.minus.as_ref(), self.threshold)
    }

    /// The network, as exact as asked for.
    ///
    /// # Errors
    /// As [`Model::network`]; composites that do not fit the network.
    pub fn engine(&self, model: &Model, composites: &[Composite]) -> Result<Engine> {
        for composite in composites {
            composite.rules(&model.weights.architecture)?;
        }
        if self.exact {
            let network = Network::new(Reference, &model.weights)
                .with_context(|| format!("{}: cannot set up the network", model.path.display()))?;
            return Ok(Engine::Exact(Box::new(network)));
        }
        Ok(Engine::Fast(Box::new(model.network()?)))
    }
}

/// Where relevance starts: at one finding or `all`, rather than at another, above a probability.
///
/// # Errors
/// Findings that the model does not have, questions that ask nothing.
pub fn starts(
    model: &Model,
    finding: &str,
    minus: Option<&String>,
    threshold: Option<f64>,
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
    if let Some(probability) = threshold {
        if model.kind == Kind::Exclusive {
            bail!(
                "--threshold is for findings that stand for themselves, and this model's exclude each other; say --minus NAME to explain one \
                 class rather than another"
            );
        }
        if !(probability > 0.0 && probability < 1.0) {
            bail!("--threshold {probability}: say a probability between 0 and 1");
        }
        let above = |finding| Start::Threshold(finding, probability);
        return Ok(findings.into_iter().map(above).collect());
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
pub enum Engine {
    /// In single precision.
    Fast(Box<Network>),
    /// In double precision.
    Exact(Box<Network<Reference>>),
}

impl Engine {
    /// As [`explain`].
    ///
    /// # Errors
    /// As [`explain`].
    pub fn explain(
        &self,
        grey: &[f32],
        size: usize,
        composite: &Composite,
        starts: &[Start],
    ) -> Result<Explanation, pleura_explain::Error> {
        match self {
            Self::Fast(network) => explain(network, grey, size, composite, starts),
            Self::Exact(network) => explain(network, grey, size, composite, starts),
        }
    }
}
