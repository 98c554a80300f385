//! The options that select questions.

use anyhow::{Result, bail};
use clap::ValueEnum;
use pleura::Classifier;
use pleura::explain::{Answered, Contrast, Selection, Target};

/// Questions.
#[derive(clap::Args)]
pub(super) struct QuestionArgs {
    /// The finding to explain; `all`; `answer`, each film's likeliest; or `label`, what the manifest says is there.
    #[arg(long, default_value = "all", value_name = "NAME|all|answer|label")]
    finding: String,
    /// Explain the finding rather than this one, or rather than the `next`, the film's likeliest other: relevance of the difference of their
    /// logits.
    #[arg(long, alias = "minus", value_name = "NAME|next", conflicts_with = "threshold")]
    contrast: Option<String>,
    /// Explain why the finding is above this probability, such as the one that decides: relevance of its logit less the probability's. For
    /// findings that stand for themselves.
    #[arg(long, value_name = "PROBABILITY")]
    threshold: Option<f64>,
    /// Only films whose likeliest finding is right, or wrong, by the manifest's labels; where these do not tell, it is neither.
    #[arg(long, value_enum)]
    answered: Option<AnsweredChoice>,
    /// In double precision, by plain loops: some hundred times as slow.
    #[arg(long)]
    pub(super) exact: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnsweredChoice {
    /// The label says it is there.
    Right,
    /// The label says that it is not there, or that another is.
    Wrong,
}

impl QuestionArgs {
    /// The questions. Labels are needed for some.
    pub(super) fn selection(&self, model: &Classifier, labelled: bool) -> Result<Selection> {
        if self.answered.is_some() && !labelled {
            bail!("--answered: what is right stands in a manifest; give one with --manifest");
        }
        let target = match self.finding.as_str() {
            "all" => Target::All,
            "answer" => Target::Answer,
            "label" if labelled => Target::Label,
            "label" => bail!("--finding label: labels stand in a manifest; give one with --manifest"),
            name => Target::Named(name.to_owned()),
        };
        let contrast = self.contrast.as_deref().map(|name| match name {
            "next" => Contrast::Next,
            name => Contrast::Named(name.to_owned()),
        });
        Ok(Selection::new(model, target, contrast, self.threshold)?)
    }

    /// The films that are explained, by their answers.
    pub(super) fn only(&self) -> Option<Answered> {
        self.answered.map(|answered| match answered {
            AnsweredChoice::Right => Answered::Right,
            AnsweredChoice::Wrong => Answered::Wrong,
        })
    }
}
