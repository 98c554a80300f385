//! From predictions to all metrics with their intervals.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::quote;
use crate::metrics::figures::{Figures, Single, Whole};
use crate::metrics::sample::Sample;
use crate::metrics::{operating, reliability};
use crate::stats::bayes::hdi_of;
use crate::stats::bootstrap::{Patients, percentiles};
use crate::text::warning;
use crate::{
    Confusion, Dirichlets, Error, Estimate, Kind, OperatingPoint, Options, PrPoint, Predictions,
    PredictiveValues, Reliability, RocPoint, Warning,
};

/// Results of a model on a test set.
///
/// Both tasks have the same fields; a metric that a task does not have is [`Estimate::undefined`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluation {
    /// Exclusive classes or independent findings.
    pub kind: Kind,
    /// Films evaluated: those with at least one known label.
    pub films: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Films left out because none of their labels is known.
    pub unlabelled: usize,
    /// Films by dataset.
    pub sources: Vec<SourceCount>,
    /// The options used.
    pub options: Options,
    /// Metrics over all classes or findings.
    pub overall: Overall,
    /// Metrics of each finding against the rest.
    pub findings: Vec<FindingEvaluation>,
    /// Counts by true class and predicted class; exclusive classes only.
    pub confusion: Option<Confusion>,
    /// Operating points of exclusive classes that have a threshold of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operating: Vec<OperatingPoint>,
    /// Predictive values at the prevalences in [`Options::prevalence`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictive: Vec<PredictiveValues>,
    /// Reliability of the probabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Reliability>,
    /// Caveats for quoting these results.
    pub warnings: Vec<Warning>,
}

/// Films of one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceCount {
    /// Name of the dataset; may be empty.
    pub dataset: String,
    /// Its films.
    pub films: usize,
    /// Films with each finding, in the order of the findings.
    pub positives: Vec<usize>,
}

/// Metrics over all classes or findings.
///
/// Means over findings (`macro_…`) are unweighted means over the findings that have films in the test set. An
/// independent finding is predicted positive from its threshold on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overall {
    /// Share of films answered right. Exclusive classes only.
    pub accuracy: Estimate,
    /// Mean sensitivity over classes or findings: macro sensitivity, macro recall
    /// ([`Kind::mean_sensitivity`]).
    pub balanced_accuracy: Estimate,
    /// Mean specificity.
    pub macro_specificity: Estimate,
    /// Mean precision. A class with films that is never predicted counts as 0.
    pub macro_precision: Estimate,
    /// Mean F1 over the classes that have films or are predicted.
    pub macro_f1: Estimate,
    /// Mean one-vs-rest area under the ROC curve.
    pub macro_auc: Estimate,
    /// Mean average precision.
    pub macro_average_precision: Estimate,
    /// Cohen's kappa. Exclusive classes only.
    pub kappa: Estimate,
    /// Exclusive: mean over films of Σ (p − truth)² over the classes, in [0, 2] (Brier 1950; as scikit-learn
    /// for three classes or more; scikit-learn halves it for two). Independent: mean over the findings.
    pub brier: Estimate,
    /// Exclusive: mean of −ln of the true class's probability. Independent: mean over the findings.
    pub log_loss: Estimate,
}

/// Metrics of one class or finding against the rest, over the films with a known label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingEvaluation {
    /// Name of the finding.
    pub name: String,
    /// Films with the finding.
    pub positives: usize,
    /// Films without it.
    pub negatives: usize,
    /// Films without a known label.
    pub unknown: usize,
    /// Probability from which the finding is predicted positive; `None` for exclusive classes, where the most
    /// probable class is predicted.
    pub threshold: Option<f64>,
    /// Films with the finding that are predicted positive.
    pub true_positives: usize,
    /// Films without it that are predicted positive.
    pub false_positives: usize,
    /// Films with it that are predicted negative.
    pub false_negatives: usize,
    /// Films without it that are predicted negative.
    pub true_negatives: usize,
    /// Share of films with the finding that are predicted positive (recall).
    pub sensitivity: Estimate,
    /// Share of films without the finding that are predicted negative.
    pub specificity: Estimate,
    /// Share of predicted positives that have the finding: the positive predictive value at this test set's
    /// prevalence.
    pub precision: Estimate,
    /// Share of predicted negatives that do not have it, at this test set's prevalence.
    pub negative_predictive_value: Estimate,
    /// Harmonic mean of precision and sensitivity.
    pub f1: Estimate,
    /// Area under the ROC curve, by ranks, ties counting half.
    pub auc: Estimate,
    /// Area under the precision–recall curve as Σ (Rₙ − Rₙ₋₁) Pₙ.
    pub average_precision: Estimate,
    /// Mean of (p − truth)², in [0, 1].
    pub brier: Estimate,
    /// Mean of −ln of the probability given to the truth.
    pub log_loss: Estimate,
    /// ROC curve for drawing, at most [`Options::curve_points`] points.
    pub roc: Vec<RocPoint>,
    /// Precision–recall curve for drawing, at most [`Options::curve_points`] points.
    pub pr: Vec<PrPoint>,
}

/// Evaluates `predictions`. Films without any known label are left out and counted.
///
/// The same predictions and options give the same bits on any number of threads.
///
/// Errors: predictions that fail [`Predictions::check`], an option out of range, or no film with a known
/// label.
pub fn evaluate(predictions: &Predictions, options: &Options) -> Result<Evaluation, Error> {
    predictions.check()?;
    options.check(&predictions.findings)?;
    let rows = predictions.labelled();
    if rows.is_empty() {
        return Err(Error::Empty {
            films: predictions.len(),
        });
    }
    let unlabelled = predictions.len() - rows.len();
    let predictions = &predictions.select(&rows);
    let sample = Sample::new(predictions, options);
    let patients = Patients::new(predictions, options.stratify)?;
    let confusion = (predictions.kind() == Kind::Exclusive).then(|| Confusion::of(predictions));
    let work = Work {
        predictions,
        options,
        values: sample.figures(&vec![1; predictions.len()]),
        bootstrap: patients.draws(options, |weights| sample.figures(weights)),
        posterior: confusion.as_ref().map_or_else(Vec::new, |confusion| {
            Dirichlets::after(confusion).draws(options.bayes, options.seed)
        }),
        sample,
        patients,
    };
    let operating = operating::of(predictions, &work.patients, options);
    let mut evaluation = Evaluation {
        kind: predictions.kind(),
        films: predictions.len(),
        patients: work.patients.len(),
        unlabelled,
        sources: sources(predictions),
        options: options.clone(),
        overall: work.overall(confusion.as_ref()),
        findings: (0..predictions.findings.len())
            .map(|finding| work.finding(finding))
            .collect(),
        confusion,
        operating: operating.points,
        predictive: operating.predictive,
        reliability: reliability::of(predictions, &work.patients, options),
        warnings: Vec::new(),
    };
    evaluation.warnings = warning::of(&evaluation, predictions, &work.unstable());
    Ok(evaluation)
}

/// All bootstrap and posterior samples, before they are sorted into metrics.
struct Work<'a> {
    predictions: &'a Predictions,
    options: &'a Options,
    sample: Sample,
    patients: Patients,
    values: Figures,
    bootstrap: Vec<Figures>,
    posterior: Vec<Figures>,
}

impl Work<'_> {
    fn overall(&self, confusion: Option<&Confusion>) -> Overall {
        let predictions = self.predictions;
        let films = (0..predictions.len()).map(|film| {
            let right = predictions.has(film, predictions.answer(film)) == Some(true);
            (film as u32, right)
        });
        let counts = self.patients.tally(films);
        let whole = |metric| self.measure(Figures::whole(metric), &counts, false);
        let exclusive = |measured: Estimate| {
            if confusion.is_some() {
                measured
            } else {
                Estimate::undefined(self.options.level)
            }
        };
        Overall {
            accuracy: exclusive(self.measure(Figures::whole(Whole::Accuracy), &counts, true)),
            balanced_accuracy: whole(Whole::BalancedAccuracy),
            macro_specificity: whole(Whole::MacroSpecificity),
            macro_precision: whole(Whole::MacroPrecision),
            macro_f1: whole(Whole::MacroF1),
            macro_auc: whole(Whole::MacroAuc),
            macro_average_precision: whole(Whole::MacroAveragePrecision),
            kappa: exclusive(whole(Whole::Kappa)),
            brier: whole(Whole::Brier),
            log_loss: whole(Whole::LogLoss),
        }
    }

    fn finding(&self, finding: usize) -> FindingEvaluation {
        let outcomes = self.sample.outcomes(&vec![1; self.predictions.len()])[finding];
        let [tp, fp, fn_, tn] = [
            outcomes.true_positives,
            outcomes.false_positives,
            outcomes.false_negatives,
            outcomes.true_negatives,
        ]
        .map(|films| films as usize);
        // `keep` selects the films of the denominator; the numerator counts those predicted correctly.
        let among = |keep: fn(bool, bool) -> bool| {
            let films = self
                .sample
                .judged(finding)
                .filter(|&(_, positive, predicted_positive)| keep(positive, predicted_positive));
            self.patients.tally(
                films.map(|(film, positive, predicted_positive)| (film, positive == predicted_positive)),
            )
        };
        let share = |metric, keep| self.measure(Figures::single(finding, metric), &among(keep), true);
        let all = among(|_, _| true);
        let over_all = |metric| self.measure(Figures::single(finding, metric), &all, false);
        let name = self.predictions.findings[finding].clone();
        let exclusive = self.predictions.kind() == Kind::Exclusive;
        let ranking = self.sample.ranking(finding);
        FindingEvaluation {
            positives: tp + fn_,
            negatives: fp + tn,
            unknown: self.predictions.len() - (tp + fp + fn_ + tn),
            threshold: (!exclusive).then(|| self.options.threshold_of(&name)),
            name,
            true_positives: tp,
            false_positives: fp,
            false_negatives: fn_,
            true_negatives: tn,
            sensitivity: share(Single::Sensitivity, |positive, _| positive),
            specificity: share(Single::Specificity, |positive, _| !positive),
            precision: share(Single::Precision, |_, predicted_positive| predicted_positive),
            negative_predictive_value: share(Single::NegativePredictiveValue, |_, predicted_positive| {
                !predicted_positive
            }),
            f1: over_all(Single::F1),
            auc: over_all(Single::Auc),
            average_precision: over_all(Single::AveragePrecision),
            brier: over_all(Single::Brier),
            log_loss: over_all(Single::LogLoss),
            roc: ranking.drawn_roc(self.options.curve_points),
            pr: ranking.drawn_pr(self.options.curve_points),
        }
    }

    /// Value and intervals of the metric at `place` over the films of `counts` (see [`quote`]).
    fn measure(&self, place: usize, counts: &[(usize, usize)], proportion: bool) -> Estimate {
        let value = Some(self.values.0[place]).filter(|value| !value.is_nan());
        let level = self.options.level;
        let bootstrap = percentiles(self.bootstrap.iter().map(|draw| draw.0[place]), level).0;
        let bayes = hdi_of(self.posterior.iter().map(|draw| draw.0[place]), level);
        quote(value, counts, proportion, bootstrap, bayes, level)
    }

    /// Metrics that are defined on the films but undefined on many bootstrap samples: name, undefined
    /// samples.
    fn unstable(&self) -> Vec<(String, usize)> {
        (0..self.values.0.len())
            .filter(|&place| !self.values.0[place].is_nan())
            .filter_map(|place| {
                let undefined = self
                    .bootstrap
                    .iter()
                    .filter(|draw| draw.0[place].is_nan())
                    .count();
                let (metric, finding) = Figures::name(self.predictions.kind(), place);
                let name = match finding {
                    Some(finding) => format!("{}: {metric}", self.predictions.findings[finding]),
                    None => metric.to_owned(),
                };
                // Losing one sample in twenty does not move the ends of a 95 % interval noticeably.
                (undefined * 20 > self.bootstrap.len()).then_some((name, undefined))
            })
            .collect()
    }
}

fn sources(predictions: &Predictions) -> Vec<SourceCount> {
    let mut counts: BTreeMap<&str, SourceCount> = BTreeMap::new();
    for film in 0..predictions.len() {
        let dataset = &predictions.datasets[film];
        let count = counts.entry(dataset).or_insert_with(|| SourceCount {
            dataset: dataset.clone(),
            films: 0,
            positives: vec![0; predictions.findings.len()],
        });
        count.films += 1;
        for (finding, positives) in count.positives.iter_mut().enumerate() {
            *positives += usize::from(predictions.has(film, finding) == Some(true));
        }
    }
    counts.into_values().collect()
}
