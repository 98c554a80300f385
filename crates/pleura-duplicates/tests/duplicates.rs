//! Copies of films are found, heeded by split and check, and different films are left in peace.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use image::{DynamicImage, GrayImage, imageops};
use pleura_core::Silent;
use pleura_data::{CheckReport, Fault, check};
use pleura_duplicates::{DuplicateOptions, DuplicateReport, ImageRef, Pair, find_duplicates};
use pleura_manifest::{DuplicateRecord, MatchKind, Similarity};
use pleura_manifest::{Label, Manifest, Row, Sidecar, Split, SplitOptions, split_file};
use pleura_synth::phantom::{self, PhantomOptions};

/// Phantoms of as many patients, all in training.
fn phantoms(folder: &Path, films: usize) -> Manifest {
    let options = PhantomOptions {
        films,
        size: 192,
        films_per_patient: 1.0,
        seed: 4,
        ..PhantomOptions::default()
    };
    let mut manifest = phantom::write(&options, folder, &|_, _| {}).unwrap();
    for row in &mut manifest.rows {
        row.split = Some(Split::Train);
    }
    manifest
}

fn picture(manifest: &Manifest, row: usize) -> GrayImage {
    image::open(manifest.file(&manifest.rows[row]))
        .unwrap()
        .into_luma8()
}

/// Adds a picture as a test film of another patient.
fn add(manifest: &mut Manifest, name: &str, picture: &GrayImage) {
    let path = manifest.folder.join(name);
    DynamicImage::ImageLuma8(picture.clone()).save(&path).unwrap();
    let sha256 = digest(&path);
    let row = Row {
        film: name.to_string(),
        path: path.clone(),
        sha256,
        patient: format!("patient of {name}"),
        split: Some(Split::Test),
        labels: vec![Label::Unknown; manifest.findings.len()],
        notes: vec![String::new(); manifest.notes.len()],
        dataset: "elsewhere".to_string(),
        ..Row::default()
    };
    manifest.rows.push(row);
}

fn digest(path: &Path) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(std::fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn looked(manifest: &Manifest) -> DuplicateReport {
    find_duplicates(
        &[("m.csv".to_string(), manifest)],
        &DuplicateOptions::default(),
        &Silent,
    )
}

fn nothing_found() -> DuplicateReport {
    find_duplicates::<&str>(&[], &DuplicateOptions::default(), &Silent)
}

fn pair<'a>(report: &'a DuplicateReport, copy: &str) -> &'a Pair {
    let pairs: Vec<&Pair> = report
        .pairs
        .iter()
        .filter(|pair| pair.one.film == copy || pair.other.film == copy)
        .collect();
    assert_eq!(pairs.len(), 1, "{copy}: {pairs:?}");
    pairs[0]
}

#[test]
fn copies_are_found_whatever_was_done_to_them_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = phantoms(folder.path(), 24);
    let originals: Vec<String> = manifest.rows.iter().map(|row| row.film.clone()).collect();
    let (width, height) = picture(&manifest, 0).dimensions();
    let cut = |picture: &GrayImage| {
        imageops::crop_imm(
            picture,
            width / 40,
            height / 25,
            width - width / 20,
            height - height / 20,
        )
        .to_image()
    };
    let mut inverted = picture(&manifest, 4);
    imageops::invert(&mut inverted);
    let copies = [
        ("same.png", 0, picture(&manifest, 0)),
        ("compressed.jpg", 1, picture(&manifest, 1)),
        ("cut.png", 2, cut(&picture(&manifest, 2))),
        (
            "mirrored.png",
            3,
            imageops::flip_horizontal(&picture(&manifest, 3)),
        ),
        ("inverted.png", 4, inverted),
        (
            "small.png",
            5,
            imageops::resize(&picture(&manifest, 5), width / 2, height / 2, imageops::Triangle),
        ),
    ];
    for (name, _, copy) in &copies {
        add(&mut manifest, name, copy);
    }
    let report = looked(&manifest);
    assert!(!report.passed());
    assert_eq!(
        (report.pairs.len(), report.across()),
        (6, 6),
        "{:#?}",
        report.pairs
    );
    for (name, of, _) in &copies {
        let pair = pair(&report, name);
        assert_eq!(
            [&pair.one.film, &pair.other.film],
            [&originals[*of], &(*name).to_string()]
        );
        match (&pair.kind, *name) {
            (MatchKind::Pixels | MatchKind::File, "same.png") => {}
            (MatchKind::Similar(similarity), _) => {
                assert_eq!(similarity.mirrored, *name == "mirrored.png", "{name}");
                assert_eq!(similarity.inverted, *name == "inverted.png", "{name}");
                let [across, _] = similarity.share;
                let expected = if *name == "cut.png" { 0.95 } else { 1.0 };
                // What the film's copy shows of it: the earlier film is larger.
                assert!((across - expected).abs() < 0.02, "{name}: {similarity:?}");
            }
            (how, _) => panic!("{name}: {how}"),
        }
    }
    // The same on one thread.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| looked(&manifest)), report);
}

#[test]
fn what_was_found_is_heeded_by_check_and_split() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = phantoms(folder.path(), 20);
    let mirrored = imageops::flip_horizontal(&picture(&manifest, 7));
    add(&mut manifest, "mirrored.png", &mirrored);
    let path = folder.path().join("m.csv");
    manifest.write(&path).unwrap();
    let report = |manifest: &Manifest, record: Option<&DuplicateRecord>| -> CheckReport {
        let mut report = check(manifest, &|_, _| {});
        if let Some(record) = record {
            report.add_duplicates(record, manifest);
        }
        report
    };
    assert!(report(&manifest, None).passed());
    let record = looked(&manifest).record(0, &manifest);
    let heeded = report(&manifest, Some(&record));
    assert!(matches!(&heeded.faults[..], [Fault::Duplicate { films, .. }] if films.len() == 2));
    assert!(
        heeded.faults[0].to_string().contains("mirrored.png (test)"),
        "{}",
        heeded.faults[0]
    );
    assert!(heeded.remarks.is_empty());

    let mut sidecar = Sidecar::bare(&manifest);
    sidecar.duplicates = Some(record.clone());
    sidecar.write(&path).unwrap();
    let mut astride = 0;
    for seed in 0..12 {
        let options = SplitOptions {
            seed,
            ..SplitOptions::default()
        };
        let (split, _) = split_file(&path, &path, &options).unwrap();
        assert_eq!(split.rows[7].split, split.rows[20].split);
        assert!(report(&split, Some(&record)).passed());
        let mut unheeded = split;
        pleura_manifest::split(&mut unheeded, &options).unwrap();
        astride += usize::from(unheeded.rows[7].split != unheeded.rows[20].split);
    }
    assert!(astride > 0, "without the record they do fall apart");
    // The record outlives splitting, and knows when films have changed.
    let kept = Sidecar::read(&path).unwrap().unwrap().duplicates.unwrap();
    assert_eq!(kept, record);
    manifest.rows.pop();
    assert!(!report(&manifest, Some(&record)).remarks.is_empty());
}

#[test]
fn films_of_two_manifests_are_compared_and_patients_too() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut one = phantoms(folders[0].path(), 16);
    let mut two = Manifest {
        folder: folders[1].path().to_path_buf(),
        rows: Vec::new(),
        ..one.clone()
    };
    add(&mut two, "compressed.jpg", &picture(&one, 3));
    two.rows[0].patient.clone_from(&one.rows[9].patient);
    one.rows[3].split = None;
    let both = |one: &Manifest| {
        find_duplicates(
            &[("one.csv".to_string(), one), ("two.csv".to_string(), &two)],
            &DuplicateOptions::default(),
            &Silent,
        )
    };
    let report = both(&one);
    assert_eq!(
        (report.pairs.len(), report.across(), report.patients.len()),
        (1, 0, 1)
    );
    assert!(!report.passed(), "a patient is in two splits");
    one.rows[3].split = Some(Split::Train);
    let report = both(&one);
    assert_eq!(
        (
            report.across(),
            report.pairs[0].one.manifest,
            report.pairs[0].other.manifest
        ),
        (1, 0, 1)
    );
    // Both manifests' records hold the pair.
    for (number, manifest) in [&one, &two].into_iter().enumerate() {
        assert_eq!(report.record(number, manifest).pairs.len(), 1);
    }
}

#[test]
fn a_look_that_could_not_read_every_film_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = phantoms(folder.path(), 4);
    assert!(looked(&manifest).passed());
    let [gone, other] = [0, 1].map(|row| manifest.file(&manifest.rows[row]));
    std::fs::copy(manifest.file(&manifest.rows[2]), &other).unwrap();
    let report = looked(&manifest);
    assert_eq!((report.unread, report.across(), report.passed()), (1, 0, false));
    assert_eq!(
        report.remarks[0].what,
        "file is not the one that the manifest describes"
    );
    assert_eq!(report.remarks[0].examples, [manifest.rows[1].film.as_str()]);
    std::fs::remove_file(gone).unwrap();
    let report = looked(&manifest);
    assert_eq!((report.unread, report.passed()), (2, false));
    assert_eq!(report.remarks[0].examples, [manifest.rows[0].film.as_str()]);
}

#[test]
fn a_set_that_is_not_split_is_one_to_test_on_beside_one_that_is() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut one = phantoms(folders[0].path(), 4);
    one.rows[1].split = Some(Split::Test);
    let mut two = Manifest {
        folder: folders[1].path().to_path_buf(),
        rows: Vec::new(),
        ..one.clone()
    };
    for row in [0, 1] {
        add(&mut two, &format!("{row}.png"), &picture(&one, row));
        two.rows[row].split = None;
    }
    let both = |one: &Manifest, two: &Manifest| {
        let report = find_duplicates(
            &[("one.csv".to_string(), one), ("two.csv".to_string(), two)],
            &DuplicateOptions::default(),
            &Silent,
        );
        (report.pairs.len(), report.across(), report.patients.len())
    };
    // Of two copies the one of a training film is a leak.
    assert_eq!(both(&one, &two), (2, 1, 0));
    two.rows[0].patient.clone_from(&one.rows[2].patient);
    assert_eq!(both(&one, &two), (2, 1, 1));
    for row in &mut one.rows {
        row.split = None;
    }
    assert_eq!(both(&one, &two), (2, 0, 0));
}

#[test]
fn films_that_only_films_of_other_manifests_make_one_stay_together() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut mine = phantoms(folders[0].path(), 6);
    let mut other = Manifest {
        folder: folders[1].path().to_path_buf(),
        rows: Vec::new(),
        ..mine.clone()
    };
    // One and the same picture in four files, and another in two.
    for (name, row) in [("a.png", 0), ("b.png", 0), ("c.png", 3)] {
        add(&mut other, name, &picture(&mine, row));
    }
    let looked = |pairs: &[(usize, usize, usize, usize, MatchKind)], manifests: [&Manifest; 2]| {
        let mut report = nothing_found();
        report.pairs = pairs
            .iter()
            .map(|&(one, film, other, copy, kind)| {
                let looked = |manifest: usize, row: usize| {
                    let of = &manifests[manifest].rows[row];
                    ImageRef {
                        manifest,
                        film: of.film.clone(),
                        path: of.path.clone(),
                        sha256: of.sha256.clone(),
                        dataset: of.dataset.clone(),
                        patient: of.patient.clone(),
                        split: of.split,
                    }
                };
                Pair {
                    one: looked(one, film),
                    other: looked(other, copy),
                    kind,
                    same_patient: false,
                    across: false,
                }
            })
            .collect();
        report
    };
    let find_similar = MatchKind::Similar(Similarity {
        correlation: 0.9,
        mirrored: false,
        inverted: false,
        degrees: 0.0,
        share: [1.0; 2],
    });
    for row in &mut other.rows {
        row.sha256 = row.film.clone();
    }
    // Films 0 and 1 meet at one film, 1 and 2 over two that are alike, 3 and 4 have equal pixels; 4 and 5 are
    // a pair in any case.
    let report = looked(
        &[
            (1, 0, 0, 0, find_similar),
            (1, 0, 0, 1, find_similar),
            (1, 0, 1, 1, find_similar),
            (1, 1, 0, 2, MatchKind::Pixels),
            (1, 2, 0, 3, MatchKind::Pixels),
            (1, 2, 0, 4, MatchKind::Pixels),
            (0, 4, 0, 5, find_similar),
        ],
        [&mine, &other],
    );
    let record = report.record(0, &mine);
    let rows: Vec<(usize, usize, MatchKind)> = record
        .rows(&mine)
        .into_iter()
        .map(|(one, other, pair)| (one, other, pair.kind))
        .collect();
    assert_eq!(
        rows,
        [
            (4, 5, find_similar),
            (3, 4, MatchKind::Pixels),
            (0, 1, MatchKind::Linked),
            (0, 2, MatchKind::Linked)
        ]
    );
    // The other manifest's films are all in pairs with each other, or with nobody's.
    assert_eq!(report.record(1, &other).rows(&other).len(), 1);

    mine.rows[2].split = Some(Split::Test);
    let mut report = check(&mine, &|_, _| {});
    report.add_duplicates(&record, &mine);
    assert!(
        matches!(&report.faults[..], [Fault::Duplicate { kind: MatchKind::Linked, films }] if films.len() == 2),
        "{:?}",
        report.faults
    );
}

#[test]
fn many_rows_of_one_file_are_not_paired_each_with_each() {
    let mut manifest = Manifest::new("", Vec::new());
    for number in 0..200 {
        manifest.rows.push(Row {
            film: number.to_string(),
            sha256: "a".repeat(64),
            split: (number > 0).then_some(if number == 199 { Split::Test } else { Split::Train }),
            ..Row::default()
        });
    }
    let mut report = nothing_found();
    let mut pair = |other: usize| {
        let looked = |row: usize| ImageRef {
            manifest: 0,
            film: row.to_string(),
            path: "x".into(),
            sha256: "a".repeat(64),
            dataset: String::new(),
            patient: String::new(),
            split: manifest.rows[row].split,
        };
        report.pairs.push(Pair {
            one: looked(1),
            other: looked(other),
            kind: MatchKind::File,
            same_patient: false,
            across: other == 199,
        });
    };
    for other in (0..200).filter(|&other| other != 1) {
        pair(other);
    }
    let record = report.record(0, &manifest);
    let rows = record.rows(&manifest);
    assert_eq!(rows.len(), 199);
    assert!(rows.iter().all(|&(one, _, _)| one == 1));
    assert_eq!(rows[198].1, 199);
}
