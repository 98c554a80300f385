//! The sum of a map's values, which has another meaning for each method.

use pleura_nn::Ledger;

/// Meaning of the sum of a map's values.
#[derive(Clone, Debug, PartialEq)]
pub enum Account {
    /// LRP: relevance of the question's number, with the shares that layers kept.
    Ledger(Ledger),
    /// Integrated gradients: the difference to a baseline.
    Baseline {
        /// The question's number at the baseline.
        baseline: f64,
        /// Sum of all values.
        pixels: f64,
    },
    /// Gradient × input and LRP-Flex: the rest belongs to biases (and gates) and is not propagated to pixels.
    Rest {
        /// Sum of all values.
        pixels: f64,
        /// Place of the rest.
        rest: &'static str,
    },
    /// Grad-CAM and occlusion: the values do not add up to the question's number.
    NoShares {
        /// Meaning of the values, as a sentence.
        words: String,
    },
}

impl Account {
    /// Sum over the pixels; `None` if values do not add up to the question's number.
    pub fn pixels(&self) -> Option<f64> {
        match self {
            Self::Ledger(ledger) => Some(ledger.input),
            Self::Baseline { pixels, .. } | Self::Rest { pixels, .. } => Some(*pixels),
            Self::NoShares { .. } => None,
        }
    }

    /// Unexplained remainder of `value`, the question's number: rounding for LRP, rounding and the step size
    /// for integrated gradients. `None` without a closed account.
    pub fn open(&self, value: f64) -> Option<f64> {
        match self {
            Self::Ledger(ledger) => Some(ledger.residual()),
            Self::Baseline { baseline, pixels } => Some(value - baseline - pixels),
            Self::Rest { .. } | Self::NoShares { .. } => None,
        }
    }

    /// The account in one line, for a question with the number `value`.
    pub fn words(&self, value: f64) -> String {
        match self {
            Self::Ledger(ledger) => format!(
                "{:+.3} = {:+.3} in pixels {:+.3} in biases {:+.3} in stabilisers.",
                ledger.start, ledger.input, ledger.bias, ledger.epsilon
            ),
            Self::Baseline { baseline, pixels } => format!(
                "{value:+.3} = {baseline:+.3} at the baseline {pixels:+.3} in pixels, {:+.0e} open.",
                value - baseline - pixels
            ),
            Self::Rest { pixels, rest } => {
                format!("{value:+.3}: {pixels:+.3} in pixels, the rest in {rest}. No ledger.")
            }
            Self::NoShares { words } => format!("{value:+.3}, of which these are no shares. {words}"),
        }
    }

    /// Adds the account of another film; [`Account::divide`] then gives the mean. Layers are not added.
    pub fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Ledger(sum), Self::Ledger(one)) => {
                sum.start += one.start;
                sum.input += one.input;
                sum.bias += one.bias;
                sum.epsilon += one.epsilon;
                sum.entries.clear();
            }
            (
                Self::Baseline { baseline, pixels },
                Self::Baseline {
                    baseline: b,
                    pixels: p,
                },
            ) => {
                *baseline += b;
                *pixels += p;
            }
            (Self::Rest { pixels, .. }, Self::Rest { pixels: p, .. }) => *pixels += p,
            _ => {}
        }
    }

    /// Divides all sums.
    pub fn divide(&mut self, by: f64) {
        match self {
            Self::Ledger(ledger) => {
                for total in [
                    &mut ledger.start,
                    &mut ledger.input,
                    &mut ledger.bias,
                    &mut ledger.epsilon,
                ] {
                    *total /= by;
                }
                ledger.entries.clear();
            }
            Self::Baseline { baseline, pixels } => {
                *baseline /= by;
                *pixels /= by;
            }
            Self::Rest { pixels, .. } => *pixels /= by,
            Self::NoShares { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_average_and_say_what_is_open() {
        let mut sum = Account::Baseline {
            baseline: 1.0,
            pixels: 0.5,
        };
        sum.add(&Account::Baseline {
            baseline: 2.0,
            pixels: -1.5,
        });
        sum.divide(2.0);
        assert_eq!(
            (sum.pixels(), sum.open(1.25)),
            (Some(-0.5), Some(0.25)),
            "{sum:?}"
        );
        assert_eq!(
            sum.words(1.25),
            "+1.250 = +1.500 at the baseline -0.500 in pixels, +2e-1 open."
        );
        let none = Account::NoShares { words: "x".into() };
        assert_eq!((none.pixels(), none.open(3.0)), (None, None));
    }
}
