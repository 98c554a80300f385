//! Other methods beside composites of LRP, and the scores of heatmaps.

use std::fs;

use serde_json::Value;

use crate::explain::{FINDINGS, number, scene};
use crate::scene::{Said, Scene};

const METHODS: &str = "lrp-0,gradient-x-input,integrated-gradients,grad-cam,occlusion,lrp-flex";

fn explain(scene: &Scene, options: &[&str]) -> Said {
    let always = [
        "explain",
        "--model",
        "m.safetensors",
        "a.png",
        "--out",
        "maps",
        "--finding",
        "normal",
        "--json",
    ];
    scene.run(&[&always, options].concat())
}

#[test]
fn other_methods_have_pictures_values_and_a_place_on_the_page_and_say_what_they_add_up_to() {
    let scene = scene();
    let options = [
        "--method",
        METHODS,
        "--occlusion-window",
        "16",
        "--minus",
        "pneumonia",
    ];
    let record = explain(&scene, &options).json();
    assert_eq!(record["method"], METHODS.replace(',', ", "));
    assert_eq!(record["composite"], "lrp-0");
    let maps = record["maps"].as_array().unwrap();
    let of = |name: &str| maps.iter().find(|map| map["method"] == name).unwrap();
    let text = fs::read_to_string(scene.path(record["viewer"].as_str().unwrap())).unwrap();
    for map in maps {
        for file in ["picture", "values", "about"] {
            let path = scene.path(map[file].as_str().unwrap());
            assert!(fs::metadata(&path).unwrap().len() > 100, "{}", path.display());
        }
        let about = fs::read(scene.path(map["about"].as_str().unwrap())).unwrap();
        let about: Value = serde_json::from_slice(&about).unwrap();
        assert_eq!((&about["method"], &about["unit"]), (&map["method"], &map["unit"]));
        assert!((number(&about["start"]["value"]) - number(&map["start"])).abs() < 1e-12);
        let words = about["account"]["words"].as_str().unwrap();
        assert!(text.contains(words.trim_end_matches('.')), "{words}");
    }
    // The same map by two ways; shares that add up to what they should; and two methods without shares.
    let (lrp, gradient) = (of("lrp-0"), of("gradient-x-input"));
    assert!(
        (number(&lrp["input"]) - number(&gradient["input"])).abs()
            < 1e-3 * (1.0 + number(&lrp["input"]).abs())
    );
    assert!(gradient["bias"].is_null() && !lrp["bias"].is_null());
    let integrated = of("integrated-gradients");
    let moved = number(&integrated["start"]) - number(&integrated["baseline"]);
    assert!((moved - number(&integrated["input"]) - number(&integrated["residual"])).abs() < 1e-9);
    assert!(
        number(&integrated["residual"]).abs() < 0.1 * moved.abs(),
        "{integrated}"
    );
    for (name, unit) in [("grad-cam", ""), ("occlusion", "logit per covered window")] {
        assert!(
            of(name)["input"].is_null() && of(name)["residual"].is_null(),
            "{name}"
        );
        assert_eq!(of(name)["unit"], unit);
    }
    let ledgers = fs::read(scene.path(record["ledger"].as_str().unwrap())).unwrap();
    let ledgers: Value = serde_json::from_slice(&ledgers).unwrap();
    assert_eq!(ledgers["maps"].as_array().unwrap().len(), 1);

    let alone = explain(&scene, &["--method", "grad-cam", "--mean"]);
    let lines = alone.json_lines();
    assert!(
        lines[0]["ledger"].is_null() && lines[0]["composite"].is_null(),
        "{}",
        alone.out
    );
    assert!(
        lines[1]["means"][0]
            .as_str()
            .unwrap()
            .ends_with("mean.normal.png")
    );
}

#[test]
fn options_of_methods_change_their_maps_and_wrong_ones_are_refused() {
    let scene = scene();
    let values = |options: &[&str]| {
        let record = explain(&scene, &[&["--no-viewer"], options].concat()).json();
        fs::read(scene.path(record["maps"][0]["values"].as_str().unwrap())).unwrap()
    };
    // A fresh network has no biases: from black its gradient is the same all the way.
    let runs = [
        &["--method", "integrated-gradients", "--ig-baseline", "grey"][..],
        &[
            "--method",
            "integrated-gradients",
            "--ig-baseline",
            "grey",
            "--ig-steps",
            "3",
        ],
        &["--method", "integrated-gradients", "--ig-baseline", "blurred"],
        &["--method", "integrated-gradients"],
        &["--method", "occlusion", "--occlusion-window", "16"],
        &[
            "--method",
            "occlusion",
            "--occlusion-window",
            "16",
            "--occlusion-stride",
            "16",
        ],
        &[
            "--method",
            "occlusion",
            "--occlusion-window",
            "16",
            "--occlusion-fill",
            "white",
        ],
        &["--method", "occlusion", "--occlusion-window", "24"],
        &["--method", "lrp-flex"],
        &["--method", "lrp-flex", "--flex-epsilon", "0.5"],
    ];
    let found: Vec<Vec<u8>> = runs.iter().map(|options| values(options)).collect();
    for (number, one) in found.iter().enumerate() {
        let same = found[..number].iter().position(|other| other == one);
        assert!(same.is_none(), "{:?} is as number {same:?}", runs[number]);
    }

    let refused = |options: &[&str]| {
        let said = explain(&scene, options);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{options:?}");
        said.err
    };
    assert!(refused(&["--method", "grad-cam", "--raw", "a.npy"]).contains("no values for each channel"));
    assert!(
        refused(&[
            "--method",
            "occlusion",
            "--occlusion-window",
            "4",
            "--occlusion-stride",
            "5"
        ])
        .contains("at most 4")
    );
    assert!(refused(&["--ig-baseline", "dark"]).contains("blurred"));
    assert!(refused(&["--score=beauty"]).contains("pointing"));
    assert!(refused(&["--flip-patch", "2"]).contains("--score"));
    assert!(refused(&["--answered", "right"]).contains("--manifest"));
    assert!(refused(&["--minus", "next", "--mean"]).contains("one question for all"));
}

/// A manifest of labelled films, of which the first test film has a mask of its lesion.
fn labelled() -> Scene {
    let scene = scene();
    scene.manifest("m.csv", &FINDINGS, 6, |film| {
        Some(if film < 3 {
            pleura_manifest::Split::Train
        } else {
            pleura_manifest::Split::Test
        })
    });
    let mut manifest = pleura_manifest::Manifest::read(&scene.path("m.csv")).unwrap();
    let mask: Vec<u8> = (0..90 * 70)
        .map(|at| if at % 90 > 60 { 255 } else { 0 })
        .collect();
    let mask = pleura_film::grey_png_8(90, 70, &mask).unwrap();
    scene.bytes("masks/3.png", &mask);
    manifest.rows[3].masks.lesion = Some("masks/3.png".into());
    manifest.write(&scene.path("m.csv")).unwrap();
    scene
}

fn of_manifest(scene: &Scene, options: &[&str]) -> Said {
    let always = [
        "explain",
        "--model",
        "m.safetensors",
        "--manifest",
        "m.csv",
        "--no-pictures",
    ];
    scene.run(&[&always, options].concat())
}

#[test]
fn scores_of_all_films_stand_in_a_table_and_are_the_same_on_any_number_of_threads() {
    let scene = labelled();
    let score = |options: &[&str]| {
        let asked = [
            "--method",
            "lrp-0,gradient-x-input,grad-cam",
            "--finding",
            "label",
            "--minus",
            "next",
            "--score",
            "--flip-steps",
            "8",
            "--noise-draws",
            "2",
        ];
        let said = of_manifest(&scene, &[&asked[..], options].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{options:?}");
        said
    };
    let lines = score(&["--json", "--threads", "1", "--out", "one"]).json_lines();
    let (films, scores) = (&lines[..lines.len() - 1], &lines[lines.len() - 1]["scores"]);
    assert_eq!(films.len(), 3);
    let of = |film: usize, method: usize| &films[film]["maps"][method]["scores"];
    let measures = scores["measures"].as_array().unwrap();
    let mean = |key: &str, method: &str| {
        let measure = measures.iter().find(|measure| measure["measure"] == key).unwrap();
        measure["methods"][method].clone()
    };
    for key in [
        "flipping.gain",
        "randomisation.rank",
        "random-logit.ssim",
        "sensitivity.max",
    ] {
        let sum: f64 = (0..3).map(|film| number(&of(film, 0)[key])).sum();
        let mean = mean(key, "lrp-0");
        assert!((number(&mean["value"]) - sum / 3.0).abs() < 1e-12, "{key}");
        assert_eq!(mean["n"], 3);
    }
    // One film alone has a mask.
    assert_eq!(mean("mass.lesion", "grad-cam")["n"], 1);
    assert!(of(1, 0)["mass.lesion"].is_null() && !of(0, 0)["mass.lesion"].is_null());
    assert!(number(&mean("agreement.lrp-0", "gradient-x-input")["value"]) > 0.999);
    let label = films[0]["maps"][0]["question"].as_str().unwrap();
    assert!(
        FINDINGS
            .iter()
            .any(|finding| label.starts_with(&format!("{finding} rather than "))),
        "{label}"
    );
    assert!(films[0]["maps"][0]["picture"].is_null() && films[0]["sheet"].is_null());

    let csv = fs::read_to_string(scene.path("one/scores.csv")).unwrap();
    assert_eq!(csv.lines().count(), 10);
    assert!(
        csv.starts_with("film,patient,method,question,flipping.aopc,"),
        "{csv}"
    );
    score(&["--json", "--threads", "2", "--out", "two"]);
    let two = fs::read_to_string(scene.path("two/scores.csv")).unwrap();
    assert!(csv == two, "{csv}{two}");

    let words = score(&["--out", "words", "-q"]).out;
    assert!(
        words.contains("pixel flipping: mean fall beyond random order, in logits; higher is better (3 maps"),
        "{words}"
    );
    assert!(
        words.contains("scores: words/scores.csv, words/scores.json"),
        "{words}"
    );
}

#[test]
fn films_answered_rightly_and_wrongly_are_all_films() {
    let scene = labelled();
    let films = |options: &[&str]| -> Vec<String> {
        let said = of_manifest(
            &scene,
            &[&["--split", "all", "--finding", "answer", "--json"], options].concat(),
        );
        assert_eq!(said.code, 0, "{}", said.err);
        let paths = said.json_lines().into_iter();
        paths
            .map(|line| line["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let (right, wrong, all) = (
        films(&["--answered", "right"]),
        films(&["--answered", "wrong"]),
        films(&[]),
    );
    assert_eq!((right.len() + wrong.len(), all.len()), (6, 6));
    assert!(
        all.iter()
            .all(|film| right.contains(film) != wrong.contains(film))
    );
    let said = of_manifest(&scene, &["--finding", "answer", "--minus", "next", "--json"]);
    for line in said.json_lines() {
        let probabilities = line["probabilities"].as_object().unwrap();
        let mut sorted: Vec<(&String, f64)> =
            probabilities.iter().map(|(name, p)| (name, number(p))).collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let expected = format!("{} rather than {}", sorted[0].0, sorted[1].0);
        assert_eq!(line["maps"][0]["question"], expected.as_str());
    }
}
