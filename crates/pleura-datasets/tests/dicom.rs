//! A folder of DICOM files, written byte by byte.

#![allow(clippy::unwrap_used)]

mod films;

use std::path::Path;

use films::{account, build_one};
use pleura_manifest::{Label, Sex};

/// One data element in explicit little endian with a short length.
fn element(group: u16, number: u16, representation: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend_from_slice(representation.as_bytes());
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if representation == "UI" || representation == "OW" {
            0
        } else {
            b' '
        });
    }
    if representation == "OW" {
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    } else {
        bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

struct Object<'a> {
    instance: &'a str,
    modality: &'a str,
    part: &'a str,
    view: &'a str,
    patient: &'a str,
}

/// A film of 40 × 32 pixels of 8 bits.
fn write(path: &Path, number: u32, object: &Object<'_>) {
    let class: &[u8] = if object.modality == "CT" {
        b"1.2.840.10008.5.1.4.1.1.2"
    } else {
        b"1.2.840.10008.5.1.4.1.1.1"
    };
    let instance = object.instance.as_bytes();
    let meta = [
        element(2, 2, "UI", class),
        element(2, 3, "UI", instance),
        element(2, 0x10, "UI", b"1.2.840.10008.1.2.1"),
    ]
    .concat();
    let short = |value: u16| value.to_le_bytes();
    let pixels = films::grey(number, 40, 32).into_raw();
    let bytes = [
        vec![0; 128],
        b"DICM".to_vec(),
        element(2, 0, "UL", &(meta.len() as u32).to_le_bytes()),
        meta,
        element(8, 0x16, "UI", class),
        element(8, 0x18, "UI", instance),
        element(8, 0x60, "CS", object.modality.as_bytes()),
        element(8, 0x70, "LO", b"Maker"),
        element(0x10, 0x20, "LO", object.patient.as_bytes()),
        element(0x10, 0x40, "CS", b"F"),
        element(0x10, 0x1010, "AS", b"061Y"),
        element(0x18, 0x15, "CS", object.part.as_bytes()),
        element(0x18, 0x5101, "CS", object.view.as_bytes()),
        element(0x20, 0x0d, "UI", b"1.2.3"),
        element(0x28, 2, "US", &short(1)),
        element(0x28, 4, "CS", b"MONOCHROME2"),
        element(0x28, 0x10, "US", &short(32)),
        element(0x28, 0x11, "US", &short(40)),
        element(0x28, 0x100, "US", &short(8)),
        element(0x28, 0x101, "US", &short(8)),
        element(0x28, 0x102, "US", &short(7)),
        element(0x28, 0x103, "US", &short(0)),
        element(0x7fe0, 0x10, "OW", &pixels),
    ]
    .concat();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn radiographs_of_the_chest_go_in_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let chest = Object {
        instance: "1.2.3.1",
        modality: "CR",
        part: "CHEST",
        view: "PA",
        patient: "P1",
    };
    write(&at("a/one.dcm"), 1, &chest);
    write(
        &at("a/without-extension"),
        2,
        &Object {
            instance: "1.2.3.2",
            view: "",
            part: "",
            ..chest
        },
    );
    write(
        &at("b/ct.dcm"),
        3,
        &Object {
            instance: "1.2.3.3",
            modality: "CT",
            ..chest
        },
    );
    write(
        &at("b/hip.dcm"),
        4,
        &Object {
            instance: "1.2.3.4",
            part: "HIP",
            ..chest
        },
    );
    write(
        &at("b/lateral.dcm"),
        5,
        &Object {
            instance: "1.2.3.5",
            view: "LL",
            ..chest
        },
    );
    write(
        &at("b/nobody.dcm"),
        6,
        &Object {
            instance: "1.2.3.6",
            patient: "",
            ..chest
        },
    );
    std::fs::write(at("torn.dcm"), &std::fs::read(at("a/one.dcm")).unwrap()[..700]).unwrap();
    std::fs::write(at("notes.txt"), "x").unwrap();

    let built = build_one("dicom", folder.path(), &at("m.csv"));
    let source = &built.sidecar.sources[0];
    assert_eq!(source.listed, 7);
    assert_eq!(
        account(&source.steps),
        [
            ("no radiograph (modality or class)", 1, 6),
            ("body part is not the chest", 1, 5),
            ("view is not frontal", 1, 4),
            ("cannot be read as a film", 1, 3),
        ]
    );
    let names: Vec<&str> = built.manifest.rows.iter().map(|row| row.film.as_str()).collect();
    assert_eq!(names, ["dicom-1.2.3.1", "dicom-1.2.3.2", "dicom-1.2.3.6"]);
    let row = &built.manifest.rows[0];
    assert_eq!(
        (row.patient.as_str(), row.study.as_str(), row.view.as_str()),
        ("dicom-P1", "1.2.3", "PA")
    );
    assert_eq!((row.sex, row.age), (Some(Sex::Female), Some(61.0)));
    assert_eq!(built.manifest.rows[2].patient, "dicom-1.2.3.6");
    let remark = |what: &str| {
        source
            .remarks
            .iter()
            .find(|remark| remark.what.contains(what))
            .map(|remark| remark.count)
    };
    assert_eq!(
        (remark("no DICOM file"), remark("no patient ID")),
        (Some(1), Some(1))
    );
    assert!(built.manifest.findings.is_empty());
}

#[test]
fn amendments_give_findings_to_films_that_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let chest = Object {
        instance: "1.2.3.1",
        modality: "DX",
        part: "",
        view: "AP",
        patient: "P1",
    };
    write(&folder.path().join("one.dcm"), 1, &chest);
    let amendments = folder.path().join("labels.csv");
    std::fs::write(&amendments, "film,findings\n1.2.3.1,Pneumonia\n").unwrap();
    let options = pleura_datasets::BuildOptions {
        inputs: vec![films::dataset("dicom", folder.path())],
        amendments: vec![amendments],
        ..Default::default()
    };
    let manifest = pleura_datasets::build(&options, &folder.path().join("m.csv"), &|_, _| {})
        .unwrap()
        .manifest;
    assert_eq!(manifest.findings, ["Pneumonia"]);
    assert_eq!(manifest.rows[0].labels, [Label::Positive]);
}
