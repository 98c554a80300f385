//! Conclusions of the experiment.

use pleura_eval::{Difference, Estimate};
use serde::{Deserialize, Serialize};

use super::experiment::{Covering, Swap};

/// Conclusion from an effect and its interval, relative to the effect that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// An effect is shown; on these films it is as large as what matters, or larger.
    Matters,
    /// An effect is shown; on these films it is smaller than what matters.
    Small,
    /// No effect is shown; one that matters is ruled out.
    RuledOut,
    /// No effect is shown; one that matters is not ruled out.
    Open,
    /// The effect has the opposite direction.
    Reverse,
    /// The effect could not be measured.
    Unmeasured,
}

/// The judgements, and sentences that state them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The effect that matters, as a share.
    pub threshold: f64,
    /// Judgement on covering text rather than patches.
    pub covering: Judgement,
    /// Judgement on pasting text rather than patches.
    pub swap: Option<Judgement>,
    /// True if either effect matters.
    pub failed: bool,
    /// The conclusion in sentences.
    pub sentences: Vec<String>,
}

impl Judgement {
    /// Judges an effect with its interval. `changed` is the share of changed answers; its upper bound
    /// replaces the interval if no answer varies in the bootstrap.
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
            "Covering text costs {} of {} more than covering equal areas elsewhere: {}.",
            spoken(&covering.worth),
            covering.metric,
            match by_covering {
                Judgement::Matters =>
                    format!("the answers depend on the text, by {points} or more on these films"),
                Judgement::Small =>
                    format!("the answers depend on the text, by less than {points} on these films"),
                Judgement::RuledOut => format!(
                    "no dependence on the text is shown, and one of {points} is not compatible with these films"
                ),
                Judgement::Open =>
                    format!("these films show neither a dependence on text nor exclude one of {points}"),
                Judgement::Reverse => "the answers are better without the text".to_owned(),
                Judgement::Unmeasured => "no conclusion is possible".to_owned(),
            }
        )];
        if let (Some(swap), Some(judgement)) = (swap, by_swap) {
            sentences.push(format!(
                "Pasted text moved {} of {} answers to its class, pasted patches {}; {} more by text: {}.",
                swap.words_moved.right.unwrap_or(0),
                swap.trials,
                swap.patches_moved.right.unwrap_or(0),
                spoken(&swap.excess),
                match judgement {
                    Judgement::Matters => format!("answers follow the text, {points} or more of them"),
                    Judgement::Small => format!("answers follow the text, less than {points} of them"),
                    Judgement::RuledOut => format!("no effect of the text is shown, and one of {points} is not compatible with these films"),
                    Judgement::Open => format!("these films show neither an effect of text nor exclude one of {points}"),
                    Judgement::Reverse => "patches move more answers than text".to_owned(),
                    Judgement::Unmeasured => "no conclusion is possible".to_owned(),
                }
            ));
        }
        sentences.push(
            "Only detected text is covered and pasted; the rest of the film may hold other shortcuts."
                .to_owned(),
        );
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
        return "an undefined share".to_owned();
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
