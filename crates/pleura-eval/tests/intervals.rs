//! What intervals, comparisons and warnings promise, on whole evaluations.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use pleura_eval::{
    Error, Evaluation, Method, Options, Predictions, Stratify, Truth, Warning, compare, compare_at, evaluate,
};

/// `films` films of three classes with `films_a_patient` films a patient; one film in `every` is answered
/// wrong, the whole patient alike.
fn made(films: usize, films_a_patient: usize, every: usize) -> Predictions {
    let mut logits = Vec::new();
    let class = |film: usize| (film / films_a_patient) % 3;
    for film in 0..films {
        let wrong = (film / films_a_patient).wrapping_mul(7) % every == 3 % every && every > 1;
        let answer = if wrong { (class(film) + 1) % 3 } else { class(film) };
        let wobble = (film * 37 % 101) as f32 / 101.0;
        logits.extend((0..3).map(|other| {
            if other == answer {
                1.0 + wobble
            } else {
                wobble * 0.3 * other as f32
            }
        }));
    }
    let names = |prefix: &str, group: usize| {
        (0..films)
            .map(|film| format!("{prefix}{}", film / group))
            .collect()
    };
    Predictions::from_logits(
        ["COVID-19", "pneumonia", "normal"].map(str::to_owned).to_vec(),
        names("f", 1),
        names("p", films_a_patient),
        (0..films)
            .map(|film| if class(film) == 0 { "cohen" } else { "nih" }.to_owned())
            .collect(),
        Truth::Exclusive((0..films).map(|film| Some(class(film))).collect()),
        &logits,
    )
    .unwrap()
}

fn run(predictions: &Predictions, options: &Options) -> Evaluation {
    evaluate(predictions, options).unwrap()
}

#[test]
fn equal_bits_on_any_number_of_threads() {
    let predictions = made(120, 2, 9);
    let options = Options {
        bootstrap: 500,
        ..Options::default()
    };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| serde_json::to_string(&run(&predictions, &options)).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
    let other = run(
        &predictions,
        &Options {
            seed: 1,
            ..options.clone()
        },
    );
    assert_ne!(one, serde_json::to_string(&other).unwrap(), "the seed matters");
}

#[test]
fn the_bootstrap_of_single_films_is_binomial() {
    // With one film a patient the draws of the accuracy are Binomial(n, accuracy)/n: their quantiles are
    // known.
    let predictions = made(150, 1, 8);
    let evaluation = run(
        &predictions,
        &Options {
            bootstrap: 20_000,
            bayes: 0,
            ..Options::default()
        },
    );
    let accuracy = &evaluation.overall.accuracy;
    let value = accuracy.value.unwrap();
    let deviation = (value * (1.0 - value) / 150.0).sqrt();
    let (low, high) = accuracy.interval(Method::PatientBootstrap).unwrap();
    assert!((low - (value - 1.96 * deviation)).abs() < 0.01, "{low}");
    assert!((high - (value + 1.96 * deviation)).abs() < 0.01, "{high}");
    assert_eq!(
        accuracy.method,
        Method::ClopperPearson,
        "films are independent, so the exact interval is quoted"
    );
}

#[test]
fn several_films_a_patient_widen_the_interval() {
    // Three films a patient, all right or all wrong together: a third of the information.
    let options = Options {
        bayes: 0,
        ..Options::default()
    };
    let evaluation = run(&made(150, 3, 8), &options);
    let accuracy = &evaluation.overall.accuracy;
    assert_eq!(
        (accuracy.n, accuracy.patients, accuracy.method),
        (150, 50, Method::ClopperPearsonOverPatients)
    );
    let width = |ends: Option<(f64, f64)>| ends.map(|(low, high)| high - low).unwrap();
    let clustered = width(accuracy.low.zip(accuracy.high));
    let exact = width(accuracy.interval(Method::ClopperPearson));
    let drawn = width(accuracy.interval(Method::PatientBootstrap));
    // √3 for the variance, and a little for few patients.
    assert!(
        clustered > 1.6 * exact && clustered < 2.0 * exact,
        "{clustered} {exact}"
    );
    assert!(drawn > 1.4 * exact && drawn < clustered, "{drawn} {exact}");
    assert!(evaluation.warnings.contains(&Warning::SeveralFilmsAPatient {
        films: 150,
        patients: 50
    }));
}

#[test]
fn strata_hold_class_counts() {
    // Class counts fixed and every class answered alike: accuracy varies less than unstratified.
    let mut predictions = made(90, 1, 1);
    // Class 0 is always answered wrong, the rest right.
    for film in (0..90).step_by(3) {
        predictions.scores[film * 3..film * 3 + 3].copy_from_slice(&[0.0, 1.0, 0.0]);
    }
    let with = |stratify| {
        let evaluation = run(
            &predictions,
            &Options {
                stratify,
                bayes: 0,
                ..Options::default()
            },
        );
        evaluation
            .overall
            .accuracy
            .interval(Method::PatientBootstrap)
            .unwrap()
    };
    let fixed = with(Stratify::Class);
    assert_eq!(fixed, (2.0 / 3.0, 2.0 / 3.0));
    let (low, high) = with(Stratify::None);
    assert!(low < 0.6 && high > 0.73, "{low} {high}");
}

#[test]
fn a_perfect_score_is_told_as_it_is() {
    let evaluation = run(&made(150, 1, 1), &Options::default());
    let accuracy = &evaluation.overall.accuracy;
    assert_eq!(
        (accuracy.value, accuracy.right, accuracy.high),
        (Some(1.0), Some(150), Some(1.0))
    );
    assert!((accuracy.low.unwrap() - 0.9757).abs() < 1e-4);
    let lines = evaluation.lines().join("\n");
    for part in [
        "accuracy 1.000 (95 % 0.976 to 1.000, 150 films)",
        "150 of 150 right: the exact 95 % interval still reaches down to 97.6 %",
        "every film of COVID-19 comes from cohen",
        "accuracy by the Bayesian model 0.962",
        "bootstrap interval without width",
    ] {
        assert!(lines.contains(part), "{lines}\nlacks {part:?}");
    }
    // With three films a patient, 50 patients speak, not 150 films: (0.025)^(1/50).
    let clustered = run(&made(150, 3, 1), &Options::default());
    assert_eq!(
        clustered.overall.accuracy.method,
        Method::ClopperPearsonOverPatients
    );
    assert!((clustered.overall.accuracy.low.unwrap() - 0.025_f64.powf(0.02)).abs() < 1e-12);
    let lines = clustered.lines().join("\n");
    assert!(
        lines.contains("over their 50 patients still reaches down to 92.9 %"),
        "{lines}"
    );
}

#[test]
fn draws_that_lose_a_class_are_counted() {
    // Two films of COVID-19: about one draw in seven has none of them.
    let all = made(60, 1, 7);
    let rows: Vec<usize> = (0..60).filter(|film| film % 3 != 0 || *film < 6).collect();
    let few = all.select(&rows);
    let evaluation = run(
        &few,
        &Options {
            bayes: 0,
            ..Options::default()
        },
    );
    let lost = evaluation.warnings.iter().find_map(|warning| match warning {
        Warning::LostDraws {
            metric,
            undefined,
            draws,
        } if metric == "COVID-19: AUC" => Some((*undefined, *draws)),
        _ => None,
    });
    let (undefined, draws) = lost.unwrap();
    assert_eq!(draws, 2000);
    assert!((200..350).contains(&undefined), "{undefined}");
    assert!(evaluation.findings[0].auc.low.is_some());
    assert!(evaluation.warnings.contains(&Warning::FewPositives {
        finding: "COVID-19".into(),
        films: 2
    }));
    assert!(evaluation.warnings.contains(&Warning::FewFilms { films: 42 }));
    let stratified = Options {
        stratify: Stratify::Class,
        bayes: 0,
        ..Options::default()
    };
    let stratified = run(&few, &stratified);
    assert!(
        !stratified
            .warnings
            .iter()
            .any(|warning| matches!(warning, Warning::LostDraws { .. }))
    );
}

#[test]
fn an_evaluation_reads_back() {
    let evaluation = run(&made(60, 2, 7), &Options::default());
    let text = serde_json::to_string(&evaluation).unwrap();
    assert_eq!(serde_json::from_str::<Evaluation>(&text).unwrap(), evaluation);
    assert!(text.contains("\"method\":\"patient bootstrap\"") && text.contains("\"method\":\"bayes hdi\""));
    assert!(text.contains("\"kind\":\"exclusive\"") && text.contains("\"warning\":\"tied-to-source\""));
}

#[test]
fn pairs_cancel_what_both_share() {
    let before = made(120, 2, 6);
    let mut after = before.clone();
    // Six patients more go wrong after.
    let mut changed = 0;
    for film in 0..120 {
        if (film / 2) % 10 == 5 {
            after.scores[film * 3..film * 3 + 3].rotate_right(1);
            changed += 1;
        }
    }
    // Any order of the films.
    let turned: Vec<usize> = (0..120).rev().collect();
    let comparison = compare(&before, &after.select(&turned), &Options::default()).unwrap();
    assert_eq!(comparison.changed.right, Some(changed));
    let table = comparison.mcnemar.as_ref().unwrap();
    let accuracy = comparison.difference("accuracy", None).unwrap();
    let gap = (table.only_after as f64 - table.only_before as f64) / 120.0;
    assert!((accuracy.difference.value.unwrap() - gap).abs() < 1e-15);
    assert_eq!(
        table.both + table.only_before + table.only_after + table.neither,
        120
    );
    let (low, high) = (
        accuracy.difference.low.unwrap(),
        accuracy.difference.high.unwrap(),
    );
    assert!(low < gap && gap < high && high < 0.0, "{low} {high}");
    // Pairing beats two separate intervals.
    let alone = run(&before, &Options::default()).overall.accuracy;
    assert!(high - low < alone.high.unwrap() - alone.low.unwrap());
    let lines = comparison.lines().join("\n");
    assert!(
        lines.contains("12 of 120 films changed their answer") && lines.contains("McNemar p"),
        "{lines}"
    );
}

#[test]
fn each_side_is_called_at_its_own_thresholds() {
    let exclusive = made(60, 1, 6);
    let places = (0..60).flat_map(|film| (0..3).map(move |finding| (film, finding)));
    let truth = places
        .map(|(film, finding)| exclusive.has(film, finding))
        .collect();
    let answers = Predictions {
        truth: Truth::Independent(truth),
        ..exclusive.clone()
    };
    let at = |threshold: f64| Options {
        bootstrap: 0,
        bayes: 0,
        thresholds: [("normal".to_owned(), threshold)].into(),
        ..Options::default()
    };
    let options = [0.5, 0.65].map(at);
    let comparison = compare_at(&answers, &answers, options.each_ref()).unwrap();
    let alone = options
        .each_ref()
        .map(|options| run(&answers, options).findings[2].sensitivity.value);
    let sensitivity = comparison.difference("sensitivity", Some("normal")).unwrap();
    assert_eq!([sensitivity.before, sensitivity.after], alone);
    assert!(alone[0] > alone[1], "{alone:?}");
    assert!(comparison.changed.right > Some(0));
}

#[test]
fn nothing_changed_is_not_nothing_can() {
    let before = made(150, 1, 6);
    let comparison = compare(&before, &before, &Options::default()).unwrap();
    assert_eq!(comparison.mcnemar.as_ref().unwrap().p, 1.0);
    assert_eq!(
        comparison.difference("accuracy", None).unwrap().difference.value,
        Some(0.0)
    );
    let lines = comparison.lines();
    assert!(
        lines[0].contains("no answer changed on 150 films; up to 2.4 %"),
        "{lines:?}"
    );
}

#[test]
fn what_cannot_be_paired_is_refused() {
    let before = made(30, 1, 6);
    let message = |after: &Predictions| {
        compare(&before, after, &Options::default())
            .unwrap_err()
            .to_string()
    };
    let fewer = before.select(&[0, 1, 2]);
    assert!(message(&fewer).contains("film `f3` has no answer after"));
    let mut other = before.clone();
    other.films[7] = "x".into();
    assert!(message(&other).contains("film `f7` has no answer after"));
    let mut relabelled = before.clone();
    relabelled.truth = Truth::Exclusive(vec![Some(0); 30]);
    assert!(message(&relabelled).contains("film `f1` has other labels"));
    let mut renamed = before.clone();
    renamed.findings.swap(0, 1);
    assert!(message(&renamed).contains("same order"));
    assert!(message(&made(33, 1, 6)).contains("film `f30` has no answer before"));
}

#[test]
fn settings_and_empty_sets_are_refused() {
    let predictions = made(30, 1, 6);
    let refused = |options: Options| evaluate(&predictions, &options).unwrap_err().to_string();
    assert!(
        refused(Options {
            level: 95.0,
            ..Options::default()
        })
        .contains("`level`: found 95")
    );
    assert!(
        refused(Options {
            bayes: 500,
            ..Options::default()
        })
        .contains("20000")
    );
    assert!(
        refused(Options {
            bootstrap: 5,
            ..Options::default()
        })
        .contains("at least 100")
    );
    let thresholds = [("Hernia".to_owned(), 0.5)].into();
    assert!(
        refused(Options {
            thresholds,
            ..Options::default()
        })
        .contains("`Hernia`")
    );
    let mut unlabelled = predictions.clone();
    unlabelled.truth = Truth::Exclusive(vec![None; 30]);
    assert!(matches!(
        evaluate(&unlabelled, &Options::default()),
        Err(Error::Empty { films: 30 })
    ));
    let mut independent = predictions.clone();
    independent.truth = Truth::Independent(vec![Some(true); 90]);
    let stratified = Options {
        stratify: Stratify::Class,
        ..Options::default()
    };
    assert!(
        evaluate(&independent, &stratified)
            .unwrap_err()
            .to_string()
            .contains("no strata")
    );
}
