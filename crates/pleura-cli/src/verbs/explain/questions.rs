//! The options that select questions.

use anyhow::{Result, bail};
use clap::ValueEnum;
use pleura::Classifier;
use pleura::explain::{Answered, Contrast, Selection, Target};

/// Questions.
#[derive(clap::Args)]
pub(super) struct QuestionArgs {
    /// The finding to explain; `all`; `answer` for each film's most probable finding; or `label` for the
    /// manifest's.
    #[arg(long, default_value = "all", value_name = "NAME|all|answer|label")]
    finding: String,
    /// Explain the difference to this finding's logit, or to that of `next`, the film's second most probable
    /// finding.
    #[arg(long, alias = "minus", value_name = "NAME|next", conflicts_with = "threshold")]
    contrast: Option<String>,
    /// Explain why the finding is above this probability, such as its decision threshold: the logit minus the
    /// probability's logit. Independent findings only.
    #[arg(long, value_name = "PROBABILITY")]
    threshold: Option<f64>,
    /// Only films whose most probable finding is right, or wrong, by the manifest's labels; films without a
    /// label are neither.
    #[arg(long, value_enum)]
    answered: Option<AnsweredChoice>,
    /// Compute in double precision with plain loops: about a hundred times slower.
    #[arg(long)]
    pub(super) exact: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnsweredChoice {
    /// The label is present.
    Right,
    /// The label is absent, or another class.
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
