//! Several models as one: the folds of a cross-validation, or one training with several seeds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::model_means::{Models, average, defined, same_findings};
use crate::estimate::quote;
use crate::metrics::figures::{Figures, Single, Whole};
use crate::stats::bootstrap::percentiles;
use crate::{Error, Estimate, Evaluation, Kind, Options, Predictions, Truth, evaluate};

/// Results of a cross-validation: each film is answered once, by the model that was not trained on its
/// patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossValidation {
    /// All out-of-fold answers as one set. Its areas under curves compare probabilities of different models.
    pub pooled: Evaluation,
    /// Means over folds. Within a fold, probabilities are from one model.
    pub mean: Vec<MeanMetric>,
}

/// Unweighted mean of a metric over models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeanMetric {
    /// Name of the metric, as in [`Comparison`](crate::Comparison).
    pub metric: String,
    /// The finding, if the metric belongs to one.
    pub finding: Option<String>,
    /// The mean with a patient-bootstrap interval over films, for these models. `each` shows the variation
    /// over seeds or folds.
    pub mean: Estimate,
    /// The metric of each model, in the order given.
    pub each: Vec<Option<f64>>,
}

/// Learning curve: the same training on fewer films, evaluated on the same test films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearningCurve {
    /// The stage that is trained on fewer films.
    pub stage: String,
    /// `test` or `val`: the evaluated films, the same at every point. Validation films chose the epoch, so
    /// their results are optimistic.
    pub split: String,
    /// Points by rising number of films.
    pub rungs: Vec<LearningCurvePoint>,
}

/// A point of a learning curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearningCurvePoint {
    /// Share of the training films.
    pub part: f64,
    /// Training films, by seed.
    pub films: Vec<usize>,
    /// Their patients, by seed.
    pub patients: Vec<usize>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Mean of each metric over the seeds, with an interval over the evaluated films.
    pub metrics: Vec<MeanMetric>,
}

/// Joins predictions of different films: the out-of-fold answers of a cross-validation.
///
/// Fails if findings differ or a film occurs twice. Raw outputs are kept if all parts have them.
pub fn pool(parts: &[Predictions]) -> Result<Predictions, Error> {
    let Some(first) = parts.first() else {
        return Err(Error::Empty { films: 0 });
    };
    let mut pooled = first.select(&[]);
    if parts.iter().any(|part| part.logits.is_none()) {
        pooled.logits = None;
    }
    for part in parts {
        same_findings(first, part)?;
        pooled.films.extend_from_slice(&part.films);
        pooled.patients.extend_from_slice(&part.patients);
        pooled.datasets.extend_from_slice(&part.datasets);
        pooled.scores.extend_from_slice(&part.scores);
        if let (Some(all), Some(logits)) = (&mut pooled.logits, &part.logits) {
            all.extend_from_slice(logits);
        }
        match (&mut pooled.truth, &part.truth) {
            (Truth::Exclusive(all), Truth::Exclusive(truth)) => all.extend_from_slice(truth),
            (Truth::Independent(all), Truth::Independent(truth)) => all.extend_from_slice(truth),
            _ => {}
        }
    }
    pooled.check()?;
    Ok(pooled)
}

/// Evaluates a cross-validation from the out-of-fold answers of each fold.
///
/// Fails as [`pool`] and [`evaluate`] do, and if a patient has films in two folds.
pub fn cross_validate(folds: &[Predictions], options: &Options) -> Result<CrossValidation, Error> {
    let pooled = pool(folds)?;
    let mut fold_of = BTreeMap::new();
    for (number, fold) in folds.iter().enumerate() {
        for (patient, dataset) in fold.patients.iter().zip(&fold.datasets) {
            let other = *fold_of.entry((dataset, patient)).or_insert(number);
            if !patient.is_empty() && other != number {
                return Err(Error::Unpaired {
                    message: format!(
                        "patient `{patient}` is in folds {} and {}: films of one patient must be in one fold",
                        other + 1,
                        number + 1
                    ),
                });
            }
        }
    }
    Ok(CrossValidation {
        mean: mean(folds, options)?,
        pooled: evaluate(&pooled, options)?,
    })
}

/// Mean of each metric over models. Each bootstrap sample of patients serves all models.
///
/// The models may have answered the same films (other seeds), different films (folds), or both; films are
/// identified by name. Fails if findings or labels of a film differ.
pub fn mean(models: &[Predictions], options: &Options) -> Result<Vec<MeanMetric>, Error> {
    let models = Models::new(models, options)?;
    let values = models.figures(&models.ones());
    let wanted = wanted(&models.films);
    let draws = models.patients.draws(options, |weights| {
        let each = models.figures(weights);
        wanted
            .iter()
            .map(|&place| average(&each, place))
            .collect::<Vec<f64>>()
    });
    let means = wanted.iter().enumerate().map(|(column, &place)| {
        let (metric, finding) = Figures::name(models.films.kind(), place);
        let interval = percentiles(draws.iter().map(|draw| draw[column]), options.level).0;
        MeanMetric {
            metric: metric.to_owned(),
            finding: finding.map(|finding| models.films.findings[finding].clone()),
            mean: quote(
                defined(average(&values, place)),
                &models.tally(finding),
                false,
                interval,
                None,
                options.level,
            ),
            each: values.iter().map(|row| defined(row.0[place])).collect(),
        }
    });
    Ok(means.collect())
}

/// The averaged metrics.
fn wanted(predictions: &Predictions) -> Vec<usize> {
    let mut wholes = vec![
        Whole::BalancedAccuracy,
        Whole::MacroF1,
        Whole::MacroAuc,
        Whole::LogLoss,
    ];
    if predictions.kind() == Kind::Exclusive {
        wholes.insert(0, Whole::Accuracy);
    }
    let singles = (0..predictions.findings.len()).flat_map(|finding| {
        [Single::Sensitivity, Single::Specificity, Single::Auc].map(|metric| Figures::single(finding, metric))
    });
    wholes.into_iter().map(Figures::whole).chain(singles).collect()
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;

    use super::*;
    use crate::stats::random::stream;

    /// Films `from..to` of two classes, answered by a model whose logits are shifted.
    fn model(from: usize, to: usize, seed: u64, shift: f32) -> Predictions {
        let mut generator = stream(seed, "several test", 0);
        let classes: Vec<usize> = (from..to).map(|film| (film / 2) % 2).collect();
        let logits: Vec<f32> = classes
            .iter()
            .flat_map(|&class| {
                let lean = 4.0 * generator.random::<f32>() - if class == 0 { 1.0 } else { 3.0 };
                [lean + shift, 0.0]
            })
            .collect();
        Predictions::from_logits(
            vec!["sick".into(), "well".into()],
            (from..to).map(|film| format!("f{film}")).collect(),
            (from..to).map(|film| format!("p{}", film / 2)).collect(),
            vec!["made".into(); to - from],
            Truth::Exclusive(classes.into_iter().map(Some).collect()),
            &logits,
        )
        .unwrap()
    }

    fn options() -> Options {
        Options {
            bootstrap: 300,
            bayes: 0,
            ..Options::default()
        }
    }

    fn metric<'a>(means: &'a [MeanMetric], name: &str) -> &'a MeanMetric {
        means.iter().find(|one| one.metric == name).unwrap()
    }

    #[test]
    fn folds_are_pooled_and_areas_compared_within_them() {
        // The models agree within a fold and have shifted logits: pooling mixes their scales.
        let folds = [model(0, 60, 1, 3.0), model(60, 120, 2, -3.0)];
        let found = cross_validate(&folds, &options()).unwrap();
        assert_eq!((found.pooled.films, found.pooled.patients), (120, 60));
        let within = metric(&found.mean, "macro AUC");
        let mean = within.mean.value.unwrap();
        let each: Vec<f64> = within.each.iter().flatten().copied().collect();
        assert!((mean - f64::midpoint(each[0], each[1])).abs() < 1e-15);
        assert!(mean > found.pooled.overall.macro_auc.value.unwrap() + 0.05);
        assert!(within.mean.low.unwrap() < mean && mean < within.mean.high.unwrap());
        let accuracy = metric(&found.mean, "accuracy").mean.value.unwrap();
        assert!(
            (accuracy - found.pooled.overall.accuracy.value.unwrap()).abs() < 1e-12,
            "folds are equally large"
        );
    }

    #[test]
    fn one_model_is_its_own_mean() {
        let alone = model(0, 80, 1, 0.0);
        let means = mean(std::slice::from_ref(&alone), &options()).unwrap();
        let evaluation = evaluate(&alone, &options()).unwrap();
        let found = &metric(&means, "macro AUC").mean;
        assert_eq!(found.value, evaluation.overall.macro_auc.value);
        assert_eq!(
            (found.low, found.high),
            (
                evaluation.overall.macro_auc.low,
                evaluation.overall.macro_auc.high
            )
        );
        // Seeds on the same films: the interval of the mean is over those films.
        let seeds = [alone, model(0, 80, 2, 0.0), model(0, 80, 3, 0.0)];
        let found = mean(&seeds, &options()).unwrap();
        let accuracy = metric(&found, "accuracy");
        assert_eq!(
            (accuracy.mean.n, accuracy.mean.patients, accuracy.each.len()),
            (80, 40, 3)
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let twice = cross_validate(&[model(0, 10, 1, 0.0), model(8, 20, 2, 0.0)], &options());
        assert!(twice.unwrap_err().to_string().contains("each film once"));
        let split = cross_validate(&[model(0, 11, 1, 0.0), model(11, 20, 2, 0.0)], &options());
        assert!(
            split
                .unwrap_err()
                .to_string()
                .contains("patient `p5` is in folds 1 and 2")
        );
        let mut others = model(0, 10, 1, 0.0);
        others.truth = Truth::Exclusive(vec![Some(0); 10]);
        let labels = mean(&[model(0, 10, 1, 0.0), others], &options());
        assert!(labels.unwrap_err().to_string().contains("other labels"));
        assert!(pool(&[]).is_err());
    }
}
