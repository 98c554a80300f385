use std::fs;

use pleura_eval::{Options, Predictions, evaluate};
use pleura_manifest::{Manifest, Split};

use crate::scene::{Scene, write};

const CLASSES: [&str; 3] = ["COVID-19", "pneumonia", "normal"];

/// Twelve test films, four of training.
fn twelve(scene: &Scene, findings: &[&str]) {
    scene.manifest("m.csv", findings, 16, |film| {
        Some(if film < 4 { Split::Train } else { Split::Test })
    });
}

const LINE: [&str; 4] = ["evaluate", "m.safetensors", "--manifest", "m.csv"];

fn with<'a>(options: &[&'a str]) -> Vec<&'a str> {
    [&LINE[..], options].concat()
}

#[test]
fn the_numbers_are_those_of_the_predictions() {
    let scene = Scene::new();
    let weights = scene.model("m.safetensors", &CLASSES, "exclusive");
    twelve(&scene, &CLASSES);
    let said = scene.run(&with(&[
        "--json",
        "--predictions",
        "p.csv",
        "--bootstrap",
        "200",
        "--seed",
        "3",
    ]));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let report = said.json();
    let predictions = Predictions::read(&scene.path("p.csv")).unwrap();
    let options = Options {
        bootstrap: 200,
        seed: 3,
        ..Options::default()
    };
    // Through text, as the program's own went: its last digits are serde_json's.
    let expected = serde_json::to_string(&evaluate(&predictions, &options).unwrap()).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&report[key], value, "{key}");
    }
    assert_eq!(predictions.films[0], "films/4.png");
    assert_eq!(report["films"], 12);
    assert_eq!(report["model"]["digest"], weights.digest());
    assert_eq!(report["data"]["split"], "test");
    assert_eq!(report["notice"], "Research use only. Not a medical device.");

    // A film's row holds what `predict` says of it.
    let line = scene
        .run(&["predict", "--model", "m.safetensors", "--json", "films/4.png"])
        .json_lines()
        .remove(0);
    for (finding, score) in CLASSES.iter().zip(&predictions.scores[..3]) {
        assert!((line["probabilities"][finding].as_f64().unwrap() - score).abs() < 1e-6);
    }
}

#[test]
fn a_person_reads_tables_with_intervals_and_warnings() {
    let scene = Scene::new();
    scene.model("m.safetensors", &CLASSES, "exclusive");
    twelve(&scene, &CLASSES);
    let said = scene.run(&with(&["--bootstrap", "200"]));
    assert_eq!(said.code, 0, "{}", said.err);
    for words in [
        "films  12 of 6 patients, m.csv (split test, ",
        "intervals of 95 %",
        "balanced accuracy",
        "clopper-pearson over patients",
        "Films of each class, by answer:",
        "Beware:\n",
        "only 12 films: quote every number with its interval",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(said.out.ends_with("Research use only. Not a medical device.\n"));
}

#[test]
fn findings_the_manifest_does_not_know_are_named_and_not_tested() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["Mass", "Hernia", "Edema"], "independent");
    twelve(&scene, &["Mass", "Edema"]);
    let said = scene.run(&with(&["--json", "--bootstrap", "0"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let report = said.json();
    assert_eq!(report["data"]["not_tested"], serde_json::json!(["Hernia"]));
    assert_eq!(report["findings"][1]["name"], "Hernia");
    assert_eq!(report["findings"][1]["unknown"], 12);
    assert_eq!(
        (
            &report["findings"][0]["positives"],
            &report["findings"][2]["positives"]
        ),
        (&6.into(), &6.into())
    );
    assert!(
        report["notes"][0]
            .as_str()
            .unwrap()
            .contains("not in the manifest, so not tested: Hernia")
    );
}

#[test]
fn columns_of_other_names_are_read_where_the_user_says_so() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["sick", "normal"], "exclusive");
    twelve(&scene, &["COVID-19", "Pneumonia", "No Finding"]);
    let none = scene.run(&LINE);
    assert_eq!(none.code, 2);
    assert_eq!(
        none.err,
        "pleura: m.csv: has no column for any of the model's findings\n  the model's findings: sick, normal\n  the manifest's columns: \
         COVID-19, Pneumonia, No Finding; see --column\n"
    );
    let columns = [
        "--column",
        "sick=COVID-19",
        "--column",
        "sick=Pneumonia",
        "--column",
        "normal=No Finding",
        "--json",
        "--bootstrap",
        "0",
    ];
    let report = scene.run(&with(&columns)).json();
    assert_eq!(
        (
            &report["findings"][0]["positives"],
            &report["findings"][1]["positives"]
        ),
        (&8.into(), &4.into())
    );

    let error = |option: &str| scene.run(&with(&["--column", option])).err;
    assert!(error("ill=Pneumonia").contains("the model has no finding \"ill\"; it has sick, normal"));
    assert!(
        error("sick=Mass").contains("m.csv has no finding \"Mass\"; it has COVID-19, Pneumonia, No Finding")
    );
    assert!(error("sick").contains("expected FINDING=COLUMN"));
}

#[test]
fn a_split_without_films_and_a_broken_manifest_are_explained() {
    let scene = Scene::new();
    scene.model("m.safetensors", &CLASSES, "exclusive");
    scene.manifest("m.csv", &CLASSES, 6, |_| None);
    let said = scene.run(&LINE);
    assert_eq!(said.code, 2);
    assert_eq!(
        said.err,
        "pleura: m.csv: none of its 6 films is in the split \"test\" (6 are in no split); run `pleura data split`, or use all films; \
         see --split\n"
    );
    assert_eq!(
        scene
            .run(&with(&["--split", "all", "--bootstrap", "0", "--json"]))
            .json()["films"],
        6
    );

    let text = fs::read_to_string(scene.path("m.csv")).unwrap();
    fs::write(scene.path("m.csv"), text.replacen(",patient,", ",person,", 1)).unwrap();
    let said = scene.run(&LINE);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("m.csv") && said.err.contains("patient"),
        "{}",
        said.err
    );
    fs::write(scene.path("m.csv"), &text).unwrap();
    fs::write(scene.path("films/3.png"), "gone").unwrap();
    let said = scene.run(&with(&["--split", "all", "--cache", "another"]));
    assert_eq!(said.code, 2);
    assert!(said.err.contains("films/3.png"), "{}", said.err);
    fs::remove_file(scene.path("m.csv")).unwrap();
    let said = scene.run(&LINE);
    assert_eq!(
        said.err,
        "pleura: cannot read the manifest m.csv: No such file or directory (os error 2)\n"
    );
}

#[test]
fn numbers_on_training_films_say_so() {
    let scene = Scene::new();
    twelve(&scene, &CLASSES);
    let manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let mut weights = scene.model("m.safetensors", &CLASSES, "exclusive");
    weights.metadata.insert("manifest".to_owned(), manifest.digest());
    write(&weights, &scene.path("m.safetensors"));
    let notes = |split: &str| {
        scene
            .run(&with(&["--json", "--bootstrap", "0", "--split", split]))
            .json()["notes"]
            .clone()
    };
    assert!(
        notes("train")[0]
            .as_str()
            .unwrap()
            .contains("trained on films of this manifest")
    );
    assert_eq!(notes("test"), serde_json::json!([]));
}

#[test]
fn options_reach_the_evaluation() {
    let scene = Scene::new();
    scene.model("m.safetensors", &CLASSES, "independent");
    twelve(&scene, &CLASSES);
    let given = [
        "--json",
        "--bootstrap",
        "150",
        "--level",
        "0.9",
        "--threshold",
        "0.3",
        "--stratify",
        "dataset",
        "--seed",
        "7",
    ];
    let options = scene.run(&with(&given)).json()["options"].clone();
    let read: Options = serde_json::from_value(options).unwrap();
    let expected = Options {
        bootstrap: 150,
        level: 0.9,
        threshold: 0.3,
        stratify: pleura_eval::Stratify::Dataset,
        seed: 7,
        ..Options::default()
    };
    assert_eq!(read, expected);
    let refused = scene.run(&with(&["--stratify", "class"]));
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .err
            .contains("--stratify class: independent findings are not strata"),
        "{}",
        refused.err
    );
}

#[test]
fn a_run_is_evaluated_by_its_last_stage_and_that_stages_columns() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["COVID-19", "Pneumonia", "No Finding"], 12, |_| {
        Some(Split::Test)
    });
    let stages = r#"
        architecture = "small"
        [preparation]
        size = 64
        [[stage]]
        name = "source"
        kind = "independent"
        manifest = "../m.csv"
        epochs = 1
        [[stage]]
        name = "target"
        kind = "exclusive"
        manifest = "../m.csv"
        findings = ["sick", "normal"]
        columns = { sick = ["COVID-19", "Pneumonia"], normal = ["No Finding"] }
        epochs = 1
    "#;
    let target = scene.model(
        "run/stages/target/best.safetensors",
        &["sick", "normal"],
        "exclusive",
    );
    fs::write(scene.path("run/recipe.toml"), stages).unwrap();
    let run = |options: &[&str]| {
        scene.run(
            &[
                &[
                    "evaluate",
                    "run",
                    "--manifest",
                    "m.csv",
                    "--json",
                    "--bootstrap",
                    "0",
                ],
                options,
            ]
            .concat(),
        )
    };
    let report = run(&[]).json();
    assert_eq!(report["model"]["digest"], target.digest());
    assert_eq!(report["findings"][0]["positives"], 8);
    let unfinished = run(&["--stage", "source"]);
    assert_eq!(unfinished.code, 2);
    assert!(
        unfinished
            .err
            .contains("stage \"source\" has no best weights yet"),
        "{}",
        unfinished.err
    );
    let unknown = run(&["--stage", "targte"]);
    assert!(
        unknown
            .err
            .contains("the run has no stage \"targte\"; its stages are source, target"),
        "{}",
        unknown.err
    );
}

#[test]
fn what_cannot_be_is_refused_before_anyone_looks() {
    let scene = Scene::new();
    scene.model("m.safetensors", &CLASSES, "exclusive");
    twelve(&scene, &CLASSES);
    for (options, words) in [
        (["--level", "95"], "`level`: found 95"),
        (["--prevalence", "typo=0.1"], "no finding \"typo\""),
        (
            ["--threshold", "0.3"],
            "--threshold 0.3: exclusive classes are predicted by the largest probability",
        ),
    ] {
        let said = scene.run(&with(&options));
        assert_eq!(said.code, 2, "{}", said.out);
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    assert!(!scene.path("m.looks.jsonl").exists());
}

/// 6 films of training, 8 of validation, 10 of test.
fn dealt(film: usize) -> Split {
    match film {
        0..6 => Split::Train,
        6..14 => Split::Validation,
        _ => Split::Test,
    }
}

#[test]
fn each_model_is_called_at_its_own_thresholds() {
    let scene = Scene::new();
    let mut other = scene.model("m.safetensors", &CLASSES, "independent");
    for tensor in other.tensors.values_mut().take(1) {
        tensor.data[0] += 1.0;
    }
    write(&other, &scene.path("n.safetensors"));
    scene.manifest("m.csv", &CLASSES, 24, |film| Some(dealt(film)));
    let calibrate = |model: &str, options: &[&str]| {
        let line = ["calibrate", model, "--manifest", "m.csv", "--bootstrap", "0"];
        scene.run(&[&line[..], options].concat())
    };
    for (model, rule) in [
        ("m.safetensors", "--sensitivity"),
        ("n.safetensors", "--specificity"),
    ] {
        let said = calibrate(model, &[rule, "0.9"]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let report = |model: &str, options: &[&str]| {
        let line = [
            "evaluate",
            model,
            "--manifest",
            "m.csv",
            "--bootstrap",
            "0",
            "--json",
        ];
        scene.run(&[&line[..], options].concat()).json()
    };
    let alone = report("n.safetensors", &[]);
    let paired = report("m.safetensors", &["--compare", "n.safetensors"]);
    let differences = paired["comparison"]["differences"].as_array().unwrap();
    for (number, class) in CLASSES.iter().enumerate() {
        let of_class = |one: &&serde_json::Value| one["metric"] == "sensitivity" && one["finding"] == *class;
        let difference = differences.iter().find(of_class).unwrap();
        assert_eq!(
            difference["after"], alone["findings"][number]["sensitivity"]["value"],
            "{class}"
        );
    }
    assert!(!paired["notes"].to_string().contains("thresholds of its own"));
    fs::remove_file(scene.path("n.calibration.json")).unwrap();
    let paired = report("m.safetensors", &["--compare", "n.safetensors"]);
    assert!(
        paired["notes"]
            .to_string()
            .contains("the first of the two models has thresholds of its own")
    );

    // A prevalence that no threshold is chosen for is no prevalence to give.
    for (prevalence, words) in [
        ("typo=0.1", "the model has no finding \"typo\""),
        ("pneumonia=0.1", "pneumonia has no --cost"),
    ] {
        let said = calibrate(
            "m.safetensors",
            &["--cost", "normal=3", "--prevalence", prevalence],
        );
        assert_eq!(said.code, 2, "{}", said.out);
        assert!(said.err.contains(words), "{}", said.err);
    }
}

#[test]
fn films_of_an_earlier_stage_are_not_from_elsewhere() {
    let scene = Scene::new();
    scene.manifest("target.csv", &CLASSES, 24, |film| Some(dealt(film)));
    // Twelve other films, of which the stage before was trained on the first six.
    scene.manifest("source.csv", &CLASSES, 36, |film| {
        Some(if film < 30 { Split::Train } else { Split::Test })
    });
    let mut source = Manifest::read(&scene.path("source.csv")).unwrap();
    source.rows.drain(..24);
    for row in &mut source.rows {
        row.dataset = "source".to_owned();
    }
    source.write(&scene.path("source.csv")).unwrap();
    for row in &mut source.rows {
        row.split = Some(Split::Validation);
    }
    source.write(&scene.path("turned.csv")).unwrap();
    scene.model("run/stages/target/best.safetensors", &CLASSES, "exclusive");
    let stage = |name: &str, start: &str| {
        let manifest = scene.path(&format!("{name}.csv"));
        format!(
            "[[stage]]\nname = {name:?}\nkind = \"exclusive\"\nmanifest = {manifest:?}\nstart = {start:?}\nepochs = 1\n"
        )
    };
    let stages = [stage("source", "random"), stage("target", "stage:source")].concat();
    let recipe = format!("architecture = \"small\"\npreparation = {{ size = 64 }}\n{stages}");
    scene.write("run/recipe.toml", &recipe);
    let evaluate = |options: &[&str]| {
        let line = [
            "evaluate",
            "run",
            "--manifest",
            "target.csv",
            "--bootstrap",
            "200",
            "--json",
        ];
        let said = scene.run(&[&line[..], options].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        said.json()
    };
    let report = evaluate(&["--external", "there=source.csv"]);
    assert_eq!(report["elsewhere"]["external"][0]["evaluation"]["films"], 6);
    assert!(report["notes"].to_string().contains("there: 6 films left out"));
    let refused = scene.run(&["calibrate", "run", "--manifest", "turned.csv"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .err
            .contains("\"train\" of the manifest of stage \"source\""),
        "{}",
        refused.err
    );
    // Where the table is gone nobody knows; that is said.
    fs::rename(scene.path("source.csv"), scene.path("there.csv")).unwrap();
    let notes = evaluate(&[])["notes"].to_string();
    assert!(notes.contains("source.csv, the manifest of stage"), "{notes}");
}
