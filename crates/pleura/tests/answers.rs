//! Answers of weights and packages through the library.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pleura::{CalibrationChoice, Classifier, Composite, Error, Film, OpenOptions, Outcome, Question};
use pleura_film::DecodeOptions;
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Weights};

const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pleura-cli/tests/fixtures/old");

fn films() -> Vec<PathBuf> {
    let folder = Path::new(OLD).join("films/films");
    let mut films: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    films.sort();
    films.truncate(6);
    films
}

fn package() -> Classifier {
    Classifier::open(Path::new(OLD).join("old.pleura")).unwrap()
}

/// Fresh weights with these metadata, in a file.
fn weights(folder: &Path, metadata: &[(&str, &str)]) -> PathBuf {
    let findings = ["COVID-19", "normal"].map(str::to_owned);
    let architecture = Architecture::by_name("small").unwrap();
    let mut weights = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 3);
    let pairs = metadata
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    weights.metadata.extend(pairs);
    let path = folder.join("weights.safetensors");
    weights.write(&path).unwrap();
    path
}

const DECLARED: [(&str, &str); 2] = [("kind", "independent"), ("preparation", r#"{"size":64}"#)];

#[test]
fn a_decoded_film_a_file_and_its_bytes_have_answers_of_equal_bits() {
    let folder = tempfile::tempdir().unwrap();
    for model in [
        package(),
        Classifier::open(weights(folder.path(), &DECLARED)).unwrap(),
    ] {
        for path in films() {
            let answer = model.predict(&Film::open(&path).unwrap()).unwrap();
            assert_eq!(answer, model.predict_file(&path).unwrap());
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(answer, model.predict_bytes(&bytes, "film").unwrap());
        }
    }
}

#[test]
fn the_probabilities_are_those_of_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let model = Classifier::open(weights(folder.path(), &DECLARED)).unwrap();
    let film = pleura_film::open(&films()[0], &DecodeOptions::default()).unwrap();
    let grey = pleura_film::prepare(&film, model.preparation()).unit_grey();
    let logits = model.network().unwrap().infer(&grey, 1, 64).unwrap();
    let answer = model.predict(&Film::from_decoded(film, "film")).unwrap();
    for (score, logit) in answer.findings.iter().zip(logits) {
        let logit = f64::from(logit);
        assert_eq!(score.logit.to_bits(), logit.to_bits());
        assert!((score.probability - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-12);
        assert_eq!((score.threshold, score.calibrated), (None, false));
    }
}

#[test]
fn one_classifier_answers_from_many_threads_with_equal_bits() {
    fn is_shared<T: Send + Sync + 'static>(model: T) -> Arc<T> {
        Arc::new(model)
    }
    let folder = tempfile::tempdir().unwrap();
    let path = weights(folder.path(), &DECLARED);
    let alone = Classifier::open(&path).unwrap();
    let films: Vec<Film> = films().iter().map(|path| Film::open(path).unwrap()).collect();
    let expected: Vec<_> = films.iter().map(|film| alone.predict(film).unwrap()).collect();
    let map = alone
        .explain(&films[0], &Question::finding("normal"), &Composite::default())
        .unwrap();
    // A fresh one, so that the threads also set the network up at the same time.
    let shared = is_shared(Classifier::open(&path).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (shared, films, expected, map) = (Arc::clone(&shared), &films, &expected, &map);
            scope.spawn(move || {
                for number in 0..films.len() {
                    let film = (thread + number) % films.len();
                    assert_eq!(shared.predict(&films[film]).unwrap(), expected[film]);
                }
                let question = Question::finding("normal");
                let again = shared.explain(&films[0], &question, &Composite::default());
                assert_eq!(again.unwrap(), *map);
            });
        }
    });
}

#[test]
fn a_package_answers_abstains_and_refuses() {
    let model = package();
    let answer = model.predict_file(&films()[0]).unwrap();
    assert_eq!(answer.outcome, Outcome::Answered, "{:?}", answer.flags);
    assert!(answer.withheld.is_empty() && !answer.measures.is_empty());
    let positive = answer
        .findings
        .iter()
        .filter(|score| score.positive() == Some(true));
    assert_eq!(positive.count(), answer.predicted_positive().count());

    let side = 64;
    let noise = (0..side * side)
        .map(|place| (place * 7919 % 97) as f32 / 97.0)
        .collect();
    let noise = pleura_film::Film::from_grey(side, side, noise).unwrap();
    let answer = model.predict(&Film::from_decoded(noise, "noise")).unwrap();
    assert_ne!(answer.outcome, Outcome::Answered);
    assert!(!answer.flags.is_empty());
    assert!(answer.findings.is_empty() && answer.probability("normal").is_none());
    assert_eq!(answer.withheld.len(), model.findings().len());
    assert!(answer.withheld.iter().all(|score| score.threshold.is_none()));

    let tiny = pleura_film::Film::from_grey(8, 8, vec![0.5; 64]).unwrap();
    let answer = model.predict(&Film::from_decoded(tiny, "tiny")).unwrap();
    assert_eq!(answer.outcome, Outcome::Refused);
}

#[test]
fn files_are_answered_in_order_and_one_that_cannot_be_read_keeps_no_other_from_it() {
    let model = package();
    let mut paths = films();
    paths.insert(1, PathBuf::from("missing.png"));
    let answers: Vec<_> = model.predict_files(&paths, 2).unwrap().collect();
    assert_eq!(answers.len(), paths.len());
    for ((path, answer), expected) in answers.iter().zip(&paths) {
        assert_eq!(path, expected);
        match answer {
            Ok(_) => assert_ne!(path, &Path::new("missing.png")),
            Err(error) => {
                assert!(matches!(error, Error::Film(_)), "{error}");
                assert_eq!(path, &Path::new("missing.png"));
            }
        }
    }
}

#[test]
fn options_that_contradict_the_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path, options: &OpenOptions| Classifier::open_with(path, options).err().unwrap();
    let declared = weights(folder.path(), &DECLARED);
    let other = OpenOptions::default().task(pleura::Task::Exclusive);
    assert!(matches!(
        refused(&declared, &other),
        Error::TaskContradicts { .. }
    ));
    let other = OpenOptions::default().size(32);
    assert!(matches!(
        refused(&declared, &other),
        Error::PreparationContradicts { .. }
    ));
    let stage = OpenOptions::default().stage("target");
    assert!(matches!(refused(&declared, &stage), Error::StageOfFile { .. }));
    assert!(matches!(
        refused(folder.path(), &OpenOptions::default()),
        Error::NotARun { .. }
    ));

    let packaged = Path::new(OLD).join("old.pleura");
    assert!(matches!(
        refused(&packaged, &stage),
        Error::PackageSettings { .. }
    ));
    let off = OpenOptions::default().calibration(CalibrationChoice::Off);
    let uncalibrated = Classifier::open_with(&packaged, &off).unwrap();
    let error = uncalibrated.predict_file(&films()[0]).unwrap_err();
    assert!(matches!(error, Error::PackageSettings { .. }), "{error}");

    let bare = weights(folder.path(), &[]);
    assert!(matches!(
        refused(&bare, &OpenOptions::default()),
        Error::FactsUnknown { .. }
    ));
    let prepared = OpenOptions::default().size(64).fit(pleura::Fit::Stretch);
    assert!(matches!(refused(&bare, &prepared), Error::TaskUnknown { .. }));
    let told = OpenOptions::default().task(pleura::Task::Independent);
    assert!(matches!(refused(&bare, &told), Error::PreparationUnknown { .. }));
    let told = told.size(64).fit(pleura::Fit::Stretch);
    let film = &films()[0];
    let answer = Classifier::open_with(&bare, &told)
        .unwrap()
        .predict_file(film)
        .unwrap();
    let declared = Classifier::open(weights(folder.path(), &DECLARED)).unwrap();
    assert_eq!(answer, declared.predict_file(film).unwrap());
}

#[test]
fn an_explanation_adds_up_to_the_logit_it_explains() {
    let model = package();
    let film = Film::open(&films()[0]).unwrap();
    let answer = model.predict(&film).unwrap();
    let question = Question::finding("normal");
    let explanation = model.explain(&film, &question, &Composite::default()).unwrap();
    let score =
        |scores: &[pleura::FindingScore]| scores.iter().find(|score| score.finding == "normal").cloned();
    let (found, expected) = (
        score(&explanation.findings).unwrap(),
        score(&answer.findings).unwrap(),
    );
    assert!((found.logit - expected.logit).abs() < 1e-4 * (1.0 + expected.logit.abs()));
    let ledger = explanation.ledger().unwrap();
    assert!((ledger.start - found.logit).abs() < 1e-5 * (1.0 + found.logit.abs()));
    assert!(ledger.residual().abs() < 1e-3);
    let sum: f64 = explanation
        .map
        .heatmap
        .iter()
        .map(|&value| f64::from(value))
        .sum();
    assert!((sum - ledger.input).abs() < 1e-3 * (1.0 + sum.abs()));

    let other = model.findings().iter().find(|name| *name != "normal").unwrap();
    let contrast = Question::contrast("normal", other);
    let explanation = model.explain(&film, &contrast, &Composite::default()).unwrap();
    let logit = |name: &str| {
        let mut scores = answer.findings.iter();
        scores.find(|score| score.finding == name).unwrap().logit
    };
    assert!((explanation.map.value - (logit("normal") - logit(other))).abs() < 1e-3);
    let error = model
        .explain(&film, &Question::finding("Mass"), &Composite::default())
        .unwrap_err();
    assert!(matches!(error, Error::UnknownFinding { .. }), "{error}");
    let error = model
        .explain(&film, &Question::above("normal", 0.5), &Composite::default())
        .unwrap_err();
    assert!(matches!(error, Error::ThresholdOfClasses), "{error}");
}
