//! A folder of class folders, and a manifest written by hand.

#![allow(clippy::unwrap_used)]

mod films;

use films::{account, build_one};
use pleura_datasets::{BuildOptions, build};
use pleura_manifest::{Label, Sidecar, Split, SplitBy, SplitOptions, split_file};

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
fn what_is_no_split_and_no_class_is_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    for (number, place) in [
        "loose",
        "train/loose",
        "train/N/a",
        "train/P/b",
        "test/P/c",
        "__MACOSX/train/N/d",
    ]
    .iter()
    .enumerate()
    {
        films::write(&folder.path().join(format!("{place}.png")), number as u32);
    }
    let built = build_one("folder", folder.path(), &folder.path().join("m.csv"));
    assert_eq!(built.manifest.findings, ["N", "P"]);
    assert_eq!(built.manifest.rows.len(), 3);
    let loose = &built.sidecar.sources[0].remarks[0];
    assert_eq!(
        (loose.what.as_str(), loose.count),
        ("film in no class's folder, passed over", 2)
    );

    films::write(&folder.path().join("chest_xray/train/N/a.png"), 9);
    let read = pleura_datasets::adapters::Dataset::by_name("folder")
        .unwrap()
        .read;
    let message = read(folder.path(), "folder").unwrap_err().to_string();
    assert!(
        message.contains("test, train are named as splits are, but chest_xray not"),
        "{message}"
    );
}

#[cfg(unix)]
#[test]
fn links_to_films_that_are_not_here_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("N/a.png"), 1);
    std::os::unix::fs::symlink("../.git/annex/b.png", folder.path().join("N/b.png")).unwrap();
    std::os::unix::fs::symlink("nothing", folder.path().join("N/.hidden.png")).unwrap();
    let built = build_one("folder", folder.path(), &folder.path().join("m.csv"));
    assert_eq!(built.manifest.rows.len(), 1);
    let broken = &built.sidecar.sources[0].remarks[0];
    assert_eq!(
        (broken.what.as_str(), &broken.examples[..]),
        (
            "link to a file that is not here, passed over",
            &["b.png".to_string()][..]
        )
    );

    // Where a list names the film, it is a listed one that is missing.
    let cohen = folder.path().join("cohen");
    films::write(&cohen.join("images/a.png"), 1);
    std::os::unix::fs::symlink("nothing", cohen.join("images/b.png")).unwrap();
    std::fs::write(
        cohen.join("metadata.csv"),
        "patientid,finding,view,modality,folder,filename\n1,COVID-19,PA,X-ray,images,a.png\n2,COVID-19,PA,X-ray,images,b.png\n",
    )
    .unwrap();
    let built = build_one("cohen", &cohen, &folder.path().join("m.csv"));
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[0],
        ("listed, but no film here", 1, 1)
    );
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
    let manifest = pleura_manifest::Manifest::read(&second).unwrap();
    assert!(
        manifest
            .rows
            .iter()
            .all(|row| manifest.file(row).is_file() && row.split.is_some())
    );
    assert!(
        pleura_manifest::Manifest::read(&first)
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
        inputs: vec![films::dataset("manifest", &draft)],
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
        inputs: vec![films::dataset("folder", folder.path())],
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
        inputs: vec![films::dataset("folder", folder.path())],
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

#[test]
fn amendments_know_a_manifests_own_patients_datasets_and_findings() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        films::write(&folder.path().join(format!("{number}.png")), number);
    }
    let (draft, amendments) = (folder.path().join("draft.csv"), folder.path().join("amend.csv"));
    std::fs::write(
        &draft,
        "film,path,dataset,patient,Mass,No Lung Opacity / Not Normal\n\
         nih-0,0.png,nih,nih-1,1,0\nnih-1,1.png,nih,nih-2,1,0\ncohen-2,2.png,cohen,cohen-5,1,0\n",
    )
    .unwrap();
    std::fs::write(
        &amendments,
        "film,dataset,patient,findings\nnih-1,nih,nih-1,No Lung Opacity / Not Normal\n2.png,cohen,6,\n0.png,cohen,7,\n",
    )
    .unwrap();
    let options = BuildOptions {
        inputs: vec![films::dataset("manifest", &draft)],
        amendments: vec![amendments],
        ..BuildOptions::default()
    };
    let built = build(&options, &folder.path().join("m.csv"), &|_, _| {}).unwrap();
    let patients: Vec<&str> = built
        .manifest
        .rows
        .iter()
        .map(|row| row.patient.as_str())
        .collect();
    assert_eq!(patients, ["nih-1", "nih-1", "cohen-6"]);
    assert_eq!(built.manifest.findings.len(), 2);
    assert_eq!(built.manifest.rows[1].labels, [Label::Negative, Label::Positive]);
    let unmet = &built.sidecar.remarks[0];
    assert_eq!(
        (unmet.what.as_str(), unmet.examples[0].as_str()),
        ("amendment that met no film", "0.png")
    );
}

#[test]
fn an_amendment_that_several_films_answer_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (number, place) in ["A/a.png", "B/a.png", "B/b.png"].iter().enumerate() {
        films::write(&folder.path().join("films").join(place), number as u32);
    }
    let amendments = folder.path().join("amend.csv");
    let options = BuildOptions {
        inputs: vec![films::dataset("folder", &folder.path().join("films"))],
        amendments: vec![amendments.clone()],
        ..BuildOptions::default()
    };
    let with = |name: &str| {
        std::fs::write(&amendments, format!("film,view\nb.png,PA\n{name},AP\n")).unwrap();
        build(&options, &folder.path().join("m.csv"), &|_, _| {})
    };
    let message = with("a.png").unwrap_err().to_string();
    for part in [
        "amend.csv: row 3",
        "folder-A-a (a.png), folder-B-a (a.png)",
        "as in the manifest",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let views = with("folder-B-a").unwrap().manifest.rows;
    let views: Vec<&str> = views.iter().map(|row| row.view.as_str()).collect();
    assert_eq!(views, ["", "AP", "PA"]);
}

/// TIFF, BMP and WebP films count as PNG films do; other images are counted as passed over.
#[test]
fn every_format_that_is_decoded_is_a_film_of_its_class() {
    let folder = tempfile::tempdir().unwrap();
    let goldens = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../pleura-film/tests/golden");
    for (golden, place) in [
        ("pictures/grey8_lzw.tif", "N/a.tif"),
        ("pictures/grey16_raw.tif", "N/b.TIFF"),
        ("pictures/grey8.bmp", "P/c.bmp"),
        ("pictures/lossless_rgb.webp", "P/d.webp"),
        ("grey.jpg", "P/e.jfif"),
    ] {
        let place = folder.path().join(place);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(goldens.join(golden), place).unwrap();
    }
    std::fs::write(folder.path().join("P/f.gif"), b"GIF89a").unwrap();
    let built = build_one("folder", folder.path(), &folder.path().join("m.csv"));
    let names: Vec<&str> = built.manifest.rows.iter().map(|row| row.film.as_str()).collect();
    assert_eq!(
        names,
        [
            "folder-N-a",
            "folder-N-b",
            "folder-P-c",
            "folder-P-d",
            "folder-P-e"
        ]
    );
    let remarks = &built.sidecar.sources[0].remarks;
    let passed = remarks
        .iter()
        .find(|remark| remark.what.contains("passed over"))
        .unwrap();
    assert_eq!(
        (passed.count, &passed.examples[..]),
        (1, &["f.gif".to_string()][..])
    );
}
