//! Operating points: sensitivity, specificity and predictive values at a threshold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::quote;
use crate::metrics::predictive::Rates;
use crate::stats::bootstrap::{Patients, percentiles};
use crate::{Estimate, Kind, Options, Predictions, PredictiveValues};

/// One class against the rest at a threshold, in addition to the prediction of the most probable class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatingPoint {
    /// The class.
    pub finding: String,
    /// Probability from which the class is predicted positive.
    pub threshold: f64,
    /// Films with the class that are predicted positive.
    pub true_positives: usize,
    /// Films without it that are predicted positive.
    pub false_positives: usize,
    /// Films with it that are predicted negative.
    pub false_negatives: usize,
    /// Films without it that are predicted negative.
    pub true_negatives: usize,
    /// Share of films with the class that are predicted positive.
    pub sensitivity: Estimate,
    /// Share of films without it that are predicted negative.
    pub specificity: Estimate,
    /// Share of predicted positives that have the class, at this test set's prevalence.
    pub precision: Estimate,
    /// Share of predicted negatives that do not have it, at this test set's prevalence.
    pub negative_predictive_value: Estimate,
}

/// The operating points and predictive values of an evaluation.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) points: Vec<OperatingPoint>,
    pub(crate) predictive: Vec<PredictiveValues>,
}

/// Computes the metrics for [`Options::thresholds`] and [`Options::prevalence`]; all films must be labelled.
pub(crate) fn of(predictions: &Predictions, patients: &Patients, options: &Options) -> Found {
    let exclusive = predictions.kind() == Kind::Exclusive;
    let mut found = Found::default();
    for (index, finding) in predictions.findings.iter().enumerate() {
        let own = options.thresholds.get(finding).copied();
        let prevalence = options.prevalence.get(finding).copied();
        // Independent findings are always predicted by threshold; their rates are in the main table.
        let mut rules = vec![(!exclusive).then(|| options.threshold_of(finding))];
        if exclusive && own.is_some() {
            rules.push(own);
        }
        for threshold in rules {
            let point = exclusive && threshold.is_some();
            if !point && prevalence.is_none() {
                continue;
            }
            let calls = PredictedPositives::of(predictions, index, threshold);
            let draws = calls.draws(patients, options);
            if let (true, Some(threshold)) = (point, threshold) {
                found
                    .points
                    .push(calls.measure(finding, threshold, patients, &draws, options.level));
            }
            if let Some(prevalence) = prevalence {
                let tally = |having| {
                    let films = calls.films.iter().filter(|one| one.1 == having);
                    patients.tally(
                        films.map(|&(film, has, predicted_positive)| (film, has == predicted_positive)),
                    )
                };
                let shares: Vec<(f64, f64)> = draws.iter().map(|draw| (draw[0], draw[1])).collect();
                let rates = Rates {
                    with: &tally(true),
                    without: &tally(false),
                    draws: &shares,
                };
                found.predictive.push(PredictiveValues::of(
                    finding, threshold, prevalence, &rates, options,
                ));
            }
        }
    }
    found
}

/// The films of a finding with a known label: (film, has it, predicted positive).
struct PredictedPositives {
    films: Vec<(u32, bool, bool)>,
}

impl PredictedPositives {
    fn of(predictions: &Predictions, finding: usize, threshold: Option<f64>) -> Self {
        let films = (0..predictions.len()).filter_map(|film| {
            let has = predictions.has(film, finding)?;
            let predicted_positive = match threshold {
                Some(threshold) => predictions.score(film, finding) >= threshold,
                None => predictions.answer(film) == finding,
            };
            Some((film as u32, has, predicted_positive))
        });
        Self {
            films: films.collect(),
        }
    }

    /// Sensitivity, specificity, precision and negative predictive value of each bootstrap sample.
    fn draws(&self, patients: &Patients, options: &Options) -> Vec<[f64; 4]> {
        patients.draws(options, |weights| {
            let mut cells = [[0.0; 2]; 2];
            for &(film, has, predicted_positive) in &self.films {
                cells[usize::from(has)][usize::from(predicted_positive)] += f64::from(weights[film as usize]);
            }
            let [[tn, fp], [fn_, tp]] = cells;
            [tp / (tp + fn_), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn_)]
        })
    }

    fn measure(
        &self,
        finding: &str,
        threshold: f64,
        patients: &Patients,
        draws: &[[f64; 4]],
        level: f64,
    ) -> OperatingPoint {
        let count = |has: bool, predicted_positive: bool| {
            self.films
                .iter()
                .filter(|one| (one.1, one.2) == (has, predicted_positive))
                .count()
        };
        let share = |place: usize, keep: fn(bool, bool) -> bool| {
            let films = self.films.iter().filter(|one| keep(one.1, one.2));
            let counts = patients
                .tally(films.map(|&(film, has, predicted_positive)| (film, has == predicted_positive)));
            let right: usize = counts.iter().map(|count| count.0).sum();
            let all: usize = counts.iter().map(|count| count.1).sum();
            let value = (all > 0).then(|| right as f64 / all as f64);
            let bootstrap = percentiles(draws.iter().map(|draw| draw[place]), level).0;
            quote(value, &counts, true, bootstrap, None, level)
        };
        OperatingPoint {
            finding: finding.to_owned(),
            threshold,
            true_positives: count(true, true),
            false_positives: count(false, true),
            false_negatives: count(true, false),
            true_negatives: count(false, false),
            sensitivity: share(0, |has, _| has),
            specificity: share(1, |has, _| !has),
            precision: share(2, |_, predicted_positive| predicted_positive),
            negative_predictive_value: share(3, |_, predicted_positive| !predicted_positive),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::predictions::tests::three_films;
    use crate::{Options, evaluate};

    #[test]
    fn a_class_has_a_point_where_it_has_a_threshold() {
        let predictions = three_films();
        let options = Options {
            thresholds: BTreeMap::from([("pneumonia".to_owned(), 0.05)]),
            prevalence: BTreeMap::from([("pneumonia".to_owned(), 0.2)]),
            ..Options::points()
        };
        let found = evaluate(&predictions, &options).unwrap();
        let [point] = &found.operating[..] else {
            panic!("{:?}", found.operating)
        };
        // Film a (COVID-19) has softmax(2, 0, −1)[1] = 0.114, film b (pneumonia) 0.38.
        assert_eq!((point.true_positives, point.false_positives), (1, 1));
        assert_eq!(
            (point.sensitivity.value, point.specificity.value),
            (Some(1.0), Some(0.0))
        );
        // First by the most probable class, then by the threshold.
        let rules: Vec<Option<f64>> = found.predictive.iter().map(|one| one.threshold).collect();
        assert_eq!(rules, [None, Some(0.05)]);
        assert_eq!(found.predictive[1].positive.value, Some(0.2));
        assert!(
            evaluate(&predictions, &Options::points())
                .unwrap()
                .operating
                .is_empty()
        );
    }
}
