//! Equal to scikit-learn, SciPy and mpmath on the files that `golden/make.py` made.

#![allow(clippy::doc_markdown, reason = "libraries, not code")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};

use pleura_eval::{
    Dirichlets, Estimate, Evaluation, Method, Options, Predictions, Task, Truth, beta_quantile,
    clopper_pearson, evaluate, mcnemar, pr_curve, regularised_incomplete_beta, roc_curve, student_t_quantile,
};
use serde_json::Value;

const TOLERANCE: f64 = 1e-12;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn expected(name: &str) -> Value {
    let text = std::fs::read_to_string(golden(&format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

fn same(what: &str, found: Option<f64>, expected: &Value) {
    let close = match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() <= TOLERANCE,
        (found, expected) => found == expected,
    };
    assert!(close, "{what}: found {found:?}, expected {expected}");
}

fn check(name: &str, kind: Task, options: &Options) -> (Predictions, Evaluation, Value) {
    let predictions = Predictions::read(&golden(&format!("{name}.csv"))).unwrap();
    assert_eq!(predictions.kind(), kind);
    let evaluation = evaluate(&predictions, options).unwrap();
    let expected = expected(name);
    let names: Vec<&str> = expected["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(predictions.findings, names);

    // By their serialised names, so that the shape others read is tested too.
    let written = serde_json::to_value(&evaluation).unwrap();
    for (metric, value) in expected["overall"].as_object().unwrap() {
        same(
            &format!("{name}, {metric}"),
            written["overall"][metric]["value"].as_f64(),
            value,
        );
    }
    for (index, one) in expected["each"].as_array().unwrap().iter().enumerate() {
        let found = &evaluation.findings[index];
        if one.is_null() {
            assert_eq!(
                (found.positives, found.negatives),
                (0, 0),
                "{name}, {}",
                found.name
            );
            assert_eq!((found.auc.value, found.brier.value), (None, None));
            continue;
        }
        let counts = [
            found.true_positives,
            found.false_positives,
            found.false_negatives,
            found.true_negatives,
        ];
        assert_eq!(counts.map(|count| count as f64).to_vec(), numbers(&one["counts"]));
        for (metric, value) in one.as_object().unwrap() {
            if !["counts", "roc", "pr"].contains(&metric.as_str()) {
                let what = format!("{name}, {}, {metric}", found.name);
                same(&what, written["findings"][index][metric]["value"].as_f64(), value);
            }
        }
        check_curves(&predictions, index, one);
    }
    (predictions, evaluation, expected)
}

fn check_curves(predictions: &Predictions, finding: usize, expected: &Value) {
    let known = (0..predictions.len()).filter_map(|film| {
        predictions
            .has(film, finding)
            .map(|positive| (predictions.score(film, finding), positive))
    });
    let (scores, positive): (Vec<f64>, Vec<bool>) = known.unzip();
    let roc = roc_curve(&scores, &positive);
    if expected["roc"].is_null() {
        assert!(roc.is_empty());
        return;
    }
    let columns = |points: Vec<[Option<f64>; 3]>, expected: &Value| {
        for column in 0..3 {
            let wanted = expected[column].as_array().unwrap();
            assert_eq!(points.len(), wanted.len());
            for (point, value) in points.iter().zip(wanted) {
                same(
                    &format!("curve of {}, column {column}", predictions.findings[finding]),
                    point[column],
                    value,
                );
            }
        }
    };
    let roc = roc.iter().map(|p| {
        [
            Some(p.false_positive_rate),
            Some(p.true_positive_rate),
            p.threshold,
        ]
    });
    columns(roc.collect(), &expected["roc"]);
    let pr = pr_curve(&scores, &positive);
    let pr: Vec<_> = pr
        .iter()
        .map(|p| [Some(p.recall), Some(p.precision), Some(p.threshold)])
        .collect();
    columns(pr, &expected["pr"]);
}

#[test]
fn exclusive_classes_equal_scikit_learn() {
    for name in ["ties", "smooth", "missing", "perfect", "two"] {
        let (_, evaluation, expected) = check(name, Task::Exclusive, &Options::points());
        let confusion = serde_json::to_value(&evaluation.confusion.unwrap().counts).unwrap();
        assert_eq!(confusion, expected["confusion"], "{name}");
    }
}

#[test]
fn independent_findings_equal_scikit_learn() {
    let table = expected("labels");
    let findings: Vec<String> = serde_json::from_value(table["findings"].clone()).unwrap();
    let thresholds = findings.into_iter().zip(numbers(&table["thresholds"])).collect();
    let options = Options {
        thresholds,
        ..Options::points()
    };
    let (predictions, evaluation, _) = check("labels", Task::Independent, &options);
    assert!(evaluation.confusion.is_none());
    let Truth::Independent(present) = &predictions.truth else {
        panic!("independent")
    };
    let unknown = present.iter().filter(|known| known.is_none()).count();
    let counted: usize = evaluation.findings.iter().map(|finding| finding.unknown).sum();
    assert_eq!(counted + evaluation.unlabelled * 6, unknown);
}

#[test]
fn exact_intervals_equal_scipy() {
    let table = expected("distributions");
    for row in table["clopper_pearson"].as_array().unwrap() {
        let [right, of, level, low, high] = numbers(row)[..] else {
            panic!("five numbers")
        };
        let found = clopper_pearson(right as usize, of as usize, level).unwrap();
        // SciPy's own quantiles are good to about 1e-12.
        assert!(
            (found.0 - low).abs() < 1e-11 && (found.1 - high).abs() < 1e-11,
            "{row} {found:?}"
        );
    }
    for row in table["beta"].as_array().unwrap() {
        let [a, b, x, wanted] = numbers(row)[..] else {
            panic!("four numbers")
        };
        let found = regularised_incomplete_beta(a, b, x);
        assert!((found - wanted).abs() < 1e-12, "{row} {found}");
    }
    for row in table["beta_quantile"].as_array().unwrap() {
        let [a, b, p, wanted] = numbers(row)[..] else {
            panic!("four numbers")
        };
        let found = beta_quantile(a, b, p);
        assert!((found - wanted).abs() < 1e-11, "{row} {found}");
    }
    for row in table["student_t"].as_array().unwrap() {
        let [freedom, level, wanted] = numbers(row)[..] else {
            panic!("three numbers")
        };
        let found = student_t_quantile(freedom, level);
        assert!((found / wanted - 1.0).abs() < 1e-10, "{row} {found}");
    }
    for row in table["mcnemar"].as_array().unwrap() {
        let [before, after, wanted] = numbers(row)[..] else {
            panic!("three numbers")
        };
        let found = mcnemar(before as usize, after as usize);
        assert!((found / wanted - 1.0).abs() < 1e-9, "{row} {found}");
    }
}

/// Films whose confusion matrix is `counts`, a patient each, answered with probability 0.8.
fn films_of(counts: &[Vec<usize>]) -> Predictions {
    let width = counts.len();
    let (mut truth, mut scores) = (Vec::new(), Vec::new());
    for (class, row) in counts.iter().enumerate() {
        for (answer, &films) in row.iter().enumerate() {
            for _ in 0..films {
                truth.push(Some(class));
                scores.extend((0..width).map(|other| if other == answer { 0.8 } else { 0.1 }));
            }
        }
    }
    let films = truth.len();
    Predictions {
        findings: (0..width).map(|class| format!("class {class}")).collect(),
        films: (0..films).map(|film| format!("f{film}")).collect(),
        patients: (0..films).map(|film| format!("p{film}")).collect(),
        datasets: vec!["made".to_owned(); films],
        truth: Truth::Exclusive(truth),
        scores,
        logits: None,
    }
}

#[test]
fn the_bayesian_model_equals_numpy_draws() {
    let options = Options {
        bootstrap: 0,
        bayes: 100_000,
        seed: 3,
        ..Options::default()
    };
    for case in expected("posterior")["cases"].as_array().unwrap() {
        let counts: Vec<Vec<usize>> = serde_json::from_value(case["counts"].clone()).unwrap();
        let evaluation = evaluate(&films_of(&counts), &options).unwrap();
        let overall = &evaluation.overall;
        let metrics: [(&str, &Estimate); 5] = [
            ("accuracy", &overall.accuracy),
            ("balanced_accuracy", &overall.balanced_accuracy),
            ("macro_specificity", &overall.macro_specificity),
            ("macro_precision", &overall.macro_precision),
            ("macro_f1", &overall.macro_f1),
        ];
        for (name, measured) in metrics {
            let found = measured.others.iter().find(|one| one.method == Method::BayesHdi);
            let found = if measured.method == Method::BayesHdi {
                None
            } else {
                found
            }
            .unwrap();
            let [mean, low, high] = numbers(&case["expected"][name])[..] else {
                panic!("three numbers")
            };
            assert!(
                (found.centre.unwrap() - mean).abs() < 5e-4,
                "{name} {found:?} {mean}"
            );
            // The ends of a shortest interval wander more than its quantiles would.
            assert!((found.low - low).abs() < 3e-3, "{name} {found:?} {low}");
            assert!((found.high - high).abs() < 3e-3, "{name} {found:?} {high}");
        }
    }
}

#[test]
fn the_posterior_mean_has_its_closed_form() {
    // (right + 3)/(N + 9) of a balanced test of three classes, wherever the mistakes fall.
    for (counts, right) in [
        ([[40_u64, 6, 4], [5, 39, 6], [4, 7, 39]], 118),
        ([[50, 0, 0], [32, 18, 0], [0, 7, 43]], 111),
        ([[50, 0, 0], [0, 50, 0], [0, 0, 50]], 150),
    ] {
        let counts: Vec<Vec<usize>> = counts
            .iter()
            .map(|row| row.iter().map(|&films| films as usize).collect())
            .collect();
        let evaluation = evaluate(&films_of(&counts), &Options::points()).unwrap();
        let mean = Dirichlets::after(&evaluation.confusion.unwrap()).mean_accuracy();
        assert!((mean - f64::from(right + 3) / 159.0).abs() < 1e-15);
    }
}
