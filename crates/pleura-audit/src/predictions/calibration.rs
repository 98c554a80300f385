//! Calibration of the test predictions.

use std::collections::{BTreeMap, BTreeSet};

use pleura_eval::{Options, expected_calibration_error};
use rand::RngExt as _;
use rayon::prelude::*;

use super::{Answered, Whose};
use crate::Thresholds;
use crate::check::{Check, CheckInfo, Verdict, literature};
use crate::random::stream;

/// Minimum number of films for bins of confidence.
const LEAST: usize = 30;

pub(super) const CALIBRATION: CheckInfo = CheckInfo {
    name: "calibration",
    asks: "Are the probabilities calibrated?",
    remedy: "fit a temperature on validation films (pleura calibrate), and audit again",
    literature: &[literature::GUO, literature::VAICENAVICIUS],
};

/// Expected calibration error of the predictions (Guo et al. 2017): mean distance of confidence and accuracy
/// over ten bins.
///
/// Bins are noisy, so even perfectly calibrated predictions have an error above 0. The null distribution is
/// that of perfectly calibrated predictions: each patient draws one uniform number, and those of the
/// patient's predictions with a higher confidence are correct.
pub(super) fn check(answers: &[Answered], thresholds: &Thresholds) -> Check {
    if answers.len() < LEAST {
        return CALIBRATION.impossible(format!(
            "{} films with a prediction are too few for bins",
            answers.len()
        ));
    }
    let patients: BTreeSet<&Whose> = answers.iter().map(|answer| &answer.patient).collect();
    let patients: BTreeMap<&Whose, usize> = patients.into_iter().zip(0..).collect();
    if patients.len() < 2 {
        return CALIBRATION.impossible("all films with a prediction are of one patient");
    }
    let whose: Vec<usize> = answers.iter().map(|answer| patients[&answer.patient]).collect();
    let sure: Vec<f64> = answers.iter().map(|answer| answer.sure).collect();
    let right: Vec<bool> = answers.iter().map(|answer| answer.right).collect();
    let bins = Options::default().reliability_bins;
    let error_of = |right: &[bool]| expected_calibration_error(&sure, right, bins).unwrap_or(f64::NAN);
    let error = error_of(&right);
    let draws = thresholds.probe.permutations;
    let as_large = (0..draws).into_par_iter().filter(|draw| {
        let mut random = stream(thresholds.probe.seed, &format!("calibration: draw {draw}"));
        let drawn: Vec<f64> = (0..patients.len()).map(|_| random.random()).collect();
        let right: Vec<bool> = whose
            .iter()
            .zip(&sure)
            .map(|(&patient, sure)| drawn[patient] < *sure)
            .collect();
        error_of(&right) >= error - 1e-12
    });
    let p = (1 + as_large.count()) as f64 / (1 + draws) as f64;
    let verdict = match error {
        _ if p > thresholds.calibration_p => Verdict::Pass,
        error if error >= thresholds.calibration => Verdict::Alarm,
        error if error >= 0.5 * thresholds.calibration => Verdict::Note,
        _ => Verdict::Pass,
    };
    let count = answers.len() as f64;
    Check {
        value: Some(error),
        threshold: Some(thresholds.calibration),
        p: Some(p),
        ..CALIBRATION.says(
            verdict,
            format!(
                "expected calibration error {:.1} points, p = {p:.3} if answers are right as often as they say; they are {:.1} % sure on \
                 average and {:.1} % right",
                100.0 * error,
                100.0 * sure.iter().sum::<f64>() / count,
                100.0 * right.iter().filter(|right| **right).count() as f64 / count
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Predictions for films of separate patients, or two films per patient, correct with probability
    /// confidence × `worth`.
    fn drawn(films: usize, films_a_patient: usize, worth: f64, seed: u64) -> Vec<Answered> {
        let mut random = stream(seed, "calibration test");
        let mut level = 0.0;
        (0..films)
            .map(|film| {
                if film % films_a_patient == 0 {
                    level = random.random::<f64>();
                }
                let sure = 0.5 + 0.49 * random.random::<f64>();
                Answered {
                    film: format!("film-{film}"),
                    patient: (String::new(), format!("patient {}", film / films_a_patient)),
                    class: 0,
                    sure,
                    right: level < worth * sure,
                }
            })
            .collect()
    }

    #[test]
    fn probabilities_that_mean_what_they_say_are_let_be() {
        let thresholds = Thresholds::default();
        for (films, films_a_patient) in [(30, 1), (100, 1), (100, 2)] {
            let raised = (0..60).filter(|&seed| {
                let verdict = check(&drawn(films, films_a_patient, 1.0, seed), &thresholds).verdict;
                verdict != Verdict::Pass
            });
            // Three are expected by chance.
            let raised = raised.count();
            assert!(raised <= 9, "{raised} of 60 sets of {films} films");
        }
        let raised =
            (0..20).filter(|&seed| check(&drawn(170, 1, 0.7, seed), &thresholds).verdict == Verdict::Alarm);
        assert!(raised.count() >= 17);
        let of_one = check(&drawn(60, 60, 1.0, 1), &thresholds);
        assert_eq!(of_one.verdict, Verdict::NotPossible);
    }
}
