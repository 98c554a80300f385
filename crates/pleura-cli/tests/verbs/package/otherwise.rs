//! Packages that say other things than the maker's, and what only looks like one.

use std::process::Stdio;

use pleura_eval::Task;
use pleura_eval::calibration::Outcome;
use pleura_film::Fit;
use pleura_manifest::Split;
use pleura_package::{Package, Parts, Private, archive};
use serde_json::Value;

use super::{PACKAGE, Packaged};
use crate::scene::sha256;

fn parts(packaged: &Packaged) -> Parts {
    Package::from_bytes(&packaged.bytes(), "p").unwrap().parts
}

/// What the maker is told who tries to write such a package.
fn refused(parts: &Parts) -> String {
    parts.to_bytes(None, &Private::default()).unwrap_err().to_string()
}

#[test]
fn probabilities_are_called_calibrated_where_a_temperature_was_fitted() {
    let packaged = Packaged::shared();
    let film = packaged.films(Split::Validation).remove(0);
    let film = film.to_str().unwrap();
    for (outcome, words, card) in [
        (
            Outcome::Fitted,
            "probability (calibrated)",
            "Calibrated and chosen on",
        ),
        (
            Outcome::NotAsked,
            "probability (not calibrated)",
            "Probabilities are not calibrated: no temperature was fitted. Thresholds were chosen on",
        ),
    ] {
        let mut parts = parts(&packaged);
        for one in &mut parts.calibration.as_mut().unwrap().temperatures {
            one.outcome = outcome;
        }
        let (bytes, _) = parts.to_bytes(None, &Private::default()).unwrap();
        packaged.0.bytes("outcome.pleura", &bytes);
        let line = ["predict", "--model", "outcome.pleura", film];
        let said = packaged.0.run(&line);
        assert!(said.out.contains(words), "{}", said.out);
        let json = packaged.0.run(&[&line[..], &["--json"]].concat()).json();
        assert_eq!(json["calibrated"], outcome == Outcome::Fitted);
        let said = packaged.0.run(&["package", "show", "outcome.pleura"]);
        assert!(said.out.contains(card), "{}", said.out);
    }
    let mut parts = parts(&packaged);
    let temperatures = &mut parts.calibration.as_mut().unwrap().temperatures;
    let one = temperatures.remove(0);
    temperatures.extend(
        [Outcome::Fitted, Outcome::TooFewFilms, Outcome::Fitted].map(|outcome| {
            let mut one = one.clone();
            one.outcome = outcome;
            one
        }),
    );
    assert_eq!(parts.not_calibrated(), [parts.model.findings[1].name.as_str()]);
    parts.calibration = None;
    assert_eq!(parts.not_calibrated(), parts.model.names());
}

#[test]
fn what_a_terminal_would_obey_is_refused() {
    let packaged = Packaged::shared();
    let fine = parts(&packaged);
    let with = |change: fn(&mut Parts)| {
        let mut parts = fine.clone();
        change(&mut parts);
        refused(&parts)
    };
    for (error, entry) in [
        (
            with(|parts| parts.card.name = Some("Lungs\u{1b}[1A".to_owned())),
            "card.json",
        ),
        (
            with(|parts| parts.card.version = Some("1\nsigned with everybody".to_owned())),
            "card.json",
        ),
        (
            with(|parts| parts.card.items[0].said = Some("a\rb".to_owned())),
            "card.json",
        ),
        (
            with(|parts| parts.audit = Some(serde_json::json!({"checks": [{"says": "\u{9b}2K"}]}))),
            "audit.json",
        ),
        (
            with(|parts| {
                parts.weights.findings[0] = "normal\nnothing".to_owned();
                parts.model.findings[0].name = parts.weights.findings[0].clone();
                parts.model.digest = parts.weights.digest();
            }),
            "model.json",
        ),
    ] {
        let told = format!("the entry {entry} cannot be used: control characters");
        assert!(error.contains(&told), "{error}");
    }
    let mut lines = fine;
    lines.card.items[0].said = Some("one line\nand another".to_owned());
    assert!(lines.to_bytes(None, &Private::default()).is_ok());
}

#[test]
fn documents_must_fit_the_weights_and_every_entry_has_its_place() {
    let packaged = Packaged::shared();
    let mut independent = parts(&packaged);
    independent.model.kind = Task::Independent;
    independent.calibration = None;
    let error = refused(&independent);
    assert!(error.contains("model.json") && error.contains("kind"), "{error}");
    let mut padded = parts(&packaged);
    padded.model.preparation.fit = Fit::Pad;
    let error = refused(&padded);
    assert!(
        error.contains("model.json") && error.contains("preparation"),
        "{error}"
    );
    // A picture more, in the index and all.
    let bytes = packaged.bytes();
    let mut entries: Vec<(String, Vec<u8>)> = archive::read(&bytes, "p")
        .unwrap()
        .into_iter()
        .map(|(name, place)| (name, bytes[place].to_vec()))
        .filter(|(name, _)| name != "signature.json")
        .collect();
    let mut index: Value = serde_json::from_slice(&entries[0].1).unwrap();
    let stray = b"anything".to_vec();
    let listed = serde_json::json!({"name": "golden/9.png", "bytes": stray.len(), "sha256": sha256(&stray)});
    index["entries"].as_array_mut().unwrap().push(listed);
    entries[0].1 = serde_json::to_vec(&index).unwrap();
    entries.push(("golden/9.png".to_owned(), stray));
    let error = Package::from_bytes(&archive::write(&entries).unwrap(), "p").unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("golden/9.png") && error.contains("no golden film"),
        "{error}"
    );
}

#[test]
fn a_changed_package_is_told_by_the_exit_code_though_nobody_reads() {
    let packaged = Packaged::shared();
    let bytes = packaged.bytes();
    packaged.0.bytes("half.pleura", &bytes[..bytes.len() / 2]);
    let mut command = packaged
        .0
        .command(&["package", "verify", "half.pleura", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn zip_archives_of_weights_are_no_packages() {
    let packaged = Packaged::shared();
    let weights = archive::write(&[("archive/data.pkl".to_owned(), vec![0; 99])]).unwrap();
    packaged.0.bytes("w.pth", &weights);
    let said = packaged.0.run(&["predict", "--model", "w.pth", "x.png"]);
    assert!(
        said.code == 2 && said.err.contains("`pleura import`"),
        "{}",
        said.err
    );
}

#[test]
fn a_package_is_exported_and_not_calibrated_in_place() {
    let packaged = Packaged::shared();
    let said = packaged
        .0
        .run(&["export", PACKAGE, "--torch", "torch.safetensors"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = packaged
        .0
        .run(&["calibrate", PACKAGE, "--manifest", "films/manifest.csv"]);
    assert!(
        said.code == 2 && said.err.contains("--out") && !packaged.0.path("m.calibration.json").exists(),
        "{}",
        said.err
    );
    // What lies beside a package is not applied.
    let mut bare = parts(&packaged);
    bare.calibration = None;
    let (bytes, _) = bare.to_bytes(None, &Private::default()).unwrap();
    packaged.0.bytes("bare.pleura", &bytes);
    packaged.0.write("bare.calibration.json", "no calibration");
    let said = packaged.evaluate("bare.pleura");
    assert_eq!(said.code, 0, "{}", said.err);
}

/// Weights that were trained on films of one kind say so in a package too.
#[test]
fn answers_of_a_package_name_findings_that_were_trained_on_one_kind_of_film() {
    let packaged = Packaged::shared();
    let mut parts = Package::from_bytes(&packaged.bytes(), "p").unwrap().parts;
    let finding = parts.weights.findings[0].clone();
    let stored = serde_json::to_string(&[&finding]).unwrap();
    parts.weights.metadata.insert("one_sided".to_owned(), stored);
    let (bytes, _) = parts.to_bytes(None, &Private::default()).unwrap();
    packaged.0.bytes("one_sided.pleura", &bytes);
    let film = packaged.films(Split::Validation)[0].clone();
    let film = film.to_str().unwrap();
    let said = packaged
        .0
        .run(&["predict", "--model", "one_sided.pleura", film, "--json"])
        .json();
    assert_eq!(said["outcome"], "answered", "{said}");
    let doubts = said["doubts"].to_string();
    assert!(
        doubts.contains("all positive or all negative") && doubts.contains(&finding),
        "{doubts}"
    );
    assert!(packaged.predict(&[film], &[]).json()["doubts"].is_null());
}
