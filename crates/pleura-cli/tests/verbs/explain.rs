//! Heatmaps, raw relevance and ledgers, and that they agree.

use std::fs;
use std::path::Path;

use pleura_film::DecodeOptions;
use serde_json::Value;

use crate::explain_pictures::page;
use crate::scene::{SIZE, Scene};

pub(crate) const FINDINGS: [&str; 3] = ["COVID-19", "pneumonia", "normal"];

pub(crate) fn scene() -> Scene {
    let scene = Scene::new();
    scene.model("m.safetensors", &FINDINGS, "exclusive");
    scene.film("a.png", 3);
    scene
}

pub(crate) fn explain(scene: &Scene, options: &[&str]) -> crate::scene::Said {
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

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn raw_relevance_adds_up_to_the_ledger_and_the_ledger_to_the_logit() {
    let scene = scene();
    for composite in pleura_explain::composite::NAMES {
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
        "pleura: no method is called \"epsilon\"; composites of LRP are epsilon-plus-flat, epsilon-alpha2-beta1-flat, epsilon-gamma-box, \
         epsilon-box, lrp-0; other methods are gradient-x-input, integrated-gradients, grad-cam, \
         occlusion, lrp-flex\n"
    );
    assert!(refused(&["--finding", "normal", "--minus", "normal"]).contains("choose two findings"));
    assert!(refused(&["--minus", "Mass"]).contains("no finding \"Mass\""));
    assert!(refused(&["--threshold", "0.5"]).contains("add --contrast NAME"));
    scene.write("own.toml", "[[rule]]\nposition = \"block9\"\nrule = \"plus\"\n");
    assert_eq!(
        refused(&["--composite", "own.toml"]),
        "pleura: own.toml, line 3, `position`: small has no \"block9\"; it has first, stem, block1, transition1, block2, transition2, block3, \
         head\n"
    );
    assert_eq!(
        refused(&["--raw", "out.csv"]),
        "pleura: out.csv: the name must end in .npy or .safetensors\n"
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
            .contains("not a PNG, JPEG, TIFF, BMP, WebP or DICOM file"),
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

#[test]
fn raw_values_stand_beside_every_picture_with_what_they_are() {
    let scene = scene();
    let record = explain(&scene, &["--raw", "all.npy", "--json", "--smooth", "2"]).json();
    let (_, channels) = npy(&scene.path("all.npy"));
    for (map, channels) in record["maps"]
        .as_array()
        .unwrap()
        .iter()
        .zip(channels.chunks(3 * SIZE * SIZE))
    {
        let (shape, values) = npy(&scene.path(map["values"].as_str().unwrap()));
        assert_eq!(shape, [SIZE, SIZE]);
        // Sums over channels, as they were found: the smoothing is the picture's alone.
        for (place, value) in values.iter().enumerate() {
            let sum: f64 = (0..3)
                .map(|channel| f64::from(channels[channel * SIZE * SIZE + place]))
                .sum();
            assert!((f64::from(*value) - sum).abs() <= 1e-6 * sum.abs().max(1e-9));
        }
        let about: Value =
            serde_json::from_slice(&fs::read(scene.path(map["about"].as_str().unwrap())).unwrap()).unwrap();
        assert_eq!(about["unit"], "logit per map pixel");
        assert_eq!(about["question"], map["question"]);
        assert_eq!(
            (&about["shape"][0], &about["axes"][0]),
            (&SIZE.into(), &"down".into())
        );
        assert_eq!(about["account"]["pixels"], map["input"]);
        assert_eq!(about["drawn"]["smoothing"], 2.0);
        assert_eq!(about["geometry"]["film_width"], 90);
        assert_eq!(about["notice"], "Research use only. Not a medical device.");
        assert_eq!(about["model"], record["model"]["digest"]);
    }
}

#[test]
fn a_manifest_gives_films_labels_and_masks() {
    let scene = scene();
    scene.manifest("m.csv", &FINDINGS, 6, |film| {
        Some(if film < 4 {
            pleura_manifest::Split::Train
        } else {
            pleura_manifest::Split::Test
        })
    });
    let mut manifest = pleura_manifest::Manifest::read(&scene.path("m.csv")).unwrap();
    let mask: Vec<u8> = (0..90 * 70)
        .map(|at| if at % 90 > 40 { 255 } else { 0 })
        .collect();
    scene.bytes("masks/4.png", &pleura_film::grey_png_8(90, 70, &mask).unwrap());
    manifest.rows[4].masks.lesion = Some("masks/4.png".into());
    manifest.write(&scene.path("m.csv")).unwrap();
    let run = |options: &[&str]| {
        let always = [
            "explain",
            "--model",
            "m.safetensors",
            "--manifest",
            "m.csv",
            "--out",
            "maps",
            "--finding",
            "normal",
            "--json",
        ];
        scene.run(&[&always, options].concat())
    };
    let lines = run(&[]).json_lines();
    assert_eq!(lines.len(), 2);
    let first = page(&scene, &lines[0]);
    assert_eq!(
        (&first["outlines"][0]["label"], &first["notes"][0]),
        (&"lesion".into(), &"Label: pneumonia.".into())
    );
    assert!(page(&scene, &lines[1])["outlines"].as_array().unwrap().is_empty());
    assert_eq!(run(&["--split", "train"]).json_lines().len(), 4);
    let named = run(&["films/1.png"]).json_lines();
    assert_eq!(
        (named.len(), &named[0]["maps"][0]["picture"]),
        (1, &"maps/films_1_png.normal.png".into())
    );
    let said = run(&["films/1.png", "--split", "test"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err
            .contains("no film of its split \"test\" is called \"films/1.png\""),
        "{}",
        said.err
    );
}

#[test]
fn rules_of_ones_own_biases_and_precision_can_be_asked_for() {
    let scene = scene();
    // Fresh biases are zero.
    let mut weights = scene.model("m.safetensors", &FINDINGS, "exclusive");
    for (name, array) in &mut weights.tensors {
        if name.rsplit('.').next() == Some("bias") {
            array.data.fill(0.05);
        }
    }
    crate::scene::write(&weights, &scene.path("m.safetensors"));
    let own = "[[rule]]\nkind = \"convolution\"\nrule = \"gamma\"\n\n[[rule]]\nrule = \"epsilon\"\n";
    scene.write("own.toml", own);
    let map = |options: &[&str]| {
        let raw = ["--finding", "normal", "--raw", "one.npy", "--json"];
        let said = explain(&scene, &[options, &raw].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{options:?}");
        (said.json(), npy(&scene.path("one.npy")).1)
    };
    let (record, fast) = map(&["--composite", "own.toml"]);
    assert_eq!(record["composite"], "own");
    let (_, exact) = map(&["--composite", "own.toml", "--exact"]);
    let largest = exact.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let error = fast.iter().zip(&exact).map(|(a, b)| (a - b).abs());
    let error = error.fold(0f32, f32::max);
    assert!(error > 0.0 && error < 1e-3 * largest, "{error} of {largest}");
    // Where no bias keeps anything, all of the logit reaches the pixels but for what stabilisers take.
    for bias in ["zero", "absorb"] {
        let (record, other) = map(&["--composite", "own.toml", "--bias", bias]);
        assert!(other != fast, "{bias}");
        let map = &record["maps"][0];
        assert_eq!(number(&map["bias"]), 0.0, "{bias}");
        let open = number(&map["start"]) - number(&map["input"]) - number(&map["epsilon"]);
        assert!(
            open.abs() < 1e-3 * (1.0 + number(&map["start"]).abs()),
            "{bias}: {open}"
        );
        let named = record["composite"].as_str().unwrap().starts_with("own, biases ");
        assert!(named, "{record}");
    }
}

#[test]
fn a_finding_that_stands_for_itself_is_explained_above_a_threshold() {
    let scene = Scene::new();
    scene.model("m.safetensors", &FINDINGS, "independent");
    scene.film("a.png", 3);
    let record = explain(
        &scene,
        &["--finding", "pneumonia", "--threshold", "0.2", "--json"],
    )
    .json();
    let map = &record["maps"][0];
    assert_eq!(map["question"], "pneumonia above 0.2");
    let expected = number(&record["logits"]["pneumonia"]) - (0.2f64 / 0.8).ln();
    assert!((number(&map["start"]) - expected).abs() < 1e-5);
    let said = explain(&scene, &["--threshold", "1.5"]);
    assert_eq!(
        said.err,
        "pleura: a threshold of 1.5: expected a probability between 0 and 1\n"
    );
}
