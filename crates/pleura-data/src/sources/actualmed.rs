//! The Actualmed COVID-19 chest X-ray dataset.

use std::path::Path;

use super::{Age, Findings, Reading, Record, Source, age, films, named, sex};
use crate::Error;
use crate::manifest::NO_FINDING;
use crate::table::Table;

pub(super) const SOURCE: Source = Source {
    name: "actualmed",
    title: "Actualmed COVID-19 Chest X-ray Dataset",
    expects: "the folder of metadata.csv with images/",
    licence: "The repository's own terms: research; no redistribution for commercial use",
    citation: "Wang L, Wong A, Lin ZQ, et al. Actualmed COVID-19 Chest X-ray Dataset Initiative. 2020.",
    url: "https://github.com/agchung/Actualmed-COVID-chestxray-dataset",
    overlaps: &["covidx"],
    read,
};

const FINDINGS: [&str; 2] = ["COVID-19", NO_FINDING];

fn read(folder: &Path, dataset: &str) -> Result<Reading, Error> {
    let label_file = folder.join("metadata.csv");
    if !label_file.is_file() {
        return Err(Error::Layout {
            dataset: SOURCE.title,
            folder: folder.to_path_buf(),
            problem: "metadata.csv is not in it".into(),
        });
    }
    let table = Table::read(&label_file)?;
    let (patient, image) = (table.needed(&["patientid"])?, table.needed(&["imagename"])?);
    let (finding, view) = (table.needed(&["finding"])?, table.needed(&["view"])?);
    let (sex_column, age_column) = (table.column(&["sex"]), table.column(&["age"]));
    let images = folder.join("images");
    let images = if images.is_dir() {
        images
    } else {
        folder.to_path_buf()
    };
    let names: Vec<&str> = table.rows().map(|row| row.cell(image)).collect();
    let matched = films::match_names(&names, &films::find(&[images])?);
    let mut reading = Reading {
        findings: FINDINGS.map(String::from).to_vec(),
        listed: names.len(),
        files: vec![label_file],
        ..Reading::default()
    };
    let (mut absent, mut impossible) = (Vec::new(), Vec::new());
    for (row, file) in table.rows().zip(matched.files) {
        for column in [patient, image] {
            if row.cell(column).is_empty() {
                return Err(row.fault(column, "an identifier"));
            }
        }
        // The set writes `No finding`; a blank is what radiologists could not decide.
        let said = row.cell(finding);
        let named_finding = FINDINGS.into_iter().find(|name| name.eq_ignore_ascii_case(said));
        let findings = match named_finding {
            Some(name) => Findings::flat([name]),
            None if said.is_empty() => Findings::Silent,
            None => return Err(row.fault(finding, "COVID-19, No finding or nothing")),
        };
        let Some(file) = file else {
            absent.push(row.cell(image).to_string());
            continue;
        };
        let years = age(row.optional(age_column));
        let record = Record {
            film: named(dataset, films::stem(row.cell(image))),
            file,
            dataset: dataset.to_string(),
            patient: named(dataset, row.cell(patient)),
            view: row.cell(view).to_string(),
            sex: sex(row.optional(sex_column)),
            age: years.years(),
            findings,
            ..Record::default()
        };
        if years == Age::Impossible {
            impossible.push(record.film.clone());
        }
        reading.records.push(record);
    }
    let left = reading.records.len();
    reading.exclude_listed("listed, but no film here", &absent, left);
    reading.exclude("finding is blank: inconclusive", |record| {
        record.findings == Findings::Silent
    });
    reading.exclude("view is not frontal", |record| {
        !matches!(record.view.to_ascii_uppercase().as_str(), "PA" | "AP" | "")
    });
    reading.remark("age cannot be read, taken as unknown", &impossible);
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}
