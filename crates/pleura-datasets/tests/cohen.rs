//! Cohen's covid-chestxray-dataset, today's columns and the old ones.

#![allow(clippy::unwrap_used)]

mod films;

use std::path::Path;

use films::{account, build_one, fixture};
use pleura_datasets::{BuildOptions, Filters, build};
use pleura_manifest::{Label, Manifest};

fn layout(folder: &Path) {
    std::fs::copy(fixture("cohen/metadata.csv"), folder.join("metadata.csv")).unwrap();
    // The first was saved anew as .jpg; k lost its extension in the list; m is in no row.
    let names = [
        "a.b-2020_01_28.jpg",
        "b.png",
        "c.jpg",
        "d.jpg",
        "e.jpg",
        "f.jpg",
        "g.jpg",
        "h.jpg",
        "i.jpg",
        "j.png",
        "k.main.pdf-001.png",
        "000001-2.jpg",
        "000001-2.png",
        "m.jpg",
    ];
    for (number, name) in names.iter().enumerate() {
        films::write(&folder.join("images").join(name), number as u32);
    }
}

fn label(manifest: &Manifest, film: &str, finding: &str) -> Label {
    let row = manifest.rows.iter().find(|row| row.film == film).unwrap();
    row.labels[manifest.finding(finding).unwrap()]
}

#[test]
fn rows_are_kept_and_left_out_for_counted_reasons() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path());
    let built = build_one("cohen", folder.path(), &folder.path().join("m.csv"));
    let source = &built.sidecar.sources[0];
    assert_eq!(source.listed, 14);
    assert_eq!(
        account(&source.steps),
        [
            ("listed, but no film here", 1, 13),
            ("modality is not X-ray", 1, 12),
            ("folder is not images", 1, 11),
            ("view is not frontal", 1, 10),
            ("finding is blank, todo or Unknown", 2, 8),
            ("No Finding beside another finding", 0, 8),
            ("cannot be read as a film", 0, 8),
        ]
    );
    let remark = |what: &str| {
        source
            .remarks
            .iter()
            .find(|remark| remark.what.contains(what))
            .map(|remark| remark.count)
    };
    assert_eq!(remark("not listed"), Some(1));
    assert_eq!(remark("age cannot be read"), Some(1));
    let row = &built
        .manifest
        .rows
        .iter()
        .find(|row| row.film == "cohen-a.b-2020_01_28")
        .unwrap();
    assert_eq!(
        (row.patient.as_str(), row.age, row.path.to_str().unwrap()),
        ("cohen-2", Some(65.0), "images/a.b-2020_01_28.jpg")
    );
    let note = |name: &str| row.notes[built.manifest.note(name).unwrap()].as_str();
    assert_eq!(
        (note("offset"), note("licence"), note("findings")),
        ("0", "CC BY-NC-SA", "Pneumonia/Viral/COVID-19")
    );
    assert_eq!(built.manifest.note("modality"), None);
    // One stem, two films, two rows.
    let twins: Vec<(&str, &str)> = (built.manifest.rows.iter())
        .filter(|row| row.film.starts_with("cohen-000001-2"))
        .map(|row| (row.film.as_str(), row.patient.as_str()))
        .collect();
    assert_eq!(
        twins,
        [
            ("cohen-000001-2.jpg", "cohen-14"),
            ("cohen-000001-2.png", "cohen-15")
        ]
    );
}

#[test]
fn findings_are_elements_of_paths() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path());
    let manifest = build_one("cohen", folder.path(), &folder.path().join("m.csv")).manifest;
    let covid = "cohen-a.b-2020_01_28";
    for finding in ["Pneumonia", "Viral", "COVID-19"] {
        assert_eq!(label(&manifest, covid, finding), Label::Positive, "{finding}");
    }
    assert_eq!(label(&manifest, covid, "Bacterial"), Label::Negative);
    assert_eq!(label(&manifest, "cohen-c", "COVID-19"), Label::Negative);
    assert_eq!(label(&manifest, "cohen-d", "COVID-19"), Label::Unknown);
    assert_eq!(label(&manifest, "cohen-d", "Tuberculosis"), Label::Negative);
    assert_eq!(label(&manifest, "cohen-e", "COVID-19"), Label::Negative);
    assert_eq!(
        label(&manifest, "cohen-k.main.pdf-001", "Herpes"),
        Label::Positive
    );
    assert_eq!(manifest.finding("todo"), None);
}

#[test]
fn old_copies_have_flat_findings_and_fewer_columns() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        fixture("cohen/metadata_old.csv"),
        folder.path().join("metadata.csv"),
    )
    .unwrap();
    for (number, name) in ["a.jpeg", "b.jpg", "c.png", "d.png"].iter().enumerate() {
        films::write(&folder.path().join("images").join(name), number as u32);
    }
    let built = build_one("cohen", folder.path(), &folder.path().join("m.csv"));
    assert_eq!(built.manifest.findings, ["ARDS", "COVID-19", "SARS"]);
    assert_eq!(built.manifest.rows.len(), 3);
    assert_eq!(label(&built.manifest, "cohen-b", "COVID-19"), Label::Positive);
    assert_eq!(label(&built.manifest, "cohen-b", "ARDS"), Label::Positive);
    assert_eq!(label(&built.manifest, "cohen-a", "ARDS"), Label::Negative);
}

#[test]
fn two_datasets_become_three_classes_with_everything_else_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (nih, cohen) = (folder.path().join("nih"), folder.path().join("cohen"));
    std::fs::create_dir_all(&nih).unwrap();
    std::fs::create_dir_all(&cohen).unwrap();
    layout(&cohen);
    std::fs::copy(
        fixture("nih/Data_Entry_2017_v2020.csv"),
        nih.join("Data_Entry_2017_v2020.csv"),
    )
    .unwrap();
    for (number, name) in ["00000001_000", "00000002_000", "00000003_000"]
        .iter()
        .enumerate()
    {
        films::write(&nih.join(format!("images/{name}.png")), 100 + number as u32);
    }
    let amendments = folder.path().join("amend.csv");
    std::fs::write(
        &amendments,
        "film,dataset,patient,view,sex,age,findings\n\
         m.png,cohen,62,PA,M,12,COVID-19\n\
         00000001_000,nih,,,,,Pneumonia|Mass\n\
         nobody,cohen,1,,,,COVID-19\n",
    )
    .unwrap();
    let mut options = BuildOptions {
        inputs: vec![films::dataset("nih", &nih), films::dataset("cohen", &cohen)],
        amendments: vec![amendments],
        classes: Some(
            "COVID-19 = COVID-19; pneumonia = Pneumonia; normal = No Finding"
                .parse()
                .unwrap(),
        ),
        ..BuildOptions::default()
    };
    let out = folder.path().join("m.csv");
    let built = build(&options, &out, &|_, _| {}).unwrap();
    let class = |film: &str| {
        built
            .manifest
            .rows
            .iter()
            .find(|row| row.film == film)
            .and_then(pleura_manifest::Row::class)
    };
    assert_eq!(built.manifest.findings, ["COVID-19", "pneumonia", "normal"]);
    assert_eq!(class("nih-00000001_000"), Some(1), "amended");
    assert_eq!(class("nih-00000002_000"), Some(2));
    assert_eq!(class("nih-00000003_000"), Some(1));
    assert_eq!(class("cohen-a.b-2020_01_28"), Some(0));
    assert_eq!(class("cohen-c"), Some(1));
    assert_eq!(class("cohen-m"), Some(0), "brought in by the amendment");
    let row = built
        .manifest
        .rows
        .iter()
        .find(|row| row.film == "cohen-m")
        .unwrap();
    assert_eq!((row.patient.as_str(), row.age), ("cohen-62", Some(12.0)));
    for source in &built.sidecar.sources {
        let excluded: usize = source.steps.iter().map(|step| step.excluded).sum();
        assert_eq!(
            source.listed + source.brought_in - excluded,
            source.kept,
            "the account of {} closes",
            source.dataset
        );
    }
    assert_eq!(class("cohen-000001-2.png"), None, "tuberculosis is in no class");
    let cohen_steps = account(&built.sidecar.sources[1].steps);
    assert!(
        cohen_steps.contains(&("no class asks for its findings", 2, 7)),
        "{cohen_steps:?}"
    );
    assert_eq!(
        built
            .sidecar
            .remarks
            .iter()
            .find(|remark| remark.what.contains("met no film"))
            .unwrap()
            .examples,
        ["nobody"]
    );

    // The same films through a manifest of ours, adults only.
    built.write(&out).unwrap();
    assert_eq!(Manifest::read(&out).unwrap(), built.manifest);
    options.inputs = vec![films::dataset("manifest", &out)];
    options.amendments.clear();
    options.classes = None;
    options.filters = Filters {
        youngest: Some(18.0),
        views: vec!["pa".into()],
        ..Filters::default()
    };
    let again = build(&options, &folder.path().join("deep/adults.csv"), &|_, _| {}).unwrap();
    assert_eq!(
        account(&again.sidecar.sources[0].steps)[1..3],
        [("view is none of pa", 4, 6), ("younger than 18", 1, 5)]
    );
    assert_eq!(again.sidecar.sources[0].made_of, built.sidecar.sources);
    let film = again
        .manifest
        .rows
        .iter()
        .find(|row| row.film == "cohen-e")
        .unwrap();
    assert!(again.manifest.file(film).is_file());

    options.filters = Filters {
        with: vec!["Pneumona".into()],
        ..Filters::default()
    };
    let message = build(&options, &out, &|_, _| {}).unwrap_err().to_string();
    assert!(
        message.contains("Pneumona") && message.contains("pneumonia"),
        "{message}"
    );
}

#[test]
fn brixias_scores_are_added_where_their_table_lies_beside_the_films() {
    let folder = tempfile::tempdir().unwrap();
    let of = folder.path();
    std::fs::write(
        of.join("metadata.csv"),
        "patientid,finding,view,modality,folder,filename\n1,Pneumonia/Viral/COVID-19,PA,X-ray,images,a.jpeg\n2,Pneumonia/Viral/COVID-19,PA,X-ray,images,b.png\n",
    )
    .unwrap();
    std::fs::write(
        of.join("public-annotations.csv"),
        "\u{feff}filename,S-A,S-B,S-C,S-D,S-E,S-F,S-Global,J-A,J-B,J-C,J-D,J-E,J-F,J-Global\na.jpeg,3,3,3,0,3,3,15,2,3,3,3,3,3,17\n",
    )
    .unwrap();
    films::write(&of.join("images/a.jpg"), 0);
    films::write(&of.join("images/b.png"), 1);
    let manifest = build_one("cohen", of, &of.join("out/m.csv")).manifest;
    let notes = ["brixia_score", "brixia_score_junior"].map(|name| {
        let note = manifest.note(name).unwrap();
        [0, 1].map(|row| manifest.rows[row].notes[note].as_str())
    });
    assert_eq!(notes, [["333033", ""], ["233333", ""]]);
}
