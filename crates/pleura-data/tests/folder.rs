//! A folder of class folders, and a manifest written by hand.

#![allow(clippy::unwrap_used)]

mod films;

use films::{account, build_one};
use pleura_data::{BuildOptions, Label, Sidecar, Split, SplitBy, SplitOptions, build, split_file};

#[test]
fn the_folder_is_the_finding() {
    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("Covid-19/a.png"), 1);
    films::write(&folder.path().join("Covid-19/deep/a.png"), 2);
    films::write(&folder.path().join("No_findings/a.jpg"), 3);
    films::write(&folder.path().join("No_findings/a.png"), 4);
    std::fs::write(folder.path().join("Covid-19/readme.txt"), "x").unwrap();
    std::fs::write(folder.path().join("No_findings/torn.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let built = build_one("folder", folder.path(), &folder.path().join("m.csv"));
    let names: Vec<&str> = built.manifest.rows.iter().map(|row| row.film.as_str()).collect();
    let expected = [
        "folder-Covid-19-a",
        "folder-Covid-19-deep-a",
        "folder-No_findings-a.jpg",
        "folder-No_findings-a.png",
    ];
    assert_eq!(names, expected);
    assert_eq!(built.manifest.findings, ["Covid-19", "No_findings"]);
    assert_eq!(built.manifest.rows[0].labels, [Label::Positive, Label::Negative]);
    let source = &built.sidecar.sources[0];
    assert_eq!(account(&source.steps), [("cannot be read as a film", 1, 4)]);
    assert!(
        source
            .remarks
            .iter()
            .any(|remark| remark.what.contains("patient unknown"))
    );
    assert!(
        source
            .remarks
            .iter()
            .any(|remark| remark.what.contains("passed over") && remark.examples == ["readme.txt"])
    );
}

#[test]
fn folders_of_splits_are_official_lists() {
    let folder = tempfile::tempdir().unwrap();
    for (number, place) in ["train/N/a", "train/P/b", "train/P/c", "val/N/a", "test/P/a"]
        .iter()
        .enumerate()
    {
        films::write(&folder.path().join(format!("{place}.png")), number as u32);
    }
    let out = folder.path().join("m.csv");
    build_one("folder", folder.path(), &out).write(&out).unwrap();
    let options = SplitOptions {
        by: SplitBy::Official,
        ..SplitOptions::default()
    };
    let (manifest, counts) = split_file(&out, &out, &options).unwrap();
    assert_eq!(manifest.findings, ["N", "P"]);
    assert_eq!(
        (counts.films["train"], counts.films["val"], counts.films["test"]),
        (3, 1, 1)
    );
    let sidecar = Sidecar::read(&out).unwrap().unwrap();
    assert_eq!(sidecar.manifest_digest, manifest.digest());
    let split = sidecar.split.unwrap();
    assert_eq!((split.by.as_str(), split.films["train"]), ("official", 3));
    assert_eq!(
        split.test_digest,
        manifest.digest_of(&manifest.split(Split::Test))
    );
    assert_eq!(sidecar.sources.len(), 1, "what building wrote is kept");
}

#[test]
fn splitting_into_another_folder_still_finds_the_films() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..4 {
        films::write(&folder.path().join(format!("films/class/{number}.png")), number);
    }
    let (first, second) = (folder.path().join("m.csv"), folder.path().join("split/m.csv"));
    build_one("folder", &folder.path().join("films"), &first)
        .write(&first)
        .unwrap();
    split_file(&first, &second, &SplitOptions::default()).unwrap();
    let manifest = pleura_data::Manifest::read(&second).unwrap();
    assert!(
        manifest
            .rows
            .iter()
            .all(|row| manifest.file(row).is_file() && row.split.is_some())
    );
    assert!(
        pleura_data::Manifest::read(&first)
            .unwrap()
            .rows
            .iter()
            .all(|row| row.split.is_none())
    );
}

#[test]
fn a_manifest_by_hand_is_completed_and_a_wrong_digest_refused() {
    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("a.png"), 1);
    films::write(&folder.path().join("b.png"), 2);
    let draft = folder.path().join("draft.csv");
    std::fs::write(
        &draft,
        "path,patient,COVID-19,lung_mask\na.png,1,1,\nb.png,2,,b_mask.png\nc.png,3,0,\n",
    )
    .unwrap();
    let built = build_one("manifest", &draft, &folder.path().join("out/m.csv"));
    let rows = &built.manifest.rows;
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[0],
        ("listed, but no film here", 1, 2)
    );
    assert_eq!((rows[0].dataset.as_str(), rows[0].sha256.len()), ("manifest", 64));
    assert_eq!(rows[1].labels, [Label::Unknown]);
    assert_eq!(
        rows[1].masks.lung.as_deref(),
        Some(folder.path().join("b_mask.png").as_path())
    );

    std::fs::write(
        &draft,
        format!("path,patient,sha256,X\na.png,1,{},1\n", "0".repeat(64)),
    )
    .unwrap();
    let options = BuildOptions {
        sources: vec![films::dataset("manifest", &draft)],
        ..BuildOptions::default()
    };
    let message = build(&options, &folder.path().join("m.csv"), &|_, _| {})
        .unwrap_err()
        .to_string();
    assert!(message.contains("the manifest says 0000"), "{message}");
}

#[test]
fn identical_films_are_told_and_left_out_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("A/a.png"), 1);
    films::write_rgba(&folder.path().join("B/b.png"), 1);
    films::write(&folder.path().join("B/c.png"), 2);
    let mut options = BuildOptions {
        sources: vec![films::dataset("folder", folder.path())],
        ..BuildOptions::default()
    };
    let out = folder.path().join("m.csv");
    let built = build(&options, &out, &|_, _| {}).unwrap();
    assert_eq!((built.manifest.rows.len(), built.sidecar.steps.len()), (3, 0));
    assert_eq!(built.sidecar.remarks[0].examples, ["folder-A-a = folder-B-b"]);
    options.drop_identical = true;
    let built = build(&options, &out, &|_, _| {}).unwrap();
    assert_eq!(
        account(&built.sidecar.steps),
        [("pixels equal to an earlier film's", 1, 2)]
    );
    assert_eq!(built.manifest.rows.len(), 2);
}

#[test]
fn choosing_findings_chooses_columns() {
    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("A/a.png"), 1);
    films::write(&folder.path().join("B/b.png"), 2);
    let mut options = BuildOptions {
        sources: vec![films::dataset("folder", folder.path())],
        findings: Some(vec!["B".into()]),
        ..BuildOptions::default()
    };
    let out = folder.path().join("m.csv");
    let manifest = build(&options, &out, &|_, _| {}).unwrap().manifest;
    assert_eq!(
        (manifest.findings.len(), manifest.rows[1].labels[0]),
        (1, Label::Positive)
    );
    options.findings = Some(vec!["C".into()]);
    let message = build(&options, &out, &|_, _| {}).unwrap_err().to_string();
    assert!(message.contains("\"C\"") && message.contains("A, B"), "{message}");
}
