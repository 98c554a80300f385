//! Copies of films are found, heeded by split and check, and different films are left in peace.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use image::{DynamicImage, GrayImage, imageops};
use pleura_data::leaks::{How, LeakRecord, Look, LookOptions, Pair, look};
use pleura_data::phantom::{self, PhantomOptions};
use pleura_data::{
    CheckReport, Fault, Label, Manifest, Row, Sidecar, Split, SplitOptions, check, split_file,
};

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

fn looked(manifest: &Manifest) -> Look {
    look(
        &[("m.csv".to_string(), manifest)],
        &LookOptions::default(),
        &|_, _, _| {},
    )
}

fn pair<'a>(look: &'a Look, copy: &str) -> &'a Pair {
    let pairs: Vec<&Pair> = look
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
    let look = looked(&manifest);
    assert!(!look.passed());
    assert_eq!((look.pairs.len(), look.across()), (6, 6), "{:#?}", look.pairs);
    for (name, of, _) in &copies {
        let pair = pair(&look, name);
        assert_eq!(
            [&pair.one.film, &pair.other.film],
            [&originals[*of], &(*name).to_string()]
        );
        match (&pair.how, *name) {
            (How::Pixels | How::File, "same.png") => {}
            (How::Alike(likeness), _) => {
                assert_eq!(likeness.mirrored, *name == "mirrored.png", "{name}");
                assert_eq!(likeness.inverted, *name == "inverted.png", "{name}");
                let [across, _] = likeness.share;
                let expected = if *name == "cut.png" { 0.95 } else { 1.0 };
                // What the film's copy shows of it: the earlier film is larger.
                assert!((across - expected).abs() < 0.02, "{name}: {likeness:?}");
            }
            (how, _) => panic!("{name}: {how}"),
        }
    }
    // The same on one thread.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| looked(&manifest)), look);
}

#[test]
fn what_was_found_is_heeded_by_check_and_split() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = phantoms(folder.path(), 20);
    let mirrored = imageops::flip_horizontal(&picture(&manifest, 7));
    add(&mut manifest, "mirrored.png", &mirrored);
    let path = folder.path().join("m.csv");
    manifest.write(&path).unwrap();
    let report = |manifest: &Manifest, record: Option<&LeakRecord>| -> CheckReport {
        let mut report = check(manifest, &|_, _| {});
        if let Some(record) = record {
            report.heed(record, manifest);
        }
        report
    };
    assert!(report(&manifest, None).passed());
    let record = LeakRecord::new(&looked(&manifest), 0, &manifest);
    let heeded = report(&manifest, Some(&record));
    assert!(matches!(&heeded.faults[..], [Fault::Copy { films, .. }] if films.len() == 2));
    assert!(
        heeded.faults[0].to_string().contains("mirrored.png (test)"),
        "{}",
        heeded.faults[0]
    );
    assert!(heeded.remarks.is_empty());

    let mut sidecar = Sidecar::bare(&manifest);
    sidecar.leaks = Some(record.clone());
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
        pleura_data::split(&mut unheeded, &options).unwrap();
        astride += usize::from(unheeded.rows[7].split != unheeded.rows[20].split);
    }
    assert!(astride > 0, "without the record they do fall apart");
    // The record outlives splitting, and knows when films have changed.
    let kept = Sidecar::read(&path).unwrap().unwrap().leaks.unwrap();
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
        look(
            &[("one.csv".to_string(), one), ("two.csv".to_string(), &two)],
            &LookOptions::default(),
            &|_, _, _| {},
        )
    };
    let look = both(&one);
    assert_eq!((look.pairs.len(), look.across(), look.patients.len()), (1, 0, 1));
    assert!(!look.passed(), "a patient is in two splits");
    one.rows[3].split = Some(Split::Train);
    let look = both(&one);
    assert_eq!(
        (
            look.across(),
            look.pairs[0].one.manifest,
            look.pairs[0].other.manifest
        ),
        (1, 0, 1)
    );
    // Both manifests' records hold the pair.
    for (number, manifest) in [&one, &two].into_iter().enumerate() {
        assert_eq!(LeakRecord::new(&look, number, manifest).pairs.len(), 1);
    }
}
