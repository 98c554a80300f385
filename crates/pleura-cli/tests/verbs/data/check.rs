//! What makes a manifest unfit for use, and what does not.

use pleura_film::grey_png_16;
use pleura_manifest::{Manifest, Split};
use serde_json::{Value, json};

use super::thirty;
use crate::scene::{HEIGHT, Said, Scene, WIDTH, levels, sha256};

fn check(scene: &Scene) -> Said {
    scene.run(&["data", "check", "m.csv"])
}

fn check_json(scene: &Scene, code: i32) -> Value {
    let said = scene.run(&["data", "check", "m.csv", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (code, ""));
    let record = said.json();
    assert_eq!(record["passed"], code == 0);
    record["report"]["faults"].clone()
}

#[test]
fn a_sound_manifest_passes() {
    let scene = Scene::new();
    thirty(&scene);
    scene.run(&["data", "split", "m.csv"]);
    assert_eq!(check_json(&scene, 0), json!([]));
    let said = check(&scene);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "m.csv: 60 films of 30 patients, nothing is in two splits\n")
    );
}

#[test]
fn a_patient_in_two_splits_is_refused_by_name() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 12, |film| {
        Some(if film < 5 { Split::Train } else { Split::Test })
    });
    let said = check(&scene);
    assert_eq!(said.code, 1);
    assert_eq!(
        said.out,
        "fault: patient patient 2 is in two splits: films/4.png (train), films/5.png (test)\n\
         m.csv: 12 films of 6 patients, refused for 1 fault\n"
    );
    let faults = check_json(&scene, 1);
    assert_eq!(faults.as_array().unwrap().len(), 1);
    assert_eq!(
        (&faults[0]["fault"], &faults[0]["patient"]),
        (&"patient".into(), &"patient 2".into())
    );
}

#[test]
fn one_film_in_two_encodings_and_two_splits_is_refused_by_both_names() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 12, |film| {
        Some(if film < 6 { Split::Train } else { Split::Test })
    });
    // The same pixels with 16 bits each: another file, another digest.
    let deep: Vec<u16> = levels(1)
        .into_iter()
        .map(|level| u16::from(level) * 257)
        .collect();
    let bytes = grey_png_16(WIDTH, HEIGHT, &deep).unwrap();
    let mut manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let old = manifest.rows[9].sha256.clone();
    scene.bytes("films/9.png", &bytes);
    let stale = check(&scene);
    assert_eq!(stale.code, 1);
    assert!(
        stale.out.contains("is not the file that the manifest describes"),
        "{}",
        stale.out
    );
    manifest.rows[9].sha256 = sha256(&bytes);
    assert_ne!(manifest.rows[9].sha256, old);
    manifest.write(&scene.path("m.csv")).unwrap();
    let said = check(&scene);
    assert_eq!(said.code, 1);
    assert_eq!(
        said.out,
        "fault: films with equal pixels are in two splits: films/1.png (train), films/9.png (test)\n\
         m.csv: 12 films of 6 patients, refused for 1 fault\n"
    );
    let faults = check_json(&scene, 1);
    assert_eq!(faults[0]["fault"], "pixels");
    assert_eq!(
        faults[0]["films"],
        json!([{"film": "films/1.png", "split": "train"}, {"film": "films/9.png", "split": "test"}])
    );
    // Built anew, such films are kept together by the split, or left out but one.
    scene.run(&["data", "build", "--manifest", "m.csv", "--out", "again.csv", "-q"]);
    for seed in ["0", "1", "2"] {
        let said = scene.run(&["data", "split", "again.csv", "--seed", seed]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(scene.run(&["data", "check", "again.csv"]).code, 0, "seed {seed}");
    }
    let said = scene.run(&[
        "data",
        "build",
        "--manifest",
        "m.csv",
        "--drop-identical",
        "--out",
        "fewer.csv",
        "--json",
    ]);
    assert_eq!(said.json()["account"]["films"], 11);
}

#[test]
fn a_film_that_is_gone_is_a_fault_and_a_manifest_that_is_gone_an_error() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 4, |_| Some(Split::Train));
    std::fs::remove_file(scene.path("films/2.png")).unwrap();
    let faults = check_json(&scene, 1);
    assert_eq!(
        (&faults[0]["fault"], &faults[0]["film"]),
        (&"unreadable".into(), &"films/2.png".into())
    );
    std::fs::remove_file(scene.path("m.csv")).unwrap();
    let said = check(&scene);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(
        said.err.contains("cannot read the manifest") && said.err.contains("m.csv: "),
        "{}",
        said.err
    );
}
