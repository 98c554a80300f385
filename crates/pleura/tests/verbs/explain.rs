//! Heatmaps, raw relevance and ledgers, and that they agree.

use std::fs;
use std::path::Path;

use pleura_film::DecodeOptions;
use serde_json::Value;

use crate::scene::{SIZE, Scene};

const FINDINGS: [&str; 3] = ["COVID-19", "pneumonia", "normal"];

fn scene() -> Scene {
    let scene = Scene::new();
    scene.model("m.safetensors", &FINDINGS, "exclusive");
    scene.film("a.png", 3);
    scene
}

fn explain(scene: &Scene, options: &[&str]) -> crate::scene::Said {
    scene.run(
        &[
            &["explain", "--model", "m.safetensors", "a.png", "--out", "maps"],
            options,
        ]
        .concat(),
    )
}

/// The shape and the numbers of an `.npy` file, read by its specification (NEP 1).
fn npy(path: &Path) -> (Vec<usize>, Vec<f32>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let begin = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..begin]).unwrap();
    assert!(
        header.contains("'descr': '<f4'") && header.contains("'fortran_order': False"),
        "{header}"
    );
    let (_, shape) = header.split_once("'shape': (").unwrap();
    let (shape, _) = shape.split_once(')').unwrap();
    let shape: Vec<usize> = shape.split(", ").map(|side| side.parse().unwrap()).collect();
    let numbers: Vec<f32> = bytes[begin..]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    assert_eq!(numbers.len(), shape.iter().product::<usize>());
    (shape, numbers)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn raw_relevance_adds_up_to_the_ledger_and_the_ledger_to_the_logit() {
    let scene = scene();
    for composite in ["lrp-0", "epsilon-plus-flat"] {
        let raw = format!("{composite}.npy");
        let said = explain(&scene, &["--composite", composite, "--raw", &raw, "--json"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let record = said.json();
        assert_eq!(
            (&record["path"], &record["composite"]),
            (&"a.png".into(), &composite.into())
        );
        assert_eq!(record["raw"], raw.as_str());
        let (shape, relevance) = npy(&scene.path(&raw));
        assert_eq!(shape, [FINDINGS.len(), 3, SIZE, SIZE]);
        let maps = record["maps"].as_array().unwrap();
        assert_eq!(maps.len(), FINDINGS.len());
        for ((map, finding), relevance) in maps.iter().zip(FINDINGS).zip(relevance.chunks(3 * SIZE * SIZE)) {
            let sum: f64 = relevance.iter().map(|&share| f64::from(share)).sum();
            let size: f64 = relevance.iter().map(|&share| f64::from(share).abs()).sum();
            assert!(size > 0.0, "{composite}, {finding}: nothing is explained");
            let input = number(&map["input"]);
            assert!(
                (sum - input).abs() <= 1e-5 * size,
                "{composite}, {finding}: {sum}, ledger {input}"
            );
            let logit = number(&record["logits"][finding]);
            assert!((number(&map["start"]) - logit).abs() <= 1e-6 * logit.abs());
            let told = input + number(&map["bias"]) + number(&map["epsilon"]);
            assert!(
                (told - logit).abs() <= 1e-4 * size.max(logit.abs()),
                "{composite}, {finding}: {told}, logit {logit}"
            );
        }
    }
    let maps = |name: &str| npy(&scene.path(name)).1;
    assert_ne!(maps("lrp-0.npy"), maps("epsilon-plus-flat.npy"));
}

#[test]
fn every_finding_has_a_picture_and_a_line_in_the_ledger() {
    let scene = scene();
    let said = explain(&scene, &["--json"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let record = said.json();
    assert_eq!(record["composite"], "epsilon-plus-flat");
    let pictures = record["maps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|map| &map["picture"]);
    let pictures: Vec<&str> = pictures
        .chain([&record["sheet"]])
        .map(|path| path.as_str().unwrap())
        .collect();
    assert_eq!(
        pictures,
        [
            "maps/a.COVID-19.png",
            "maps/a.pneumonia.png",
            "maps/a.normal.png",
            "maps/a.sheet.png"
        ]
    );
    let bytes: Vec<Vec<u8>> = pictures
        .iter()
        .map(|path| fs::read(scene.path(path)).unwrap())
        .collect();
    for (path, bytes) in pictures.iter().zip(&bytes) {
        let picture = pleura_film::decode(bytes, path, &DecodeOptions::default()).unwrap();
        assert!(picture.width > 200 && picture.height > 200, "{path}");
        let (low, high) = picture
            .grey
            .iter()
            .fold((1.0_f32, 0.0_f32), |(low, high), &grey| {
                (low.min(grey), high.max(grey))
            });
        assert!(high - low > 0.5, "{path} is blank");
    }
    assert!(bytes[0] != bytes[1], "two findings have one picture");

    let ledger: Value =
        serde_json::from_slice(&fs::read(scene.path(record["ledger"].as_str().unwrap())).unwrap()).unwrap();
    assert_eq!(ledger["notice"], "Research use only. Not a medical device.");
    for (map, told) in ledger["maps"]
        .as_array()
        .unwrap()
        .iter()
        .zip(record["maps"].as_array().unwrap())
    {
        for key in ["start", "input", "bias", "epsilon"] {
            assert_eq!(map["ledger"][key], told[key], "{key}");
        }
        assert_eq!(map["residual"], told["residual"]);
        // In each layer: what it received is what it passed on, and what stayed.
        let layers = map["ledger"]["entries"].as_array().unwrap();
        assert!(layers.len() > 10, "{map}");
        for layer in layers {
            let kept = number(&layer["passed"]) + number(&layer["bias"]) + number(&layer["epsilon"]);
            let received = number(&layer["received"]);
            assert!(
                (received - kept).abs() <= 1e-3 * received.abs().max(1e-2),
                "{layer}"
            );
        }
    }
}

#[test]
fn one_finding_or_one_rather_than_another_can_be_asked_for() {
    let scene = scene();
    let map = |options: &[&str]| {
        let raw = ["--raw", "one.npy", "--json"];
        let record = explain(&scene, &[options, &raw].concat()).json();
        let (shape, relevance) = npy(&scene.path("one.npy"));
        assert_eq!((shape[0], record["maps"].as_array().unwrap().len()), (1, 1));
        (record, relevance)
    };
    let (record, alone) = map(&["--finding", "pneumonia"]);
    assert_eq!(record["maps"][0]["question"], "pneumonia");
    assert_eq!(record["maps"][0]["start"], record["logits"]["pneumonia"]);
    let all = {
        explain(&scene, &["--finding", "all", "--raw", "all.npy", "-q"]);
        npy(&scene.path("all.npy")).1
    };
    assert!(
        all[3 * SIZE * SIZE..][..alone.len()] == alone[..],
        "asked alone, a finding has another map"
    );

    let (record, difference) = map(&["--finding", "pneumonia", "--minus", "normal"]);
    let logits = &record["logits"];
    let expected = number(&logits["pneumonia"]) - number(&logits["normal"]);
    assert!((number(&record["maps"][0]["start"]) - expected).abs() < 1e-6);
    assert_ne!(difference, alone);
}

#[test]
fn what_there_is_not_is_named_with_what_there_is() {
    let scene = scene();
    let refused = |options: &[&str]| {
        let said = explain(&scene, options);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{options:?}");
        assert!(!scene.path("maps").exists(), "{options:?} wrote something");
        said.err
    };
    assert_eq!(
        refused(&["--finding", "Hernia"]),
        "pleura: the model has no finding \"Hernia\"; it has COVID-19, pneumonia, normal\n"
    );
    assert_eq!(
        refused(&["--composite", "epsilon"]),
        "pleura: no composite is called \"epsilon\"; there are epsilon-plus-flat, lrp-0\n"
    );
    assert!(refused(&["--finding", "normal", "--minus", "normal"]).contains("choose two findings"));
    assert!(refused(&["--minus", "Mass"]).contains("no finding \"Mass\""));
    assert_eq!(
        refused(&["--raw", "out.csv"]),
        "pleura: --raw out.csv: the name must end in .npy or .safetensors\n"
    );
}

#[test]
fn a_film_that_cannot_be_read_keeps_no_other_from_being_explained() {
    let scene = scene();
    scene.write("notes.png", "not a film");
    scene.film("b/a.png", 4);
    let said = explain(
        &scene,
        &[
            "notes.png",
            "b/a.png",
            "--finding",
            "normal",
            "--raw",
            "raw.npy",
            "--json",
        ],
    );
    assert_eq!(said.code, 2);
    assert!(said.err.starts_with("pleura: notes.png: "), "{}", said.err);
    let lines = said.json_lines();
    assert!(
        lines[1]["error"]
            .as_str()
            .unwrap()
            .contains("not a PNG, JPEG or DICOM file"),
        "{}",
        lines[1]
    );
    // Of two films with one name neither overwrites the other.
    assert_eq!(
        (&lines[0]["raw"], &lines[2]["raw"]),
        (&"a.raw.npy".into(), &"a-3.raw.npy".into())
    );
    assert_ne!(npy(&scene.path("a.raw.npy")).1, npy(&scene.path("a-3.raw.npy")).1);
    assert_eq!(lines[2]["maps"][0]["picture"], "maps/a-3.normal.png");
}

#[test]
fn the_mean_over_films_is_drawn_over_nothing() {
    let scene = scene();
    scene.film("b.png", 4);
    let said = scene.run(&[
        "explain",
        "--model",
        "m.safetensors",
        "a.png",
        "b.png",
        "--out",
        "maps",
        "--mean",
        "--json",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let lines = said.json_lines();
    let [a, b, mean] = lines.as_slice() else {
        panic!("{}", said.out)
    };
    assert_eq!(
        (number(&mean["films"]), a["means"].is_null(), b["means"].is_null()),
        (2.0, true, true)
    );
    let means = mean["means"].as_array().unwrap();
    assert_eq!(means.len(), FINDINGS.len() + 1);
    for path in means {
        let path = scene.path(path.as_str().unwrap());
        let picture = pleura_film::open(&path, &DecodeOptions::default()).unwrap();
        assert!(picture.width > SIZE && picture.height > SIZE);
    }
    assert!(means[0].as_str().unwrap().ends_with("mean.COVID-19.png"));

    let plain = explain(&scene, &[]);
    assert!(!plain.out.contains("mean of"), "{}", plain.out);
}
