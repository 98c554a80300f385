//! Public sets of films of COVID-19, and the large sets of reports, in their real layouts.

#![allow(clippy::unwrap_used)]

mod films;

use std::io::Write as _;
use std::path::Path;

use films::{account, build_one};
use pleura_datasets::BuiltManifest;
use pleura_datasets::adapters::Dataset;
use pleura_manifest::{Label, Manifest, Row, Sex};

fn built(kind: &str, folder: &Path) -> BuiltManifest {
    build_one(kind, folder, &folder.join("out/m.csv"))
}

fn refused(kind: &str, folder: &Path) -> String {
    (Dataset::by_name(kind).unwrap().read)(folder, kind)
        .unwrap_err()
        .to_string()
}

fn row<'a>(manifest: &'a Manifest, film: &str) -> &'a Row {
    manifest
        .rows
        .iter()
        .find(|row| row.film == film)
        .unwrap_or_else(|| {
            panic!(
                "{film} is not among {:?}",
                manifest.rows.iter().map(|row| &row.film).collect::<Vec<_>>()
            )
        })
}

fn label(manifest: &Manifest, film: &str, finding: &str) -> Label {
    row(manifest, film).labels[manifest.finding(finding).unwrap()]
}

fn note<'a>(manifest: &'a Manifest, film: &str, name: &str) -> &'a str {
    &row(manifest, film).notes[manifest.note(name).unwrap()]
}

fn remarks(built: &BuiltManifest) -> Vec<(&str, usize)> {
    let remarks = &built.sidecar.sources[0].remarks;
    remarks
        .iter()
        .map(|remark| (remark.what.as_str(), remark.count))
        .collect()
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn write_films(folder: &Path, names: &[&str]) {
    for (number, name) in names.iter().enumerate() {
        films::write(&folder.join(name), number as u32);
    }
}

fn steps(built: &BuiltManifest) -> Vec<(&str, usize, usize)> {
    account(&built.sidecar.sources[0].steps)
}

#[test]
fn siims_studies_give_their_films_one_of_four_appearances() {
    let folder = tempfile::tempdir().unwrap();
    let of = folder.path();
    write(
        of,
        "train_study_level.csv",
        "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance\n\
         s1_study,0,1,0,0\ns2_study,1,0,0,0\n",
    );
    write(
        of,
        "train_image_level.csv",
        "id,boxes,label,StudyInstanceUID\n\
         i1_image,\"[{'x': 789.2, 'y': 582.4, 'width': 1026.6, 'height': 1917.3}]\",opacity 1 789.2 582.4 1815.9 2499.7,s1\n\
         i2_image,,none 1 0 0 1 1,s1\ni3_image,,none 1 0 0 1 1,s2\ni4_image,,none 1 0 0 1 1,s2\ni5_image,,none 1 0 0 1 1,s9\n",
    );
    write_films(
        of,
        &[
            "train/s1/a/i1.png",
            "train/s1/b/i2.png",
            "train/s2/a/i3.png",
            "train/s9/a/i5.png",
            "test/s7/a/i9.png",
        ],
    );
    let built = built("siim", of);
    let manifest = &built.manifest;
    assert_eq!(
        steps(&built)[..2],
        [
            ("listed, but no film here", 1, 4),
            ("its study has no label", 1, 3)
        ]
    );
    assert_eq!(label(manifest, "siim-i1", "Typical Appearance"), Label::Positive);
    assert_eq!(label(manifest, "siim-i2", "Typical Appearance"), Label::Positive);
    assert_eq!(label(manifest, "siim-i3", "Atypical Appearance"), Label::Negative);
    assert!(note(manifest, "siim-i1", "boxes").starts_with("[{'x': 789.2"));
    // No header says who it is: films of a study go together.
    assert_eq!(row(manifest, "siim-i1").patient, "siim-s1");
    assert_eq!(row(manifest, "siim-i2").patient, "siim-s1");
    assert_eq!(
        remarks(&built),
        [
            ("no patient ID in the header: the study counts as a patient", 3),
            (
                "boxes without a place: they count pixels of the DICOM film, which this one is not, or lie beside it",
                1
            )
        ]
    );
    write(
        of,
        "train_image_level.csv",
        "id,boxes,label,StudyInstanceUID\ni1_image,\"[{'x': 789.2}]\",,s1\n",
    );
    let error = refused("siim", of);
    assert!(error.contains("row 2, column boxes:"), "{error}");

    write(
        of,
        "train_study_level.csv",
        "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance\ns1_study,0,x,0,0\n",
    );
    let error = refused("siim", of);
    assert!(
        error.contains("row 2") && error.contains("Typical Appearance"),
        "{error}"
    );
}

#[test]
fn brixias_scores_are_text_and_its_ages_groups_of_five_years() {
    let folder = tempfile::tempdir().unwrap();
    let of = folder.path();
    write(
        of,
        "metadata_global_v2.csv",
        "\u{feff}Filename;StudyDate;Modality;StudyId;BrixiaScore;BrixiaScoreGlobal;ConsensusTestset;Subject;Sex;AgeAtStudyDateFiveYear;Manufacturer;\
         PhotometricInterpretation\n\
         11.dcm;20200304;CR;901;001101;3;0;p1;M;13;X;MONOCHROME1\n12.dcm;20200305;DX;902;1101;3;1;p1;M;13;X;MONOCHROME2\n\
         13.dcm;20200305;DX;903;222111;8;0;p2;F;;X;MONOCHROME2\n14.dcm;20200305;DX;904;000000;0;0;p3;F;3;X;MONOCHROME2\n",
    );
    write_films(
        of,
        &[
            "dicom_clean/11.png",
            "dicom_clean/12.png",
            "dicom_clean/13.png",
            "dicom_clean/99.png",
        ],
    );
    let built = built("brixia", of);
    let manifest = &built.manifest;
    assert_eq!(steps(&built)[0], ("listed, but no film here", 1, 3));
    assert_eq!(note(manifest, "brixia-11", "brixia_score"), "001101");
    assert_eq!(note(manifest, "brixia-12", "brixia_score"), "001101");
    assert_eq!(note(manifest, "brixia-12", "official_split"), "test");
    assert_eq!(note(manifest, "brixia-11", "age_group"), "65-69");
    let first = row(manifest, "brixia-11");
    assert_eq!(
        (first.patient.as_str(), first.sex, first.age),
        ("brixia-p1", Some(Sex::Male), Some(67.0))
    );
    assert_eq!(row(manifest, "brixia-13").age, None);
    assert_eq!(label(manifest, "brixia-13", "COVID-19"), Label::Positive);
    assert_eq!(
        remarks(&built),
        [
            ("view not stated, taken as frontal", 3),
            (
                "score of fewer than six digits: zeros lost at its front were put back",
                1
            ),
            ("zones do not sum up to the global score", 1),
            ("film here, but not listed", 1)
        ]
    );
    write(
        of,
        "metadata_global_v2.csv",
        "Filename;BrixiaScore\n11.dcm;001104\n",
    );
    assert!(refused("brixia", of).contains("six digits, each 0 to 3"));
}

#[test]
fn padchests_blank_labels_are_not_normal_and_unchanged_is_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    let of = folder.path();
    let table = ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,Projection,MethodLabel,Labels\n\
        0,a.png,0,20140915,s1,839,1930.0,F,POSTEROANTERIOR,PA,Physician,\"['pulmonary emphysema', ' pneumonia', 'unchanged']\"\n\
        1,b.png,0,20140915,s2,840,1950.0,M,,AP_horizontal,RNN_model,['normal']\n\
        2,c.png,1,20140915,s3,841,,M,,L,RNN_model,['normal']\n\
        3,d.png,1,20140915,s4,842,1950.0,M,,PA,RNN_model,\n\
        4,e.png,1,20140915,s5,843,2050.0,M,,PA,RNN_model,['unchanged']\n\
        5,f.png,1,20140915,s6,844,1950.0,M,,PA,RNN_model,['exclude']\n\
        6,g.png,1,20140915,s7,845,1950.0,M,,PA,RNN_model,\"['normal', 'unchanged']\"\n\
        7,h.png,1,20140915,s8,845,1950.0,M,,PA,RNN_model,[]\n\
        8,i.png,1,20140915,s9,846,1950.0,M,,PA,RNN_model,\"['normal', 'card\"\n\
        9,j.png,1,20140915,s9,846,1950.0,M,,PA,RNN_model,['normal\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(table.as_bytes()).unwrap();
    let name = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz";
    std::fs::write(of.join(name), packed.finish().unwrap()).unwrap();
    films::write_deep(&of.join("0/a.png"), 0);
    write_films(
        of,
        &[
            "x.png", "0/b.png", "1/c.png", "1/d.png", "1/e.png", "1/f.png", "1/g.png", "1/h.png", "1/i.png",
        ],
    );
    let built = built("padchest", of);
    let manifest = &built.manifest;
    assert_eq!(
        steps(&built)[..7],
        [
            ("listed, but no film here", 1, 9),
            ("its list of labels breaks off", 1, 8),
            ("view is not frontal", 1, 7),
            ("labels are blank, which is not normal", 2, 5),
            ("report is marked to be left out", 1, 4),
            ("report says no more than that nothing changed", 1, 3),
            ("No Finding beside another finding", 0, 3)
        ]
    );
    let first = row(manifest, "padchest-a");
    assert_eq!(
        (first.patient.as_str(), first.view.as_str(), first.sex, first.age),
        ("padchest-839", "PA", Some(Sex::Female), Some(84.0))
    );
    assert_eq!(label(manifest, "padchest-a", "Pneumonia"), Label::Positive);
    assert_eq!(
        label(manifest, "padchest-a", "pulmonary emphysema"),
        Label::Positive
    );
    assert_eq!(label(manifest, "padchest-b", "Pneumonia"), Label::Negative);
    assert_eq!(label(manifest, "padchest-g", "No Finding"), Label::Positive);
    assert!(manifest.finding("unchanged").is_none());
    assert_eq!(note(manifest, "padchest-b", "labelled_by"), "RNN_model");
    assert_eq!(
        remarks(&built),
        [
            ("age impossible, taken as unknown", 1),
            ("film here, but not listed", 1)
        ]
    );
}

#[test]
fn mimics_labels_are_its_studies_and_its_tables_packed() {
    let folder = tempfile::tempdir().unwrap();
    let of = folder.path();
    let observations = "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,Lung Opacity,No Finding,\
                        Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices";
    for (name, text) in [
        ("chexpert", format!("subject_id,study_id,{observations}\n10000032,50414267,,,,,,,,,1.0,,,,,\n10000764,57375967,,,1.0,,,,,,,,,-1.0,,\n")),
        (
            "metadata",
            "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns\n\
             02aa804e-bde0afdd,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544\n\
             174413ec-4ec4c1f7,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544\n\
             096052b7-d256dc40,10000764,57375967,CHEST,AP,2,2\nb79e55c3-735ce5ac,10000764,57375967,CHEST,AP,2,2\n\
             2d8f3a1b-00000000,10000898,50771383,CHEST,,2,2\n"
                .to_string(),
        ),
        ("split", "dicom_id,study_id,subject_id,split\n02aa804e-bde0afdd,50414267,10000032,validate\n".to_string()),
    ] {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        std::fs::write(of.join(format!("mimic-cxr-2.0.0-{name}.csv.gz")), packed.finish().unwrap()).unwrap();
    }
    write_films(
        of,
        &[
            "files/p10/p10000032/s50414267/02aa804e-bde0afdd.jpg",
            "files/p10/p10000032/s50414267/174413ec-4ec4c1f7.jpg",
            "files/p10/p10000764/s57375967/096052b7-d256dc40.jpg",
            "files/p10/p10000898/s50771383/2d8f3a1b-00000000.jpg",
            "files/p10/p10000999/s50000000/aaaa.jpg",
        ],
    );
    let built = built("mimic", of);
    let manifest = &built.manifest;
    assert_eq!(
        steps(&built)[..3],
        [
            ("listed, but no film here", 1, 4),
            ("view is not frontal", 1, 3),
            ("its study has no label", 1, 2)
        ]
    );
    let first = row(manifest, "mimic-02aa804e-bde0afdd");
    assert_eq!(
        (first.patient.as_str(), first.study.as_str(), first.view.as_str()),
        ("mimic-10000032", "50414267", "PA")
    );
    assert_eq!(label(manifest, &first.film, "No Finding"), Label::Positive);
    assert_eq!(label(manifest, &first.film, "Pneumonia"), Label::Unknown);
    assert_eq!(
        label(manifest, "mimic-096052b7-d256dc40", "Pneumonia"),
        Label::Uncertain
    );
    assert_eq!(note(manifest, &first.film, "official_split"), "val");
    assert_eq!(
        remarks(&built),
        [
            ("view not stated, taken as frontal", 1),
            ("film here, but not listed", 1)
        ]
    );
}

#[test]
fn bimcvs_labels_are_its_reports_and_its_tests_are_notes() {
    let folder = tempfile::tempdir().unwrap();
    let of = folder.path();
    write(
        of,
        "covid19_posi/participants.tsv",
        "participant\tmodality_dicom\tbody_parts\tage\tgender\nsub-S03047\t['DX']\t[['chest']]\t[68]\tM\n\
         sub-S03048\t['CR', 'CT']\t[['chest']]\t[65, 66]\tNone\nderivatives\t[]\t[]\t\tNone\n",
    );
    write(
        of,
        "covid19_posi/sub-S03047/sub-S03047_sessions.tsv",
        "session_id\tstudy_date\tmedical_evaluation\nses-E07985\t20200316.0\ttext\nses-E07986\t20200325\ttext\n",
    );
    write(
        of,
        "covid19_posi/derivatives/EHR/sil_reg_covid_posi.tsv",
        "participant\tdate\ttest\tresult\nsub-S03047\t14.03.2020\tPCR\tNEGATIVO\nsub-S03047\t18.03.2020\tPCR\tPOSITIVO\n\
         sub-S03047\t30.03.2020\tPCR\tINDETERMINADO\n",
    );
    write(
        of,
        "covid19_posi/derivatives/labels/labels_covid_posi.tsv",
        "\tPatientID\tReportID\tReport\tLabels\tLocalizations\n0\tS03047\tE07985\tx\t['pneumonia', 'COVID 19']\t[]\n\
         1\tS03047\tE07986\tx\t['normal']\t[]\n2\tS03048\tE08000\tx\t['infiltrates', 'COVID 19 uncertain']\t[]\n\
         3\tS03048\tE08001\tx\t['normal']\t[]\n4\tS03048\tE08002\tx\t[]\t[]\n5\tS03048\tE08003\tx\t['unchanged']\t[]\n\
         6\tS03048\tE08004\tx\t['exclude', 'COVID 19 uncertain']\t[]\n7\tS03048\tE08005\tx\t['pneumonia', 'infiltr\t[]\n",
    );
    write(
        of,
        "covid19_neg/participants.tsv",
        "participant\tmodality_dicom\tbody_parts\tage\tgender\nsub-S99001\t['DX']\t[['chest']]\t[]\tF\n",
    );
    write(
        of,
        "covid19_neg/derivatives/labels/Labels_covid_NEG_JAN21.tsv",
        "\tPatientID\tReportID\tReport\tLabels\n0\tsub-S99001\tses-E9\tx\t['normal']\n",
    );
    let posi = |name: &str| format!("covid19_posi/{name}");
    let mut names = vec![
        posi("sub-S03047/ses-E07985/mod-rx/sub-S03047_ses-E07985_run-1_bp-chest_vp-pa_cr.png"),
        posi("sub-S03047/ses-E07985/mod-rx/sub-S03047_ses-E07985_run-2_bp-chest_vp-ll_cr.png"),
        posi("sub-S03047/ses-E07986/mod-rx/sub-S03047_ses-E07986_run-1_bp-chest_cr.png"),
        posi("sub-S77777/ses-E1/mod-rx/sub-S77777_ses-E1_vp-ap_dx.png"),
        posi("derivatives/picture.png"),
        "covid19_neg/sub-S99001/ses-E9/mod-rx/sub-S99001_ses-E9_run-1_bp-chest_vp-pa_dx.png".to_string(),
    ];
    for session in [8000, 8002, 8003, 8004, 8005, 8009] {
        let of = format!("sub-S03048_ses-E0{session}_run-1_bp-chest_vp-ap_dx.png");
        names.push(posi(&format!("sub-S03048/ses-E0{session}/mod-rx/{of}")));
    }
    for (number, name) in names.iter().enumerate() {
        films::write_deep(&of.join(name), number as u32);
    }
    write(
        of,
        &names[2].replace(".png", ".json"),
        r#"{"00080060": {"vr": "CS", "Value": ["CR"]}, "00185101": {"vr": "CS", "Value": ["AP"]}}"#,
    );
    let built = built("bimcv", of);
    let manifest = &built.manifest;
    assert_eq!(built.sidecar.sources[0].listed, 10);
    assert_eq!(
        steps(&built)[..7],
        [
            ("its session has no labels", 1, 9),
            ("its session's list of labels breaks off", 1, 8),
            ("view is not frontal", 1, 7),
            ("its session's list of labels is empty, which is not normal", 1, 6),
            ("report is marked to be left out", 1, 5),
            ("report says no more than that nothing changed", 1, 4),
            ("No Finding beside another finding", 0, 4)
        ]
    );
    assert!(
        ["unchanged", "exclude"]
            .iter()
            .all(|label| manifest.finding(label).is_none())
    );
    let first = "bimcv-sub-S03047_ses-E07985_run-1_bp-chest_vp-pa_cr";
    assert_eq!(label(manifest, first, "COVID-19"), Label::Positive);
    assert_eq!(label(manifest, first, "Pneumonia"), Label::Positive);
    assert_eq!(row(manifest, first).patient, "bimcv-sub-S03047");
    assert_eq!(
        (row(manifest, first).sex, row(manifest, first).age),
        (Some(Sex::Male), Some(68.0))
    );
    // Two days before and two days after: the positive one counts.
    assert_eq!(
        (
            note(manifest, first, "covid_test"),
            note(manifest, first, "covid_test_days")
        ),
        ("positive", "2")
    );
    let second = "bimcv-sub-S03047_ses-E07986_run-1_bp-chest_cr";
    assert_eq!(row(manifest, second).view, "AP");
    assert_eq!(
        (
            note(manifest, second, "covid_test"),
            note(manifest, second, "covid_test_days")
        ),
        ("indeterminate", "5")
    );
    assert_eq!(label(manifest, second, "COVID-19"), Label::Negative);
    let open = "bimcv-sub-S03048_ses-E08000_run-1_bp-chest_vp-ap_dx";
    assert_eq!(label(manifest, open, "COVID-19"), Label::Uncertain);
    assert_eq!(label(manifest, open, "infiltrates"), Label::Positive);
    assert_eq!(label(manifest, open, "No Finding"), Label::Negative);
    assert_eq!(
        (row(manifest, open).sex, row(manifest, open).age),
        (None, Some(65.5))
    );
    assert!(manifest.finding("COVID 19 uncertain").is_none());
    let negative = "bimcv-sub-S99001_ses-E9_run-1_bp-chest_vp-pa_dx";
    assert_eq!(label(manifest, negative, "No Finding"), Label::Positive);
    assert_eq!(
        remarks(&built),
        [
            (
                "session with labels, but without a film here (many have CT alone)",
                1
            ),
            ("missing, so that who is in both halves counts as two patients", 1),
            ("film here, but not listed", 1)
        ]
    );
}

#[test]
fn covidx_is_read_from_the_right_and_names_patients_after_their_sources() {
    let folder = tempfile::tempdir().unwrap();
    let of = folder.path();
    write(
        of,
        "train_COVIDx9A.txt",
        "\u{feff}3 a.jpg pneumonia cohen\n3 b.png COVID-19 figure1\nsub S1 c 1.png COVID-19 bimcv\n9 d.png normal rnsa\n7 gone.png normal rsna\n",
    );
    write(of, "test_COVIDx9A.txt", "4 a.jpg normal\n5 e.png negative\n");
    write_films(
        of,
        &[
            "train/a.jpg",
            "train/b.png",
            "train/c 1.png",
            "train/d.png",
            "test/a.jpg",
            "test/e.png",
            "test/z.png",
        ],
    );
    let built = built("covidx", of);
    let manifest = &built.manifest;
    assert_eq!(built.sidecar.sources[0].listed, 7);
    assert_eq!(steps(&built)[0], ("listed, but no film here", 1, 6));
    assert_eq!(
        remarks(&built),
        [
            ("source rnsa read as rsna", 1),
            (
                "patient unknown: RSNA's challenge numbers films, and ChestX-ray14, where they come from, has several of a patient",
                1
            ),
            ("film here, but not listed", 1),
        ]
    );
    assert_eq!(row(manifest, "covidx-b").patient, "covidx-figure1-3");
    assert_eq!(row(manifest, "covidx-a-2").patient, "covidx-cohen-3");
    assert_eq!(row(manifest, "covidx-c 1").patient, "covidx-bimcv-sub S1");
    assert_eq!(note(manifest, "covidx-d", "source"), "rsna");
    assert_eq!(label(manifest, "covidx-b", "COVID-19"), Label::Positive);
    assert_eq!(label(manifest, "covidx-b", "Pneumonia"), Label::Unknown);
    assert_eq!(label(manifest, "covidx-d", "No Finding"), Label::Positive);
    assert_eq!(label(manifest, "covidx-e", "COVID-19"), Label::Negative);
    assert_eq!(label(manifest, "covidx-e", "No Finding"), Label::Unknown);
    assert_eq!(note(manifest, "covidx-e", "official_split"), "test");

    write(of, "test_COVIDx8B.txt", "4 a.jpg negative\n");
    assert!(refused("covidx", of).contains("keep those of one release"));
    std::fs::remove_file(of.join("test_COVIDx8B.txt")).unwrap();
    write(of, "test_COVIDx9A.txt", "4 a.jpg healthy\n");
    let error = refused("covidx", of);
    assert!(
        error.contains("test_COVIDx9A.txt: row 1") && error.contains("healthy"),
        "{error}"
    );
}
