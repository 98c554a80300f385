//! MIMIC-CXR-JPG.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::chexpert::{OBSERVATIONS, observation};
use super::{Dataset, DatasetContent, FilmRecord, Findings, films, named};
use crate::Error;
use crate::table::Table;
use pleura_manifest::Label;
use pleura_manifest::OFFICIAL_SPLIT;

pub(super) const DATASET: Dataset = Dataset {
    name: "mimic",
    title: "MIMIC-CXR-JPG",
    expects: "the folder of mimic-cxr-2.…-metadata.csv, -chexpert.csv and, where there is one, -split.csv (packed or not) with files/",
    licence: "PhysioNet, credentialed access under a data use agreement (see the page)",
    citation: "Johnson AEW, Lungren M, Peng Y, et al. MIMIC-CXR-JPG - chest radiographs with structured labels. PhysioNet 2024, doi \
               10.13026/jsn5-t979; Johnson AEW, Pollard TJ, Berkowitz SJ, et al. MIMIC-CXR, a de-identified publicly available database of \
               chest radiographs with free-text reports. Scientific Data 2019;6:317.",
    url: "https://physionet.org/content/mimic-cxr-jpg/",
    overlaps: &[],
    read,
};

/// Labels are of a study, taken from its report as in `CheXpert`. Ages and sexes are in another database.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let find = |end: &str| table(folder, end);
    let needed = |end: &str| {
        find(end)?.ok_or_else(|| Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: format!("no mimic-cxr-2.…{end}.csv or .csv.gz is in it"),
        })
    };
    let (metadata, chexpert, split) = (needed("-metadata")?, needed("-chexpert")?, find("-split")?);
    let labels = studies(&Table::read(&chexpert)?)?;
    let splits = match &split {
        Some(path) => splits(&Table::read(path)?)?,
        None => HashMap::new(),
    };
    let table = Table::read(&metadata)?;
    let column = |name: &str| table.needed(&[name]);
    let (film, subject, study) = (column("dicom_id")?, column("subject_id")?, column("study_id")?);
    let view = column("ViewPosition")?;
    let mut reading = DatasetContent {
        findings: OBSERVATIONS.map(String::from).to_vec(),
        listed: table.rows().len(),
        files: [Some(metadata), Some(chexpert), split]
            .into_iter()
            .flatten()
            .collect(),
        ..DatasetContent::default()
    };
    let mut absent = Vec::new();
    let mut claimed = HashSet::new();
    for row in table.rows() {
        let [name, patient, session] = [film, subject, study].map(|column| row.cell(column));
        for (column, cell) in [(film, name), (subject, patient), (study, session)] {
            let safe = cell
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if cell.is_empty() || !safe {
                return Err(row.fault(column, "letters, digits and hyphens"));
            }
        }
        let place = folder
            .join("files")
            .join(format!("p{}", patient.get(..2).unwrap_or(patient)))
            .join(format!("p{patient}"))
            .join(format!("s{session}"))
            .join(format!("{name}.jpg"));
        if !place.is_file() {
            absent.push(name.to_string());
            continue;
        }
        claimed.insert(place.clone());
        let mut record = FilmRecord {
            film: named(dataset, name),
            file: place,
            dataset: dataset.to_string(),
            patient: named(dataset, patient),
            study: session.to_string(),
            view: row.cell(view).to_string(),
            findings: match labels.get(session) {
                Some(labels) => Findings::Labelled(labels.clone()),
                None => Findings::Unstated,
            },
            ..FilmRecord::default()
        };
        if let Some(split) = splits.get(name) {
            record.notes.insert(OFFICIAL_SPLIT.into(), (*split).into());
        }
        reading.records.push(record);
    }
    reading.set_absent(&absent);
    reading.keep_frontal(|view| matches!(view, "PA" | "AP"));
    reading.exclude("its study has no label", |record| {
        record.findings == Findings::Unstated
    });
    let files = folder.join("files");
    let found = if files.is_dir() {
        films::find(&[files])?
    } else {
        Vec::new()
    };
    reading.set_unlisted(found.into_iter().filter(|film| !claimed.contains(film)).collect());
    Ok(reading)
}

/// The newest release of a table such as `mimic-cxr-2.0.0-metadata.csv.gz`.
fn table(folder: &Path, end: &str) -> Result<Option<PathBuf>, Error> {
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = films::name(&path);
        let stem = name.strip_suffix(".gz").unwrap_or(&name).strip_suffix(".csv");
        if stem.is_some_and(|stem| stem.starts_with("mimic-cxr-2.") && stem.ends_with(end)) {
            tables.push(path);
        }
    }
    tables.sort();
    Ok(tables.pop())
}

fn studies(table: &Table) -> Result<HashMap<String, BTreeMap<String, Label>>, Error> {
    let study = table.needed(&["study_id"])?;
    let columns = OBSERVATIONS
        .into_iter()
        .map(|name| Ok((name, table.needed(&[name])?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut studies = HashMap::new();
    for row in table.rows() {
        let mut labels = BTreeMap::new();
        for &(name, column) in &columns {
            labels.insert(name.to_string(), observation(row, column)?);
        }
        row.insert_once(&mut studies, study, row.cell(study), labels)?;
    }
    Ok(studies)
}

fn splits(table: &Table) -> Result<HashMap<String, &'static str>, Error> {
    let (film, split) = (table.needed(&["dicom_id"])?, table.needed(&["split"])?);
    let mut splits = HashMap::new();
    for row in table.rows() {
        let name = match row.cell(split) {
            "train" => "train",
            "validate" => "val",
            "test" => "test",
            _ => return Err(row.fault(split, "train, validate or test")),
        };
        row.insert_once(&mut splits, split, row.cell(film), name)?;
    }
    Ok(splits)
}
