//! Mean over films with a patient-bootstrap interval.

use std::collections::BTreeMap;

use pleura_core::rng::{self, Scheme};
use rand::RngExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A mean over films, with the percentile interval of a bootstrap over whole patients (Efron 1979).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Lower end of the interval; `None` for a single patient, or without samples.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// Films.
    pub n: usize,
    /// Different patients among them.
    pub patients: usize,
}

impl Mean {
    /// Mean of one value per film, each with the film's patient. `None` without films.
    pub fn of(values: &[(String, f64)], level: f64, draws: usize, seed: u64) -> Option<Self> {
        let mut patients: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (patient, value) in values {
            let sums = patients.entry(patient).or_default();
            *sums = (sums.0 + value, sums.1 + 1.0);
        }
        let patients: Vec<(f64, f64)> = patients.into_values().collect();
        if patients.is_empty() {
            return None;
        }
        let mean = |sums: &mut dyn Iterator<Item = (f64, f64)>| {
            let (sum, count) = sums.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
            sum / count
        };
        let mut means = Vec::new();
        if patients.len() > 1 {
            let mut rng = rng::stream(Scheme::Fnv, seed, &[b"mean over patients"]);
            means.extend((0..draws).map(|_| {
                let mut drawn = (0..patients.len())
                    .map(|_| patients[rng.random_range(0..patients.len() as u32) as usize]);
                mean(&mut drawn)
            }));
            means.sort_by(f64::total_cmp);
        }
        let end = |share: f64| {
            means
                .get((share * means.len().saturating_sub(1) as f64).round() as usize)
                .copied()
        };
        Some(Self {
            value: mean(&mut patients.iter().copied()),
            low: end((1.0 - level) / 2.0),
            high: end(f64::midpoint(1.0, level)),
            n: values.len(),
            patients: patients.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_of_one_patient_come_together() {
        let of = |patients: usize| -> Vec<(String, f64)> {
            (0..60)
                .map(|film| {
                    (
                        format!("p{}", film % patients),
                        f64::from(u8::from(film % patients < patients / 2)),
                    )
                })
                .collect()
        };
        let width = |mean: Mean| mean.high.unwrap() - mean.low.unwrap();
        let many = Mean::of(&of(60), 0.95, 2000, 1).unwrap();
        let few = Mean::of(&of(6), 0.95, 2000, 1).unwrap();
        assert_eq!((many.value, few.value, many.patients, few.n), (0.5, 0.5, 60, 60));
        // The standard error of 60 halves is 0.065, of 6 it is 0.2.
        assert!((width(many) - 0.25).abs() < 0.03, "{many:?}");
        assert!(width(few) > 2.0 * width(many), "{few:?}");
        assert_eq!(Mean::of(&of(1), 0.95, 100, 1).unwrap().low, None);
        assert_eq!(Mean::of(&[], 0.95, 100, 1), None);
    }
}
