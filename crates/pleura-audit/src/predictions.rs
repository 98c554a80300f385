//! Checks of a model's predictions on test films.

mod calibration;
mod groups;

use std::collections::BTreeMap;

use pleura_eval::{Estimate, Options, Predictions, Task, evaluate};
use pleura_manifest::Manifest;

use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::{Error, Thresholds};
use calibration::CALIBRATION;
use groups::GROUPS;

pub use groups::PARTITIONS;

/// Checks the predictions of a test split, with the probabilities that the model is used with; `None` if they
/// were not kept. `manifest` is their table, `seeds` the number of runs of the same kind.
///
/// Fails for invalid predictions, as [`Predictions::check`] does.
pub fn check_predictions(
    predictions: Option<&Predictions>,
    manifest: &Manifest,
    seeds: usize,
    thresholds: &Thresholds,
) -> Result<Vec<Check>, Error> {
    let [size, calibration, groups] = match predictions {
        None => impossible("the stage has no test answers"),
        Some(answers) if answers.kind() != Task::Exclusive => {
            impossible("independent findings have no single predicted class")
        }
        Some(answers) if answers.labelled().is_empty() => {
            impossible("no test film has a class and a prediction")
        }
        Some(predictions) => {
            let evaluation = evaluate(predictions, &Options::points())?;
            let answers = answers(predictions);
            [
                size(&evaluation.overall.accuracy, thresholds),
                calibration::check(&answers, thresholds),
                groups::check(&answers, manifest, thresholds),
            ]
        }
    };
    Ok(vec![size, calibration, groups, of_seeds(seeds, thresholds)])
}

/// The checks that need predictions, as not possible.
fn impossible(why: &str) -> [Check; 3] {
    [SIZE, CALIBRATION, GROUPS].map(|info| info.impossible(why))
}

/// A patient within its dataset; a film of an unknown patient counts as a patient of its own.
pub(crate) type Whose = (String, String);

/// A film with a class, and its prediction.
pub(crate) struct Answered {
    pub(crate) film: String,
    pub(crate) patient: Whose,
    pub(crate) class: usize,
    /// Probability of the predicted class.
    pub(crate) sure: f64,
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
            sure: predictions.score(row, predictions.answer(row)),
            right: predictions.answer(row) == class,
        })
    });
    answered.collect()
}

/// Correct predictions and films of each patient.
pub(crate) fn by_patient<'a>(answers: impl IntoIterator<Item = &'a Answered>) -> Vec<(usize, usize)> {
    let mut counts: BTreeMap<&Whose, (usize, usize)> = BTreeMap::new();
    for answer in answers {
        let count = counts.entry(&answer.patient).or_default();
        count.0 += usize::from(answer.right);
        count.1 += 1;
    }
    counts.into_values().collect()
}

const SIZE: CheckInfo = CheckInfo {
    name: "test-size",
    asks: "Are there enough test films?",
    remedy: "quote the interval with the number, or cross-validate (pleura train --folds)",
    literature: &[literature::ROBERTS],
};

fn size(accuracy: &Estimate, thresholds: &Thresholds) -> Check {
    let (Some(share), Some(low), Some(high)) = (accuracy.value, accuracy.low, accuracy.high) else {
        return SIZE.impossible("no test film has a class and a prediction");
    };
    let verdict = if high - low > thresholds.width {
        Verdict::Note
    } else {
        Verdict::Pass
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

const SEEDS: CheckInfo = CheckInfo {
    name: "seeds",
    asks: "Was the network trained more than once?",
    remedy: "train with five seeds or more and report all of them: a single run may be lucky",
    literature: &[literature::BOUTHILLIER],
};

fn of_seeds(seeds: usize, thresholds: &Thresholds) -> Check {
    let verdict = if seeds < thresholds.seeds {
        Verdict::Note
    } else {
        Verdict::Pass
    };
    let noun = if seeds == 1 { "seed" } else { "seeds" };
    Check {
        value: Some(seeds as f64),
        threshold: Some(thresholds.seeds as f64),
        ..SEEDS.says(verdict, format!("the run has {seeds} {noun} of this kind"))
    }
}

#[cfg(test)]
mod tests {
    use pleura_eval::Truth;

    use super::*;

    /// Films of two classes, one per patient, predicted with one confidence; the first `right` of them
    /// correctly.
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

    fn checks(predictions: Option<&Predictions>) -> Vec<Check> {
        let manifest = Manifest {
            findings: vec!["COVID-19".to_owned(), "normal".to_owned()],
            rows: Vec::new(),
            notes: Vec::new(),
            folder: std::path::PathBuf::new(),
        };
        check_predictions(predictions, &manifest, 1, &Thresholds::default()).unwrap()
    }

    fn verdict(name: &str, predictions: &Predictions) -> Verdict {
        let checks = checks(Some(predictions));
        let of_name = |check: &&Check| check.name == name;
        checks.iter().find(of_name).unwrap().verdict
    }

    #[test]
    fn confidence_that_accuracy_does_not_bear_out_is_an_alarm() {
        assert_eq!(verdict("calibration", &films(100, 0.75, 75)), Verdict::Pass);
        assert_eq!(verdict("calibration", &films(100, 0.95, 60)), Verdict::Alarm);
        assert_eq!(verdict("calibration", &films(20, 0.95, 12)), Verdict::NotPossible);
    }

    #[test]
    fn without_answers_the_same_checks_are_not_possible() {
        let names = |checks: &[Check]| checks.iter().map(|check| check.name.clone()).collect::<Vec<_>>();
        let without = checks(None);
        assert_eq!(names(&without), names(&checks(Some(&films(40, 0.9, 30)))));
        let verdicts: Vec<Verdict> = without.iter().map(|check| check.verdict).collect();
        let not = Verdict::NotPossible;
        // The number of trainings is known without predictions.
        assert_eq!(verdicts, [not, not, not, Verdict::Note]);
    }

    #[test]
    fn few_films_are_noted() {
        assert_eq!(verdict("test-size", &films(40, 0.9, 30)), Verdict::Note);
        assert_eq!(verdict("test-size", &films(900, 0.9, 675)), Verdict::Pass);
    }
}
