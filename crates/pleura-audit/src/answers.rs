//! The checks that a model's answers on test films allow.

mod groups;

use std::collections::BTreeMap;

use pleura_data::Manifest;
use pleura_eval::{Predictions, clopper_pearson_over_patients};
use rand::RngExt as _;

use crate::Thresholds;
use crate::check::{Asked, Check, Figure, Verdict, literature};
use crate::random::stream;

/// Bins of equal width in which confidence is held against accuracy.
const BINS: usize = 10;
/// Resamples of patients for intervals.
const RESAMPLES: usize = 1000;

/// Checks of answers on the films of a test split. `manifest` is their table; `seeds` says how many runs of the same kind there are.
pub fn of_answers(
    predictions: &Predictions,
    manifest: &Manifest,
    seeds: usize,
    thresholds: &Thresholds,
) -> Vec<Check> {
    let Some(answers) = answers(predictions) else {
        return vec![CALIBRATION.impossible("findings that do not exclude each other have no single answer")];
    };
    let mut checks = vec![size(&answers), calibration(&answers, thresholds)];
    checks.push(groups::check(&answers, manifest, thresholds));
    checks.push(of_seeds(seeds, thresholds));
    checks
}

/// A film that has a class, with the answer.
pub(crate) struct Answered {
    pub(crate) film: String,
    pub(crate) patient: String,
    pub(crate) class: usize,
    pub(crate) right: bool,
    /// Probability of the answer.
    pub(crate) confidence: f64,
}

fn answers(predictions: &Predictions) -> Option<Vec<Answered>> {
    let pleura_eval::Truth::Exclusive(classes) = &predictions.truth else {
        return None;
    };
    let known = classes
        .iter()
        .enumerate()
        .filter_map(|(row, class)| Some((row, (*class)?)));
    let answered = known.map(|(row, class)| {
        let answer = predictions.answer(row);
        Answered {
            film: predictions.films[row].clone(),
            patient: format!("{}/{}", predictions.datasets[row], predictions.patients[row]),
            class,
            right: answer == class,
            confidence: predictions.score(row, answer),
        }
    });
    Some(answered.collect())
}

/// Right answers and films of each patient.
pub(crate) fn by_patient<'a>(answers: impl IntoIterator<Item = &'a Answered>) -> Vec<(usize, usize)> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
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

fn size(answers: &[Answered]) -> Check {
    let counts = by_patient(answers);
    let right = answers.iter().filter(|answer| answer.right).count();
    let Some((low, high)) = clopper_pearson_over_patients(&counts, 0.95) else {
        return SIZE.impossible("there are no answered films with a class");
    };
    let share = right as f64 / answers.len() as f64;
    // Twenty points are the distance between a good and a poor classifier.
    let verdict = if high - low > 0.2 {
        Verdict::Note
    } else {
        Verdict::Quiet
    };
    Check {
        value: Some(high - low),
        threshold: Some(0.2),
        figure: Some(Figure::Intervals {
            axis: "accuracy".to_owned(),
            lines: vec![("test films".to_owned(), share, (low, high))],
        }),
        ..SIZE.says(
            verdict,
            format!(
                "accuracy {:.1} % on {} films of {} patients: 95 % {:.1} to {:.1} %",
                100.0 * share,
                answers.len(),
                counts.len(),
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

/// Expected calibration error: the distance of confidence and accuracy, over bins of confidence (Guo et al. 2017).
fn calibration_error<'a>(answers: impl IntoIterator<Item = &'a Answered>) -> f64 {
    let mut bins = [(0usize, 0usize, 0f64); BINS];
    let mut films = 0usize;
    for answer in answers {
        let bin = &mut bins[((answer.confidence * BINS as f64) as usize).min(BINS - 1)];
        *bin = (
            bin.0 + 1,
            bin.1 + usize::from(answer.right),
            bin.2 + answer.confidence,
        );
        films += 1;
    }
    bins.iter()
        .map(|(_, right, confidence)| (*right as f64 - confidence).abs())
        .sum::<f64>()
        / films.max(1) as f64
}

fn calibration(answers: &[Answered], thresholds: &Thresholds) -> Check {
    if answers.len() < 30 {
        return CALIBRATION.impossible(format!("{} answered films are too few for bins", answers.len()));
    }
    let error = calibration_error(answers);
    let mut of_patient: BTreeMap<&str, Vec<&Answered>> = BTreeMap::new();
    for answer in answers {
        of_patient.entry(&answer.patient).or_default().push(answer);
    }
    let patients: Vec<Vec<&Answered>> = of_patient.into_values().collect();
    let mut random = stream(thresholds.probe.seed, CALIBRATION.name);
    let mut errors: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = (0..patients.len())
                .flat_map(|_| patients[random.random_range(0..patients.len())].iter().copied());
            calibration_error(drawn)
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    // Bins are noisy: a perfect model has an error too, and a resample more of it. What counts is that even the lower end is large.
    let (low, high) = (errors[RESAMPLES * 25 / 1000], errors[RESAMPLES * 975 / 1000]);
    let mean = answers.iter().map(|answer| answer.confidence).sum::<f64>() / answers.len() as f64;
    let right = answers.iter().filter(|answer| answer.right).count() as f64 / answers.len() as f64;
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
                100.0 * right
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
    use super::*;

    fn answered(confidence: f64, right: bool, patient: usize) -> Answered {
        Answered {
            film: String::new(),
            patient: patient.to_string(),
            class: 0,
            right,
            confidence,
        }
    }

    #[test]
    fn the_error_of_calibration_is_a_distance() {
        let of = |confidence: f64, right: usize| -> Vec<Answered> {
            (0..100)
                .map(|film| answered(confidence, film < right, film))
                .collect()
        };
        assert!(calibration_error(&of(0.75, 75)) < 1e-12);
        assert!((calibration_error(&of(0.95, 60)) - 0.35).abs() < 1e-12);
        let verdict = |answers: &[Answered]| calibration(answers, &Thresholds::default()).verdict;
        assert_eq!(verdict(&of(0.75, 75)), Verdict::Quiet);
        assert_eq!(verdict(&of(0.95, 60)), Verdict::Alarm);
        assert_eq!(verdict(&of(0.95, 60)[..20]), Verdict::NotPossible);
    }

    #[test]
    fn few_films_are_noted() {
        let answers: Vec<Answered> = (0..40).map(|film| answered(0.9, film % 4 > 0, film)).collect();
        assert_eq!(size(&answers).verdict, Verdict::Note);
        let answers: Vec<Answered> = (0..900).map(|film| answered(0.9, film % 4 > 0, film)).collect();
        assert_eq!(size(&answers).verdict, Verdict::Quiet);
    }
}
