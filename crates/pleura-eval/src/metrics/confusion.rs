//! Confusion matrices and the rates derived from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Predictions;

/// Confusion matrix: films by true class and predicted class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confusion {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// `counts[truth][answer]`, films.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Counts the films whose class is known; the answer is [`Predictions::answer`].
    pub fn of(predictions: &Predictions) -> Self {
        let width = predictions.findings.len();
        let mut counts = vec![vec![0; width]; width];
        for film in 0..predictions.len() {
            if let Some(truth) = (0..width).find(|&class| predictions.has(film, class) == Some(true)) {
                counts[truth][predictions.answer(film)] += 1;
            }
        }
        Self {
            classes: predictions.findings.clone(),
            counts,
        }
    }

    /// Films counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Films answered right.
    pub fn right(&self) -> u64 {
        (0..self.counts.len())
            .map(|class| self.counts[class][class])
            .sum()
    }

    /// Films of each class.
    pub fn films(&self) -> Vec<u64> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }
}

/// One finding against the rest: counts or probabilities of the four outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Outcomes {
    pub(crate) true_positives: f64,
    pub(crate) false_positives: f64,
    pub(crate) false_negatives: f64,
    pub(crate) true_negatives: f64,
}

/// Rates are NaN where their denominator is 0.
impl Outcomes {
    pub(crate) fn positives(self) -> f64 {
        self.true_positives + self.false_negatives
    }

    pub(crate) fn negatives(self) -> f64 {
        self.true_negatives + self.false_positives
    }

    pub(crate) fn sensitivity(self) -> f64 {
        self.true_positives / self.positives()
    }

    pub(crate) fn specificity(self) -> f64 {
        self.true_negatives / self.negatives()
    }

    pub(crate) fn precision(self) -> f64 {
        self.true_positives / (self.true_positives + self.false_positives)
    }

    pub(crate) fn negative_predictive_value(self) -> f64 {
        self.true_negatives / (self.true_negatives + self.false_negatives)
    }

    pub(crate) fn f1(self) -> f64 {
        let twice = 2.0 * self.true_positives;
        twice / (twice + self.false_positives + self.false_negatives)
    }
}

/// Every class of a square table `[truth, answer]` (row-major; counts or joint probabilities) against the
/// rest.
pub(crate) fn one_versus_rest(table: &[f64], classes: usize) -> Vec<Outcomes> {
    let total: f64 = table.iter().sum();
    (0..classes)
        .map(|class| {
            let row: f64 = table[class * classes..(class + 1) * classes].iter().sum();
            let column: f64 = (0..classes).map(|truth| table[truth * classes + class]).sum();
            let hit = table[class * classes + class];
            Outcomes {
                true_positives: hit,
                false_positives: column - hit,
                false_negatives: row - hit,
                true_negatives: total - row - column + hit,
            }
        })
        .collect()
}

/// Accuracy and Cohen's kappa (Educational and Psychological Measurement 20 (1960) 37–46) of a square table.
/// Kappa is NaN where chance agreement is 1.
pub(crate) fn agreement(table: &[f64], classes: usize) -> (f64, f64) {
    let total: f64 = table.iter().sum();
    let mut observed = 0.0;
    let mut expected = 0.0;
    for class in 0..classes {
        let row: f64 = table[class * classes..(class + 1) * classes].iter().sum();
        let column: f64 = (0..classes).map(|truth| table[truth * classes + class]).sum();
        observed += table[class * classes + class];
        expected += row * column / total;
    }
    (observed / total, (observed - expected) / (total - expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::three_films;

    #[test]
    fn counts_known_films_only() {
        let confusion = Confusion::of(&three_films());
        assert_eq!(confusion.counts, [[1, 0, 0], [1, 0, 0], [0, 0, 0]]);
        assert_eq!((confusion.total(), confusion.right()), (2, 1));
        assert_eq!(confusion.films(), [1, 1, 0]);
    }

    #[test]
    fn rates_by_hand() {
        // Truth a: 8 right, 2 as b. Truth b: 1 as a, 4 right.
        let outcomes = one_versus_rest(&[8.0, 2.0, 1.0, 4.0], 2)[0];
        assert_eq!(outcomes.sensitivity(), 0.8);
        assert_eq!(outcomes.specificity(), 0.8);
        assert_eq!(outcomes.precision(), 8.0 / 9.0);
        assert_eq!(outcomes.negative_predictive_value(), 4.0 / 6.0);
        assert_eq!(outcomes.f1(), 16.0 / 19.0);
        let (accuracy, kappa) = agreement(&[8.0, 2.0, 1.0, 4.0], 2);
        assert_eq!(accuracy, 12.0 / 15.0);
        // Chance: (10·9 + 5·6)/15 = 8 of 15.
        assert!((kappa - 4.0 / 7.0).abs() < 1e-15);
        assert!(Outcomes::default().sensitivity().is_nan());
    }
}
