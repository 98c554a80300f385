//! A folder of DICOM files, written byte by byte.

use super::{build, counts, films, left_out, positive};
use crate::scene::{HEIGHT, Scene, WIDTH, levels};

/// A data element in explicit little endian (PS3.5, 7.1.2).
fn element(group: u16, number: u16, kind: &str, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if kind == "UI" { 0 } else { b' ' });
    }
    let length = match kind {
        "OW" => [&[0, 0], &(value.len() as u32).to_le_bytes()[..]].concat(),
        _ => (value.len() as u16).to_le_bytes().to_vec(),
    };
    [
        &group.to_le_bytes(),
        &number.to_le_bytes(),
        kind.as_bytes(),
        &length,
        &value,
    ]
    .concat()
}

/// A computed radiograph of 16 bits, 12 of them used.
fn dicom(scene: &Scene, name: &str, number: usize, (patient, view, part): (&str, &str, &str)) {
    let class = b"1.2.840.10008.5.1.4.1.1.1";
    let instance = format!("1.2.826.0.1.3680043.{number}");
    let short = |value: u16| value.to_le_bytes();
    let meta = [
        element(2, 2, "UI", class),
        element(2, 3, "UI", instance.as_bytes()),
        element(2, 0x10, "UI", b"1.2.840.10008.1.2.1"),
    ]
    .concat();
    let pixels: Vec<u8> = levels(number)
        .into_iter()
        .flat_map(|level| (u16::from(level) * 16).to_le_bytes())
        .collect();
    let bytes = [
        vec![0; 128],
        b"DICM".to_vec(),
        element(2, 0, "UL", &(meta.len() as u32).to_le_bytes()),
        meta,
        element(8, 0x16, "UI", class),
        element(8, 0x18, "UI", instance.as_bytes()),
        element(8, 0x60, "CS", b"CR"),
        element(0x10, 0x20, "LO", patient.as_bytes()),
        element(0x10, 0x40, "CS", b"M"),
        element(0x10, 0x1010, "AS", b"034Y"),
        element(0x18, 0x15, "CS", part.as_bytes()),
        element(0x18, 0x5101, "CS", view.as_bytes()),
        element(0x20, 0x0d, "UI", b"1.2.3"),
        element(0x28, 2, "US", &short(1)),
        element(0x28, 4, "CS", b"MONOCHROME2"),
        element(0x28, 0x10, "US", &short(HEIGHT as u16)),
        element(0x28, 0x11, "US", &short(WIDTH as u16)),
        element(0x28, 0x100, "US", &short(16)),
        element(0x28, 0x101, "US", &short(12)),
        element(0x28, 0x102, "US", &short(11)),
        element(0x28, 0x103, "US", &short(0)),
        element(0x7fe0, 0x10, "OW", &pixels),
    ]
    .concat();
    scene.bytes(name, &bytes);
}

#[test]
fn a_folder_of_dicom_is_a_dataset_whose_findings_a_table_tells() {
    let scene = Scene::new();
    dicom(&scene, "pacs/a/1.dcm", 1, ("P1", "PA", "CHEST"));
    dicom(&scene, "pacs/a/IM000002", 2, ("P1", "AP", "CHEST"));
    dicom(&scene, "pacs/b/3.dcm", 3, ("P2", "LL", "CHEST"));
    dicom(&scene, "pacs/b/4.dcm", 4, ("P3", "AP", "HIP"));
    scene.write("pacs/README.txt", "not a film");
    scene.write(
        "labels.csv",
        "film,findings\n1.dcm,COVID-19\n1.2.826.0.1.3680043.2,No Finding\n",
    );
    let (manifest, account) = build(&scene, &["--dicom", "pacs", "--amend", "labels.csv"]);
    assert_eq!(
        films(&manifest),
        ["dicom-1.2.826.0.1.3680043.1", "dicom-1.2.826.0.1.3680043.2"]
    );
    assert_eq!(positive(&manifest, "dicom-1.2.826.0.1.3680043.1"), ["COVID-19"]);
    for row in &manifest.rows {
        assert_eq!(
            (row.patient.as_str(), row.study.as_str(), row.age),
            ("dicom-P1", "1.2.3", Some(34.0))
        );
    }
    assert_eq!(
        left_out(&account["sources"][0]["steps"]),
        counts(&[("body part is not the chest", 1), ("view is not frontal", 1)])
    );
}
