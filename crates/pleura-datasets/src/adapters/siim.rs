//! The SIIM-FISABIO-RSNA COVID-19 Detection challenge.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use pleura_core::table::label;
use rayon::prelude::*;

use serde::Deserialize;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, films, header, named};
use crate::Error;
use crate::table::Table;
use pleura_manifest::{Label, Region, together};

pub(super) const DATASET: Dataset = Dataset {
    name: "siim",
    title: "SIIM-FISABIO-RSNA COVID-19 Detection",
    expects: "the folder of train_study_level.csv and train_image_level.csv with train/STUDY/SERIES/IMAGE.dcm",
    licence: "Academic and non-commercial use (see the page); films of BIMCV-COVID19 and RICORD",
    citation: "Lakhani P, Mongan J, Singhal C, et al. The 2021 SIIM-FISABIO-RSNA Machine Learning COVID-19 Challenge: Annotation and Standard \
               Exam Classification of COVID-19 Chest Radiographs. 2022.",
    url: "https://www.kaggle.com/c/siim-covid19-detection",
    overlaps: &["bimcv", "covidx"],
    read,
};

const STUDIES: &str = "train_study_level.csv";
const IMAGES: &str = "train_image_level.csv";

/// The radiologists' labels of a study, one of four.
const FINDINGS: [&str; 4] = [
    "Negative for Pneumonia",
    "Typical Appearance",
    "Indeterminate Appearance",
    "Atypical Appearance",
];

/// A study's label applies to its films. The patient is that of the films' headers; without it, a study
/// counts as a patient.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let [studies, images] = [STUDIES, IMAGES].map(|name| folder.join(name));
    for table in [&studies, &images] {
        if !table.is_file() {
            return Err(Error::Layout {
                dataset: DATASET.title,
                folder: folder.to_path_buf(),
                problem: format!("{} is not in it", films::name(table)),
            });
        }
    }
    let appearance = appearance(&Table::read(&studies)?)?;
    let table = Table::read(&images)?;
    let [image, study] = ["id", "StudyInstanceUID"].map(|name| table.needed(&[name]));
    let (image, study, boxes) = (image?, study?, table.column(&["boxes"]));
    let name = |id: &str| id.strip_suffix("_image").unwrap_or(id).to_string();
    let names: Vec<String> = table.rows().map(|row| name(row.cell(image))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let train = Some(folder.join("train")).filter(|train| train.is_dir());
    let matched = films::match_names(
        &names,
        &films::find(&[train.unwrap_or_else(|| folder.to_path_buf())])?,
    );
    let mut reading = DatasetContent {
        findings: FINDINGS.map(String::from).to_vec(),
        listed: names.len(),
        files: vec![studies, images],
        ..DatasetContent::default()
    };
    let (mut absent, mut unread) = (Vec::new(), Vec::new());
    for ((row, name), file) in table.rows().zip(&names).zip(matched.files) {
        if name.is_empty() {
            return Err(row.fault(image, "the name of a film"));
        }
        let Some(file) = file else {
            absent.push((*name).to_string());
            continue;
        };
        let film = named(dataset, name);
        let mut record = FilmRecord {
            patient: named(dataset, row.cell(study)),
            study: row.cell(study).to_string(),
            file,
            dataset: dataset.to_string(),
            ..FilmRecord::default()
        };
        match appearance.get(row.cell(study)) {
            Some(labels) => record.findings = Findings::Labelled(labels.clone()),
            None => unread.push(film.clone()),
        }
        if let Some(column) = boxes.filter(|&column| !row.cell(column).is_empty()) {
            let expected = "a list such as [{'x': 1, 'y': 2, 'width': 3, 'height': 4}], or nothing";
            let drawn = sides(row.cell(column)).ok_or_else(|| row.fault(column, expected))?;
            if !drawn.is_empty() {
                record.notes.insert(BOXES.into(), row.cell(column).into());
            }
        }
        record.film = film;
        reading.records.push(record);
    }
    reading.set_absent(&absent);
    reading.exclude("its study has no label", |record| {
        record.findings == Findings::Unstated
    });
    let headers: Vec<header::Header> = reading.records.par_iter_mut().map(header::describe).collect();
    let (mut nobody, mut impossible, mut unplaced) = (Vec::new(), Vec::new(), Vec::new());
    for (record, header) in reading.records.iter_mut().zip(&headers) {
        if let Some(text) = record.notes.get(BOXES) {
            match mask(text, header.frame) {
                Some(mask) => record.masks.lesion = Some(mask),
                None => unplaced.push(record.film.clone()),
            }
        }
        if header.patient.is_empty() {
            nobody.push(record.film.clone());
        } else {
            record.patient = named(dataset, &header.patient);
        }
        if header.age == Age::Impossible {
            impossible.push(record.film.clone());
        }
    }
    reading.remark("age impossible, taken as unknown", &impossible);
    reading.remark(
        "no patient ID in the header: the study counts as a patient",
        &nobody,
    );
    reading.remark(
        "boxes without a place: they count pixels of the DICOM film, which this one is not, or lie beside it",
        &unplaced,
    );
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}

/// The boxes around a film's opacities, as a note: as published, in pixels of the DICOM film.
const BOXES: &str = "boxes";

/// One box.
#[derive(Deserialize)]
struct Sides {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Parses `[{'x': 1, 'y': 2, 'width': 3, 'height': 4}]`, which is JSON with single quotes.
fn sides(text: &str) -> Option<Vec<[f64; 4]>> {
    let sides: Vec<Sides> = serde_json::from_str(&text.replace('\'', "\"")).ok()?;
    Some(
        sides
            .iter()
            .map(|side| [side.x, side.y, side.width, side.height])
            .collect(),
    )
}

/// The boxes as a mask of a film of the given columns and rows; `None` unless all lie on it.
fn mask(text: &str, frame: Option<[usize; 2]>) -> Option<PathBuf> {
    let parts: Option<Vec<PathBuf>> = sides(text)?
        .into_iter()
        .map(|sides| Some(Region::new(sides, frame?)?.to_string().into()))
        .collect();
    Some(together(&parts?))
}

/// The labels of each study, by UID.
fn appearance(table: &Table) -> Result<HashMap<String, BTreeMap<String, Label>>, Error> {
    let id = table.needed(&["id"])?;
    let columns = FINDINGS
        .into_iter()
        .map(|finding| Ok((finding, table.needed(&[finding])?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut studies = HashMap::new();
    for row in table.rows() {
        let study = row.cell(id).strip_suffix("_study").unwrap_or(row.cell(id));
        if study.is_empty() {
            return Err(row.fault(id, "the UID of a study"));
        }
        let mut labels = BTreeMap::new();
        for &(finding, column) in &columns {
            let label = match label(row.cell(column)) {
                Ok(Some(1)) => Label::Positive,
                Ok(Some(0)) => Label::Negative,
                _ => return Err(row.fault(column, "0 or 1")),
            };
            labels.insert(finding.to_string(), label);
        }
        row.insert_once(&mut studies, id, study, labels)?;
    }
    Ok(studies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_become_a_mask_of_the_films_own_size() {
        let text = "[{'x': 789.25, 'y': 582.5, 'width': 1026, 'height': 1917}, {'x': 1, 'y': 2, 'width': 3, 'height': 4}]";
        let found = mask(text, Some([4256, 3488])).unwrap();
        assert_eq!(
            found.to_str().unwrap(),
            "box:789.25,582.5,1026,1917/4256x3488|box:1,2,3,4/4256x3488"
        );
        for (text, frame) in [(text, None), (text, Some([700, 500])), ("none", Some([9, 9]))] {
            assert_eq!(mask(text, frame), None, "{text} {frame:?}");
        }
    }
}
