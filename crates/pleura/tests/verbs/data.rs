//! Datasets in their publishers' layouts to a manifest, its splits, and the check of them.

use std::collections::{BTreeMap, BTreeSet};

use pleura_data::{Label, Manifest, Split};
use pleura_film::picture;
use serde_json::{Value, json};

use crate::scene::{HEIGHT, Said, Scene, WIDTH, levels};

/// ChestX-ray14: nine films of seven patients, and a row whose film is not here. The first release's header has commas of its own, and its lines end with one.
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

/// covid-chestxray-dataset: paths of findings, views and modalities that must stay out, a name without its extension.
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
    let of = |dataset: &str| -> Vec<&pleura_data::Row> {
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

/// Thirty patients of two films each, in three classes.
fn thirty(scene: &Scene) {
    scene.manifest("m.csv", &["COVID-19", "pneumonia", "normal"], 60, |_| None);
}

fn splits(scene: &Scene, name: &str) -> Vec<Option<Split>> {
    let manifest = Manifest::read(&scene.path(name)).unwrap();
    manifest.rows.iter().map(|row| row.split).collect()
}

#[test]
fn a_split_follows_from_the_seed_and_parts_no_patient() {
    let scene = Scene::new();
    thirty(&scene);
    let before = std::fs::read(scene.path("m.csv")).unwrap();
    let split = |seed: &str, out: &str, threads: &str| {
        let options = [
            "--by",
            "patient",
            "--seed",
            seed,
            "--out",
            out,
            "--threads",
            threads,
        ];
        let said = scene.run(&[&["data", "split", "m.csv", "--json"], &options[..]].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        said.json()
    };
    let record = split("7", "a.csv", "1");
    split("7", "b.csv", "2");
    split("8", "c.csv", "2");
    assert!(
        std::fs::read(scene.path("m.csv")).unwrap() == before,
        "--out changed the source"
    );
    let (a, b, c) = (
        splits(&scene, "a.csv"),
        splits(&scene, "b.csv"),
        splits(&scene, "c.csv"),
    );
    assert_eq!(a, b);
    assert_ne!(a, c);
    assert!(
        a.chunks(2)
            .all(|patient| patient[0] == patient[1] && patient[0].is_some())
    );
    let manifest = Manifest::read(&scene.path("a.csv")).unwrap();
    assert_eq!(record["digest"], manifest.digest());
    for (name, which) in [
        ("train", Split::Train),
        ("val", Split::Validation),
        ("test", Split::Test),
    ] {
        let films = manifest.split(which).len();
        assert_eq!(record["split"]["films"][name], films, "{name}");
        assert!(films > 4, "{name} has {films} films of 60");
    }
    let sidecar: Value = serde_json::from_slice(&std::fs::read(scene.path("a.json")).unwrap()).unwrap();
    assert_eq!(
        (&sidecar["split"]["by"], &sidecar["split"]["seed"]),
        (&"patient".into(), &7.into())
    );

    // Without --out the manifest itself is rewritten, and a person reads a table.
    let said = scene.run(&["data", "split", "m.csv", "--seed", "7"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("made up: normal") && said.out.contains("m.csv: digest "),
        "{}",
        said.out
    );
    assert_eq!(splits(&scene, "m.csv"), a);

    let said = scene.run(&["data", "split", "m.csv", "--fractions", "0.5,0.5"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("2 numbers, expected three"), "{}", said.err);
    let said = scene.run(&["data", "split", "m.csv", "--balanced-test", "400"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("400"), "{}", said.err);
    let record = scene
        .run(&["data", "split", "m.csv", "--balanced-test", "4", "--json"])
        .json();
    assert_eq!(
        record["split"]["positives"]["test"]["made up"],
        json!({"COVID-19": 4, "pneumonia": 4, "normal": 4})
    );
}

#[test]
fn the_official_lists_decide_where_there_are_any() {
    let scene = Scene::new();
    nih(&scene);
    build(&scene, &["--nih", "nih"]);
    let said = scene.run(&[
        "data", "split", "m.csv", "--by", "official", "--seed", "3", "--json",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let test: Vec<&str> = manifest
        .split(Split::Test)
        .into_iter()
        .map(|row| manifest.rows[row].film.as_str())
        .collect();
    assert_eq!(test, ["nih-00000006_000", "nih-00000007_000", "nih-00000007_001"]);
    assert!(manifest.rows.iter().all(|row| row.split.is_some()));

    thirty(&scene);
    let said = scene.run(&["data", "split", "m.csv", "--by", "official"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("no film is on an official list") && said.err.contains("split by patient instead"),
        "{}",
        said.err
    );
}

fn check(scene: &Scene) -> Said {
    scene.run(&["data", "check", "m.csv"])
}

fn check_json(scene: &Scene, code: i32) -> Value {
    let said = scene.run(&["data", "check", "m.csv", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (code, ""));
    let record = said.json();
    assert_eq!(record["passed"], code == 0);
    record["report"]["faults"].clone()
}

#[test]
fn a_sound_manifest_passes() {
    let scene = Scene::new();
    thirty(&scene);
    scene.run(&["data", "split", "m.csv"]);
    assert_eq!(check_json(&scene, 0), json!([]));
    let said = check(&scene);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "m.csv: 60 films of 30 patients, nothing is in two splits\n")
    );
}

#[test]
fn a_patient_in_two_splits_is_refused_by_name() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 12, |film| {
        Some(if film < 5 { Split::Train } else { Split::Test })
    });
    let said = check(&scene);
    assert_eq!(said.code, 1);
    assert_eq!(
        said.out,
        "fault: patient patient 2 is in two splits: films/4.png (train), films/5.png (test)\n\
         m.csv: 12 films of 6 patients, refused for 1 fault\n"
    );
    let faults = check_json(&scene, 1);
    assert_eq!(faults.as_array().unwrap().len(), 1);
    assert_eq!(
        (&faults[0]["fault"], &faults[0]["patient"]),
        (&"patient".into(), &"patient 2".into())
    );
}

#[test]
fn one_film_in_two_encodings_and_two_splits_is_refused_by_both_names() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 12, |film| {
        Some(if film < 6 { Split::Train } else { Split::Test })
    });
    // The same pixels with 16 bits each: another file, another digest.
    let deep: Vec<u16> = levels(1)
        .into_iter()
        .map(|level| u16::from(level) * 257)
        .collect();
    let bytes = picture::grey_png_16(WIDTH, HEIGHT, &deep).unwrap();
    let mut manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    let old = manifest.rows[9].sha256.clone();
    scene.bytes("films/9.png", &bytes);
    let stale = check(&scene);
    assert_eq!(stale.code, 1);
    assert!(
        stale.out.contains("is not the file that the manifest describes"),
        "{}",
        stale.out
    );
    manifest.rows[9].sha256 = crate::scene::sha256(&bytes);
    assert_ne!(manifest.rows[9].sha256, old);
    manifest.write(&scene.path("m.csv")).unwrap();
    let said = check(&scene);
    assert_eq!(said.code, 1);
    assert_eq!(
        said.out,
        "fault: films with equal pixels are in two splits: films/1.png (train), films/9.png (test)\n\
         m.csv: 12 films of 6 patients, refused for 1 fault\n"
    );
    let faults = check_json(&scene, 1);
    assert_eq!(faults[0]["fault"], "pixels");
    assert_eq!(
        faults[0]["films"],
        json!([{"film": "films/1.png", "split": "train"}, {"film": "films/9.png", "split": "test"}])
    );
    // Built anew, such films are kept together by the split, or left out but one.
    scene.run(&["data", "build", "--manifest", "m.csv", "--out", "again.csv", "-q"]);
    for seed in ["0", "1", "2"] {
        let said = scene.run(&["data", "split", "again.csv", "--seed", seed]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(scene.run(&["data", "check", "again.csv"]).code, 0, "seed {seed}");
    }
    let said = scene.run(&[
        "data",
        "build",
        "--manifest",
        "m.csv",
        "--drop-identical",
        "--out",
        "fewer.csv",
        "--json",
    ]);
    assert_eq!(said.json()["account"]["films"], 11);
}

#[test]
fn a_film_that_is_gone_is_a_fault_and_a_manifest_that_is_gone_an_error() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 4, |_| Some(Split::Train));
    std::fs::remove_file(scene.path("films/2.png")).unwrap();
    let faults = check_json(&scene, 1);
    assert_eq!(
        (&faults[0]["fault"], &faults[0]["film"]),
        (&"unreadable".into(), &"films/2.png".into())
    );
    std::fs::remove_file(scene.path("m.csv")).unwrap();
    let said = check(&scene);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(
        said.err.contains("m.csv: cannot read the manifest"),
        "{}",
        said.err
    );
}
