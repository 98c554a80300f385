use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::Error;

const HEADER: &str = "film,path,sha256,dataset,patient,study,view,sex,age,split";

fn digest_of(text: &str) -> String {
    pleura_core::sha256::hex(text.as_bytes())
}

fn sample() -> Manifest {
    let mut manifest = Manifest::new("", vec!["Pneumonia".into(), "No Finding".into()]);
    manifest.notes = vec!["licence".into()];
    let row = |film: &str, split, labels: [Label; 2]| Row {
        film: film.into(),
        path: format!("films, all/{film}.png").into(),
        sha256: digest_of(film),
        dataset: "nih".into(),
        patient: "nih-1".into(),
        study: "s".into(),
        view: "AP \"supine\"".into(),
        sex: Some(Sex::Female),
        age: Some(0.5),
        split,
        labels: labels.to_vec(),
        masks: Masks::default(),
        notes: vec!["CC BY,\nshare alike".into()],
    };
    manifest
        .rows
        .push(row("a", Some(Split::Train), [Label::Positive, Label::Negative]));
    manifest.rows.push(row(
        "b",
        Some(Split::Validation),
        [Label::Unknown, Label::Uncertain],
    ));
    manifest
        .rows
        .push(row("c", None, [Label::Negative, Label::Positive]));
    manifest.rows[1].masks.lung = Some("masks/b.png".into());
    manifest
}

fn read(text: &str) -> Result<Manifest, Error> {
    Manifest::parse(text.as_bytes(), Path::new("m.csv"), Strictness::Complete)
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.csv");
    let mut manifest = sample();
    manifest.folder = folder.path().to_path_buf();
    manifest.write(&path).unwrap();
    assert_eq!(Manifest::read(&path).unwrap(), manifest);
    assert_eq!(manifest.split(Split::Validation), [1]);
    assert_eq!(manifest.classes(), [Some(0), None, Some(1)]);
    let header = std::fs::read_to_string(&path)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_string();
    assert_eq!(
        header,
        format!("{HEADER},Pneumonia,No Finding,lung_mask,note:licence")
    );
}

#[test]
fn the_digest_is_of_what_films_are_and_say() {
    let whole = sample();
    let digest = |change: fn(&mut Manifest)| {
        let mut manifest = sample();
        change(&mut manifest);
        manifest.digest()
    };
    assert_eq!(
        digest(|m| m.rows[0].path = "/elsewhere/a.png".into()),
        whole.digest()
    );
    assert_eq!(digest(|m| m.rows[0].notes[0].clear()), whole.digest());
    assert_ne!(digest(|m| m.rows[0].sha256 = digest_of("z")), whole.digest());
    assert_ne!(digest(|m| m.rows[0].labels[0] = Label::Unknown), whole.digest());
    assert_ne!(digest(|m| m.rows[2].split = Some(Split::Test)), whole.digest());
    assert_ne!(digest(|m| m.rows.swap(0, 1)), whole.digest());
    assert_ne!(digest(|m| m.findings.swap(0, 1)), whole.digest());
    assert_eq!(whole.digest_of(&[0, 1, 2]), whole.digest());
    assert_ne!(whole.digest_of(&[0, 1]), whole.digest());
}

#[test]
fn columns_may_stand_in_any_order_behind_a_mark() {
    let digest = digest_of("x");
    let text = format!(
        "\u{feff}Mass,split,age,sex,view,study,patient,dataset,sha256,path,film\r\n-1, test,41 ,M,PA,,p ,d,{digest}, x.png,x\r\n"
    );
    let manifest = read(&text).unwrap();
    assert_eq!(manifest.findings, ["Mass"]);
    let row = &manifest.rows[0];
    assert_eq!(
        (row.labels[0], row.split, row.age),
        (Label::Uncertain, Some(Split::Test), Some(41.0))
    );
    assert_eq!((row.patient.as_str(), row.path.to_str()), ("p", Some("x.png")));
}

#[test]
fn faults_name_file_row_column_value_and_what_may_stand_there() {
    let digest = digest_of("x");
    let line = |film: &str, path: &str, sha: &str, sex: &str, age: &str, split: &str, label: &str| {
        format!("{film},{path},{sha},d,p,,PA,{sex},{age},{split},{label}")
    };
    let good = line("x", "x.png", &digest, "F", "40", "train", "1");
    let cases = [
        (
            line("", "x.png", &digest, "F", "40", "train", "1"),
            "row 3, column film: found \"\"",
        ),
        (
            line("y", "", &digest, "F", "40", "train", "1"),
            "row 3, column path: found \"\"",
        ),
        (
            line("y", "x.png", "ABC", "F", "40", "train", "1"),
            "column sha256: found \"ABC\", expected 64 lower-case",
        ),
        (
            line("y", "x.png", &digest, "woman", "40", "train", "1"),
            "column sex: found \"woman\", expected F, M, O",
        ),
        (
            line("y", "x.png", &digest, "F", "400", "train", "1"),
            "column age: found \"400\", expected years from 0 to 130",
        ),
        (
            line("y", "x.png", &digest, "F", "inf", "train", "1"),
            "column age: found \"inf\"",
        ),
        (
            line("y", "x.png", &digest, "F", "40", "training", "1"),
            "column split: found \"training\", expected train, val, test",
        ),
        (
            line("y", "x.png", &digest, "F", "40", "train", "2"),
            "row 3, column Mass: found \"2\", expected 1 (present)",
        ),
        (
            line("x", "x.png", &digest, "F", "40", "train", "1"),
            "column film: found \"x\", expected a name of its own for each film; row 2",
        ),
        ("x,y".to_string(), "row 3: 2 cells, the header has 11"),
    ];
    for (bad, expected) in cases {
        let message = read(&format!("{HEADER},Mass\n{good}\n{bad}\n"))
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with("m.csv: row 3") && message.contains(expected),
            "{message}\nshould hold {expected}"
        );
    }
}

#[test]
fn faulty_headers_are_told() {
    let missing = read("film,path,sha256,dataset,patient,study,view,sex,age,Mass\n")
        .unwrap_err()
        .to_string();
    assert!(missing.contains("no column split"), "{missing}");
    let twice = read(&format!("{HEADER},Mass,Mass\n")).unwrap_err().to_string();
    assert!(
        twice.contains("columns 11 and 12 are both named \"Mass\""),
        "{twice}"
    );
    // pandas 3.1: the column of row numbers, from to_csv, and from to_csv of what read_csv read.
    for index in ["", "Unnamed: 0"] {
        let table = read(&format!("{index},{HEADER},Mass\n")).unwrap();
        assert_eq!(table.findings, ["Mass"]);
    }
    let nameless = read(&format!("{HEADER},\n")).unwrap_err().to_string();
    assert!(nameless.contains("column 11 is named \"\""), "{nameless}");
    assert!(read("").is_err());
}

#[test]
fn a_draft_needs_paths_and_patients_only() {
    let text = "path,patient,COVID-19\nsub/a.png,1,1\n";
    assert!(read(text).is_err());
    let manifest = Manifest::parse(text.as_bytes(), Path::new("m.csv"), Strictness::Draft).unwrap();
    assert_eq!(
        (manifest.rows[0].film.as_str(), manifest.rows[0].sha256.as_str()),
        ("sub-a", "")
    );
}

#[test]
fn a_row_that_does_not_fit_its_header_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = sample();
    manifest.rows[0].labels.pop();
    let message = manifest
        .write(&folder.path().join("m.csv"))
        .unwrap_err()
        .to_string();
    assert!(message.contains("film a: 1 labels for 2 findings"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let text = "[a-zA-Z ,\"é\n/-]{0,12}";
    let cell = "([a-zA-Z,\"é/-]([a-zA-Z ,\"é\n/-]{0,10}[a-zA-Z,\"é/-])?)?";
    let name = "[a-zA-Z,\"é/-]{1,8}";
    let label = prop::sample::select(vec![
        Label::Positive,
        Label::Negative,
        Label::Unknown,
        Label::Uncertain,
    ]);
    let split = prop::option::of(prop::sample::select(Split::ALL.to_vec()));
    let sex = prop::option::of(prop::sample::select(vec![Sex::Female, Sex::Male, Sex::Other]));
    let age = prop::option::of(0.0_f32..=130.0);
    let row = (
        name,
        name,
        cell,
        cell,
        sex,
        age,
        split,
        prop::collection::vec(label, 3),
        prop::option::of(name),
        text,
    );
    prop::collection::vec(row, 0..8).prop_map(|rows| {
        let mut manifest = Manifest::new("", vec!["A b".into(), "C,d".into(), "E\"".into()]);
        manifest.notes = vec!["n".into()];
        for (number, (patient, dataset, study, view, sex, age, split, labels, lung, note)) in
            rows.into_iter().enumerate()
        {
            let film = format!("{number}{dataset}");
            manifest.rows.push(Row {
                path: format!("{film}.png").into(),
                sha256: digest_of(&film),
                masks: Masks {
                    lung: lung.map(PathBuf::from),
                    ..Masks::default()
                },
                notes: vec![note],
                film,
                dataset,
                patient,
                study,
                view,
                sex,
                age,
                split,
                labels,
            });
        }
        manifest
    })
}

proptest! {
    #[test]
    fn every_manifest_survives_its_file(manifest in any_manifest()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        let mut manifest = manifest;
        manifest.folder = folder.path().to_path_buf();
        manifest.write(&path).unwrap();
        let back = Manifest::read(&path).unwrap();
        prop_assert_eq!(back.digest(), manifest.digest());
        prop_assert_eq!(back, manifest);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Manifest::parse(&bytes, Path::new("m.csv"), Strictness::Complete);
        let _ = Manifest::parse(&bytes, Path::new("m.csv"), Strictness::Draft);
    }

    #[test]
    fn no_cells_make_the_reader_panic(cells in "([a-z0-9,\"é\r\n-]|,){0,200}") {
        let _ = Manifest::parse(format!("{HEADER},Mass\n{cells}").as_bytes(), Path::new("m.csv"), Strictness::Complete);
    }
}
