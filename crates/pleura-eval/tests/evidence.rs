//! Equal to MLstatkit, statsmodels, scikit-learn and SciPy on the cases that `golden/evidence/make.py` made.

#![allow(clippy::doc_markdown, reason = "libraries, not code")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::Path;

use pleura_eval::calibration::FitOptions;
use pleura_eval::{
    Bins, Calibration, Options, Predictions, Truth, delong, delong_over_patients, mcnemar,
    mcnemar_over_patients, reliability_curve,
};
use serde_json::Value;

fn expected(key: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/evidence/evidence.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = all[key].as_array().unwrap().clone();
    assert!(cases.len() > 2, "{key}");
    cases
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

fn flags(value: &Value) -> Vec<bool> {
    numbers(value).into_iter().map(|number| number == 1.0).collect()
}

#[track_caller]
fn close(found: f64, expected: f64, relative: f64) {
    assert!(
        (found - expected).abs() <= relative * expected.abs().max(1e-3),
        "found {found}, expected {expected}"
    );
}

#[test]
fn areas_their_covariance_and_the_test() {
    for case in expected("delong") {
        let positive = flags(&case["truth"]);
        let scores = [numbers(&case["first"]), numbers(&case["second"])];
        let scores = [&scores[0][..], &scores[1][..]];
        let found = delong(&scores, &positive).unwrap();
        let covariance = numbers(&case["covariance"]);
        for (found, expected) in found.areas.iter().zip(numbers(&case["areas"])) {
            close(*found, expected, 1e-12);
        }
        for (found, expected) in found.covariance.iter().zip(&covariance) {
            close(*found, *expected, 1e-10);
        }
        let test = found.difference(0, 1);
        close(test.z.unwrap(), case["z"].as_f64().unwrap(), 1e-9);
        close(test.p.unwrap(), case["p"].as_f64().unwrap(), 1e-9);
        let ends: Vec<f64> = (0..2)
            .flat_map(|score| {
                // An area of 1 does not vary by this estimate, and has no interval; MLstatkit gives one
                // without width.
                let (low, high) = found
                    .interval(score, 0.95)
                    .unwrap_or([found.areas[score]; 2].into());
                [low, high]
            })
            .collect();
        for (found, expected) in ends.into_iter().zip(numbers(&case["ci"])) {
            close(found, expected, 1e-9);
        }

        let patient: Vec<u32> = numbers(&case["patient"])
            .into_iter()
            .map(|number| number as u32)
            .collect();
        let over = delong_over_patients(&scores, &positive, &patient).unwrap();
        for (found, expected) in over
            .covariance
            .iter()
            .zip(numbers(&case["covariance_over_patients"]))
        {
            close(*found, expected, 1e-10);
        }
    }
}

#[test]
fn exact_mcnemar_over_films_and_over_patients() {
    for case in expected("mcnemar") {
        let [_, before, after, _, p] = numbers(&case)[..] else {
            panic!("{case}")
        };
        close(mcnemar(before as usize, after as usize), p, 1e-12);
    }
    for case in expected("flips") {
        let patients: Vec<(usize, usize)> = case[0]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| {
                (
                    pair[0].as_u64().unwrap() as usize,
                    pair[1].as_u64().unwrap() as usize,
                )
            })
            .collect();
        close(mcnemar_over_patients(&patients), case[1].as_f64().unwrap(), 1e-12);
    }
}

#[test]
fn calibration_curves_in_both_kinds_of_bins() {
    for case in expected("calibration") {
        let (scores, positive) = (numbers(&case["scores"]), flags(&case["truth"]));
        let count = case["bins"].as_u64().unwrap() as usize;
        for (name, bins) in [
            ("uniform", Bins::EqualWidth(count)),
            ("quantile", Bins::EqualMass(count)),
        ] {
            let found = reliability_curve(&scores, &positive, bins);
            let (means, shares) = (numbers(&case[name][0]), numbers(&case[name][1]));
            assert_eq!(found.len(), means.len(), "{name}");
            for ((found_mean, found_share), (mean, share)) in found.iter().zip(means.iter().zip(&shares)) {
                close(*found_mean, *mean, 1e-12);
                close(*found_share, *share, 1e-12);
            }
        }
    }
}

#[test]
fn temperatures_have_the_least_log_loss() {
    for case in expected("temperature") {
        let classes = case["classes"].as_u64().unwrap() as usize;
        let truth: Vec<Option<usize>> = numbers(&case["truth"])
            .into_iter()
            .map(|class| Some(class as usize))
            .collect();
        let logits = numbers(&case["logits"]);
        let films = truth.len();
        let predictions = Predictions {
            findings: (0..classes).map(|class| format!("c{class}")).collect(),
            films: (0..films).map(|film| format!("f{film}")).collect(),
            patients: vec![String::new(); films],
            datasets: vec![String::new(); films],
            scores: pleura_eval::Task::Exclusive.probabilities(&logits, classes),
            truth: Truth::Exclusive(truth),
            logits: Some(logits),
        };
        let fit = FitOptions {
            model: String::new(),
            films: String::new(),
            temperature: true,
            rules: std::collections::BTreeMap::new(),
            options: Options::points(),
        };
        let found = Calibration::fit(&predictions, &fit).unwrap();
        // The minimiser of SciPy knows the place of a flat minimum to half as many digits as its height.
        close(
            found.temperatures[0].value,
            case["temperature"].as_f64().unwrap(),
            1e-6,
        );
        close(
            found.before.log_loss.value.unwrap(),
            case["before"].as_f64().unwrap(),
            1e-12,
        );
        close(
            found.after.log_loss.value.unwrap(),
            case["after"].as_f64().unwrap(),
            1e-12,
        );
    }
}
