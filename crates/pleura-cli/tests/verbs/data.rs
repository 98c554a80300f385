//! Datasets in their publishers' layouts to a manifest, its splits, and the check of them.

mod check;
mod describe;
mod dicom;
mod fractals;
mod leaks;
mod split;

use std::collections::{BTreeMap, BTreeSet};

use pleura_manifest::{Label, Manifest, Split};
use serde_json::{Value, json};

use crate::scene::Scene;

/// ChestX-ray14: nine films of seven patients, and a row whose film is not here. The first release's header
/// has commas of its own, and its lines end with one.
fn nih(scene: &Scene) {
    let rows = [
        ("00000001_000.png", "Cardiomegaly", 1, "058Y", "PA"),
        ("00000001_001.png", "Cardiomegaly|Emphysema", 1, "058Y", "PA"),
        ("00000002_000.png", "No Finding", 2, "081Y", "PA"),
        ("00000003_000.png", "Pneumonia", 3, "017Y", "AP"),
        ("00000004_000.png", "Pneumonia|Infiltration", 4, "044Y", "AP"),
        ("00000005_000.png", "No Finding", 5, "412Y", "PA"),
        ("00000006_000.png", "Pleural_Thickening", 6, "033Y", "PA"),
        ("00000007_000.png", "No Finding", 7, "025Y", "PA"),
        ("00000007_001.png", "Pneumonia", 7, "025Y", "AP"),
        ("00000008_000.png", "Hernia", 8, "070Y", "PA"),
    ];
    let mut table =
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,\
                     OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
            .to_owned();
    for (number, (name, findings, patient, age, view)) in rows.into_iter().enumerate() {
        table += &format!("{name},{findings},0,{patient},{age},F,{view},2500,2048,0.168,0.168,\n");
        if number < 9 {
            let folder = if number < 5 { "images_001" } else { "images_002" };
            scene.film(&format!("nih/{folder}/images/{name}"), number);
        }
    }
    scene.write("nih/Data_Entry_2017.csv", &table);
    let list = |rows: &[(&str, &str, i32, &str, &str)]| {
        rows.iter().map(|row| format!("{}\n", row.0)).collect::<String>()
    };
    scene.write("nih/train_val_list.txt", &list(&rows[..6]));
    scene.write("nih/test_list.txt", &list(&rows[6..]));
}

/// covid-chestxray-dataset: paths of findings, views and modalities that must stay out, a name without its
/// extension.
fn cohen(scene: &Scene) {
    let mut table =
        "patientid,offset,sex,age,finding,RT_PCR_positive,view,modality,date,location,folder,filename,license,other_notes,\n"
            .to_owned();
    for (number, (patient, finding, view, modality, folder, name)) in [
        (
            "2",
            "Pneumonia/Viral/COVID-19",
            "PA",
            "X-ray",
            "images",
            "auntminnie-a.png",
        ),
        (
            "2",
            "Pneumonia/Viral/COVID-19",
            "AP Supine",
            "X-ray",
            "images",
            "auntminnie-b",
        ),
        ("4", "Pneumonia/Viral/SARS", "PA", "X-ray", "images", "sars.png"),
        ("5", "No Finding", "PA", "X-ray", "images", "healthy.png"),
        (
            "6",
            "Pneumonia/Viral/COVID-19",
            "L",
            "X-ray",
            "images",
            "lateral.png",
        ),
        (
            "7",
            "Pneumonia/Viral/COVID-19",
            "Axial",
            "CT",
            "volumes",
            "ct.png",
        ),
        ("8", "todo", "PA", "X-ray", "images", "undecided.png"),
    ]
    .into_iter()
    .enumerate()
    {
        table += &format!(
            "{patient},3,M,61,{finding},Y,{view},{modality},2020,Hanoi,{folder},{name},CC BY,\"a, b\",\n"
        );
        let name = name.trim_end_matches(".png");
        scene.film(&format!("cohen/images/{name}.png"), 20 + number);
    }
    scene.write("cohen/metadata.csv", &table);
}

/// Thirty patients of two films each, in three classes.
fn thirty(scene: &Scene) {
    scene.manifest("m.csv", &["COVID-19", "pneumonia", "normal"], 60, |_| None);
}

fn build(scene: &Scene, options: &[&str]) -> (Manifest, Value) {
    let said = scene.run(&[&["data", "build", "--out", "m.csv", "--json"], options].concat());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let record = said.json();
    assert_eq!(record["manifest"], "m.csv");
    let manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let account = record["account"].clone();
    assert_eq!(account["manifest_digest"], manifest.digest());
    assert_eq!(account["films"], manifest.rows.len());
    let sidecar = std::fs::read_to_string(scene.path("m.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&sidecar.replace(&*scene.path("").to_string_lossy(), "DIR/")).unwrap(),
        account
    );
    (manifest, account)
}

fn films(manifest: &Manifest) -> Vec<&str> {
    manifest.rows.iter().map(|row| row.film.as_str()).collect()
}

/// The findings that a film has.
fn positive<'a>(manifest: &'a Manifest, film: &str) -> Vec<&'a str> {
    let row = manifest.rows.iter().find(|row| row.film == film).unwrap();
    manifest
        .findings
        .iter()
        .zip(&row.labels)
        .filter(|(_, label)| **label == Label::Positive)
        .map(|(finding, _)| finding.as_str())
        .collect()
}

/// Films left out, by reason.
fn left_out(steps: &Value) -> BTreeMap<String, u64> {
    steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["reason"].as_str().unwrap().to_owned(),
                step["excluded"].as_u64().unwrap(),
            )
        })
        .filter(|(_, films)| *films > 0)
        .collect()
}

fn counts(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
    list.iter()
        .map(|(reason, films)| ((*reason).to_owned(), *films))
        .collect()
}

#[test]
fn nih_is_read_as_it_is_published() {
    let scene = Scene::new();
    nih(&scene);
    let (manifest, account) = build(&scene, &["--nih", "nih"]);
    assert_eq!(manifest.findings.len(), 15);
    assert_eq!(manifest.rows.len(), 9);
    assert_eq!(
        positive(&manifest, "nih-00000001_001"),
        ["Cardiomegaly", "Emphysema"]
    );
    assert_eq!(positive(&manifest, "nih-00000002_000"), ["No Finding"]);
    let row = &manifest.rows[0];
    assert_eq!(
        (row.patient.as_str(), row.view.as_str(), row.age),
        ("nih-1", "PA", Some(58.0))
    );
    assert_eq!(manifest.rows[5].age, None, "412 years");
    let source = &account["sources"][0];
    assert_eq!(
        (&source["dataset"], &source["listed"]),
        (&"nih".into(), &10.into())
    );
    assert_eq!(
        left_out(&source["steps"]),
        counts(&[("listed, but no film here", 1)])
    );
    assert_eq!(account["patients"], 7);
    assert_eq!(account["positives"]["nih"]["Pneumonia"], 3);
}

#[test]
fn two_sources_become_three_classes_and_nothing_is_left_out_in_silence() {
    let scene = Scene::new();
    nih(&scene);
    cohen(&scene);
    let classes = "COVID-19 = COVID-19; pneumonia = Pneumonia & !COVID-19; normal = No Finding";
    let options = [
        "--nih",
        "nih",
        "--cohen",
        "cohen",
        "--classes",
        classes,
        "--views",
        "PA,AP,AP Supine",
        "--adults",
    ];
    let (manifest, account) = build(&scene, &options);
    assert_eq!(manifest.findings, ["COVID-19", "pneumonia", "normal"]);
    assert_eq!(
        films(&manifest),
        [
            "nih-00000002_000",
            "nih-00000004_000",
            "nih-00000005_000",
            "nih-00000007_000",
            "nih-00000007_001",
            "cohen-auntminnie-a",
            "cohen-auntminnie-b",
            "cohen-healthy",
            "cohen-sars"
        ]
    );
    for (film, class) in [
        ("nih-00000004_000", "pneumonia"),
        ("cohen-auntminnie-b", "COVID-19"),
        ("cohen-sars", "pneumonia"),
        ("cohen-healthy", "normal"),
    ] {
        assert_eq!(positive(&manifest, film), [class], "{film}");
    }
    assert_eq!(
        left_out(&account["sources"][0]["steps"]),
        counts(&[
            ("listed, but no film here", 1),
            ("younger than 18", 1),
            ("no class asks for its findings", 3)
        ])
    );
    assert_eq!(
        left_out(&account["sources"][1]["steps"]),
        counts(&[
            ("modality is not X-ray", 1),
            ("view is not frontal", 1),
            ("finding is blank, todo or Unknown", 1)
        ])
    );
    for source in account["sources"].as_array().unwrap() {
        let gone: u64 = left_out(&source["steps"]).values().sum();
        assert_eq!(
            source["listed"].as_u64().unwrap() - gone,
            source["kept"].as_u64().unwrap()
        );
    }

    // A person is told the same.
    let told = scene
        .run(&[&["data", "build", "--out", "m.csv"], &options[..]].concat())
        .out;
    for words in [
        "nih (NIH ChestX-ray14): 10 films listed",
        "younger than 18",
        "finding is blank, todo or Unknown",
        "m.csv: 9 films of 7 patients",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn only_findings_that_exist_can_be_asked_for() {
    let scene = Scene::new();
    nih(&scene);
    let refused = |options: &[&str]| {
        let said = scene.run(&[&["data", "build", "--nih", "nih", "--out", "m.csv"], options].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{options:?}");
        assert!(!scene.path("m.csv").exists());
        said.err
    };
    let misspelt = refused(&["--classes", "ill = Pneumnia; normal = No Finding"]);
    assert!(
        misspelt.contains("Pneumnia") && misspelt.contains("Pneumonia"),
        "{misspelt}"
    );
    let misspelt = refused(&["--findings", "Pleural Thickening"]);
    assert!(
        misspelt.contains("Pleural Thickening") && misspelt.contains("Pleural_Thickening"),
        "{misspelt}"
    );
    assert!(refused(&["--with", "Nodules"]).contains("Nodules"));
    let nowhere = scene.run(&["data", "build", "--nih", "cohen", "--out", "m.csv"]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.err.contains("Data_Entry_2017"), "{}", nowhere.err);
    let nothing = scene.run(&["data", "build", "--out", "m.csv"]);
    assert_eq!(nothing.code, 2);
    assert!(
        nothing.err.contains("--nih") && nothing.err.contains("--folder"),
        "{}",
        nothing.err
    );
}

#[test]
fn amendments_correct_films_and_bring_unlisted_ones_in() {
    let scene = Scene::new();
    cohen(&scene);
    scene.film("cohen/images/extra.png", 40);
    scene.write(
        "amend.csv",
        "film,patient,view,age,findings\nhealthy.png,,AP,70,Pneumonia/Viral/COVID-19\nextra.png,9,PA,33,No Finding\nnowhere.png,1,PA,,\n",
    );
    let (manifest, account) = build(&scene, &["--cohen", "ours=cohen", "--amend", "amend.csv"]);
    let row = |film: &str| manifest.rows.iter().find(|row| row.film == film).unwrap();
    let healthy = row("ours-healthy");
    assert_eq!(
        (healthy.patient.as_str(), healthy.view.as_str(), healthy.age),
        ("ours-5", "AP", Some(70.0))
    );
    assert!(positive(&manifest, "ours-healthy").contains(&"COVID-19"));
    assert_eq!(positive(&manifest, "ours-extra"), ["No Finding"]);
    assert_eq!(row("ours-extra").patient, "ours-9");
    let source = &account["sources"][0];
    assert_eq!((&source["listed"], &source["brought_in"]), (&7.into(), &1.into()));
    assert_eq!(account["amendments"][0]["path"], "amend.csv");
    let unmet = account["remarks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|remark| remark["what"] == "amendment that met no film")
        .unwrap();
    assert_eq!(unmet["examples"], json!(["nowhere.png"]));

    scene.write("amend.csv", "film,colour\nhealthy.png,red\n");
    let said = scene.run(&[
        "data",
        "build",
        "--cohen",
        "cohen",
        "--amend",
        "amend.csv",
        "--out",
        "x.csv",
    ]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("amend.csv") && said.err.contains("colour"),
        "{}",
        said.err
    );
}

#[test]
fn class_folders_and_a_table_by_hand_are_datasets_too() {
    let scene = Scene::new();
    for (number, film) in [
        "train/NORMAL/IM-0001.png",
        "train/PNEUMONIA/person1_bacteria_1.png",
        "test/NORMAL/IM-0001.png",
        "test/PNEUMONIA/person1_bacteria_1.png",
    ]
    .into_iter()
    .enumerate()
    {
        scene.film(&format!("chest_xray/{film}"), number);
    }
    scene.film("mine/one.png", 11);
    scene.film("mine/two.png", 12);
    scene.write(
        "mine/hand.csv",
        "path,patient,NORMAL,PNEUMONIA\none.png,p1,1,0\ntwo.png,p2,,-1\nmissing.png,p3,1,0\n",
    );
    let (manifest, account) = build(
        &scene,
        &["--folder", "chest_xray", "--manifest", "mine=mine/hand.csv"],
    );
    assert_eq!(manifest.findings, ["NORMAL", "PNEUMONIA"]);
    assert_eq!(account["films"], 6);
    let of = |dataset: &str| -> Vec<&pleura_manifest::Row> {
        manifest
            .rows
            .iter()
            .filter(|row| row.dataset == dataset)
            .collect()
    };
    assert_eq!((of("folder").len(), of("mine").len()), (4, 2));
    // Numbering restarts in `test`: the names are two films, and nobody says that they are one patient.
    let patients: BTreeSet<&str> = of("folder").iter().map(|row| row.patient.as_str()).collect();
    assert_eq!(patients.len(), 4);
    assert_eq!(of("mine")[1].labels, [Label::Unknown, Label::Uncertain]);
    assert_eq!(
        left_out(&account["sources"][1]["steps"]),
        counts(&[("listed, but no film here", 1)])
    );

    // The split that the folders are is the official one.
    let said = scene.run(&[
        "data", "split", "m.csv", "--by", "official", "--out", "s.csv", "--json",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let split = Manifest::read(&scene.path("s.csv")).unwrap();
    for row in split.rows.iter().filter(|row| row.dataset == "folder") {
        assert_eq!(
            row.split == Some(Split::Test),
            row.path.to_string_lossy().contains("/test/"),
            "{}",
            row.film
        );
    }
    // A manifest goes on as a source, with its splits.
    let said = scene.run(&[
        "data",
        "build",
        "--manifest",
        "s.csv",
        "--out",
        "again.csv",
        "--json",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let again = Manifest::read(&scene.path("again.csv")).unwrap();
    for (row, before) in again.rows.iter().zip(&split.rows) {
        assert_eq!(
            (&row.film, row.split, &row.labels),
            (&before.film, before.split, &before.labels)
        );
    }
}
