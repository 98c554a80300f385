//! The COVID-19 image repository of the Hannover Medical School.

use std::path::Path;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, age, films, named, sex};
use crate::Error;
use crate::table::Table;

pub(super) const DATASET: Dataset = Dataset {
    name: "hannover",
    title: "COVID-19 Image Repository, Hannover Medical School",
    expects: "the folder of data.csv with png/",
    licence: "CC BY 3.0",
    citation: "Winther HB, Laser H, Gerbel S, et al. COVID-19 Image Repository. figshare 2020, doi 10.6084/m9.figshare.12275009.",
    url: "https://github.com/ml-workgroup/covid-19-image-repository",
    overlaps: &["cohen", "covidx"],
    read,
};

/// Every patient had COVID-19. The dataset does not say whether a film shows it.
const FINDING: &str = "COVID-19";

/// Columns that become notes.
const NOTES: [&str; 2] = ["admission_offset", "modality"];

fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let label_file = folder.join("data.csv");
    if !label_file.is_file() {
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: "data.csv is not in it".into(),
        });
    }
    let table = Table::read(&label_file)?;
    let (patient, image) = (table.needed(&["patient_id"])?, table.needed(&["image_id"])?);
    let view = table.needed(&["projection"])?;
    let (sex_column, age_column) = (table.column(&["sex"]), table.column(&["age"]));
    let notes = NOTES.map(|note| (note, table.column(&[note])));
    let images = folder.join("png");
    let images = if images.is_dir() {
        images
    } else {
        folder.to_path_buf()
    };
    let names: Vec<&str> = table.rows().map(|row| row.cell(image)).collect();
    let matched = films::match_names(&names, &films::find(&[images])?);
    let mut reading = DatasetContent {
        findings: vec![FINDING.to_string()],
        listed: names.len(),
        files: vec![label_file],
        ..DatasetContent::default()
    };
    let (mut absent, mut impossible) = (Vec::new(), Vec::new());
    for (row, file) in table.rows().zip(matched.files) {
        for column in [patient, image] {
            if row.cell(column).is_empty() {
                return Err(row.fault(column, "an identifier"));
            }
        }
        let Some(file) = file else {
            absent.push(row.cell(image).to_string());
            continue;
        };
        let years = age(row.optional(age_column));
        let mut record = FilmRecord {
            film: named(dataset, row.cell(image)),
            file,
            dataset: dataset.to_string(),
            patient: named(dataset, row.cell(patient)),
            view: row.cell(view).to_ascii_uppercase(),
            sex: sex(row.optional(sex_column)),
            age: years.years(),
            findings: Findings::flat([FINDING]),
            ..FilmRecord::default()
        };
        if years == Age::Impossible {
            impossible.push(record.film.clone());
        }
        for (note, column) in notes {
            if column.is_some() {
                record.notes.insert(note.into(), row.optional(column).into());
            }
        }
        reading.records.push(record);
    }
    reading.set_absent(&absent);
    reading.keep_frontal(|view| matches!(view, "PA" | "AP"));
    reading.remark("age cannot be read, taken as unknown", &impossible);
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}
