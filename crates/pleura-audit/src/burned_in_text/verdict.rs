//! What may be said, and no more.

use pleura_eval::{Difference, Estimate};
use serde::{Deserialize, Serialize};

use super::experiment::{Covering, Swap};

/// What an effect and its interval allow to say, beside the effect that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// There is an effect, at least as large as what matters on these films.
    Matters,
    /// There is an effect, smaller on these films than what matters.
    Small,
    /// Whether there is one is open; one that matters is ruled out.
    RuledOut,
    /// Neither no effect nor one that matters is ruled out.
    Open,
    /// The effect goes the other way.
    Reverse,
    /// It could not be measured.
    Unmeasured,
}

/// The judgements, and sentences that say them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The effect that matters, a share.
    pub threshold: f64,
    /// Of covering words rather than patches.
    pub covering: Judgement,
    /// Of pasting words rather than patches.
    pub swap: Option<Judgement>,
    /// Whether either matters.
    pub failed: bool,
    /// In words.
    pub sentences: Vec<String>,
}

impl Judgement {
    /// Judges an effect with its interval; `changed` is the share of answers that differ at all, whose upper bound stands in where the
    /// bootstrap had nothing to vary.
    fn of(effect: &Estimate, changed: Option<&Estimate>, threshold: f64) -> Self {
        let (Some(value), Some((low, high))) = (effect.value, effect.low.zip(effect.high)) else {
            return Self::Unmeasured;
        };
        let (low, high) = if low == 0.0 && high == 0.0 {
            let most = changed.and_then(|changed| changed.high).unwrap_or(1.0);
            (-most, most)
        } else {
            (low, high)
        };
        if low > 0.0 {
            if value >= threshold {
                Self::Matters
            } else {
                Self::Small
            }
        } else if high < 0.0 {
            Self::Reverse
        } else if high < threshold {
            Self::RuledOut
        } else {
            Self::Open
        }
    }
}

impl Verdict {
    pub(super) fn of(covering: &Covering, swap: Option<&Swap>, threshold: f64) -> Self {
        let by_covering = Judgement::of(&covering.worth.difference, Some(&covering.changed), threshold);
        let by_swap =
            swap.map(|swap| Judgement::of(&swap.excess.difference, Some(&swap.words_moved), threshold));
        let points = points(threshold);
        let mut sentences = vec![format!(
            "Covering words rather than as much of anything else costs {} of {}: {}.",
            spoken(&covering.worth),
            covering.metric,
            match by_covering {
                Judgement::Matters =>
                    format!("the answers use the words, by {points} or more on these films"),
                Judgement::Small =>
                    format!("the answers use the words, by less than {points} on these films"),
                Judgement::RuledOut => format!(
                    "no use of the words is shown, and one worth {points} is not compatible with these films"
                ),
                Judgement::Open => format!(
                    "these films can tell neither that words are used nor that they are not worth {points}"
                ),
                Judgement::Reverse => "the answers are better without the words".to_owned(),
                Judgement::Unmeasured => "nothing can be said".to_owned(),
            }
        )];
        if let (Some(swap), Some(judgement)) = (swap, by_swap) {
            sentences.push(format!(
                "Pasted words moved {} of {} answers to the class they came from, pasted patches {}; {} more by words: {}.",
                swap.words_moved.right.unwrap_or(0),
                swap.trials,
                swap.patches_moved.right.unwrap_or(0),
                spoken(&swap.excess),
                match judgement {
                    Judgement::Matters => format!("answers follow the words, {points} or more of them"),
                    Judgement::Small => format!("answers follow the words, less than {points} of them"),
                    Judgement::RuledOut => format!("that answers follow words is not shown, and {points} of them are not compatible with these films"),
                    Judgement::Open => format!("these films can tell neither that answers follow words nor that fewer than {points} do"),
                    Judgement::Reverse => "patches move more answers than words".to_owned(),
                    Judgement::Unmeasured => "nothing can be said".to_owned(),
                }
            ));
        }
        sentences.push("Only words that were found are covered and pasted; the rest of the film may hold other shortcuts.".to_owned());
        let failed = [Some(by_covering), by_swap].contains(&Some(Judgement::Matters));
        Self {
            threshold,
            covering: by_covering,
            swap: by_swap,
            failed,
            sentences,
        }
    }
}

/// A share in percentage points.
fn points(share: f64) -> String {
    let points = 100.0 * share;
    // No minus sign before a zero.
    let points = if points.abs() < 0.05 { 0.0 } else { points };
    format!("{points:.1} points")
}

fn spoken(difference: &Difference) -> String {
    let measured = &difference.difference;
    let Some(value) = measured.value else {
        return "an undefined part".to_owned();
    };
    match measured.low.zip(measured.high) {
        Some((low, high)) => format!(
            "{} ({:.0} % {} to {})",
            points(value),
            100.0 * measured.level,
            points(low).trim_end_matches(" points"),
            points(high).trim_end_matches(" points")
        ),
        None => format!("{} (no interval)", points(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            value: Some(value),
            low: Some(low),
            high: Some(high),
            ..Estimate::undefined(0.95)
        }
    }

    #[test]
    fn a_judgement_says_no_more_than_the_interval() {
        let of = |value, low, high| Judgement::of(&measured(value, low, high), None, 0.05);
        assert_eq!(of(0.2, 0.1, 0.3), Judgement::Matters);
        assert_eq!(of(0.03, 0.01, 0.06), Judgement::Small);
        assert_eq!(of(0.01, -0.02, 0.04), Judgement::RuledOut);
        assert_eq!(of(0.03, -0.02, 0.08), Judgement::Open);
        assert_eq!(of(-0.03, -0.06, -0.01), Judgement::Reverse);
        assert_eq!(
            Judgement::of(&Estimate::undefined(0.95), None, 0.05),
            Judgement::Unmeasured
        );
    }

    #[test]
    fn no_change_on_few_films_rules_little_out() {
        let none = measured(0.0, 0.0, 0.0);
        let of = |high| Judgement::of(&none, Some(&measured(0.0, 0.0, high)), 0.05);
        assert_eq!((of(0.3), of(0.02)), (Judgement::Open, Judgement::RuledOut));
    }
}
