//! Films to training, validation and test.

use pleura_manifest::{Manifest, Split};
use serde_json::{Value, json};

use super::{build, nih, thirty};
use crate::scene::Scene;

fn splits(scene: &Scene, name: &str) -> Vec<Option<Split>> {
    let manifest = Manifest::read(&scene.path(name)).unwrap();
    manifest.rows.iter().map(|row| row.split).collect()
}

#[test]
fn a_split_follows_from_the_seed_and_parts_no_patient() {
    let scene = Scene::new();
    thirty(&scene);
    let before = std::fs::read(scene.path("m.csv")).unwrap();
    let split = |seed: &str, out: &str, threads: &str| {
        let options = [
            "--by",
            "patient",
            "--seed",
            seed,
            "--out",
            out,
            "--threads",
            threads,
        ];
        let said = scene.run(&[&["data", "split", "m.csv", "--json"], &options[..]].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        said.json()
    };
    let record = split("7", "a.csv", "1");
    split("7", "b.csv", "2");
    split("8", "c.csv", "2");
    assert!(
        std::fs::read(scene.path("m.csv")).unwrap() == before,
        "--out changed the source"
    );
    let (a, b, c) = (
        splits(&scene, "a.csv"),
        splits(&scene, "b.csv"),
        splits(&scene, "c.csv"),
    );
    assert_eq!(a, b);
    assert_ne!(a, c);
    assert!(
        a.chunks(2)
            .all(|patient| patient[0] == patient[1] && patient[0].is_some())
    );
    let manifest = Manifest::read(&scene.path("a.csv")).unwrap();
    assert_eq!(record["digest"], manifest.digest());
    for (name, which) in [
        ("train", Split::Train),
        ("val", Split::Validation),
        ("test", Split::Test),
    ] {
        let films = manifest.split(which).len();
        assert_eq!(record["split"]["films"][name], films, "{name}");
        assert!(films > 4, "{name} has {films} films of 60");
    }
    let sidecar: Value = serde_json::from_slice(&std::fs::read(scene.path("a.json")).unwrap()).unwrap();
    assert_eq!(
        (&sidecar["split"]["by"], &sidecar["split"]["seed"]),
        (&"patient".into(), &7.into())
    );

    // Without --out the manifest itself is rewritten, and a person reads a table.
    let said = scene.run(&["data", "split", "m.csv", "--seed", "7"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("made up: normal") && said.out.contains("m.csv: digest "),
        "{}",
        said.out
    );
    assert_eq!(splits(&scene, "m.csv"), a);

    let said = scene.run(&["data", "split", "m.csv", "--fractions", "0.5,0.5"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("2 numbers, expected three"), "{}", said.err);
    let said = scene.run(&["data", "split", "m.csv", "--balanced-test", "400"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("400"), "{}", said.err);
    let record = scene
        .run(&["data", "split", "m.csv", "--balanced-test", "4", "--json"])
        .json();
    assert_eq!(
        record["split"]["positives"]["test"]["made up"],
        json!({"COVID-19": 4, "pneumonia": 4, "normal": 4})
    );
}

#[test]
fn the_official_lists_decide_where_there_are_any() {
    let scene = Scene::new();
    nih(&scene);
    build(&scene, &["--nih", "nih"]);
    let said = scene.run(&[
        "data", "split", "m.csv", "--by", "official", "--seed", "3", "--json",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let test: Vec<&str> = manifest
        .split(Split::Test)
        .into_iter()
        .map(|row| manifest.rows[row].film.as_str())
        .collect();
    assert_eq!(test, ["nih-00000006_000", "nih-00000007_000", "nih-00000007_001"]);
    assert!(manifest.rows.iter().all(|row| row.split.is_some()));

    thirty(&scene);
    let said = scene.run(&["data", "split", "m.csv", "--by", "official"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("no film is on an official list") && said.err.contains("split by patient instead"),
        "{}",
        said.err
    );
}
