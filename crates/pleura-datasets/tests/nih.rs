//! NIH ChestX-ray14 in its real layouts.

#![allow(clippy::unwrap_used)]

mod films;

use std::path::Path;

use films::{account, build_one, fixture};
use pleura_manifest::{Label, Manifest, Row, Sex};

fn label(manifest: &Manifest, row: &Row, finding: &str) -> Label {
    row.labels[manifest.finding(finding).unwrap()]
}

/// The labels of the fixture, films in numbered folders: one RGBA, one as JPEG, one missing, one unlisted.
fn layout(folder: &Path, labels: &str) {
    std::fs::copy(fixture(&format!("nih/{labels}")), folder.join(labels)).unwrap();
    films::write(&folder.join("images_001/images/00000001_000.png"), 1);
    films::write_rgba(&folder.join("images_001/images/00000001_001.png"), 2);
    films::write(&folder.join("images_012/images/00000002_000.png"), 3);
    films::write(&folder.join("images_012/images/00000003_000.jpg"), 4);
    films::write(&folder.join("images_012/images/00000009_000.png"), 5);
    std::fs::write(folder.join("images_001/images/.DS_Store"), "x").unwrap();
}

#[test]
fn the_second_release_in_numbered_folders() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path(), "Data_Entry_2017_v2020.csv");
    let built = build_one("nih", folder.path(), &folder.path().join("m.csv"));
    let manifest = &built.manifest;
    assert_eq!(manifest.findings.len(), 15);
    assert_eq!(manifest.findings[6], "Pneumonia");
    assert_eq!(manifest.findings[14], "No Finding");
    let names: Vec<&str> = manifest.rows.iter().map(|row| row.film.as_str()).collect();
    assert_eq!(
        names,
        [
            "nih-00000001_000",
            "nih-00000001_001",
            "nih-00000002_000",
            "nih-00000003_000"
        ]
    );
    let row = &manifest.rows[1];
    assert_eq!(
        (row.patient.as_str(), row.view.as_str(), row.sex, row.age),
        ("nih-1", "PA", Some(Sex::Male), Some(58.0))
    );
    assert_eq!(row.path, Path::new("images_001/images/00000001_001.png"));
    assert_eq!(label(manifest, row, "Emphysema"), Label::Positive);
    assert_eq!(label(manifest, row, "Hernia"), Label::Negative);
    assert_eq!(label(manifest, row, "No Finding"), Label::Negative);
    assert_eq!(row.class(), None);
    let healthy = &manifest.rows[2];
    assert_eq!(healthy.class(), Some(14));
    assert_eq!(
        label(manifest, &manifest.rows[3], "Pleural_Thickening"),
        Label::Positive
    );

    let source = &built.sidecar.sources[0];
    assert_eq!((source.listed, source.kept), (5, 4));
    assert_eq!(account(&source.steps)[0], ("listed, but no film here", 1, 4));
    assert_eq!(source.steps[0].examples, ["00000004_000.png"]);
    let unlisted = source
        .remarks
        .iter()
        .find(|remark| remark.what == "film here, but not listed")
        .unwrap();
    assert_eq!(
        (unlisted.count, unlisted.examples[0].as_str()),
        (1, "00000009_000.png")
    );
    assert_eq!(built.sidecar.positives["nih"]["Cardiomegaly"], 2);
}

#[test]
fn the_first_release_has_trailing_commas_and_odd_ages() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path(), "Data_Entry_2017.csv");
    let built = build_one("nih", folder.path(), &folder.path().join("m.csv"));
    let ages: Vec<Option<f32>> = built.manifest.rows.iter().map(|row| row.age).collect();
    assert_eq!(ages, [Some(58.0), Some(58.0), None, Some(0.5)]);
    assert_eq!(built.manifest.rows[0].patient, "nih-1");
    let remarks = &built.sidecar.sources[0].remarks;
    assert!(
        remarks
            .iter()
            .any(|remark| remark.what.contains("age impossible") && remark.count == 1)
    );
}

#[test]
fn both_releases_give_the_same_labels() {
    let manifests = ["Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv"].map(|labels| {
        let folder = tempfile::tempdir().unwrap();
        layout(folder.path(), labels);
        build_one("nih", folder.path(), &folder.path().join("m.csv")).manifest
    });
    let [old, new] = manifests.map(|manifest| {
        manifest
            .rows
            .into_iter()
            .map(|row| (row.film, row.labels))
            .collect::<Vec<_>>()
    });
    assert_eq!(old, new);
}

#[test]
fn one_flat_folder_and_the_official_lists() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Data_Entry_2017_v2020.csv", "train_val_list.txt", "test_list.txt"] {
        std::fs::copy(fixture(&format!("nih/{name}")), folder.path().join(name)).unwrap();
    }
    for number in 1..=4 {
        films::write(
            &folder.path().join(format!("images/0000000{number}_000.png")),
            number,
        );
    }
    // A byte-order mark is no part of the first film's name.
    let list = folder.path().join("train_val_list.txt");
    let marked = format!("\u{feff}{}", std::fs::read_to_string(&list).unwrap());
    std::fs::write(&list, marked).unwrap();
    // Not a folder of films, whatever its name begins with.
    films::write(&folder.path().join("images_small/00000001_001.png"), 9);
    let mut manifest = build_one("nih", folder.path(), &folder.path().join("m.csv")).manifest;
    let note = manifest.note("official_split").unwrap();
    let lists: Vec<&str> = manifest.rows.iter().map(|row| row.notes[note].as_str()).collect();
    assert_eq!(lists, ["train_val", "test", "train_val", "test"]);
    let options = pleura_manifest::SplitOptions {
        by: pleura_manifest::SplitBy::Official,
        ..Default::default()
    };
    pleura_manifest::split(&mut manifest, &options).unwrap();
    assert_eq!(manifest.split(pleura_manifest::Split::Test), [1, 3]);
}

#[test]
fn faults_name_file_row_column_and_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Data_Entry_2017_v2020.csv");
    let good = std::fs::read_to_string(fixture("nih/Data_Entry_2017_v2020.csv")).unwrap();
    let message = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let options = pleura_datasets::BuildOptions {
            inputs: vec![films::dataset("nih", folder.path())],
            ..Default::default()
        };
        pleura_datasets::build(&options, &folder.path().join("m.csv"), &|_, _| {})
            .unwrap_err()
            .to_string()
    };
    let misspelt = message(&good.replace("Cardiomegaly|Emphysema", "Cardiomegaly|Emphysem"));
    assert!(
        misspelt.contains("_v2020.csv: row 3, column Finding Labels"),
        "{misspelt}"
    );
    assert!(
        misspelt.contains("\"Cardiomegaly|Emphysem\", expected findings joined by |"),
        "{misspelt}"
    );
    let patient = message(&good.replace(",0,4,82", ",0,x4,82"));
    assert!(
        patient.contains("row 6, column Patient ID: found \"x4\""),
        "{patient}"
    );
    let column = message(&good.replace("View Position", "Position"));
    assert!(column.contains("no column View Position"), "{column}");
    std::fs::remove_file(&path).unwrap();
    let options = pleura_datasets::BuildOptions {
        inputs: vec![films::dataset("nih", folder.path())],
        ..Default::default()
    };
    let layout = pleura_datasets::build(&options, &folder.path().join("m.csv"), &|_, _| {})
        .unwrap_err()
        .to_string();
    assert!(layout.contains("not laid out as NIH ChestX-ray14"), "{layout}");
}

#[test]
fn boxes_become_masks_of_lesions() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path(), "Data_Entry_2017_v2020.csv");
    let list = folder.path().join("BBox_List_2017.csv");
    let header = "Image Index,Finding Label,Bbox [x,y,w,h],,,";
    let rows = "00000003_000.png,Pneumonia,225.084745762712,547.019216763771,86.5,79\n\
                00000003_000.png,Infiltrate,686,131,185,313\n00000003_000.png,Pneumonia,1,2,3,4\n\
                00000099_000.png,Mass,221,317,155,216\n";
    std::fs::write(&list, format!("{header}\n{rows}")).unwrap();
    let table = folder.path().join("m.csv");
    let built = build_one("nih", folder.path(), &table);
    assert!(
        built.sidecar.sources[0]
            .files
            .iter()
            .any(|file| file.path.ends_with("BBox_List_2017.csv"))
    );
    let manifest = built.manifest;
    manifest.write(&table).unwrap();
    let manifest = Manifest::read(&table).unwrap();
    let boxed = &manifest.rows[3];
    let lesion = boxed.masks.lesion.as_deref().unwrap();
    assert_eq!(
        lesion.to_str().unwrap(),
        "box:225.084745762712,547.019216763771,86.5,79/1024x1024|box:686,131,185,313/1024x1024|box:1,2,3,4/1024x1024"
    );
    assert_eq!(
        boxed.notes[manifest.note("boxed").unwrap()],
        "Pneumonia|Infiltration"
    );
    assert_eq!(manifest.rows[0].masks.lesion, None);
    let mask = pleura_manifest::open_mask(&manifest.locate(lesion)).unwrap();
    let inside = mask.grey.iter().filter(|&&level| level > 0.5).count();
    assert_eq!(
        (mask.width, mask.height, inside),
        (1024, 1024, 87 * 80 + 185 * 313 + 12)
    );

    let source = pleura_datasets::adapters::Dataset::by_name("nih").unwrap();
    for (row, column) in [
        ("a.png,Lump,1,2,3,4", "Finding Label"),
        ("a.png,No Finding,1,2,3,4", "Finding Label"),
        ("a.png,Mass,1,2,x,4", "w"),
        ("a.png,Mass,1,2,3", "h]"),
        ("a.png,Mass,1,2,3,-4", "Bbox [x"),
    ] {
        std::fs::write(&list, format!("{header}\n{row}\n")).unwrap();
        let error = (source.read)(folder.path(), "nih").unwrap_err().to_string();
        assert!(
            error.contains(&format!("BBox_List_2017.csv: row 2, column {column}:")),
            "{error}"
        );
    }
    let table = std::fs::read_to_string(&table)
        .unwrap()
        .replace("box:686,131", "box:686");
    let path = folder.path().join("wrong.csv");
    std::fs::write(&path, table).unwrap();
    let error = Manifest::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("row 5, column lesion_mask: found \"box:686,185,313/1024x1024\""),
        "{error}"
    );
}
