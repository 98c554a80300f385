//! Reliance on burned-in text, as a check.

use pleura_eval::Estimate;

use crate::Thresholds;
use crate::burned_in_text::{Judgement, Outcome};
use crate::check::{Check, CheckInfo, Figure, Verdict, literature};

const WORDS: CheckInfo = CheckInfo {
    name: "words",
    asks: "Do answers depend on burned-in text?",
    remedy: "cover text in training and in use; pleura audit text lists the films",
    literature: &[literature::BASSI, literature::DEGRAVE],
};

/// The check for the outcome of the experiment, or for the reason why it has none.
pub fn text_reliance(outcome: Result<&Outcome, String>, thresholds: &Thresholds) -> Check {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(why) => return WORDS.impossible(why),
    };
    let judged = [Some(outcome.verdict.covering), outcome.verdict.swap];
    let Some(verdict) = loudest(judged.into_iter().flatten()) else {
        return WORDS.impossible(outcome.verdict.sentences.join(" "));
    };
    let line = |name: &str, measured: &Estimate| {
        let interval = measured.low.zip(measured.high)?;
        Some((name.to_owned(), measured.value?, interval))
    };
    let covering = &outcome.covering;
    let lines = [
        line("as they are", &covering.shown),
        line("text covered", &covering.covered),
        line("equal area elsewhere covered", &covering.patched),
    ];
    Check {
        value: covering.worth.difference.value,
        threshold: Some(thresholds.words),
        figure: Some(Figure::Intervals {
            axis: covering.metric.clone(),
            lines: lines.into_iter().flatten().collect(),
        }),
        ..WORDS.says(verdict, outcome.verdict.sentences.join(" "))
    }
}

/// The gravest verdict of the judgements that could be made.
fn loudest(judged: impl Iterator<Item = Judgement>) -> Option<Verdict> {
    let verdicts = judged.filter_map(|judgement| match judgement {
        Judgement::Matters => Some(Verdict::Alarm),
        Judgement::Small | Judgement::Open => Some(Verdict::Note),
        Judgement::RuledOut | Judgement::Reverse => Some(Verdict::Pass),
        Judgement::Unmeasured => None,
    });
    verdicts.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_or_was_not_measured_is_not_quiet() {
        let of = |judged: &[Judgement]| loudest(judged.iter().copied());
        assert_eq!(of(&[Judgement::Unmeasured]), None);
        assert_eq!(of(&[Judgement::Unmeasured, Judgement::Unmeasured]), None);
        assert_eq!(of(&[Judgement::Open, Judgement::RuledOut]), Some(Verdict::Note));
        assert_eq!(
            of(&[Judgement::Reverse, Judgement::Unmeasured]),
            Some(Verdict::Pass)
        );
        assert_eq!(of(&[Judgement::Open, Judgement::Matters]), Some(Verdict::Alarm));
    }
}
