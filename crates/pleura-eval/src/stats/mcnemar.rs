//! McNemar's exact test, over films and over patients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::beta::regularised_incomplete_beta;

/// The paired 2×2 table, and the exact test of its two discordant cells.
///
/// Q. McNemar, Psychometrika 12 (1947) 153–157.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct McNemar {
    /// Films that both answer right.
    pub both: usize,
    /// Films right before and wrong after.
    pub only_before: usize,
    /// Films wrong before and right after.
    pub only_after: usize,
    /// Films that both answer wrong.
    pub neither: usize,
    /// Two-sided exact p of equal discordant cells; assumes independent films.
    pub p: f64,
    /// p with patients as the independent units ([`mcnemar_over_patients`]); equal to `p` if every patient
    /// has one film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_over_patients: Option<f64>,
}

impl McNemar {
    /// The table of films (patient, right before, right after); patients are numbered from 0.
    pub(crate) fn of(films: impl Iterator<Item = (u32, bool, bool)>) -> Self {
        let mut cells = [[0; 2]; 2];
        let mut patients: Vec<(usize, usize)> = Vec::new();
        for (patient, before, after) in films {
            cells[usize::from(before)][usize::from(after)] += 1;
            let patient = patient as usize;
            if patients.len() <= patient {
                patients.resize(patient + 1, (0, 0));
            }
            patients[patient].0 += usize::from(before && !after);
            patients[patient].1 += usize::from(after && !before);
        }
        let [[neither, only_after], [only_before, both]] = cells;
        Self {
            both,
            only_before,
            only_after,
            neither,
            p: mcnemar(only_before, only_after),
            p_over_patients: Some(mcnemar_over_patients(&patients)),
        }
    }

    /// The p to quote: over patients if known.
    pub fn quoted(&self) -> f64 {
        self.p_over_patients.unwrap_or(self.p)
    }
}

/// Two-sided exact p of McNemar's test: among films that exactly one of two models answers correctly, the
/// probability of a split at least this uneven if both are equally likely. 1 without such films.
pub fn mcnemar(only_before: usize, only_after: usize) -> f64 {
    let fewer = only_before.min(only_after);
    let more = only_before.max(only_after);
    if fewer == more {
        return 1.0;
    }
    // P(X ≤ k) of a fair binomial of n is I_½(n − k, k + 1).
    (2.0 * regularised_incomplete_beta(more as f64, fewer as f64 + 1.0, 0.5)).min(1.0)
}

/// McNemar's exact test with patients as the independent units. `patients` has, for each patient, the films
/// that only the first and the films that only the second model answers correctly.
///
/// If the models are equally good, a patient's surplus (second minus first) has either sign with equal
/// probability. p is the probability, over all sign choices, of a total surplus at least as far from 0 as
/// observed; the distribution is summed exactly, patient by patient. With one film per patient this is
/// [`mcnemar`].
///
/// ```
/// // Nine films of one patient are one patient.
/// assert_eq!(pleura_eval::mcnemar_over_patients(&[(0, 9)]), 1.0);
/// assert!((pleura_eval::mcnemar_over_patients(&[(0, 1); 9]) - pleura_eval::mcnemar(0, 9)).abs() < 1e-15);
/// ```
pub fn mcnemar_over_patients(patients: &[(usize, usize)]) -> f64 {
    let surplus: Vec<i64> = patients
        .iter()
        .map(|&(before, after)| after as i64 - before as i64)
        .filter(|surplus| *surplus != 0)
        .collect();
    let total: usize = surplus
        .iter()
        .map(|surplus| surplus.unsigned_abs() as usize)
        .sum();
    let observed = surplus.iter().sum::<i64>().unsigned_abs() as usize;
    // chance[s]: probability that the surpluses with a positive sign sum to s, for the patients so far.
    let mut chance = vec![0.0; total + 1];
    chance[0] = 1.0;
    let mut reach = 0;
    for surplus in &surplus {
        let step = surplus.unsigned_abs() as usize;
        reach += step;
        for sum in (0..=reach).rev() {
            let with = if sum >= step { chance[sum - step] } else { 0.0 };
            chance[sum] = 0.5 * (chance[sum] + with);
        }
    }
    let extreme = (0..=total).filter(|&sum| (2 * sum).abs_diff(total) >= observed);
    extreme.map(|sum| chance[sum]).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_film_a_patient_is_the_binomial_test() {
        for (before, after) in [(0, 0), (5, 0), (3, 9), (7, 7), (12, 30), (40, 47)] {
            let patients: Vec<(usize, usize)> =
                [vec![(1, 0); before], vec![(0, 1); after], vec![(0, 0); 5]].concat();
            let (found, expected) = (mcnemar_over_patients(&patients), mcnemar(before, after));
            assert!(
                (found - expected).abs() < 1e-12,
                "{before} {after}: {found} {expected}"
            );
        }
    }

    #[test]
    fn signs_are_counted_over_patients() {
        // Surpluses 3, 1, −1: of eight choices of signs ±3 ±1 ±1, those with |sum| ≥ 3: all but none of 3 ± 1
        // ∓ 1. Sums: ±5, ±3, ±3, ±1 → six of eight.
        assert!((mcnemar_over_patients(&[(0, 3), (0, 1), (1, 0)]) - 6.0 / 8.0).abs() < 1e-15);
        // Films of one patient that cancel do not count.
        assert_eq!(mcnemar_over_patients(&[(2, 2), (1, 1)]), 1.0);
    }

    #[test]
    fn the_table_counts_films_and_patients() {
        let films = [
            (0, true, false),
            (0, true, false),
            (1, false, true),
            (2, true, true),
            (3, false, false),
        ];
        let table = McNemar::of(films.into_iter());
        assert_eq!(
            (table.both, table.only_before, table.only_after, table.neither),
            (1, 2, 1, 1)
        );
        assert_eq!(table.p, 1.0);
        // Surpluses −2 and 1: |sum| ≥ 1 always.
        assert_eq!(table.quoted(), 1.0);
    }
}
