//! What a manifest is said to hold.

use pleura_manifest::{Manifest, Sex, Sidecar, SourceRecord, Split};
use serde_json::json;

use crate::scene::Scene;

/// Forty films of two findings: each from a source of its own, the first of children of known age in AP, the
/// other without ages.
fn tied(scene: &Scene) {
    scene.manifest("m.csv", &["sick", "well"], 80, |film| {
        Some(if film / 2 % 4 == 0 {
            Split::Test
        } else {
            Split::Train
        })
    });
    let mut manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        let sick = number % 2 == 0;
        row.patient = format!("patient {}", number / 4 * 2 + number % 2);
        row.dataset = String::from(if sick { "clinic" } else { "nih" });
        row.view = String::from(if sick { "AP" } else { "PA" });
        row.age = sick.then_some(9.0);
        row.sex = Some(Sex::Female);
    }
    manifest.write(&scene.path("m.csv")).unwrap();
}

#[test]
fn what_ties_a_finding_to_something_else_is_said_in_words() {
    let scene = Scene::new();
    tied(&scene);
    let said = scene.run(&["data", "describe", "m.csv", "--out", "page"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    for sentence in [
        "m.csv: 80 films of 40 patients\n",
        "- Every film with sick comes from clinic, which has no other films here: the dataset alone determines the finding.\n",
        "- Guessing the most frequent finding of each dataset is right in 100 %; guessing without the dataset, in 50 %.\n",
        "- No film is in the split val.\n",
        "- Fewer than 30 test films have sick (10) or well (10): their test results are very uncertain.\n",
        "- The films of m.csv have not been searched for duplicates (pleura data duplicates).\n",
        "- 100 % of the films with sick are AP, 0 % of those with well: a network can recognise the projection.\n",
        "- 40 films are of people under 18 (100 % of those of known age).\n",
        "- The age is unknown for 100 % of the films with well, and for 0 % of those with sick: whether it is known may identify the finding.\n",
        "- 100 % of the films are of patients with more than one (up to 2): split by patient, and count patients, not films.\n",
        "- The licence of the films of clinic is not recorded.\n",
    ] {
        assert!(said.out.contains(sentence), "{sentence} is not in\n{}", said.out);
    }
    assert!(said.out.ends_with("page/describe.html\n"), "{}", said.out);
    let page = std::fs::read_to_string(scene.path("page/describe.html")).unwrap();
    for part in [
        "Every film with sick comes from clinic",
        "<title>Films of each finding by source</title>",
        "No restrictions on use",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("src=\"http"));
    assert!(scene.path("page/films-of-each-finding-by-source.svg").exists());

    // The same films, the same bytes; and the numbers for machines.
    let again = scene.run(&[
        "data",
        "describe",
        "m.csv",
        "--out",
        "again",
        "--threads",
        "1",
        "--json",
    ]);
    assert_eq!(again.code, 0);
    assert_eq!(
        page,
        std::fs::read_to_string(scene.path("again/describe.html")).unwrap()
    );
    let told = again.json();
    assert_eq!(told["all"]["films"], 80);
    assert_eq!(told["findings"][0]["ages"]["children"], 40);
    assert_eq!(told["findings"][0]["shapes"], json!({"wide": 40}));
    assert_eq!(told["films_a_patient"], json!({"2": 40}));
    let written = std::fs::read(scene.path("again/describe.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&written).unwrap(),
        told
    );
}

#[test]
fn tables_are_described_together_and_films_in_both_are_counted() {
    let scene = Scene::new();
    tied(&scene);
    let mut other = Manifest::read(&scene.path("m.csv")).unwrap();
    other.rows.truncate(10);
    other.findings[1] = "fracture".to_owned();
    other.write(&scene.path("other.csv")).unwrap();
    std::fs::remove_file(scene.path("films/3.png")).unwrap();
    let said = scene.run(&["data", "describe", "m.csv", "other.csv", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let told = said.json();
    assert_eq!(
        (&told["all"]["films"], &told["repeated"]),
        (&json!(90), &json!(10))
    );
    let names: Vec<&str> = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["sick", "well", "fracture"]);
    assert_eq!(told["labels"][2]["unknown"], 80);
    assert_eq!(told["unreadable"].as_array().unwrap().len(), 2);
    let closed = scene
        .run(&["data", "describe", "m.csv", "--no-films", "--json"])
        .json();
    assert_eq!(
        (&closed["opened"], &closed["unreadable"]),
        (&json!(false), &json!([]))
    );

    let missing = scene.run(&["data", "describe", "gone.csv"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("gone.csv"), "{}", missing.err);
}

#[test]
fn what_kind_of_set_it_is_and_how_old_its_patients_are_is_told_without_names_and_ages() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["sick", "well"], 4, |_| None);
    let mut manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        row.dataset = String::from(["ours", "theirs"][number % 2]);
        row.notes = vec![String::from("1-5")];
    }
    manifest.notes = vec![String::from("age_group")];
    manifest.write(&scene.path("m.csv")).unwrap();
    let record = |dataset: &str, kind: &str| SourceRecord {
        dataset: dataset.to_owned(),
        kind: kind.to_owned(),
        title: String::new(),
        path: kind.into(),
        licence: String::new(),
        citation: String::new(),
        url: String::new(),
        overlaps: Vec::new(),
        files: Vec::new(),
        listed: 2,
        brought_in: 0,
        steps: Vec::new(),
        remarks: Vec::new(),
        kept: 2,
        made_of: Vec::new(),
    };
    let mut sidecar = Sidecar::bare(&manifest);
    sidecar.sources = vec![record("ours", "rsna"), record("theirs", "nih")];
    sidecar.write(&scene.path("m.csv")).unwrap();
    let said = scene.run(&["data", "describe", "m.csv", "--no-films"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let sentence =
        "- ours is known to share films with theirs: search for duplicates (pleura data duplicates).\n";
    // Groups of ages tell children from adults.
    let children = "- 4 films are of people under 18 (100 % of those of known age).\n";
    assert!(said.out.contains(children), "{}", said.out);
    assert!(said.out.contains(sentence), "{}", said.out);
}
