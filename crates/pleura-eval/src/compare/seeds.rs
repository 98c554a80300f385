//! Two recipes, each trained with the same seeds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::beta::student_t_quantile;
use crate::text::sentences::{count, number, percent, signed};
use crate::{Error, Estimate, Method};

/// Maximum number of pairs for the exact sign-flip test.
const MOST_FLIPPED: usize = 20;

/// Difference of two recipes over paired runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedSeeds {
    /// Candidate minus baseline, by pair.
    pub differences: Vec<f64>,
    /// Mean difference with Student's t interval (`n` and `patients` count pairs). It assumes roughly normal
    /// differences, which a few seeds cannot show.
    pub mean: Estimate,
    /// Number of pairs in which the candidate is better.
    pub ahead: usize,
    /// Two-sided p of the sign-flip test (R. A. Fisher, The Design of Experiments, 1935): the share of all 2ⁿ
    /// sign choices whose mean is at least as far from 0. `None` above 20 pairs.
    pub sign_flip_p: Option<f64>,
    /// The smallest p possible with this many pairs, 2/2ⁿ: 0.25 for three.
    pub smallest_p: f64,
}

/// Compares two recipes by one number per run (for example test accuracy), paired by seed: `baseline[i]` and
/// `candidate[i]` differ only in the recipe. Needs three pairs or more, all finite.
///
/// This measures training noise on one test set only; [`compare`](crate::compare) measures the sampling of
/// films.
pub fn paired_seeds(baseline: &[f64], candidate: &[f64], level: f64) -> Result<PairedSeeds, Error> {
    let pairs = baseline.len();
    if pairs != candidate.len() || pairs < 3 {
        let message = format!(
            "{pairs} and {} runs, expected equally many, three pairs or more",
            candidate.len()
        );
        return Err(Error::Unpaired { message });
    }
    if let Some(value) = baseline.iter().chain(candidate).find(|value| !value.is_finite()) {
        return Err(Error::Unpaired {
            message: format!("a run's result is {value}, expected a finite number"),
        });
    }
    if !(level > 0.0 && level < 1.0) {
        let expected = "a number between 0 and 1, such as 0.95".to_owned();
        return Err(Error::Setting {
            name: "level",
            found: level.to_string(),
            expected,
        });
    }
    let differences: Vec<f64> = candidate
        .iter()
        .zip(baseline)
        .map(|(after, before)| after - before)
        .collect();
    let n = pairs as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences
        .iter()
        .map(|difference| (difference - mean).powi(2))
        .sum::<f64>()
        / (n - 1.0);
    // Equal differences give no estimate of spread; an interval without width would be false certainty.
    let spread = (variance > 0.0).then(|| student_t_quantile(n - 1.0, level) * (variance / n).sqrt());
    Ok(PairedSeeds {
        mean: Estimate {
            value: Some(mean),
            low: spread.map(|half| mean - half),
            high: spread.map(|half| mean + half),
            method: if spread.is_some() {
                Method::StudentT
            } else {
                Method::None
            },
            n: pairs,
            patients: pairs,
            ..Estimate::undefined(level)
        },
        ahead: differences.iter().filter(|&&difference| difference > 0.0).count(),
        sign_flip_p: (pairs <= MOST_FLIPPED).then(|| sign_flips(&differences)),
        smallest_p: (1.0 - n).exp2(),
        differences,
    })
}

impl PairedSeeds {
    /// The result and its limits, in sentences.
    pub fn lines(&self) -> Vec<String> {
        let pairs = self.differences.len();
        let mean = self.mean.value.map(signed).unwrap_or_default();
        let interval = match self.mean.low.zip(self.mean.high) {
            Some((low, high)) => {
                let level = percent(self.mean.level);
                format!("{level} {} to {} by Student's t", signed(low), signed(high))
            }
            None => "no interval: the pairs do not differ among themselves".to_owned(),
        };
        let ahead = self.ahead;
        let mut lines = vec![format!(
            "mean difference {mean} ({interval}); ahead in {ahead} of {}",
            count(pairs, "pair")
        )];
        if let Some(p) = self.sign_flip_p {
            lines.push(format!("sign-flip test p = {}", number(p)));
        }
        if self.smallest_p > 0.05 {
            lines.push(format!(
                "with {pairs} pairs no p below {} is possible: a hint at most, not a proof; six pairs or more \
                 can go below 0.05",
                number(self.smallest_p)
            ));
        }
        lines
    }
}

fn sign_flips(differences: &[f64]) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    // Sums that are equal on paper may differ by rounding.
    let slack = 1e-12 * differences.iter().map(|difference| difference.abs()).sum::<f64>();
    let choices = 1_u32 << differences.len();
    let extreme = (0..choices)
        .filter(|choice| {
            let sum: f64 = differences
                .iter()
                .enumerate()
                .map(|(pair, difference)| {
                    if choice >> pair & 1 == 1 {
                        -difference
                    } else {
                        *difference
                    }
                })
                .sum();
            sum.abs() >= observed - slack
        })
        .count();
    extreme as f64 / f64::from(choices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_seeds_by_hand() {
        let compared = paired_seeds(&[0.70, 0.72, 0.71], &[0.74, 0.74, 0.74], 0.95).unwrap();
        // Differences 0.04, 0.02, 0.03: mean 0.03, deviation 0.01; t(2) = 4.302653 at 95 %.
        let half = 4.302_652_729_911_275 * 0.01 / 3.0_f64.sqrt();
        assert!((compared.mean.value.unwrap() - 0.03).abs() < 1e-15);
        assert!((compared.mean.low.unwrap() - (0.03 - half)).abs() < 1e-12);
        assert!((compared.mean.high.unwrap() - (0.03 + half)).abs() < 1e-12);
        assert_eq!(
            (compared.ahead, compared.sign_flip_p, compared.smallest_p),
            (3, Some(0.25), 0.25)
        );
        let lines = compared.lines().join("\n");
        assert!(
            lines.contains("+0.030") && lines.contains("ahead in 3 of 3 pairs"),
            "{lines}"
        );
        assert!(lines.contains("no p below 0.250 is possible"), "{lines}");
    }

    #[test]
    fn equal_runs_have_no_interval() {
        let compared = paired_seeds(&[1.0; 6], &[1.0; 6], 0.95).unwrap();
        assert_eq!((compared.mean.value, compared.mean.low), (Some(0.0), None));
        assert_eq!((compared.ahead, compared.sign_flip_p), (0, Some(1.0)));
        assert!(
            !compared.lines().join("\n").contains("is possible"),
            "6 pairs can reach 0.03"
        );
    }

    #[test]
    fn what_is_refused() {
        let message = |a: &[f64], b: &[f64]| paired_seeds(a, b, 0.95).unwrap_err().to_string();
        assert!(message(&[0.1, 0.2], &[0.1, 0.2]).contains("three pairs or more"));
        assert!(message(&[0.1, 0.2, 0.3], &[0.1, 0.2]).contains("3 and 2 runs"));
        assert!(message(&[0.1, 0.2, 0.3], &[0.1, 0.2, f64::NAN]).contains("NaN"));
    }
}
