//! The RSNA Pneumonia Detection Challenge.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pleura_core::table::label;
use rayon::prelude::*;

use super::boxes::of_row;
use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, films, header, named};
use crate::Error;
use crate::table::Table;
use pleura_manifest::{Label, together};

pub(super) const DATASET: Dataset = Dataset {
    name: "rsna",
    title: "RSNA Pneumonia Detection Challenge",
    expects: "the folder of stage_2_train_labels.csv with stage_2_train_images/, and stage_2_detailed_class_info.csv where there is one",
    licence: "RSNA's terms of use: research, education and other purposes, commercial ones too, with attribution (see the page); films of ChestX-ray14",
    citation: "Shih G, Wu CC, Halabi SS, et al. Augmenting the National Institutes of Health Chest Radiograph Dataset with Expert Annotations \
               of Possible Pneumonia. Radiology: Artificial Intelligence 2019.",
    url: "https://www.rsna.org/education/ai-resources-and-training/ai-image-challenge/rsna-pneumonia-detection-challenge-2018",
    overlaps: &["nih", "covidx"],
    read,
};

const LABELS: &str = "stage_2_train_labels.csv";
const CLASSES: &str = "stage_2_detailed_class_info.csv";
const IMAGES: &str = "stage_2_train_images";

/// Columns and rows of the films, the frame of the boxes.
const FRAME: [usize; 2] = [1024; 2];

/// The radiologists' labels of a film, one of three.
const FINDINGS: [&str; 3] = ["Normal", "No Lung Opacity / Not Normal", "Lung Opacity"];

/// The tables' `patientId` identifies a film. The challenge does not publish which films are of one patient.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let labels = folder.join(LABELS);
    if !labels.is_file() {
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: format!("{LABELS} is not in it"),
        });
    }
    let boxes = boxes(&Table::read(&labels)?)?;
    let mut files = vec![labels];
    let mut classes = HashMap::new();
    let class_info = folder.join(CLASSES);
    if class_info.is_file() {
        classes = class_of(&Table::read(&class_info)?)?;
        files.push(class_info);
    }
    let mut reading = DatasetContent {
        findings: FINDINGS.map(String::from).to_vec(),
        listed: boxes.len(),
        files,
        ..DatasetContent::default()
    };
    let images = folder.join(IMAGES);
    let images = if images.is_dir() {
        images
    } else {
        folder.to_path_buf()
    };
    let names: Vec<&str> = boxes.iter().map(|film| film.name.as_str()).collect();
    let matched = films::match_names(&names, &films::find(&[images])?);
    let mut absent = Vec::new();
    for (film, file) in boxes.iter().zip(matched.files) {
        let Some(file) = file else {
            absent.push(film.name.clone());
            continue;
        };
        let name = named(dataset, &film.name);
        let mut record = FilmRecord {
            patient: name.clone(),
            film: name,
            file,
            dataset: dataset.to_string(),
            findings: film.findings(classes.get(&film.name).copied()),
            ..FilmRecord::default()
        };
        if !film.boxes.is_empty() {
            record.masks.lesion = Some(together(&film.boxes));
        }
        reading.records.push(record);
    }
    reading.set_absent(&absent);
    let impossible: Vec<String> = reading
        .records
        .par_iter_mut()
        .filter_map(|record| (header::describe(record).age == Age::Impossible).then(|| record.film.clone()))
        .collect();
    reading.remark("age impossible, taken as unknown", &impossible);
    let films: Vec<String> = reading.records.iter().map(|record| record.film.clone()).collect();
    reading.remark(
        "patient unknown: the challenge numbers films, and ChestX-ray14, where they come from, has several of a patient",
        &films,
    );
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}

/// A film with its boxes.
struct Boxed {
    name: String,
    target: bool,
    /// Boxes around its opacities, as parts of a mask.
    boxes: Vec<PathBuf>,
}

impl Boxed {
    /// The label is unknown if the class of a film without opacity is not given.
    fn findings(&self, class: Option<&'static str>) -> Findings {
        let label = |finding: &str| match class {
            Some(class) if class == finding => Label::Positive,
            Some(_) => Label::Negative,
            None if finding == "Lung Opacity" && self.target => Label::Positive,
            None if finding == "Lung Opacity" || self.target => Label::Negative,
            None => Label::Unknown,
        };
        Findings::Labelled(
            FINDINGS
                .iter()
                .map(|finding| ((*finding).to_string(), label(finding)))
                .collect(),
        )
    }
}

/// Merges the rows of a film (one a box) into one entry, in the table's order.
fn boxes(table: &Table) -> Result<Vec<Boxed>, Error> {
    let name = table.needed(&["patientId"])?;
    let target = table.needed(&["Target"])?;
    let side = |name: &str| table.needed(&[name]);
    let sides = [side("x")?, side("y")?, side("width")?, side("height")?];
    let mut films: Vec<Boxed> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    for row in table.rows() {
        let film = row.cell(name);
        if film.is_empty() {
            return Err(row.fault(name, "the name of a film"));
        }
        let positive = match label(row.cell(target)) {
            Ok(Some(1)) => true,
            Ok(Some(0)) => false,
            _ => return Err(row.fault(target, "0 or 1")),
        };
        let at = *place.entry(film.to_string()).or_insert_with(|| {
            films.push(Boxed {
                name: film.to_string(),
                target: positive,
                boxes: Vec::new(),
            });
            films.len() - 1
        });
        if films[at].target != positive {
            return Err(row.fault(target, "what the film's other rows say"));
        }
        if positive {
            films[at].boxes.push(of_row(row, sides, FRAME)?);
        }
    }
    Ok(films)
}

fn class_of(table: &Table) -> Result<HashMap<String, &'static str>, Error> {
    let (name, class) = (table.needed(&["patientId"])?, table.needed(&["class"])?);
    let mut classes = HashMap::new();
    for row in table.rows() {
        let found = FINDINGS.into_iter().find(|finding| *finding == row.cell(class));
        let found = found.ok_or_else(|| row.fault(class, format!("one of {}", FINDINGS.join(", "))))?;
        row.insert_once(&mut classes, class, row.cell(name), found)?;
    }
    Ok(classes)
}
