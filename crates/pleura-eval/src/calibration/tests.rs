use super::*;
use crate::Truth;

/// Logits that are `sure` times the log-odds that the labels were drawn with.
fn drawn(films: usize, sure: f64) -> Predictions {
    use rand::RngExt as _;
    let mut generator = crate::stats::random::stream(3, "calibration test", 0);
    let (mut logits, mut classes) = (Vec::new(), Vec::new());
    for _ in 0..films {
        let row: Vec<f64> = (0..3).map(|_| 3.0 * generator.random::<f64>()).collect();
        let scores = Task::Exclusive.probabilities(&row, 3);
        let draw: f64 = generator.random();
        let class = if draw < scores[0] {
            0
        } else {
            1 + usize::from(draw >= scores[0] + scores[1])
        };
        classes.push(Some(class));
        logits.extend(row.iter().map(|z| sure * z));
    }
    let names = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    Predictions {
        findings: names("class ", 3),
        films: names("f", films),
        patients: names("p", films),
        datasets: vec![String::new(); films],
        truth: Truth::Exclusive(classes),
        scores: Task::Exclusive.probabilities(&logits, 3),
        logits: Some(logits),
    }
}

fn fit() -> FitOptions {
    FitOptions {
        model: "m".to_owned(),
        films: "d".to_owned(),
        temperature: true,
        rules: BTreeMap::new(),
        options: Options::points(),
    }
}

#[test]
fn the_temperature_takes_back_what_was_too_sure() {
    let predictions = drawn(6000, 4.0);
    let options = Options {
        bootstrap: 100,
        ..Options::points()
    };
    let found = Calibration::fit(&predictions, &FitOptions { options, ..fit() }).unwrap();
    let [temperature] = &found.temperatures[..] else {
        panic!("{:?}", found.temperatures)
    };
    assert!((temperature.value - 4.0).abs() < 0.4, "{}", temperature.value);
    let (low, high) = temperature.measured.low.zip(temperature.measured.high).unwrap();
    assert!(
        low < temperature.value && temperature.value < high && high - low < 0.9,
        "{low} {high}"
    );
    assert!(found.is_fitted());
    assert!(found.after.log_loss.value < found.before.log_loss.value);
    assert!(
        found.after.expected_error.value.unwrap() < 0.04 && found.before.expected_error.value.unwrap() > 0.1
    );

    // Answers and raw outputs stay; without raw outputs the probabilities give the same.
    let calibrated = found.apply(&predictions).unwrap();
    assert_eq!(calibrated.logits, predictions.logits);
    assert!((0..predictions.len()).all(|film| calibrated.answer(film) == predictions.answer(film)));
    assert_eq!(
        calibrated.scores,
        found.probabilities(predictions.logits.as_ref().unwrap())
    );
    let bare = Predictions {
        logits: None,
        ..predictions
    };
    let from_scores = found.apply(&bare).unwrap();
    let apart = from_scores
        .scores
        .iter()
        .zip(&calibrated.scores)
        .map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f64::max) < 1e-12);
}

#[test]
fn films_without_error_cannot_say_how_sure_to_be() {
    let mut predictions = drawn(60, 1.0);
    let right: Vec<Option<usize>> = (0..60).map(|film| Some(predictions.answer(film))).collect();
    predictions.truth = Truth::Exclusive(right);
    let found = Calibration::fit(&predictions, &fit()).unwrap();
    assert_eq!(
        (found.temperatures[0].value, found.temperatures[0].outcome),
        (1.0, Outcome::NoBest)
    );
    assert!(!found.is_fitted());
    predictions.truth = Truth::Exclusive(vec![Some(1); 60]);
    let found = Calibration::fit(&predictions, &fit()).unwrap();
    assert_eq!(found.temperatures[0].outcome, Outcome::TooFewFilms);
}

#[test]
fn thresholds_by_hand() {
    let scores = [0.9, 0.8, 0.7, 0.6, 0.4, 0.2];
    let positive = [true, true, false, true, false, false];
    let choose = |rule| choose_threshold(&scores, &positive, rule);
    let near = |found: Result<f64, String>, expected: f64| {
        assert!(
            (found.clone().unwrap() - expected).abs() < 1e-15,
            "{found:?} {expected}"
        );
    };
    near(choose(Rule::Sensitivity { at_least: 1.0 }), 0.5);
    near(choose(Rule::Sensitivity { at_least: 0.6 }), 0.75);
    near(choose(Rule::Specificity { at_least: 1.0 }), 0.75);
    near(choose(Rule::Specificity { at_least: 0.6 }), 0.5);
    let cost = |of_a_miss, prevalence| Rule::Cost {
        of_a_miss,
        prevalence,
    };
    // A miss costs as much as a false alarm: one mistake at 0.75 or at 0.5; the lower threshold misses none.
    near(choose(cost(1.0, None)), 0.5);
    near(choose(cost(0.5, None)), 0.75);
    // For a rare finding, false alarms outnumber misses.
    near(choose(cost(1.0, Some(0.05))), 0.75);
    assert!(
        choose(Rule::Sensitivity { at_least: 1.5 })
            .unwrap_err()
            .contains("expected a share")
    );
    assert!(
        choose_threshold(&[0.1], &[true], cost(1.0, None))
            .unwrap_err()
            .contains("needs both")
    );
    // Ties are predicted together.
    near(
        choose_threshold(
            &[0.5, 0.5, 0.1],
            &[true, false, false],
            Rule::Sensitivity { at_least: 0.1 },
        ),
        0.3,
    );
}

#[test]
fn a_threshold_does_what_it_was_chosen_for() {
    let reached = |scores: &[f64], positive: &[bool], rule| {
        let threshold = choose_threshold(scores, positive, rule)?;
        let share = |kind: bool| {
            let of = || scores.iter().zip(positive).filter(|film| *film.1 == kind);
            of().filter(|film| (*film.0 >= threshold) == kind).count() as f64 / of().count() as f64
        };
        Ok::<_, String>((share(true), share(false)))
    };
    let all = Rule::Specificity { at_least: 1.0 };
    // A film with probability 1 is predicted positive at every threshold.
    let refused = reached(&[1.0, 0.5], &[false, true], all).unwrap_err();
    assert!(refused.contains("no threshold reaches it (specificity of at least 1)"));
    assert_eq!(reached(&[1.0, 0.5], &[true, false], all), Ok((1.0, 1.0)));
    let dear = Rule::Cost {
        of_a_miss: 0.1,
        prevalence: None,
    };
    assert_eq!(
        reached(&[1.0, 0.5, 0.2], &[false, true, false], dear),
        Ok((1.0, 0.5))
    );
    // No number lies between two neighbours.
    let above = 0.5_f64.next_up();
    assert_eq!(f64::midpoint(above, 0.5), 0.5);
    assert_eq!(
        reached(&[above, 0.5, 0.1], &[true, false, false], all),
        Ok((0.0, 1.0))
    );
}

#[test]
fn a_calibration_reads_back_and_refuses_other_findings() {
    let folder = tempfile::tempdir().unwrap();
    let path = Calibration::path(&folder.path().join("best.safetensors"));
    assert!(path.ends_with("best.calibration.json"));
    let predictions = drawn(200, 2.0);
    let rules = BTreeMap::from([("class 1".to_owned(), Rule::Sensitivity { at_least: 0.9 })]);
    let found = Calibration::fit(&predictions, &FitOptions { rules, ..fit() }).unwrap();
    let threshold = &found.thresholds["class 1"];
    assert!(threshold.sensitivity.value.unwrap() >= 0.9 && threshold.sensitivity.low.unwrap() < 0.9);
    found.write(&path).unwrap();
    let read = Calibration::read(&path).unwrap();
    assert_eq!(read, found);
    assert_eq!(read.thresholds()["class 1"], threshold.threshold);

    let mut others = predictions.clone();
    others.findings[0] = "another".to_owned();
    let message = read.apply(&others).unwrap_err().to_string();
    assert!(
        message.contains("another") && message.contains("pleura calibrate"),
        "{message}"
    );
    let rules = BTreeMap::from([("nothing".to_owned(), Rule::Sensitivity { at_least: 0.9 })]);
    let message = Calibration::fit(&predictions, &FitOptions { rules, ..fit() })
        .unwrap_err()
        .to_string();
    assert!(message.contains("nothing"), "{message}");
    std::fs::write(
        &path,
        std::fs::read_to_string(&path)
            .unwrap()
            .replace("\"format\": 1", "\"format\": 9"),
    )
    .unwrap();
    assert!(
        Calibration::read(&path)
            .unwrap_err()
            .to_string()
            .contains("format 9")
    );
}

#[test]
fn independent_findings_have_a_temperature_each() {
    let three = drawn(4000, 3.0);
    // One class against the rest: its log-odds are not a single logit, but doubling them must double the
    // temperature.
    let (mut logits, mut truth) = (Vec::new(), Vec::new());
    for film in 0..three.len() {
        let odds = |p: f64| (p / (1.0 - p)).ln();
        logits.extend([odds(three.score(film, 0)), 2.0 * odds(three.score(film, 1))]);
        truth.extend([three.has(film, 0), three.has(film, 1)]);
    }
    let predictions = Predictions {
        findings: vec!["a".into(), "b".into()],
        scores: Task::Independent.probabilities(&logits, 2),
        logits: Some(logits),
        truth: Truth::Independent(truth),
        ..three
    };
    let found = Calibration::fit(&predictions, &fit()).unwrap();
    let ratio = found.temperature(1) / found.temperature(0);
    assert!(
        found.temperatures.len() == 2 && (ratio - 2.0).abs() < 0.2,
        "{ratio}"
    );
}
