use std::fs;

use crate::dicom_films::film;
use crate::scene::Scene;

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/old/old.pleura");

#[test]
fn weights_answer_every_dicom_film_and_files_are_named_after_their_uids() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["COVID-19", "pneumonia", "normal"], "exclusive");
    fs::write(scene.path("a.dcm"), film(&[])).unwrap();
    let line = [
        "objects",
        "a.dcm",
        "--model",
        "m.safetensors",
        "--out",
        "o",
        "--heatmaps",
        "2",
        "--presentation-state",
        "--parametric-map",
        "--json",
    ];
    let said = scene.run(&line);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let document = &said.json_lines()[0];
    assert_eq!(document["outcome"], "answered");
    let objects = document["objects"].as_array().unwrap();
    let kinds: Vec<&str> = objects.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sc", "pm", "pr", "sr"]);
    for object in objects {
        let file = object["file"].as_str().unwrap();
        let bytes = fs::read(scene.path(file)).unwrap();
        let (uid, kind) = (
            object["sop_instance"].as_str().unwrap(),
            object["kind"].as_str().unwrap(),
        );
        assert_eq!(file, format!("o/{uid}.{kind}.dcm"));
        assert_eq!(object["sha256"], pleura_core::sha256::hex(&bytes));
        pleura_dicom::objects::check(&bytes).unwrap();
    }
    for private in ["ller", "PH0001", "A00001", "19600102"] {
        assert!(!said.out.contains(private), "{}", said.out);
    }
    let again = scene.run(&line);
    let uids = |document: &serde_json::Value| {
        let objects = document["objects"].as_array().unwrap().iter();
        objects.map(|one| one["sop_instance"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(uids(document), uids(&again.json_lines()[0]));
    let rooted = scene.run(&[&line[..], &["--root", "1.2.3"]].concat());
    assert!(
        uids(&rooted.json_lines()[0])[0]
            .as_str()
            .unwrap()
            .starts_with("1.2.3.")
    );
}

#[test]
fn a_package_that_does_not_answer_gives_a_report_of_reasons_or_nothing() {
    let scene = Scene::new();
    fs::write(scene.path("a.dcm"), film(&[])).unwrap();
    // A hand: the package refuses it.
    fs::write(
        scene.path("hand.dcm"),
        film(&[(0x0018, 0x0015, "CS", b"HAND".to_vec())]),
    )
    .unwrap();
    let said = scene.run(&[
        "objects", "a.dcm", "hand.dcm", "--model", PACKAGE, "--out", "o", "--json",
    ]);
    assert_eq!(said.code, 1, "{}", said.err);
    let lines = said.json_lines();
    assert_eq!(
        lines[0]["outcome"], "abstained",
        "waves are no chest: {}",
        lines[0]
    );
    assert_eq!(lines[0]["objects"].as_array().unwrap().len(), 1);
    assert_eq!(lines[0]["objects"][0]["kind"], "sr");
    assert_eq!(lines[1]["outcome"], "refused");
    assert_eq!(lines[1]["objects"].as_array().unwrap().len(), 0);
    assert!(lines[1]["reasons"].as_array().unwrap().contains(&"part".into()));
    let said = scene.run(&[
        "objects",
        "hand.dcm",
        "--refused",
        "--model",
        PACKAGE,
        "--out",
        "o",
        "--json",
    ]);
    assert_eq!(said.json_lines()[0]["objects"][0]["kind"], "sr");
}

#[test]
fn a_picture_without_patient_and_study_is_refused_and_says_why() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["COVID-19", "pneumonia"], "exclusive");
    scene.film("a.png", 1);
    fs::write(scene.path("b.dcm"), film(&[])).unwrap();
    let said = scene.run(&[
        "objects",
        "a.png",
        "b.dcm",
        "--model",
        "m.safetensors",
        "--out",
        "o",
    ]);
    assert_eq!(said.code, 2);
    assert!(
        said.err
            .contains("a.png: a PNG file, and objects need a DICOM film"),
        "{}",
        said.err
    );
    assert!(said.out.contains("b.dcm: answered"), "{}", said.out);
    let said = scene.run(&[
        "objects",
        "b.dcm",
        "--model",
        "m.safetensors",
        "--out",
        "o",
        "--root",
        "1.02",
    ]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("not a root of UIDs"), "{}", said.err);
}
