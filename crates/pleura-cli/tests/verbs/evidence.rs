//! What a result is worth: compared, calibrated, elsewhere, at other prevalences, and with every look at the
//! test films counted.

use std::fs;

use pleura_eval::{Calibration, Predictions};
use pleura_manifest::access_log::TestAccessLog;
use pleura_manifest::{Manifest, Split};
use serde_json::{Value, json};

use crate::scene::{Said, Scene};
use crate::training::Training;

const CLASSES: [&str; 3] = ["COVID-19", "pneumonia", "normal"];

/// 24 films: 6 of training, 8 of validation, 10 of test; and a model.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.model("m.safetensors", &CLASSES, "exclusive");
    scene.manifest("m.csv", &CLASSES, 24, |film| {
        Some(match film {
            0..6 => Split::Train,
            6..14 => Split::Validation,
            _ => Split::Test,
        })
    });
    scene
}

fn evaluate(scene: &Scene, options: &[&str]) -> Said {
    let line = [
        "evaluate",
        "m.safetensors",
        "--manifest",
        "m.csv",
        "--bootstrap",
        "200",
    ];
    scene.run(&[&line[..], options].concat())
}

fn done(said: Said) -> Said {
    assert_eq!(said.code, 0, "{}", said.err);
    said
}

fn refused(said: &Said, words: &[&str]) {
    assert_eq!(said.code, 2, "{}", said.out);
    for words in words {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
}

#[test]
fn two_models_are_compared_film_by_film() {
    let scene = scene();
    done(evaluate(&scene, &["--predictions", "a.csv"]));
    // Another model: the answers of the first with two classes exchanged.
    let mut other = Predictions::read(&scene.path("a.csv")).unwrap();
    for film in other.scores.chunks_mut(3) {
        film.swap(0, 1);
    }
    other.logits = None;
    other.write(&scene.path("b.csv")).unwrap();
    let report = done(evaluate(&scene, &["--compare", "b.csv", "--json"])).json();
    let comparison = &report["comparison"];
    assert_eq!(
        (&comparison["films"], &comparison["patients"]),
        (&json!(10), &json!(5))
    );
    assert_eq!(comparison["with"]["answers"], "b.csv");
    let mcnemar = &comparison["mcnemar"];
    assert!(mcnemar["p"].is_number() && mcnemar["p_over_patients"].is_number());
    let auc = &comparison["findings"][0]["auc"];
    assert_eq!(auc["difference"]["method"], "delong over patients");
    assert!(auc["covariance"].is_number() && auc["p"].is_number(), "{auc}");

    // The same from two tables, whoever made them.
    let from_tables = done(scene.run(&[
        "evaluate",
        "a.csv",
        "--compare",
        "b.csv",
        "--bootstrap",
        "200",
        "--json",
    ]))
    .json();
    assert_eq!(from_tables["comparison"]["findings"], comparison["findings"]);
    assert_eq!(from_tables["data"]["digest"], Value::Null);
    let text = done(scene.run(&["evaluate", "a.csv", "--compare", "b.csv", "--bootstrap", "200"])).out;
    assert!(
        text.contains("(DeLong p = ") && text.contains("over patients"),
        "{text}"
    );

    refused(
        &scene.run(&["evaluate", "a.csv", "--manifest", "m.csv"]),
        &["--manifest", "contains its films and their labels"],
    );
    other.films[0] = "another".to_owned();
    other.write(&scene.path("b.csv")).unwrap();
    refused(
        &evaluate(&scene, &["--compare", "b.csv"]),
        &["cannot compare", "has no answer after"],
    );
}

#[test]
fn calibration_comes_from_validation_films_alone() {
    let scene = scene();
    let calibrate = |options: &[&str]| {
        scene.run(
            &[
                &[
                    "calibrate",
                    "m.safetensors",
                    "--manifest",
                    "m.csv",
                    "--bootstrap",
                    "100",
                ],
                options,
            ]
            .concat(),
        )
    };
    for split in ["test", "train", "all"] {
        refused(&calibrate(&["--split", split]), &["validation films only", split]);
    }
    assert!(!scene.path("m.calibration.json").exists());
    let said = done(calibrate(&[
        "--sensitivity",
        "0.8",
        "--specificity",
        "normal=0.9",
        "--json",
    ]));
    assert_eq!(said.json()["path"], "m.calibration.json");
    let calibration = Calibration::read(&scene.path("m.calibration.json")).unwrap();
    let manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    assert_eq!(
        calibration.fitted_on.digest,
        manifest.digest_of(&manifest.split(Split::Validation))
    );
    assert_eq!(
        (calibration.fitted_on.films, calibration.fitted_on.patients),
        (8, 4)
    );
    // Heatmaps stand beside the probabilities that predictions give.
    let film = manifest.rows[0].path.to_string_lossy().into_owned();
    let mut warm = calibration.clone();
    warm.temperatures[0].value = 3.0;
    scene.write("warm.json", &serde_json::to_string(&warm).unwrap());
    let with = ["--calibration", "warm.json"];
    let always = ["predict", "--model", "m.safetensors", &film, "--json"];
    let predicted = done(scene.run(&[&always, &with[..]].concat())).json();
    let explained = |options: &[&str]| {
        let always = [
            "explain",
            "--model",
            "m.safetensors",
            &film,
            "--no-pictures",
            "--out",
            "maps",
            "--json",
        ];
        done(scene.run(&[&always, options].concat())).json()
    };
    let apart = |said: &Value| {
        let pairs = said["probabilities"].as_object().unwrap().iter();
        let apart = pairs.map(|(name, p)| {
            (p.as_f64().unwrap() - predicted["probabilities"][name].as_f64().unwrap()).abs()
        });
        apart.fold(0.0, f64::max)
    };
    assert!(apart(&explained(&with)) < 1e-6);
    assert_eq!(explained(&[])["calibration"]["path"], "m.calibration.json");
    assert!(apart(&explained(&["--no-calibration"])) > 1e-5);
    let rule = |finding: &str| calibration.thresholds[finding].rule.to_string();
    assert!(rule("COVID-19").starts_with("sensitivity") && rule("normal").starts_with("specificity"));

    // It is applied by both verbs, and says so.
    let report = done(evaluate(&scene, &["--json"])).json();
    assert_eq!(report["operating"].as_array().unwrap().len(), 3);
    assert_eq!(report["calibration"]["fitted_on"]["split"], "val");
    let line = done(scene.run(&["predict", "--model", "m.safetensors", "--json", "films/20.png"]))
        .json_lines()
        .remove(0);
    let plain = done(scene.run(&[
        "predict",
        "--model",
        "m.safetensors",
        "--no-calibration",
        "--json",
        "films/20.png",
    ]))
    .json_lines()
    .remove(0);
    assert!(plain.get("called").is_none() && plain["logits"] == line["logits"]);
    let logits: Vec<f64> = CLASSES
        .iter()
        .map(|class| line["logits"][class].as_f64().unwrap())
        .collect();
    for (class, expected) in CLASSES.iter().zip(calibration.probabilities(&logits)) {
        let found = line["probabilities"][class].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-12);
        assert_eq!(
            line["called"][class],
            found >= calibration.thresholds[*class].threshold
        );
    }
    let text = done(scene.run(&["predict", "--model", "m.safetensors", "films/20.png"])).out;
    assert!(
        text.contains("called from") && text.contains("calibration m.calibration.json"),
        "{text}"
    );
    let on_itself = done(evaluate(&scene, &["--split", "val", "--json"])).json();
    assert!(on_itself["notes"].to_string().contains("fitted on these films"));

    // Other weights have nothing to do with it.
    let mut weights = scene.model("n.safetensors", &CLASSES, "exclusive");
    weights.metadata.insert("note".to_owned(), "another".to_owned());
    for tensor in weights.tensors.values_mut().take(1) {
        tensor.data[0] += 1.0;
    }
    crate::scene::write(&weights, &scene.path("m.safetensors"));
    refused(
        &evaluate(&scene, &[]),
        &[
            "was fitted for the weights",
            "pleura calibrate",
            "--no-calibration",
        ],
    );
    done(evaluate(&scene, &["--no-calibration"]));
    refused(&calibrate(&["--cost", "typo=3"]), &["no finding \"typo\""]);
    refused(
        &calibrate(&["--cost", "normal=3", "--sensitivity", "normal=0.9"]),
        &["normal has a rule already"],
    );
}

#[test]
fn predictive_values_need_a_prevalence_with_a_name() {
    let scene = scene();
    let report = done(evaluate(&scene, &["--prevalence", "COVID-19=0.02", "--json"])).json();
    let one = &report["predictive"][0];
    assert_eq!(
        (&one["finding"], &one["prevalence"]),
        (&json!("COVID-19"), &json!(0.02))
    );
    let (finding, value) = (&report["findings"][0], one["negative"]["value"].as_f64().unwrap());
    let rate = |name: &str| finding[name]["value"].as_f64().unwrap();
    let expected = pleura_eval::negative_predictive_value(rate("sensitivity"), rate("specificity"), 0.02);
    assert!((value - expected).abs() < 1e-12);
    assert_eq!(one["negative"]["method"], "clopper-pearson of both");
    refused(
        &evaluate(&scene, &["--prevalence", "0.02"]),
        &["classes are exclusive, so name one"],
    );
    refused(
        &evaluate(&scene, &["--prevalence", "typo=0.02"]),
        &["no finding \"typo\""],
    );
    refused(
        &evaluate(&scene, &["--prevalence", "normal=2"]),
        &["above 0 and below 1"],
    );
}

#[test]
fn each_source_stands_apart() {
    let scene = scene();
    scene.manifest("theirs.csv", &CLASSES, 12, |_| None);
    let mut theirs = Manifest::read(&scene.path("theirs.csv")).unwrap();
    for row in &mut theirs.rows {
        row.dataset = "theirs".to_owned();
    }
    theirs.write(&scene.path("theirs.csv")).unwrap();
    let external = [
        "--external",
        "there=theirs.csv",
        "--internal",
        "made up",
        "--json",
    ];
    let report = done(evaluate(&scene, &external)).json();
    let sources = &report["elsewhere"];
    assert_eq!(
        (&sources["internal"]["films"], &report["films"]),
        (&json!(10), &json!(10))
    );
    let there = &sources["external"][0];
    assert_eq!(
        (&there["name"], &there["evaluation"]["films"]),
        (&json!("there"), &json!(12))
    );
    assert_eq!(there["drops"][0]["metric"], "accuracy");
    assert_eq!(there["drops"][0]["drop"]["method"], "square and add");
    assert!(there["drops"][0]["drop"]["low"].is_number());
    let text = done(evaluate(&scene, &external[..4])).out;
    assert!(
        text.contains("Elsewhere, each source apart") && text.contains("points lost"),
        "{text}"
    );
    refused(
        &evaluate(&scene, &["--internal", "nowhere"]),
        &["no evaluated film is from this dataset"],
    );
}

#[test]
fn every_look_at_test_films_is_written_down() {
    let scene = scene();
    done(evaluate(&scene, &["--split", "val"]));
    assert!(
        !scene.path("m.looks.jsonl").exists(),
        "validation films are looked at all the time"
    );
    done(evaluate(&scene, &["--seed", "5"]));
    done(evaluate(&scene, &["--split", "all"]));
    let found = TestAccessLog::read(&scene.path("m.looks.jsonl")).unwrap();
    let manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let at = found.of_test(&manifest.films_digest(&manifest.split(Split::Test)));
    assert_eq!(
        (at.len(), TestAccessLog::models(&at), found.unreadable.len()),
        (2, 1, 0)
    );
    assert!(at[0].command.starts_with("evaluate m.safetensors") && at[0].command.ends_with("--seed 5"));
    assert_eq!((at[0].films, at[1].films), (10, 10));

    // Where it cannot be written down, nobody looks.
    fs::remove_file(scene.path("m.looks.jsonl")).unwrap();
    fs::create_dir(scene.path("m.looks.jsonl")).unwrap();
    refused(&evaluate(&scene, &[]), &["must be recorded", "m.looks.jsonl"]);
}

#[test]
fn a_changed_test_split_is_noticed() {
    let scene = scene();
    done(scene.run(&["data", "split", "m.csv", "--seed", "3"]));
    let notes = || done(evaluate(&scene, &["--json"])).json()["notes"].to_string();
    assert!(!notes().contains("differs from that of `pleura data split`"));
    let mut manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let row = manifest.split(Split::Train)[0];
    manifest.rows[row].split = Some(Split::Test);
    manifest.write(&scene.path("m.csv")).unwrap();
    assert!(notes().contains("differs from that of `pleura data split`"));
}

#[test]
fn folds_are_trained_pooled_and_resumed() {
    let training = Training::shared();
    let scene = training.scene();
    let manifest = "target/folded.csv";
    let dealt = done(scene.run(&[
        "data",
        "split",
        "target/manifest.csv",
        "--folds",
        "3",
        "--seed",
        "4",
        "--out",
        manifest,
        "--json",
    ]));
    assert_eq!(dealt.json()["folds"]["films"].as_array().unwrap().len(), 3);
    let recipe = training.changed(
        "folded",
        &[
            (
                "manifest = \"target/manifest.csv\"",
                "manifest = \"target/folded.csv\"",
            ),
            ("epochs = 2", "epochs = 1"),
            ("epochs = 3", "epochs = 1"),
        ],
    );
    let said = done(scene.run(&["train", &recipe, "--out", "folds", "--folds", "--json", "-q"]));
    let record = said.json();
    let pooled = &record["pooled"]["target"]["pooled"];
    assert_eq!(pooled["films"], 32, "every film once");
    assert_eq!(
        record["pooled"]["target"]["mean"][0]["each"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let answers = Predictions::read(&scene.path("folds/pooled/target/answers.csv")).unwrap();
    assert_eq!(answers.len(), 32);
    let page = fs::read_to_string(scene.path("folds/report.html")).unwrap();
    assert!(page.contains("Cross-validation of stage target") && page.contains("phantoms"));

    // A fold is a run like any other; one that is lost is trained again to the same bits.
    let answers = fs::read(scene.path("folds/pooled/target/answers.csv")).unwrap();
    done(scene.run(&[
        "evaluate",
        "folds/fold-2",
        "--manifest",
        "folds/fold-2/data/target/manifest.csv",
        "--bootstrap",
        "0",
    ]));
    fs::remove_dir_all(scene.path("folds/fold-2")).unwrap();
    refused(
        &scene.run(&["train", &recipe, "--out", "folds", "--folds"]),
        &["--resume"],
    );
    done(scene.run(&["train", &recipe, "--out", "folds", "--folds", "--resume", "-q"]));
    assert!(fs::read(scene.path("folds/pooled/target/answers.csv")).unwrap() == answers);
    refused(
        &scene.run(&["train", "recipe.toml", "--out", "none", "--folds"]),
        &["no manifest of the recipe has folds", "--folds K"],
    );
    refused(
        &scene.run(&["train", &recipe, "--out", "none", "--folds", "4"]),
        &["has 3 folds, expected 4"],
    );
}

#[test]
fn a_learning_curve_shares_its_first_stage() {
    let training = Training::shared();
    let scene = training.scene();
    let recipe = training.changed(
        "climbed",
        &[("epochs = 2", "epochs = 1"), ("epochs = 3", "epochs = 1")],
    );
    let line = [
        "train", &recipe, "--out", "climb", "--curve", "0.5,1", "--seeds", "1,2",
    ];
    let said = done(scene.run(&line));
    for words in [
        "stages are those of seed-1-part-1, trained once",
        "stages are those of seed-2-part-1",
    ] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    assert!(said.out.contains("judged on test films"), "{}", said.out);
    let curve: Value =
        serde_json::from_str(&fs::read_to_string(scene.path("climb/curve.json")).unwrap()).unwrap();
    let films = |rung: usize| curve["rungs"][rung]["films"][0].as_u64().unwrap();
    assert!(
        films(0) * 2 <= films(1) + 2 && films(0) * 2 + 2 >= films(1),
        "{curve}"
    );
    assert_eq!(
        curve["rungs"][1]["metrics"][0]["each"].as_array().unwrap().len(),
        2
    );
    let first = |run: &str| {
        fs::read(scene.path(&format!("climb/{run}/stages/intermediate/best.safetensors"))).unwrap()
    };
    assert!(
        first("seed-1-part-1") == first("seed-1-part-0.5")
            && first("seed-1-part-1") != first("seed-2-part-1")
    );
    let log = |run: &str| fs::read_to_string(scene.path(&format!("climb/{run}/log.jsonl"))).unwrap();
    assert!(log("seed-1-part-0.5").lines().next() == log("seed-1-part-1").lines().next());
    let table = fs::read_to_string(scene.path("climb/curve.csv")).unwrap();
    assert!(table.starts_with("stage,split,part,seed,films,patients,finding,metric,value"));
    let plot = fs::read_to_string(scene.path("climb/curve-macro-auc.svg")).unwrap();
    assert!(plot.contains("<svg") && plot.contains("Learning curve of stage target: macro AUC"));
    let page = fs::read_to_string(scene.path("climb/report.html")).unwrap();
    assert!(page.contains("Learning curve of stage target"));
    // What was shared is what would have been trained.
    done(scene.run(&["train", &recipe, "--out", "alone", "--seed", "1", "-q"]));
    let alone = fs::read(scene.path("alone/stages/target/last.safetensors")).unwrap();
    let tensors = |bytes: &[u8]| -> Vec<u8> {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    let shared = fs::read(scene.path("climb/seed-1-part-1/stages/target/last.safetensors")).unwrap();
    assert!(tensors(&alone) == tensors(&shared));
}

#[test]
fn evaluations_are_recorded_for_the_report() {
    let training = Training::shared();
    let scene = training.scene();
    training.copy("recorded/tiny");
    let manifest = "target/manifest.csv";
    let run = "recorded/tiny";
    done(scene.run(&["calibrate", run, "--cost", "5", "--bootstrap", "100"]));
    assert!(
        scene
            .path("recorded/tiny/stages/target/best.calibration.json")
            .exists()
    );
    let line = [
        "evaluate",
        run,
        "--manifest",
        manifest,
        "--bootstrap",
        "200",
        "--compare",
        run,
        "--prevalence",
        "COVID-19=0.1",
    ];
    refused(
        &scene.run(&[&line[..], &["--record", "a b"]].concat()),
        &["expected letters, digits"],
    );
    done(scene.run(&[&line[..], &["--record", "again"]].concat()));
    done(scene.run(&["report", run, "--gallery", "0"]));
    let page = fs::read_to_string(scene.path("recorded/tiny/report.html")).unwrap();
    for words in [
        "Evaluation again",
        "Calibration of stage target",
        "Predictive values at a given prevalence",
        "exact McNemar over patients",
        "Reliability of again",
        "Test access log of target/manifest.csv",
        "The test films were used",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // The other manifest's validation films would be test films of this run.
    let mut other = Manifest::read(&scene.path(manifest)).unwrap();
    for row in &mut other.rows {
        row.split = (row.split == Some(Split::Test)).then_some(Split::Validation);
    }
    other.write(&scene.path("target/turned.csv")).unwrap();
    refused(
        &scene.run(&["calibrate", run, "--manifest", "target/turned.csv"]),
        &["are in the split \"test\" of the manifest of stage \"target\""],
    );
}
