//! What a leak check must find, and what it must let pass.

#![allow(clippy::unwrap_used)]

#[path = "../../pleura-datasets/tests/films/mod.rs"]
mod films;

use std::path::Path;

use pleura_data::{CheckReport, Fault, check};
use pleura_manifest::{Manifest, Split};

/// Six films of six patients in three splits, all different.
fn sound(folder: &Path) -> Manifest {
    for number in 0..6 {
        films::write(&folder.join(format!("class/{number}.png")), number);
    }
    let mut manifest = films::build_one("folder", folder, &folder.join("m.csv")).manifest;
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        row.split = Some(Split::ALL[number % 3]);
    }
    manifest
}

fn look(manifest: &Manifest) -> CheckReport {
    check(manifest, &|_, _| {})
}

/// Builds the manifest again after files were added, and puts the new films into splits.
fn rebuilt(folder: &Path, splits: &[(&str, Split)]) -> Manifest {
    let mut manifest = films::build_one("folder", folder, &folder.join("m.csv")).manifest;
    for row in &mut manifest.rows {
        row.split = splits
            .iter()
            .find(|(film, _)| *film == row.film)
            .map(|&(_, split)| split)
            .or(Some(Split::Train));
    }
    manifest
}

#[test]
fn a_sound_manifest_passes() {
    let folder = tempfile::tempdir().unwrap();
    let report = look(&sound(folder.path()));
    assert!(report.passed(), "{:?}", report.faults);
    assert_eq!((report.films, report.patients, report.splits["val"]), (6, 6, 2));
}

#[test]
fn a_patient_in_two_splits_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = sound(folder.path());
    manifest.rows[1].patient = manifest.rows[0].patient.clone();
    let report = look(&manifest);
    assert_eq!(report.faults.len(), 1);
    let told = report.faults[0].to_string();
    assert_eq!(
        told,
        "patient folder-class-0 is in two splits: folder-class-0 (train), folder-class-1 (val)"
    );
    // Two films of one patient in one split are as they should be.
    manifest.rows[1].split = manifest.rows[0].split;
    assert!(look(&manifest).passed());
}

#[test]
fn equal_pixels_in_another_format_are_found() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path());
    films::write_rgba(&folder.path().join("class/copy.png"), 3);
    films::write_deep(&folder.path().join("class/deep.png"), 4);
    let manifest = rebuilt(
        folder.path(),
        &[
            ("folder-class-copy", Split::Test),
            ("folder-class-deep", Split::Validation),
            ("folder-class-3", Split::Train),
        ],
    );
    let report = look(&manifest);
    let told: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        report
            .faults
            .iter()
            .all(|fault| matches!(fault, Fault::Pixels { .. }))
    );
    assert!(
        told.iter()
            .any(|told| told.contains("folder-class-3 (train), folder-class-copy (test)")),
        "{told:?}"
    );
}

#[test]
fn one_file_twice_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path());
    films::write(&folder.path().join("class/again.png"), 2);
    let manifest = rebuilt(folder.path(), &[("folder-class-again", Split::Test)]);
    let report = look(&manifest);
    assert_eq!(report.faults.len(), 1);
    assert!(matches!(report.faults[0], Fault::File { .. }));
    // In one split it is a remark.
    let report = look(&rebuilt(folder.path(), &[]));
    assert!(report.passed());
    assert_eq!(
        report.remarks[0].examples,
        ["folder-class-2 = folder-class-again"]
    );
}

#[test]
fn changed_missing_and_broken_files_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = sound(folder.path());
    films::write(&folder.path().join("class/0.png"), 77);
    std::fs::remove_file(folder.path().join("class/1.png")).unwrap();
    std::fs::write(folder.path().join("class/2.png"), b"no film").unwrap();
    let faults = look(&manifest).faults;
    assert_eq!(faults.len(), 3);
    assert!(matches!(&faults[0], Fault::Changed { film, .. } if film == "folder-class-0"));
    assert!(faults[1].to_string().contains("folder-class-1"));
    assert!(faults[2].to_string().contains("folder-class-2"));
}

#[test]
fn a_split_of_ours_always_passes_even_with_copies() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..40 {
        films::write(
            &folder.path().join(format!("{}/{number}.png", number % 2)),
            number / 2 * 2,
        );
        films::write_rgba(
            &folder.path().join(format!("{}/{number}c.png", number % 2)),
            number,
        );
    }
    let mut manifest = films::build_one("folder", folder.path(), &folder.path().join("m.csv")).manifest;
    for seed in 0..5 {
        pleura_manifest::split(
            &mut manifest,
            &pleura_manifest::SplitOptions {
                seed,
                ..Default::default()
            },
        )
        .unwrap();
        let report = look(&manifest);
        assert!(report.passed(), "{:?}", report.faults);
        assert!(Split::ALL.iter().all(|&split| !manifest.split(split).is_empty()));
    }
}
