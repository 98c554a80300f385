//! Evaluation on external sources, each separately, and the drop from internal films.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::figures::{Figures, Single, Whole};
use crate::metrics::sample::Sample;
use crate::stats::bootstrap::{Patients, percentiles};
use crate::text::sentences::{number, percent};
use crate::{Error, Estimate, Evaluation, Kind, Method, Options, Predictions, evaluate};

/// A model evaluated on films of its training source and on each other source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceComparison {
    /// The internal films: those of the training source. They are never mixed with others.
    pub internal: Evaluation,
    /// Each external source separately, in the order given.
    pub external: Vec<ExternalSource>,
}

/// A source that the model was not trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExternalSource {
    /// Name of the source.
    pub name: String,
    /// Results on its films.
    pub evaluation: Evaluation,
    /// Findings without films here, though the internal films have them. Means over findings leave them out
    /// on both sides.
    pub missing: Vec<String>,
    /// Drop of each metric.
    pub drops: Vec<SourceDrop>,
}

/// Drop of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceDrop {
    /// "accuracy", "mean sensitivity", "mean specificity", "mean AUC"; for a finding "sensitivity",
    /// "specificity", "AUC".
    pub metric: String,
    /// The finding, if the metric belongs to one.
    pub finding: Option<String>,
    /// Value on the internal films.
    pub internal: Option<f64>,
    /// Value on the external films.
    pub external: Option<f64>,
    /// Internal minus external. The patients are different people, so the samples are independent. A
    /// proportion has the [`square_and_add`] interval of its two quoted intervals; other metrics have a
    /// bootstrap that samples each side's patients separately.
    pub drop: Estimate,
}

/// Interval of `first` − `second` for independent values, from the interval of each: square-and-add.
///
/// R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890, method 10; G. Y. Zou and A. Donner, Statistics
/// in Medicine 27 (2008) 1693–1702, for intervals of any kind. It has a width even if both values are 1.
/// `None` if either has no interval.
pub fn square_and_add(first: &Estimate, second: &Estimate) -> Option<(f64, f64)> {
    let ends = |one: &Estimate| Some((one.value?, one.low?, one.high?));
    let ((a, a_low, a_high), (b, b_low, b_high)) = (ends(first)?, ends(second)?);
    let gap = a - b;
    Some((
        gap - (a - a_low).hypot(b_high - b),
        gap + (a_high - a).hypot(b - b_low),
    ))
}

/// Evaluates `internal` and each of `external` (name and films) separately, and the drops.
///
/// Fails as [`evaluate`] does, and if findings differ.
pub fn by_source(
    internal: &Predictions,
    external: &[(String, Predictions)],
    options: &Options,
) -> Result<SourceComparison, Error> {
    for (name, other) in external {
        if other.kind() != internal.kind() || other.findings != internal.findings {
            return Err(Error::Unpaired {
                message: format!(
                    "findings {:?} of the internal films and {:?} of `{name}`, expected the same in the same order",
                    internal.findings, other.findings
                ),
            });
        }
    }
    let inside = Side::new(internal, options, 0)?;
    let external = external
        .iter()
        .enumerate()
        .map(|(index, (name, films))| {
            let outside = Side::new(films, options, 1 + index as u64)?;
            Ok(ExternalSource {
                name: name.clone(),
                missing: missing(&inside.evaluation, &outside.evaluation),
                drops: drops(&inside, &outside, options.level),
                evaluation: outside.evaluation,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(SourceComparison {
        internal: inside.evaluation,
        external,
    })
}

/// One side of a difference.
struct Side {
    evaluation: Evaluation,
    values: Figures,
    draws: Vec<Figures>,
}

impl Side {
    /// `stream` separates the samples of the two sides: equal samples would pair unrelated patients.
    fn new(predictions: &Predictions, options: &Options, stream: u64) -> Result<Self, Error> {
        let evaluation = evaluate(predictions, options)?;
        let labelled = predictions.select(&predictions.labelled());
        let sample = Sample::new(&labelled, options);
        let apart = Options {
            seed: options.seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            ..options.clone()
        };
        let patients = Patients::new(&labelled, options.stratify)?;
        Ok(Self {
            values: sample.figures(&vec![1; labelled.len()]),
            draws: patients.draws(&apart, |weights| sample.figures(weights)),
            evaluation,
        })
    }
}

fn missing(inside: &Evaluation, outside: &Evaluation) -> Vec<String> {
    let pairs = inside.findings.iter().zip(&outside.findings);
    pairs
        .filter(|(inside, outside)| inside.positives > 0 && outside.positives == 0)
        .map(|(inside, _)| inside.name.clone())
        .collect()
}

fn drops(inside: &Side, outside: &Side, level: f64) -> Vec<SourceDrop> {
    let names: Vec<&String> = inside.evaluation.findings.iter().map(|one| &one.name).collect();
    let mut drops = Vec::new();
    if inside.evaluation.kind == Kind::Exclusive {
        let place = Figures::whole(Whole::Accuracy);
        let both = [inside, outside].map(|side| &side.evaluation.overall.accuracy);
        drops.push(drop(
            "accuracy",
            None,
            inside,
            outside,
            level,
            Some(both),
            |row| row.0[place],
        ));
    }
    for (name, metric) in [
        ("mean sensitivity", Single::Sensitivity),
        ("mean specificity", Single::Specificity),
        ("mean AUC", Single::Auc),
    ] {
        // Only findings with a value on both sides, so that both means have the same findings.
        let shared: Vec<usize> = (0..names.len())
            .map(|finding| Figures::single(finding, metric))
            .filter(|&place| !inside.values.0[place].is_nan() && !outside.values.0[place].is_nan())
            .collect();
        let mean =
            move |row: &Figures| shared.iter().map(|&place| row.0[place]).sum::<f64>() / shared.len() as f64;
        drops.push(drop(name, None, inside, outside, level, None, mean));
    }
    for (index, name) in names.into_iter().enumerate() {
        let sides = [inside, outside].map(|side| &side.evaluation.findings[index]);
        for (metric, single, quoted) in [
            (
                "sensitivity",
                Single::Sensitivity,
                Some(sides.map(|side| &side.sensitivity)),
            ),
            (
                "specificity",
                Single::Specificity,
                Some(sides.map(|side| &side.specificity)),
            ),
            ("AUC", Single::Auc, None),
        ] {
            let place = Figures::single(index, single);
            let one = drop(metric, Some(name), inside, outside, level, quoted, |row| {
                row.0[place]
            });
            if one.internal.is_some() || one.external.is_some() {
                drops.push(one);
            }
        }
    }
    drops
}

/// One drop; `quoted` are the two proportions, if the metric is one.
fn drop(
    metric: &str,
    finding: Option<&String>,
    inside: &Side,
    outside: &Side,
    level: f64,
    quoted: Option<[&Estimate; 2]>,
    of: impl Fn(&Figures) -> f64,
) -> SourceDrop {
    let value = |side: &Side| Some(of(&side.values)).filter(|value| !value.is_nan());
    let (internal, external) = (value(inside), value(outside));
    let gap = internal.zip(external).map(|(a, b)| a - b);
    let gaps = inside
        .draws
        .iter()
        .zip(&outside.draws)
        .map(|(a, b)| of(a) - of(b));
    let bootstrap = gap.and_then(|_| percentiles(gaps, level).0);
    let exact = quoted.and_then(|[a, b]| square_and_add(a, b));
    let interval = |method, ends: Option<(f64, f64)>| {
        ends.map(|(low, high)| crate::Interval {
            method,
            centre: None,
            low,
            high,
        })
    };
    let mut intervals = [
        interval(Method::SquareAndAdd, exact),
        interval(Method::PatientBootstrap, bootstrap),
    ]
    .into_iter()
    .flatten();
    let first = intervals.next();
    SourceDrop {
        metric: metric.to_owned(),
        finding: finding.cloned(),
        internal,
        external,
        drop: Estimate {
            value: gap,
            low: first.as_ref().map(|one| one.low),
            high: first.as_ref().map(|one| one.high),
            method: first.map_or(Method::None, |one| one.method),
            n: inside.evaluation.films + outside.evaluation.films,
            patients: inside.evaluation.patients + outside.evaluation.patients,
            others: intervals.collect(),
            ..Estimate::undefined(level)
        },
    }
}

impl SourceComparison {
    /// The drops in sentences, one source per line, with caveats.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for source in &self.external {
            let lost: Vec<String> = source
                .drops
                .iter()
                .filter(|one| one.finding.is_none())
                .filter_map(SourceDrop::words)
                .collect();
            lines.push(format!("{}: {}", source.name, lost.join("; ")));
            if !source.missing.is_empty() {
                lines.push(format!(
                    "beware: {} has no films of {}; its accuracy is of another mix of films, and means leave them out",
                    source.name,
                    source.missing.join(", ")
                ));
            }
            let inside: BTreeSet<&str> = self
                .internal
                .sources
                .iter()
                .map(|one| one.dataset.as_str())
                .collect();
            let same: Vec<&str> = source
                .evaluation
                .sources
                .iter()
                .map(|one| one.dataset.as_str())
                .collect();
            let same: Vec<&str> = same.into_iter().filter(|name| inside.contains(name)).collect();
            if !same.is_empty() {
                lines.push(format!(
                    "beware: {} has films of {}, as the internal films do: it is not another source",
                    source.name,
                    same.join(", ")
                ));
            }
        }
        lines
    }
}

impl SourceDrop {
    /// For example "accuracy 81.0 % inside, 64.0 % outside, 17.0 points lost (95 % 3.1 to 30.2)".
    pub fn words(&self) -> Option<String> {
        let (inside, outside, lost) = (self.internal?, self.external?, self.drop.value?);
        let points = |share: f64| format!("{:.1}", 100.0 * share).replace('-', "−");
        let interval = match self.drop.low.zip(self.drop.high) {
            Some((low, high)) => format!("{} {} to {}", percent(self.drop.level), points(low), points(high)),
            None => "no interval".to_owned(),
        };
        Some(format!(
            "{} {} inside, {} outside: {} points lost ({interval})",
            self.metric,
            number(inside),
            number(outside),
            points(lost)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Truth;

    /// `films` films of two classes, two per class in turn, of which `right` are answered correctly.
    fn films(source: &str, films: usize, right: usize, classes: usize) -> Predictions {
        let truth: Vec<usize> = (0..films).map(|film| film % classes).collect();
        let logits: Vec<f32> = (0..films)
            .flat_map(|film| {
                let class = truth[film];
                let predicted_positive = if film < right { class } else { 1 - class };
                (0..2).map(move |column| if column == predicted_positive { 2.0 } else { 0.0 })
            })
            .collect();
        Predictions::from_logits(
            vec!["sick".into(), "well".into()],
            (0..films).map(|film| format!("{source}{film}")).collect(),
            (0..films).map(|film| format!("p{film}")).collect(),
            vec![source.to_owned(); films],
            Truth::Exclusive(truth.into_iter().map(Some).collect()),
            &logits,
        )
        .unwrap()
    }

    fn options() -> Options {
        Options {
            bootstrap: 500,
            bayes: 0,
            ..Options::default()
        }
    }

    #[test]
    fn the_drop_of_a_perfect_result_has_a_width() {
        let found = by_source(
            &films("ours", 50, 50, 2),
            &[("theirs".to_owned(), films("theirs", 40, 30, 2))],
            &options(),
        )
        .unwrap();
        let accuracy = &found.external[0].drops[0];
        assert_eq!(
            (accuracy.metric.as_str(), accuracy.drop.value),
            ("accuracy", Some(0.25))
        );
        // Newcombe's formula on the two exact intervals.
        let (low_a, _) = crate::clopper_pearson(50, 50, 0.95).unwrap();
        let (low_b, high_b) = crate::clopper_pearson(30, 40, 0.95).unwrap();
        let (low, high) = (0.25 - (1.0 - low_a).hypot(high_b - 0.75), 0.25 + (0.75 - low_b));
        assert!((accuracy.drop.low.unwrap() - low).abs() < 1e-12);
        assert!((accuracy.drop.high.unwrap() - high).abs() < 1e-12);
        assert_eq!(accuracy.drop.method, Method::SquareAndAdd);
        assert!(accuracy.drop.interval(Method::PatientBootstrap).is_some());
        let line = &found.lines()[0];
        assert!(
            line.contains("accuracy 1.000 inside, 0.750 outside: 25.0 points lost"),
            "{line}"
        );
    }

    #[test]
    fn two_equal_sources_are_not_paired() {
        let found = by_source(
            &films("ours", 60, 45, 2),
            &[("theirs".to_owned(), films("theirs", 60, 45, 2))],
            &options(),
        )
        .unwrap();
        let accuracy = &found.external[0].drops[0].drop;
        let (low, high) = accuracy.interval(Method::PatientBootstrap).unwrap();
        assert!(low < -0.1 && high > 0.1, "equal draws would cancel: {low} {high}");
    }

    #[test]
    fn a_class_that_is_not_there_leaves_the_means() {
        let found = by_source(
            &films("ours", 60, 45, 2),
            &[("theirs".to_owned(), films("theirs", 20, 10, 1))],
            &options(),
        )
        .unwrap();
        let source = &found.external[0];
        assert_eq!(source.missing, ["well"]);
        let mean = source
            .drops
            .iter()
            .find(|one| one.metric == "mean sensitivity")
            .unwrap();
        assert_eq!(mean.external, Some(0.5));
        assert!(found.lines()[1].contains("no films of well"));
        let auc = source.drops.iter().find(|one| one.metric == "mean AUC").unwrap();
        assert_eq!((auc.internal, auc.drop.value), (None, None));
    }
}
