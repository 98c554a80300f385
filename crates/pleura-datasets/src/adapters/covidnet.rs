//! The two small sets of the COVID-Net initiative: Actualmed's and Figure 1's.

use std::path::Path;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, age, films, named, sex};
use crate::Error;
use crate::table::Table;
use pleura_manifest::{Label, NO_FINDING};

pub(super) const ACTUALMED: Dataset = Dataset {
    name: "actualmed",
    title: "Actualmed COVID-19 Chest X-ray Dataset",
    expects: "the folder of metadata.csv with images/",
    licence: "For research purposes only, says its page; no licence is stated there",
    citation: "Wang L, Wong A, Lin ZQ, et al. Actualmed COVID-19 Chest X-ray Dataset Initiative. 2020, https://github.com/agchung/Actualmed-COVID-chestxray-dataset.",
    url: "https://github.com/agchung/Actualmed-COVID-chestxray-dataset",
    overlaps: &["covidx"],
    read: |folder, dataset| read(folder, dataset, &ACTUALMED),
};

pub(super) const FIGURE1: Dataset = Dataset {
    name: "figure1",
    title: "Figure 1 COVID-19 Chest X-ray Dataset",
    expects: "the folder of metadata.csv with images/",
    licence: "For research purposes only, says its page; no licence is stated there",
    citation: "Wang L, Wong A, Lin ZQ, et al. Figure 1 COVID-19 Chest X-ray Dataset Initiative. 2020, https://github.com/agchung/Figure1-COVID-chestxray-dataset.",
    url: "https://github.com/agchung/Figure1-COVID-chestxray-dataset",
    overlaps: &["cohen", "covidx"],
    read: |folder, dataset| read(folder, dataset, &FIGURE1),
};

const FINDINGS: [&str; 3] = ["COVID-19", "Pneumonia", NO_FINDING];

/// Figure 1's table has no file column. Films are named after the patient, with a letter if there are
/// several.
fn read(folder: &Path, dataset: &str, source: &'static Dataset) -> Result<DatasetContent, Error> {
    let label_file = folder.join("metadata.csv");
    if !label_file.is_file() {
        return Err(Error::Layout {
            dataset: source.title,
            folder: folder.to_path_buf(),
            problem: "metadata.csv is not in it".into(),
        });
    }
    let table = Table::read(&label_file)?;
    let patient = table.needed(&["patientid"])?;
    let image = table.column(&["imagename"]).unwrap_or(patient);
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
    let mut reading = DatasetContent {
        findings: FINDINGS.map(String::from).to_vec(),
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
        // The datasets write `No finding`; an empty cell means undecided.
        let said = row.cell(finding);
        let named_finding = FINDINGS.into_iter().find(|name| name.eq_ignore_ascii_case(said));
        let findings = match named_finding {
            Some(name) => said_of(name),
            None if said.is_empty() => Findings::Unstated,
            None => return Err(row.fault(finding, "COVID-19, Pneumonia, No finding or nothing")),
        };
        let Some(file) = file else {
            absent.push(row.cell(image).to_string());
            continue;
        };
        let years = age(row.optional(age_column));
        let record = FilmRecord {
            film: named(dataset, films::stem(row.cell(image))),
            file,
            dataset: dataset.to_string(),
            patient: named(dataset, person(row.cell(patient), image == patient)),
            view: row.cell(view).to_string(),
            sex: sex(row.optional(sex_column)),
            age: years.years(),
            findings,
            ..FilmRecord::default()
        };
        if years == Age::Impossible {
            impossible.push(record.film.clone());
        }
        reading.records.push(record);
    }
    reading.set_absent(&absent);
    reading.exclude("finding is blank: inconclusive", |record| {
        record.findings == Findings::Unstated
    });
    reading.keep_frontal(|view| matches!(view, "PA" | "AP" | "AP erect"));
    reading.remark("age cannot be read, taken as unknown", &impossible);
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}

/// The patient of `COVID-00003a` is `COVID-00003`, if the column names films.
fn person(name: &str, of_film: bool) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_lowercase());
    if of_film && stem.ends_with(|c: char| c.is_ascii_digit()) {
        stem
    } else {
        name
    }
}

/// A healthy film has no other finding. The datasets do not say how COVID-19 and pneumonia relate on one
/// film.
fn said_of(name: &str) -> Findings {
    let label = |finding: &str| {
        if finding == name {
            Label::Positive
        } else if name == NO_FINDING || finding == NO_FINDING {
            Label::Negative
        } else {
            Label::Unknown
        }
    };
    Findings::Labelled(
        FINDINGS
            .iter()
            .map(|finding| ((*finding).to_string(), label(finding)))
            .collect(),
    )
}
