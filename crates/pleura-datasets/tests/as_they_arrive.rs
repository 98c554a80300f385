//! Tables and folders as people have them. Right values are those of `pandas.read_csv(sep=None)` 2.3 and of
//! the sources themselves; each test names its public report.

#![allow(clippy::unwrap_used)]

mod films;

use std::collections::BTreeSet;
use std::path::Path;

use films::adds_up;
use pleura_datasets::adapters::Dataset;
use pleura_datasets::{BuildInput, BuildOptions, BuiltManifest, ClassMap, Error, build};
use pleura_manifest::{Label, Manifest, Sex};

fn input(kind: &str, name: &str, path: &Path) -> BuildInput {
    BuildInput {
        dataset: Dataset::by_name(kind).unwrap(),
        name: name.to_owned(),
        path: path.to_path_buf(),
    }
}

fn try_build(inputs: Vec<BuildInput>, classes: Option<&str>, out: &Path) -> Result<BuiltManifest, Error> {
    let options = BuildOptions {
        inputs,
        classes: classes.map(|classes| classes.parse::<ClassMap>().unwrap()),
        ..BuildOptions::default()
    };
    build(&options, out, &|_, _| {})
}

/// Reason and number of the films that each step left out.
fn account(built: &BuiltManifest) -> Vec<(String, usize)> {
    let steps = built.sidecar.sources.iter().flat_map(|source| &source.steps);
    steps.map(|step| (step.reason.clone(), step.excluded)).collect()
}

const HEADER: &str =
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n";

fn nih(folder: &Path, rows: &[(&str, &str, &str)], films: &[(&str, usize)]) {
    let rows = rows
        .iter()
        .map(|(film, labels, patient)| format!("{film},{labels},0,{patient},58,M,PA\n"));
    std::fs::create_dir_all(folder.join("images")).unwrap();
    std::fs::write(
        folder.join("Data_Entry_2017.csv"),
        HEADER.to_owned() + &rows.collect::<String>(),
    )
    .unwrap();
    for (film, number) in films {
        films::write(&folder.join("images").join(film), *number as u32);
    }
}

// COVID-Net#26, covid-chestxray-dataset#126.
#[test]
fn film_listed_twice_counts_once_or_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("1_0.png", "Cardiomegaly", "1"),
        ("1_1.png", "Effusion|Mass", "1"),
        ("1_1.png", "Mass|Effusion", "1"),
        ("2_0.png", "No Finding", "2"),
        ("1_0.png", "Pneumonia", "1"),
    ];
    nih(
        folder.path(),
        &rows,
        &[("1_0.png", 1), ("1_1.png", 2), ("2_0.png", 3)],
    );
    let out = folder.path().join("m.csv");
    let built = try_build(vec![input("nih", "nih", folder.path())], None, &out).unwrap();
    let films: Vec<&str> = built.manifest.rows.iter().map(|row| row.film.as_str()).collect();
    assert_eq!(films, ["nih-1_1", "nih-2_0"]);
    let steps = account(&built);
    assert!(
        steps.contains(&("listed again with the same patient and findings".to_owned(), 1)),
        "{steps:?}"
    );
    let contradicted = "listed more than once, and the rows contradict each other".to_owned();
    // Both rows of the film are left out.
    assert!(steps.contains(&(contradicted, 2)), "{steps:?}");
    assert!(
        !steps
            .iter()
            .any(|(reason, films)| reason.contains("no film here") && *films > 0)
    );
    adds_up(&built);
}

#[test]
fn several_folders_of_one_dataset_are_one_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let all = [
        ("1_0.png", "Cardiomegaly", "1"),
        ("1_1.png", "Mass", "1"),
        ("2_0.png", "No Finding", "2"),
    ];
    nih(&folder.path().join("a"), &all, &[("1_0.png", 1), ("1_1.png", 2)]);
    nih(&folder.path().join("b"), &all, &[("1_1.png", 2), ("2_0.png", 3)]);
    let inputs = ["a", "b"].map(|part| input("nih", "nih", &folder.path().join(part)));
    let built = try_build(inputs.to_vec(), None, &folder.path().join("m.csv")).unwrap();
    let rows = &built.manifest.rows;
    let films: Vec<&str> = rows.iter().map(|row| row.film.as_str()).collect();
    assert_eq!(films, ["nih-1_0", "nih-1_1", "nih-2_0"]);
    assert!(rows.iter().all(|row| row.dataset == "nih"));
    assert!(account(&built).contains(&("in an earlier folder of this dataset too".to_owned(), 1)));
    adds_up(&built);

    // Folders that contradict each other.
    let other = [("1_1.png", "Hernia", "1"), ("2_0.png", "No Finding", "2")];
    nih(
        &folder.path().join("c"),
        &other,
        &[("1_1.png", 2), ("2_0.png", 3)],
    );
    let inputs = ["a", "c"].map(|part| input("nih", "nih", &folder.path().join(part)));
    let built = try_build(inputs.to_vec(), None, &folder.path().join("m.csv")).unwrap();
    let films: Vec<&str> = built.manifest.rows.iter().map(|row| row.film.as_str()).collect();
    assert_eq!(films, ["nih-1_0", "nih-2_0"]);
    adds_up(&built);
    // Named folders are two datasets with patients of their own.
    let inputs = ["a", "b"].map(|part| input("nih", part, &folder.path().join(part)));
    let built = try_build(inputs.to_vec(), None, &folder.path().join("m.csv")).unwrap();
    assert_eq!((built.manifest.rows.len(), built.manifest.patients()), (4, 3));
}

#[test]
fn class_folders_that_number_their_films_alike_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for (part, seeds) in [("a", [1, 2]), ("b", [1, 3])] {
        for (film, seed) in ["sick/1.png", "sick/2.png"].into_iter().zip(seeds) {
            films::write(&folder.path().join(part).join(film), seed);
        }
    }
    let inputs = ["a", "b"].map(|part| input("folder", "folder", &folder.path().join(part)));
    let built = try_build(inputs.to_vec(), None, &folder.path().join("m.csv")).unwrap();
    let rows = built.manifest.rows.iter();
    let films: Vec<(&str, &str)> = rows
        .map(|row| (row.film.as_str(), row.patient.as_str()))
        .collect();
    assert_eq!(
        films,
        [
            ("folder-sick-1", "folder-sick-1"),
            ("folder-sick-2", "folder-sick-2"),
            ("folder-sick-2-2", "folder-sick-2-2")
        ]
    );
    assert!(account(&built).contains(&("in an earlier folder of this dataset too".to_owned(), 1)));
    adds_up(&built);
}

/// A draft of films 0 to 3, in these bytes.
fn draft(folder: &Path, bytes: &[u8]) -> Result<Manifest, Error> {
    for film in 0..4 {
        films::write(&folder.join(format!("{film}.png")), film);
    }
    let path = folder.join("draft.csv");
    std::fs::write(&path, bytes).unwrap();
    try_build(
        vec![input("manifest", "mine", &path)],
        None,
        &folder.join("m.csv"),
    )
    .map(|built| built.manifest)
}

// CheXpert-Keras#1.
#[test]
fn labels_as_pandas_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let text = "path,patient,age,sex,Pneumonia,Effusion\n0.png,p1,57.0,F,1.0,0.0\n1.png,p2,NaN,male,False,True\n\
                2.png,p3,,nan,-1.0,\n3.png,p4,60,M,<NA>,NaN\n";
    let manifest = draft(folder.path(), text.as_bytes()).unwrap();
    let labels: Vec<&[Label]> = manifest.rows.iter().map(|row| &row.labels[..]).collect();
    assert_eq!(labels[0], [Label::Positive, Label::Negative]);
    assert_eq!(labels[1], [Label::Negative, Label::Positive]);
    assert_eq!(labels[2], [Label::Uncertain, Label::Unknown]);
    assert_eq!(labels[3], [Label::Unknown, Label::Unknown]);
    let people: Vec<_> = manifest.rows.iter().map(|row| (row.age, row.sex)).collect();
    assert_eq!(
        people[..3],
        [
            (Some(57.0), Some(Sex::Female)),
            (None, Some(Sex::Male)),
            (None, None)
        ]
    );
    // pandas 3.1: DataFrame.to_csv with its row numbers; nullable integers with sep=";", na_rep="<NA>".
    for text in [
        ",path,patient,Pneumonia,Effusion\n0,0.png,p1,1.0,True\n1,1.png,p2,,False\n",
        ",Unnamed: 0,path,patient,Pneumonia,Effusion\n0,0,0.png,p1,1.0,True\n1,1,1.png,p2,,False\n",
        ";path;patient;Pneumonia;Effusion\n0;0.png;p1;1;True\n1;1.png;p2;<NA>;False\n",
    ] {
        let manifest = draft(folder.path(), text.as_bytes()).unwrap();
        assert_eq!(manifest.findings, ["Pneumonia", "Effusion"], "{text}");
        assert_eq!(manifest.rows[1].labels, [Label::Unknown, Label::Negative]);
    }
    let error = draft(folder.path(), b"path,patient,Pneumonia\n0.png,p1,2.0\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("row 2, column Pneumonia: found \"2.0\""),
        "{error}"
    );
}

#[test]
fn manifests_in_every_form_of_table() {
    let text = "path;patient;age;sex;Pneumonia;note:by\n0.png;p1;57,5;F;1;M\u{fc}ller\n1.png;p2;40;M;0;\n";
    let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mark = [&[0xff, 0xfe], &utf16[..]].concat();
    let tabs = text.replace(';', "\t").into_bytes();
    for bytes in [text.as_bytes().to_vec(), latin, utf16, mark, tabs] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = draft(folder.path(), &bytes).unwrap();
        assert_eq!(manifest.rows.len(), 2);
        assert_eq!(manifest.rows[0].age, Some(57.5));
        assert_eq!(
            manifest.rows[0].notes[manifest.note("by").unwrap()],
            "M\u{fc}ller"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let error = draft(folder.path(), b"PK\x03\x04\x14\0\x06\0")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("spreadsheet") && error.contains("save the table as CSV"),
        "{error}"
    );
}

#[test]
fn classes_of_joined_manifests_mean_what_they_mean_of_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("images")).unwrap();
    let rows = [
        ("a.png", "Pneumonia/Viral/COVID-19"),
        ("b.png", "Pneumonia/Bacterial"),
        ("c.png", "No Finding"),
        ("d.png", "Pneumonia"),
    ];
    let mut table = String::from("patientid,offset,sex,age,finding,view,modality,folder,filename\n");
    for (number, (film, finding)) in rows.iter().enumerate() {
        films::write(&at("images").join(film), number as u32);
        table += &format!("{number},0,M,50,{finding},PA,X-ray,images,{film}\n");
    }
    std::fs::write(at("metadata.csv"), table).unwrap();
    let classes = Some("COVID-19 = COVID-19; pneumonia = Pneumonia; normal = No Finding");
    let direct = try_build(
        vec![input("cohen", "cohen", folder.path())],
        classes,
        &at("direct.csv"),
    )
    .unwrap();
    let plain = try_build(
        vec![input("cohen", "cohen", folder.path())],
        None,
        &at("plain.csv"),
    )
    .unwrap();
    plain.write(&at("plain.csv")).unwrap();
    let joined = try_build(
        vec![input("manifest", "manifest", &at("plain.csv"))],
        classes,
        &at("joined.csv"),
    )
    .unwrap();
    assert_eq!(direct.manifest.rows.len(), 4);
    let of = |built: &BuiltManifest| -> Vec<(String, Option<usize>)> {
        built
            .manifest
            .rows
            .iter()
            .map(|row| (row.film.clone(), row.class()))
            .collect()
    };
    assert_eq!(of(&joined), of(&direct));
}

#[test]
fn hierarchy_that_no_text_states_is_kept_for_joined_manifests() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (film, seed) in [
        ("NORMAL/IM-0001-0001.png", 1),
        ("PNEUMONIA/person1_bacteria_1.png", 2),
        ("PNEUMONIA/person2_virus_2.png", 3),
        ("PNEUMONIA/person3_4.png", 4),
    ] {
        films::write(&at("set/train").join(film), seed);
    }
    let set = || vec![input("kermany", "kermany", &at("set"))];
    let classes = Some("bacterial = Bacterial; pneumonia = Pneumonia; normal = No Finding");
    let direct = try_build(set(), classes, &at("direct.csv")).unwrap();
    let plain = try_build(set(), None, &at("plain.csv")).unwrap();
    plain.write(&at("plain.csv")).unwrap();
    let own = |name: &str| vec![input("manifest", "manifest", &at(name))];
    let again = try_build(own("plain.csv"), None, &at("again.csv")).unwrap();
    assert_eq!(again.manifest.rows, plain.manifest.rows);
    again.write(&at("again.csv")).unwrap();
    let joined = try_build(own("again.csv"), classes, &at("joined.csv")).unwrap();
    let classes = |built: &BuiltManifest| built.manifest.classes();
    assert_eq!(direct.manifest.rows.len(), 4);
    assert_eq!(classes(&joined), classes(&direct));
}

#[test]
fn spellings_of_a_class_folder_are_one_class() {
    let folder = tempfile::tempdir().unwrap();
    for (number, film) in [
        "train/COVID/1.png",
        "train/normal /2.png",
        "test/Covid/3.png",
        "test/normal/4.png",
    ]
    .into_iter()
    .enumerate()
    {
        films::write(&folder.path().join(film), number as u32);
    }
    let built = try_build(
        vec![input("folder", "mine", folder.path())],
        None,
        &folder.path().join("m.csv"),
    )
    .unwrap();
    assert_eq!(built.manifest.findings.len(), 2, "{:?}", built.manifest.findings);
    assert!(
        built
            .manifest
            .findings
            .iter()
            .all(|finding| finding.trim() == finding)
    );
    assert_eq!(built.manifest.rows.len(), 4);
}

#[test]
fn films_of_one_stem_are_of_two_patients() {
    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("a/1.png"), 1);
    films::write(&folder.path().join("a/1.jpg"), 2);
    films::write(&folder.path().join("b/2.png"), 3);
    let built = try_build(
        vec![input("folder", "mine", folder.path())],
        None,
        &folder.path().join("m.csv"),
    )
    .unwrap();
    let patients: BTreeSet<&str> = built
        .manifest
        .rows
        .iter()
        .map(|row| row.patient.as_str())
        .collect();
    assert_eq!(patients.len(), 3, "{patients:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn file_name_that_is_not_utf8_is_left_out_by_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("a/1.png"), 1);
    films::write(&folder.path().join("b/2.png"), 2);
    let odd = std::ffi::OsStr::from_bytes(b"3\xff.png");
    std::fs::copy(folder.path().join("a/1.png"), folder.path().join("a").join(odd)).unwrap();
    let out = folder.path().join("m.csv");
    let built = try_build(vec![input("folder", "mine", folder.path())], None, &out).unwrap();
    built.write(&out).unwrap();
    assert_eq!(built.manifest.rows.len(), 2);
    assert!(account(&built).contains(&("cannot be read as a film".to_owned(), 1)));
}

#[test]
fn amendments_that_contradict_each_other_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    nih(folder.path(), &[("1_0.png", "Mass", "1")], &[("1_0.png", 1)]);
    let amended = |rows: &str| {
        let table = folder.path().join("amend.csv");
        std::fs::write(&table, format!("film,findings\n{rows}")).unwrap();
        let options = BuildOptions {
            inputs: vec![input("nih", "nih", folder.path())],
            amendments: vec![table],
            ..BuildOptions::default()
        };
        build(&options, &folder.path().join("m.csv"), &|_, _| {})
    };
    assert!(amended("1_0.png,Effusion\n1_0.png,Effusion\n").is_ok());
    let error = amended("1_0.png,Effusion\nnih-1_0,Hernia\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("row 3")
            && error.contains("one findings for each film; row 2 gives nih-1_0 another one"),
        "{error}"
    );
}

#[test]
fn amendments_of_one_film_may_complete_each_other() {
    let folder = tempfile::tempdir().unwrap();
    // The second film is on disk, and not listed.
    nih(
        folder.path(),
        &[("1_0.png", "Mass", "1")],
        &[("1_0.png", 1), ("3_0.png", 2)],
    );
    let amended = |tables: &[&str]| {
        let mut amendments = Vec::new();
        for (number, text) in tables.iter().enumerate() {
            amendments.push(folder.path().join(format!("amend-{number}.csv")));
            std::fs::write(&amendments[number], text).unwrap();
        }
        let options = BuildOptions {
            inputs: vec![input("nih", "nih", folder.path())],
            amendments,
            ..BuildOptions::default()
        };
        build(&options, &folder.path().join("m.csv"), &|_, _| {})
    };
    let ages = "film;age\n1_0.png;57,5\n3_0.png;\n";
    let built = amended(&["film,findings,patient\n1_0.png,Effusion,\n3_0.png,Mass,3\n", ages]).unwrap();
    adds_up(&built);
    let rows = &built.manifest.rows;
    assert_eq!((rows.len(), rows[0].age), (2, Some(57.5)));
    assert!(
        !built
            .sidecar
            .remarks
            .iter()
            .any(|remark| remark.what.contains("met no film"))
    );
    let error = amended(&["film;age\n1_0.png;57,5\n", "film,age\n1_0,58\n"])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("amend-1.csv: row 2") && error.contains("row 2 of ") && error.contains("amend-0.csv"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn folder_above_a_manifest_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"r\xf6ntgen"));
    films::write(&odd.join("a/1.png"), 1);
    let set = || vec![input("folder", "mine", &odd)];
    // The path below the manifest's folder is UTF-8; the path from elsewhere is not.
    let inside = try_build(set(), None, &odd.join("m.csv")).unwrap();
    assert_eq!(inside.manifest.rows.len(), 1);
    let outside = try_build(set(), None, &folder.path().join("m.csv")).unwrap();
    assert!(account(&outside).contains(&("cannot be read as a film".to_owned(), 1)));
}
