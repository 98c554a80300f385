//! Datasets to manifests: nothing here computes with a network, so all figures are kept.

use crate::scene::Scene;
use crate::session::{Figures, Session};

/// ChestX-ray14 in its publisher's layout: six films of four patients, and a row without a film.
fn nih(scene: &Scene) {
    let mut table =
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,\
                     OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
            .to_owned();
    for (number, (name, findings, patient, age, view)) in [
        ("00000001_000.png", "Cardiomegaly|Emphysema", 1, "058Y", "PA"),
        ("00000002_000.png", "No Finding", 2, "081Y", "PA"),
        ("00000003_000.png", "Pneumonia", 3, "017Y", "AP"),
        ("00000003_001.png", "No Finding", 3, "017Y", "AP"),
        ("00000004_000.png", "Pneumonia|Infiltration", 4, "412Y", "PA"),
        ("00000004_001.png", "Hernia", 4, "044Y", "PA"),
        ("00000005_000.png", "Hernia", 5, "070Y", "PA"),
    ]
    .into_iter()
    .enumerate()
    {
        table += &format!("{name},{findings},0,{patient},{age},F,{view},2500,2048,0.168,0.168,\n");
        if number < 6 {
            scene.film(&format!("nih/images_001/images/{name}"), number);
        }
    }
    scene.write("nih/Data_Entry_2017.csv", &table);
    scene.write(
        "nih/train_val_list.txt",
        "00000001_000.png\n00000002_000.png\n00000003_000.png\n00000003_001.png\n",
    );
    scene.write(
        "nih/test_list.txt",
        "00000004_000.png\n00000004_001.png\n00000005_000.png\n",
    );
}

/// covid-chestxray-dataset: three films to keep, a lateral one and one without a finding.
fn cohen(scene: &Scene) {
    let mut table =
        "patientid,offset,sex,age,finding,RT_PCR_positive,view,modality,date,location,folder,filename,license,other_notes,\n"
            .to_owned();
    for (number, (patient, finding, view, name)) in [
        ("2", "Pneumonia/Viral/COVID-19", "PA", "a.png"),
        ("4", "Pneumonia/Viral/SARS", "AP Supine", "sars.png"),
        ("5", "No Finding", "PA", "healthy.png"),
        ("6", "Pneumonia/Viral/COVID-19", "L", "lateral.png"),
        ("8", "todo", "PA", "undecided.png"),
    ]
    .into_iter()
    .enumerate()
    {
        table +=
            &format!("{patient},3,M,61,{finding},Y,{view},X-ray,2020,Hanoi,images,{name},CC BY,\"a, b\",\n");
        scene.film(&format!("cohen/images/{name}"), 20 + number);
    }
    scene.write("cohen/metadata.csv", &table);
}

#[test]
fn build() {
    let scene = Scene::new();
    nih(&scene);
    cohen(&scene);
    let classes = "'COVID-19 = COVID-19; pneumonia = Pneumonia & !COVID-19; normal = No Finding'";
    Session::new(&scene, Figures::Exact)
        .run("data build --nih nih --out nih.csv")
        .file("nih.csv")
        .run("data build --nih nih --out nih.csv --findings Pneumonia,Hernia --views PA --json")
        .run(&format!(
            "data build --nih nih --cohen ours=cohen --classes {classes} --adults --out three.csv"
        ))
        .file("three.csv")
        .file("three.json")
        .run("data split nih.csv --by official --out official.csv")
        .file("official.csv")
        .freeze("data-build");
}

#[test]
fn split() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["COVID-19", "pneumonia", "normal"], 24, |_| None);
    Session::new(&scene, Figures::Exact)
        .run("data split m.csv --seed 7 --out split.csv")
        .file("split.csv")
        .run("data split m.csv --seed 7 --fractions 0.5,0.2,0.3 --out split.csv --json")
        .run("data split m.csv --seed 7 --balanced-test 2 --out balanced.csv")
        .file("balanced.csv")
        .run("data split m.csv --seed 7 --folds 3 --out folds.csv")
        .file("folds.csv")
        .run("data split m.csv --seed 7 --folds 3 --out folds.csv --json")
        .freeze("data-split");
}

#[test]
fn check() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["sick", "well"], 12, |_| None);
    let mut session = Session::new(&scene, Figures::Exact);
    session
        .run("data split m.csv --seed 1")
        .run("data check m.csv")
        .run("data check m.csv --json");
    // A patient in two splits, and a film that is no longer the one that was listed.
    let text = std::fs::read_to_string(scene.path("m.csv")).unwrap();
    scene.write("m.csv", &text.replacen(",val,", ",train,", 1));
    scene.film("films/3.png", 40);
    std::fs::remove_file(scene.path("films/5.png")).unwrap();
    session
        .run("data check m.csv")
        .run("data check m.csv --json")
        .freeze("data-check");
}

#[test]
fn describe() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["sick", "well"], 12, |_| None);
    Session::new(&scene, Figures::Exact)
        .run("data phantoms --set target --films 12 --size 48 --seed 3 --out set")
        .run("data phantoms --set target --films 12 --size 48 --seed 3 --out again --json")
        .file("set/manifest.csv")
        .run("data describe m.csv set/manifest.csv")
        .run("data describe set/manifest.csv --no-films --json")
        .freeze("data-describe");
}

#[test]
fn duplicates() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["sick", "well"], 8, |_| None);
    let mut session = Session::new(&scene, Figures::Exact);
    session
        .run("data split m.csv --seed 1")
        .run("data duplicates m.csv --no-record");
    // The film of another patient, once more.
    let film = std::fs::read(scene.path("films/0.png")).unwrap();
    scene.bytes("films/7.png", &film);
    session
        .run("data duplicates m.csv")
        .run("data duplicates m.csv --json")
        .run("data check m.csv")
        .freeze("data-duplicates");
}

#[test]
fn fractals() {
    let scene = Scene::new();
    Session::new(&scene, Figures::Exact)
        .run("data fractals --classes 2 --instances 3 --held-out 1 --size 32 --seed 4 --filling-rate 0.1 --out set")
        .run("data fractals --classes 2 --instances 3 --held-out 1 --size 32 --seed 4 --filling-rate 0.1 --out again --json")
        .freeze("data-fractals");
}
