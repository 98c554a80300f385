//! The checks that a model's answers on test films allow.

mod groups;

use std::collections::BTreeMap;

use pleura_data::Manifest;
use pleura_eval::{Evaluation, Kind, Measured, Options, Predictions, evaluate};

use crate::check::{Asked, Check, Figure, Verdict, literature};
use crate::{Error, Thresholds};

/// Resamples of patients for the interval of the calibration error.
const RESAMPLES: usize = 1000;
/// Films that bins of confidence need to mean anything.
const LEAST: usize = 30;

/// Checks of answers on the films of a test split. `manifest` is their table; `seeds` says how many runs of the same kind there are.
///
/// Fails where the predictions are not valid, as [`Predictions::check`] does.
pub fn of_answers(
    predictions: &Predictions,
    manifest: &Manifest,
    seeds: usize,
    thresholds: &Thresholds,
) -> Result<Vec<Check>, Error> {
    if predictions.kind() != Kind::Exclusive {
        return Ok(vec![CALIBRATION.impossible(
            "findings that do not exclude each other have no single answer",
        )]);
    }
    if predictions.labelled().is_empty() {
        return Ok(vec![SIZE.impossible("there are no answered films with a class")]);
    }
    let options = Options {
        bootstrap: RESAMPLES,
        bayes: 0,
        seed: thresholds.probe.seed,
        ..Options::default()
    };
    let evaluation = evaluate(predictions, &options)?;
    Ok(vec![
        size(&evaluation.overall.accuracy, thresholds),
        calibration(&evaluation, predictions, thresholds),
        groups::check(&answers(predictions), manifest, thresholds),
        of_seeds(seeds, thresholds),
    ])
}

/// A film that has a class, with the answer.
pub(crate) struct Answered {
    pub(crate) film: String,
    /// Told apart within its dataset; a film whose patient is not known is one of its own.
    pub(crate) patient: (String, String),
    pub(crate) class: usize,
    pub(crate) right: bool,
}

fn answers(predictions: &Predictions) -> Vec<Answered> {
    let class =
        |row| (0..predictions.findings.len()).find(|&class| predictions.has(row, class) == Some(true));
    let answered = (0..predictions.len()).filter_map(|row| {
        let class = class(row)?;
        let film = predictions.films[row].clone();
        let patient = match predictions.patients[row].as_str() {
            "" => format!("film {film}"),
            known => format!("patient {known}"),
        };
        Some(Answered {
            film,
            patient: (predictions.datasets[row].clone(), patient),
            class,
            right: predictions.answer(row) == class,
        })
    });
    answered.collect()
}

/// Right answers and films of each patient.
pub(crate) fn by_patient<'a>(answers: impl IntoIterator<Item = &'a Answered>) -> Vec<(usize, usize)> {
    let mut counts: BTreeMap<&(String, String), (usize, usize)> = BTreeMap::new();
    for answer in answers {
        let count = counts.entry(&answer.patient).or_default();
        count.0 += usize::from(answer.right);
        count.1 += 1;
    }
    counts.into_values().collect()
}

const SIZE: Asked = Asked {
    name: "test-size",
    asks: "Are there enough test films to say anything?",
    remedy: "quote the interval with the number, or cross-validate (pleura train --folds)",
    literature: &[literature::ROBERTS],
};

fn size(accuracy: &Measured, thresholds: &Thresholds) -> Check {
    let (Some(share), Some(low), Some(high)) = (accuracy.value, accuracy.low, accuracy.high) else {
        return SIZE.impossible("there are no answered films with a class");
    };
    let verdict = if high - low > thresholds.width {
        Verdict::Note
    } else {
        Verdict::Quiet
    };
    Check {
        value: Some(high - low),
        threshold: Some(thresholds.width),
        figure: Some(Figure::Intervals {
            axis: "accuracy".to_owned(),
            lines: vec![("test films".to_owned(), share, (low, high))],
        }),
        ..SIZE.says(
            verdict,
            format!(
                "accuracy {:.1} % on {} films of {} patients: 95 % {:.1} to {:.1} %",
                100.0 * share,
                accuracy.n,
                accuracy.patients,
                100.0 * low,
                100.0 * high
            ),
        )
    }
}

const CALIBRATION: Asked = Asked {
    name: "calibration",
    asks: "Do the probabilities mean what they say?",
    remedy: "fit a temperature on validation films",
    literature: &[literature::GUO],
};

/// Expected calibration error of the answers (Guo et al. 2017): the distance of confidence and accuracy, over ten bins of confidence.
fn calibration(evaluation: &Evaluation, predictions: &Predictions, thresholds: &Thresholds) -> Check {
    if evaluation.films < LEAST {
        return CALIBRATION.impossible(format!(
            "{} answered films are too few for bins",
            evaluation.films
        ));
    }
    let of_answer = evaluation.reliability.iter().find(|one| one.finding.is_none());
    let measured = of_answer.map(|one| &one.expected_error);
    let Some((error, low, high)) = measured.and_then(|error| Some((error.value?, error.low?, error.high?)))
    else {
        return CALIBRATION.impossible("an interval needs two patients or more");
    };
    let labelled = predictions.labelled();
    let sure = |&row: &usize| predictions.score(row, predictions.answer(row));
    let mean = labelled.iter().map(sure).sum::<f64>() / labelled.len() as f64;
    // Bins are noisy: a perfect model has an error too, and a resample more of it. What counts is that even the lower end is large.
    let verdict = match low {
        low if low >= thresholds.calibration => Verdict::Alarm,
        low if low >= thresholds.calibration / 2.0 => Verdict::Note,
        _ => Verdict::Quiet,
    };
    Check {
        value: Some(low),
        threshold: Some(thresholds.calibration),
        ..CALIBRATION.says(
            verdict,
            format!(
                "expected calibration error {:.1} points (95 % {:.1} to {:.1}); answers are {:.1} % sure on average and {:.1} % right",
                100.0 * error,
                100.0 * low,
                100.0 * high,
                100.0 * mean,
                100.0 * evaluation.overall.accuracy.value.unwrap_or(f64::NAN)
            ),
        )
    }
}

const SEEDS: Asked = Asked {
    name: "seeds",
    asks: "Was the network trained more than once?",
    remedy: "train with five seeds or more and quote all of them: one run may be lucky",
    literature: &[literature::BOUTHILLIER],
};

fn of_seeds(seeds: usize, thresholds: &Thresholds) -> Check {
    let verdict = if seeds < thresholds.seeds {
        Verdict::Note
    } else {
        Verdict::Quiet
    };
    let noun = if seeds == 1 { "seed" } else { "seeds" };
    Check {
        value: Some(seeds as f64),
        threshold: Some(thresholds.seeds as f64),
        ..SEEDS.says(
            verdict,
            format!("stages like this one in the run: {seeds} {noun}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use pleura_eval::Truth;

    use super::*;

    /// Films of two classes, each of a patient of its own, answered with one confidence; the first `right` of them right.
    fn films(count: usize, confidence: f64, right: usize) -> Predictions {
        let names: Vec<String> = (0..count).map(|film| format!("film-{film}")).collect();
        Predictions {
            findings: vec!["COVID-19".to_owned(), "normal".to_owned()],
            patients: names.clone(),
            datasets: vec![String::new(); count],
            truth: Truth::Exclusive((0..count).map(|film| Some(usize::from(film >= right))).collect()),
            scores: [confidence, 1.0 - confidence].repeat(count),
            films: names,
            logits: None,
        }
    }

    fn verdict(name: &str, predictions: &Predictions) -> Verdict {
        let manifest = Manifest {
            findings: predictions.findings.clone(),
            rows: Vec::new(),
            notes: Vec::new(),
            folder: std::path::PathBuf::new(),
        };
        let checks = of_answers(predictions, &manifest, 1, &Thresholds::default()).unwrap();
        let of_name = |check: &&Check| check.name == name;
        checks.iter().find(of_name).unwrap().verdict
    }

    #[test]
    fn confidence_that_accuracy_does_not_bear_out_is_an_alarm() {
        assert_eq!(verdict("calibration", &films(100, 0.75, 75)), Verdict::Quiet);
        assert_eq!(verdict("calibration", &films(100, 0.95, 60)), Verdict::Alarm);
        assert_eq!(verdict("calibration", &films(20, 0.95, 12)), Verdict::NotPossible);
    }

    #[test]
    fn few_films_are_noted() {
        assert_eq!(verdict("test-size", &films(40, 0.9, 30)), Verdict::Note);
        assert_eq!(verdict("test-size", &films(900, 0.9, 675)), Verdict::Quiet);
    }
}
