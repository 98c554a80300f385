//! The words experiment as a check.

use pleura_eval::Measured;

use crate::Thresholds;
use crate::check::{Asked, Check, Figure, Verdict, literature};
use crate::words::{Judgement, Outcome};

const WORDS: Asked = Asked {
    name: "words",
    asks: "Do answers hang on words and markers?",
    remedy: "cover lettering in training and in use; see pleura audit words for which films",
    literature: &[literature::BASSI, literature::DEGRAVE],
};

/// The outcome of the experiment, or why there is none.
pub fn use_of_words(outcome: Result<&Outcome, String>, thresholds: &Thresholds) -> Check {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(why) => return WORDS.impossible(why),
    };
    let judged = [Some(outcome.verdict.covering), outcome.verdict.swap];
    let any = |judgement: Judgement| judged.contains(&Some(judgement));
    let verdict = if any(Judgement::Matters) {
        Verdict::Alarm
    } else if any(Judgement::Small) {
        Verdict::Note
    } else {
        Verdict::Quiet
    };
    let line = |name: &str, measured: &Measured| {
        let interval = measured.low.zip(measured.high)?;
        Some((name.to_owned(), measured.value?, interval))
    };
    let covering = &outcome.covering;
    let lines = [
        line("as they are", &covering.shown),
        line("words covered", &covering.covered),
        line("as much elsewhere covered", &covering.patched),
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
