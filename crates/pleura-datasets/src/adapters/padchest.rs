//! `PadChest`.

use std::path::{Path, PathBuf};

use pleura_core::table::is_missing;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, films, list, named, repeated, sex};
use crate::Error;
use crate::table::{Table, TableRow};
use pleura_manifest::{MAX_AGE, NO_FINDING};

pub(super) const DATASET: Dataset = Dataset {
    name: "padchest",
    title: "PadChest",
    expects: "the folder of PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv (or .csv.gz) with the films, in folders or not",
    licence: "see https://bimcv.cipf.es/bimcv-projects/padchest/",
    citation: "Bustos A, Pertusa A, Salinas JM, de la Iglesia-Vayá M. PadChest: A large chest x-ray image dataset with multi-label annotated \
               reports. Medical Image Analysis 2020;66:101797.",
    url: "https://bimcv.cipf.es/bimcv-projects/padchest/",
    overlaps: &[],
    read,
};

/// Prefix of the table's name in all releases.
const TABLE: &str = "PADCHEST_chest_x_ray_images_labels";

/// Frontal projections.
const FRONTAL: [&str; 3] = ["PA", "AP", "AP_horizontal"];

/// Labels with other names in other datasets, so that one class map fits all.
pub(super) const NAMES: [(&str, &str); 3] = [
    ("normal", NO_FINDING),
    ("pneumonia", "Pneumonia"),
    ("COVID 19", "COVID-19"),
];

/// Labels that only compare with an earlier film.
pub(super) const UNCHANGED: &str = "unchanged";

/// Labels of reports without information.
pub(super) const EXCLUDE: [&str; 2] = ["exclude", "Exclude"];

/// The product's name of a label.
pub(super) fn finding(label: &str) -> &str {
    let known = NAMES.iter().find(|(theirs, _)| *theirs == label);
    known.map_or(label, |(_, ours)| ours)
}

fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let label_file = table(folder)?.ok_or_else(|| Error::Layout {
        dataset: DATASET.title,
        folder: folder.to_path_buf(),
        problem: format!("no {TABLE}….csv is in it"),
    })?;
    let table = Table::read(&label_file)?;
    let columns = Columns::of(&table)?;
    let names: Vec<&str> = table.rows().map(|row| row.cell(columns.name)).collect();
    let matched = films::match_names(&names, &films::find(&[folder.to_path_buf()])?);
    let mut reading = DatasetContent {
        listed: names.len(),
        files: vec![label_file],
        ..DatasetContent::default()
    };
    let (mut absent, mut cut_off, mut impossible) = (Vec::new(), Vec::new(), Vec::new());
    for (row, file) in table.rows().zip(matched.files) {
        let read = columns.row(row, dataset)?;
        let Some(file) = file else {
            absent.push(row.cell(columns.name).to_string());
            continue;
        };
        let Some((years, mut record)) = read else {
            cut_off.push(row.cell(columns.name).to_string());
            continue;
        };
        if years == Age::Impossible {
            impossible.push(record.film.clone());
        }
        record.file = file;
        reading.records.push(record);
    }
    let left = reading.records.len();
    reading.exclude_listed("listed, but no film here", &absent, left + cut_off.len());
    reading.exclude_listed("its list of labels breaks off", &cut_off, left);
    repeated::join(&mut reading);
    reading.exclude("view is not frontal", |record| {
        !FRONTAL.contains(&record.view.as_str())
    });
    reading.exclude("labels are blank, which is not normal", |record| {
        record.findings == Findings::Unstated
    });
    reading.exclude("report is marked to be left out", |record| {
        EXCLUDE.iter().any(|label| record.findings.has(label))
    });
    // A report that only states "no change" has no findings.
    reading.exclude("report says no more than that nothing changed", |record| {
        record.findings.present().is_empty()
    });
    reading.exclude("No Finding beside another finding", |record| {
        record.findings.contradicts_itself()
    });
    reading.remark("age impossible, taken as unknown", &impossible);
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}

fn table(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = films::name(&path);
        if name.starts_with(TABLE) && films::is_table(&name) {
            tables.push(path);
        }
    }
    tables.sort();
    Ok(tables.pop())
}

struct Columns {
    name: usize,
    patient: usize,
    study: Option<usize>,
    date: Option<usize>,
    birth: Option<usize>,
    sex: Option<usize>,
    view: usize,
    labels: usize,
    method: Option<usize>,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, Error> {
        Ok(Self {
            name: table.needed(&["ImageID"])?,
            patient: table.needed(&["PatientID"])?,
            study: table.column(&["StudyID"]),
            date: table.column(&["StudyDate_DICOM"]),
            birth: table.column(&["PatientBirth"]),
            sex: table.column(&["PatientSex_DICOM"]),
            view: table.needed(&["Projection"])?,
            labels: table.needed(&["Labels"])?,
            method: table.column(&["MethodLabel"]),
        })
    }

    /// The film of a row. Rows with a truncated list of labels are left out: any finding may be missing.
    fn row(&self, row: TableRow<'_>, dataset: &str) -> Result<Option<(Age, FilmRecord)>, Error> {
        for column in [self.name, self.patient] {
            if row.cell(column).is_empty() {
                return Err(row.fault(column, "an identifier"));
            }
        }
        let text = row.cell(self.labels);
        let labels = match list::elements(text) {
            Some(labels) => labels,
            None if is_missing(text) => Vec::new(),
            None if text.starts_with('[') => return Ok(None),
            None => return Err(row.fault(self.labels, "a list such as ['normal'], or nothing")),
        };
        let findings = if labels.is_empty() {
            Findings::Unstated
        } else {
            Findings::flat(
                labels
                    .iter()
                    .filter(|label| *label != UNCHANGED)
                    .map(|label| finding(label)),
            )
        };
        let years = years(row.optional(self.date), row.optional(self.birth));
        let mut record = FilmRecord {
            film: named(dataset, films::stem(row.cell(self.name))),
            dataset: dataset.to_string(),
            patient: named(dataset, row.cell(self.patient)),
            study: row.optional(self.study).to_string(),
            view: row.cell(self.view).to_string(),
            sex: sex(row.optional(self.sex)),
            age: years.years(),
            findings,
            ..FilmRecord::default()
        };
        if self.method.is_some() {
            record
                .notes
                .insert("labelled_by".into(), row.optional(self.method).into());
        }
        Ok(Some((years, record)))
    }
}

/// Age as year of the study minus year of birth; exact to one year.
fn years(date: &str, birth: &str) -> Age {
    let year = |text: &str| text.get(..4).and_then(|year| year.parse::<u16>().ok());
    match (year(date), year(birth)) {
        (Some(date), Some(birth)) => {
            let years = f32::from(date) - f32::from(birth);
            if (0.0..=MAX_AGE).contains(&years) {
                Age::Years(years)
            } else {
                Age::Impossible
            }
        }
        _ => Age::Blank,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_come_from_two_years() {
        assert_eq!(years("20140915", "1930.0"), Age::Years(84.0));
        assert_eq!(years("20140915", "2030"), Age::Impossible);
        assert_eq!(years("", "1930"), Age::Blank);
        assert_eq!(years("2014é", "x"), Age::Blank);
    }
}
