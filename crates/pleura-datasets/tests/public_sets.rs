//! Public datasets in their real layouts, with the quirks that their tables have.

#![allow(clippy::unwrap_used)]

mod films;

use std::path::Path;

use films::{account, adds_up, build_one};
use pleura_datasets::{BuildOptions, BuiltManifest, Filters, build};
use pleura_manifest::open_mask;
use pleura_manifest::{Label, Manifest, Row, Sex};

fn built(kind: &str, folder: &Path) -> BuiltManifest {
    build_one(kind, folder, &folder.join("out/m.csv"))
}

fn row<'a>(manifest: &'a Manifest, film: &str) -> &'a Row {
    let names = || {
        manifest
            .rows
            .iter()
            .map(|row| row.film.as_str())
            .collect::<Vec<_>>()
    };
    manifest
        .rows
        .iter()
        .find(|row| row.film == film)
        .unwrap_or_else(|| panic!("{film} is not among {:?}", names()))
}

fn label(manifest: &Manifest, film: &str, finding: &str) -> Label {
    row(manifest, film).labels[manifest.finding(finding).unwrap()]
}

/// What was noticed, and how often.
fn remarks(built: &BuiltManifest) -> Vec<(&str, usize)> {
    built.sidecar.sources[0]
        .remarks
        .iter()
        .map(|remark| (remark.what.as_str(), remark.count))
        .collect()
}

#[test]
fn chexpert_keeps_what_is_uncertain_and_tells_films_of_one_name_apart() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let header = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,\
                  Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices\n";
    let of = "CheXpert-v1.0-small/train";
    let train = format!(
        "{header}{of}/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0\n\
         {of}/patient00002/study1/view1_frontal.jpg,Unknown,0,Frontal,PA,,,-1.0,1.0,,,,-1.0,,,,,,\n\
         {of}/patient00002/study1/view2_lateral.jpg,Male,87,Lateral,,,,-1.0,1.0,,,,-1.0,,,,,,\n\
         {of}/patient00002/study2/view1_frontal.jpg,Male,87,Frontal,LL,,,,1.0,,,,,,,,,,\n\
         {of}/patient00003/study1/view1_frontal.jpg,Male,40,Frontal,AP,,,,,,,,,,,,,,\n"
    );
    std::fs::write(place("train.csv"), train).unwrap();
    let valid = format!(
        "{header}CheXpert-v1.0-small/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,\
         0.0,1.0,1.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
    );
    std::fs::write(place("valid.csv"), valid).unwrap();
    for (number, film) in [
        "train/patient00001/study1/view1_frontal.jpg",
        "train/patient00002/study1/view1_frontal.jpg",
        "train/patient00002/study1/view2_lateral.jpg",
        "train/patient00002/study2/view1_frontal.jpg",
        "train/patient00009/study1/view1_frontal.jpg",
        "valid/patient64541/study1/view1_frontal.jpg",
    ]
    .into_iter()
    .enumerate()
    {
        films::write(&place(film), number as u32);
    }
    let built = built("chexpert", folder.path());
    let manifest = &built.manifest;
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[..2],
        [("listed, but no film here", 1, 5), ("view is not frontal", 2, 3)]
    );
    assert_eq!(remarks(&built), [("film here, but not listed", 1)]);
    let uncertain = "chexpert-patient00002-study1-view1_frontal";
    assert_eq!(label(manifest, uncertain, "Pneumonia"), Label::Uncertain);
    assert_eq!(label(manifest, uncertain, "Lung Opacity"), Label::Positive);
    assert_eq!(label(manifest, uncertain, "Edema"), Label::Unknown);
    let first = row(manifest, "chexpert-patient00001-study1-view1_frontal");
    assert_eq!(
        (first.patient.as_str(), first.view.as_str(), first.sex, first.age),
        ("chexpert-patient00001", "AP", Some(Sex::Female), Some(68.0))
    );
    // A pacemaker beside no finding is no contradiction.
    assert_eq!(label(manifest, &first.film, "Support Devices"), Label::Positive);
    assert_eq!(row(manifest, uncertain).sex, None);
    let split = manifest.note("official_split").unwrap();
    assert_eq!(
        row(manifest, "chexpert-patient64541-study1-view1_frontal").notes[split],
        "val"
    );
    assert_eq!(first.notes[split], "train");
}

#[test]
fn kermanys_patients_go_on_from_train_to_val_and_begin_again_in_test() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/NORMAL/NORMAL2-IM-0115-0001-0002.jpeg",
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "val/PNEUMONIA/person1_virus_6.jpeg",
        "test/PNEUMONIA/person1_virus_6.jpeg",
        "test/NORMAL/odd.jpeg",
    ];
    for (number, name) in names.into_iter().enumerate() {
        films::write(&folder.path().join(name), number as u32);
    }
    let built = built("kermany", folder.path());
    let manifest = &built.manifest;
    let patient = |film: &str| row(manifest, film).patient.clone();
    assert_eq!(
        patient("kermany-train-NORMAL-IM-0115-0001"),
        "kermany-train-IM-0115"
    );
    assert_eq!(
        patient("kermany-train-NORMAL-NORMAL2-IM-0115-0001-0002"),
        "kermany-train-IM-0115"
    );
    assert_eq!(
        patient("kermany-train-PNEUMONIA-person1_bacteria_1"),
        "kermany-train-person1"
    );
    assert_eq!(
        patient("kermany-val-PNEUMONIA-person1_virus_6"),
        "kermany-train-person1"
    );
    assert_eq!(
        patient("kermany-test-PNEUMONIA-person1_virus_6"),
        "kermany-test-person1"
    );
    assert_eq!(
        label(manifest, "kermany-val-PNEUMONIA-person1_virus_6", "Viral"),
        Label::Positive
    );
    assert_eq!(
        label(manifest, "kermany-val-PNEUMONIA-person1_virus_6", "Bacterial"),
        Label::Negative
    );
    assert_eq!(
        label(manifest, "kermany-train-NORMAL-IM-0115-0001", "Pneumonia"),
        Label::Negative
    );
    assert_eq!(
        label(manifest, "kermany-train-NORMAL-IM-0115-0001", "No Finding"),
        Label::Positive
    );
    let noticed = remarks(&built);
    assert!(noticed[0].0.contains("child") && noticed[0].1 == 6, "{noticed:?}");
    assert_eq!(noticed[1].1, 1);

    // No film has an age, and none is of an adult all the same.
    assert!(manifest.rows.iter().all(|row| row.age.is_none()));
    let kept = |youngest: Option<f32>, oldest: Option<f32>| {
        let options = BuildOptions {
            inputs: vec![films::dataset("kermany", folder.path())],
            filters: Filters {
                youngest,
                oldest,
                ..Filters::default()
            },
            ..BuildOptions::default()
        };
        let built = build(&options, &folder.path().join("m.csv"), &|_, _| {}).unwrap();
        built.manifest.rows.len()
    };
    assert_eq!((kept(Some(18.0), None), kept(Some(6.0), None)), (0, 0));
    assert_eq!((kept(Some(5.5), None), kept(None, Some(18.0))), (6, 6));
    assert_eq!(kept(None, Some(0.5)), 0);
}

#[test]
fn rsna_has_a_row_a_box_and_its_numbers_are_films() {
    let folder = tempfile::tempdir().unwrap();
    let labels = "patientId,x,y,width,height,Target\n\
                  a,,,,,0\nb,264.0,152.0,213.0,379.0,1\nb,562.0,152.0,256.0,453.0,1\nc,,,,,0\nd,,,,,0\n";
    std::fs::write(folder.path().join("stage_2_train_labels.csv"), labels).unwrap();
    for (number, name) in ["a", "b", "c", "z"].into_iter().enumerate() {
        films::write(
            &folder.path().join(format!("stage_2_train_images/{name}.png")),
            number as u32,
        );
    }
    let alone = built("rsna", folder.path()).manifest;
    assert_eq!(label(&alone, "rsna-a", "Lung Opacity"), Label::Negative);
    assert_eq!(label(&alone, "rsna-a", "Normal"), Label::Unknown);
    assert_eq!(label(&alone, "rsna-b", "Normal"), Label::Negative);

    let classes = "patientId,class\na,No Lung Opacity / Not Normal\nb,Lung Opacity\nb,Lung Opacity\nc,Normal\nd,Normal\n";
    std::fs::write(folder.path().join("stage_2_detailed_class_info.csv"), classes).unwrap();
    let built = built("rsna", folder.path());
    let manifest = &built.manifest;
    assert_eq!(built.sidecar.sources[0].listed, 4);
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[0],
        ("listed, but no film here", 1, 3)
    );
    assert_eq!(built.sidecar.sources[0].overlaps, ["nih", "covidx"]);
    assert_eq!(
        label(manifest, "rsna-a", "No Lung Opacity / Not Normal"),
        Label::Positive
    );
    assert_eq!(label(manifest, "rsna-c", "Normal"), Label::Positive);
    let boxes = row(manifest, "rsna-b").masks.lesion.as_deref().unwrap();
    assert_eq!(
        boxes.to_str().unwrap(),
        "box:264,152,213,379/1024x1024|box:562,152,256,453/1024x1024"
    );
    assert_eq!(row(manifest, "rsna-a").masks.lesion, None);
    let noticed = remarks(&built);
    assert!(
        noticed
            .iter()
            .any(|(what, films)| what.starts_with("patient unknown") && *films == 3)
    );
    assert!(noticed.contains(&("film here, but not listed", 1)));

    let labels = "patientId,x,y,width,height,Target\na,,,,,0\na,1,1,5,5,1\n";
    std::fs::write(folder.path().join("stage_2_train_labels.csv"), labels).unwrap();
    let source = pleura_datasets::adapters::Dataset::by_name("rsna").unwrap();
    let error = (source.read)(folder.path(), "rsna").unwrap_err().to_string();
    assert!(error.contains("row 3") && error.contains("Target"), "{error}");
    for (row, column) in [
        ("b,1,1,5,,1", "height"),
        ("b,1,1,5,0,1", "x"),
        ("b,1100,1,5,5,1", "x"),
    ] {
        let labels = format!("patientId,x,y,width,height,Target\n{row}\n");
        std::fs::write(folder.path().join("stage_2_train_labels.csv"), labels).unwrap();
        let error = (source.read)(folder.path(), "rsna").unwrap_err().to_string();
        assert!(error.contains(&format!("row 2, column {column}:")), "{error}");
    }
}

#[test]
fn hannover_is_all_covid_and_writes_views_small() {
    let folder = tempfile::tempdir().unwrap();
    let table = "patient_id,image_id,sex,age,size,weight,admission_offset,icu_admission_offset,modality,projection\n\
                 p1,a,f,,,,0,,CR,pa\np1,b,f,,,,3,1.0,DX,ap\np2,c,m,61,,,-1,,CR,ap\n";
    std::fs::write(folder.path().join("data.csv"), table).unwrap();
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        films::write(&folder.path().join(format!("png/{name}.png")), number as u32);
    }
    let built = built("hannover", folder.path());
    let manifest = &built.manifest;
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[0],
        ("listed, but no film here", 1, 2)
    );
    let second = row(manifest, "hannover-b");
    assert_eq!(
        (second.patient.as_str(), second.view.as_str(), second.sex),
        ("hannover-p1", "AP", Some(Sex::Female))
    );
    assert_eq!(second.notes[manifest.note("admission_offset").unwrap()], "3");
    assert_eq!(label(manifest, "hannover-a", "COVID-19"), Label::Positive);
    assert_eq!(built.sidecar.sources[0].overlaps, ["cohen", "covidx"]);
}

#[test]
fn actualmeds_blank_finding_is_no_finding_of_any_kind() {
    let folder = tempfile::tempdir().unwrap();
    let table = "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,imagename,artifacts/distortion,notes\n\
                 A1,,,,,,,,PA,X-ray,CR.1.2.3.png,,\"Inconclusive, date taken: 1\"\n\
                 A2,,,,No finding,,,,PA,X-ray,CR.1.2.4.png,,\nA3,,,,COVID-19,,,,AP,X-ray,CR.1.2.5.png,,\nA4,,,,COVID-19,,,,AP,X-ray,x.png,,\n";
    std::fs::write(folder.path().join("metadata.csv"), table).unwrap();
    for number in 3..6 {
        films::write(&folder.path().join(format!("images/CR.1.2.{number}.png")), number);
    }
    let built = built("actualmed", folder.path());
    let manifest = &built.manifest;
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[..2],
        [
            ("listed, but no film here", 1, 3),
            ("finding is blank: inconclusive", 1, 2)
        ]
    );
    assert_eq!(
        label(manifest, "actualmed-CR.1.2.4", "No Finding"),
        Label::Positive
    );
    assert_eq!(label(manifest, "actualmed-CR.1.2.5", "COVID-19"), Label::Positive);
    assert_eq!(row(manifest, "actualmed-CR.1.2.5").patient, "actualmed-A3");
}

#[test]
fn montgomery_and_shenzhen_say_the_finding_in_the_name_and_the_person_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for (number, name) in ["MCUCXR_0001_0", "MCUCXR_0104_1", "MCUCXR_0002_0", "Thumbs"]
        .into_iter()
        .enumerate()
    {
        films::write(&folder.path().join(format!("CXR_png/{name}.png")), number as u32);
    }
    films::write(&folder.path().join("ManualMask/leftMask/MCUCXR_0001_0.png"), 50);
    films::write(&folder.path().join("ManualMask/rightMask/MCUCXR_0001_0.png"), 51);
    write(
        "ClinicalReadings/MCUCXR_0001_0.txt",
        "Patient's Sex: F\nPatient's Age: 027Y\nnormal\n",
    );
    write(
        "ClinicalReadings/MCUCXR_0104_1.txt",
        "Patient's Sex: M\nPatient's Age: 033Y\ninfiltrate RUL\n",
    );
    let montgomery = built("montgomery", folder.path());
    let manifest = &montgomery.manifest;
    assert_eq!(
        label(manifest, "montgomery-MCUCXR_0104_1", "Tuberculosis"),
        Label::Positive
    );
    assert_eq!(
        label(manifest, "montgomery-MCUCXR_0001_0", "Tuberculosis"),
        Label::Negative
    );
    let first = row(manifest, "montgomery-MCUCXR_0001_0");
    assert_eq!(
        (first.sex, first.age, first.view.as_str()),
        (Some(Sex::Female), Some(27.0), "PA")
    );
    // A file a lung, each with its path from the manifest's folder.
    let mask = first.masks.lung.as_deref().unwrap();
    let below = folder.path().display();
    let files = format!(
        "{below}/ManualMask/leftMask/MCUCXR_0001_0.png|{below}/ManualMask/rightMask/MCUCXR_0001_0.png"
    );
    assert_eq!(mask, Path::new(&files));
    assert!(open_mask(&manifest.locate(mask)).is_ok());
    assert_eq!(
        remarks(&montgomery),
        [
            ("name that says no finding, passed over", 1),
            ("film without a clinical reading: age and sex unknown", 1)
        ]
    );

    let folder = tempfile::tempdir().unwrap();
    films::write(&folder.path().join("CXR_png/CHNCXR_0327_1.png"), 9);
    std::fs::create_dir_all(folder.path().join("ClinicalReadings")).unwrap();
    std::fs::write(
        folder.path().join("ClinicalReadings/CHNCXR_0327_1.txt"),
        "male 37yrs\nbilateral PTB",
    )
    .unwrap();
    let shenzhen = built("shenzhen", folder.path()).manifest;
    let film = row(&shenzhen, "shenzhen-CHNCXR_0327_1");
    assert_eq!((film.sex, film.age), (Some(Sex::Male), Some(37.0)));
    assert_eq!(label(&shenzhen, &film.film, "Tuberculosis"), Label::Positive);
}

#[test]
fn figure_1s_films_are_named_after_patients_and_its_table_is_latin() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = b"patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,artifacts/distortion,notes\n".to_vec();
    table.extend(b"COVID-00003a,,M,50+,COVID-19,,,,AP erect,X-ray,,38.5\xb0C\nCOVID-00003b,,M,50+,COVID-19,,,,,X-ray,,\n");
    table.extend(b"COVID-00031,,F,42,Pneumonia,,,,PA,X-ray,,\nCOVID-00002,,,,,,,,PA,X-ray,,\n");
    std::fs::write(folder.path().join("metadata.csv"), table).unwrap();
    for (number, name) in ["COVID-00003a", "COVID-00003b", "COVID-00031", "COVID-00002"]
        .into_iter()
        .enumerate()
    {
        films::write(&folder.path().join(format!("images/{name}.png")), number as u32);
    }
    let built = built("figure1", folder.path());
    let manifest = &built.manifest;
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[1],
        ("finding is blank: inconclusive", 1, 3)
    );
    assert_eq!(
        row(manifest, "figure1-COVID-00003a").patient,
        "figure1-COVID-00003"
    );
    assert_eq!(
        row(manifest, "figure1-COVID-00003b").patient,
        "figure1-COVID-00003"
    );
    assert_eq!(
        row(manifest, "figure1-COVID-00031").patient,
        "figure1-COVID-00031"
    );
    assert_eq!(
        label(manifest, "figure1-COVID-00031", "Pneumonia"),
        Label::Positive
    );
    assert_eq!(
        label(manifest, "figure1-COVID-00003a", "Pneumonia"),
        Label::Unknown
    );
    assert_eq!(
        label(manifest, "figure1-COVID-00003a", "No Finding"),
        Label::Negative
    );
    assert_eq!(
        remarks(&built),
        [
            ("view not stated, taken as frontal", 1),
            ("age cannot be read, taken as unknown", 2)
        ]
    );
}

const CHEXPERT: &str = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,\
                        Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,\
                        Pleural Effusion,Pleural Other,Fracture,Support Devices\n";

#[test]
fn chexpert_rows_of_one_film_agree_in_every_label() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        (1, "0.0,AP,,,,,,,,-1.0,"),
        (1, "0.0,AP,,,,,,,,0.0,"),
        (2, "0.0,AP,1.0,,,,,,,1.0,"),
        (2, "0.0,AP,1.0,,,,,,,1,"),
        (3, "0.0,,True,NaN,False,,,,,nan,"),
    ];
    let mut table = CHEXPERT.to_owned();
    for (number, cells) in rows {
        let place = format!("train/patient0000{number}/study1/view1_frontal.jpg");
        films::write(&folder.path().join(&place), number);
        let cells = cells.strip_prefix("0.0,").unwrap();
        table += &format!("CheXpert-v1.0/{place},Male,60,Frontal,{cells},,,,,\n");
    }
    std::fs::write(folder.path().join("train.csv"), table).unwrap();
    let built = built("chexpert", folder.path());
    adds_up(&built);
    let rows = &built.manifest.rows;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        account(&built.sidecar.sources[0].steps)[..3],
        [
            ("listed, but no film here", 0, 5),
            ("listed again with the same patient and findings", 1, 4),
            ("listed more than once, and the rows contradict each other", 2, 2)
        ]
    );
    // Labels as pandas writes them.
    assert_eq!(
        rows[1].labels[..3],
        [Label::Positive, Label::Unknown, Label::Negative]
    );
    assert_eq!(remarks(&built), [("view not stated, taken as frontal", 1)]);
}
