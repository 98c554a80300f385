//! `CheXpert`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, age, films, named, sex};
use crate::Error;
use crate::table::{Table, TableRow};
use pleura_manifest::{Cell as _, Label, OFFICIAL_SPLIT};

pub(super) const DATASET: Dataset = Dataset {
    name: "chexpert",
    title: "CheXpert",
    expects: "the folder of train.csv and valid.csv with train/ and valid/",
    licence: "Research Use Agreement of Stanford University (see the page)",
    citation: "Irvin J, Rajpurkar P, Ko M, et al. CheXpert: A Large Chest Radiograph Dataset with Uncertainty Labels and Expert \
               Comparison. AAAI 2019.",
    url: "https://stanfordmlgroup.github.io/competitions/chexpert/",
    overlaps: &[],
    read,
};

/// The 14 observations, in the tables' order.
pub(super) const OBSERVATIONS: [&str; 14] = [
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
];

/// The tables, their folders, and their splits in the manifest.
const TABLES: [(&str, &str, &str); 2] = [("train.csv", "train", "train"), ("valid.csv", "valid", "val")];

/// Uncertain labels stay uncertain: the recipe chooses the policy (ignore, zeros, ones).
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let tables: Vec<_> = TABLES
        .into_iter()
        .map(|(table, films, split)| (folder.join(table), films, split))
        .filter(|(table, ..)| table.is_file())
        .collect();
    if tables.is_empty() {
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: "neither train.csv nor valid.csv is in it".into(),
        });
    }
    let mut reading = DatasetContent {
        findings: OBSERVATIONS.map(String::from).to_vec(),
        ..DatasetContent::default()
    };
    let (mut absent, mut impossible) = (Vec::new(), Vec::new());
    let mut claimed = HashSet::new();
    for (path, _, split) in &tables {
        let table = Table::read(path)?;
        let columns = Columns::of(&table)?;
        for row in table.rows() {
            reading.listed += 1;
            let (place, years, mut record) = columns.row(row, dataset)?;
            // Every study has a view1_frontal.jpg: only the whole path is unique.
            let file = folder.join(&place);
            if !file.is_file() {
                absent.push(place.display().to_string());
                continue;
            }
            claimed.insert(file.clone());
            if years == Age::Impossible {
                impossible.push(record.film.clone());
            }
            record.file = file;
            record.notes.insert(OFFICIAL_SPLIT.into(), (*split).into());
            reading.records.push(record);
        }
        reading.files.push(path.clone());
    }
    reading.set_absent(&absent);
    reading.keep_frontal(|view| matches!(view, "PA" | "AP"));
    reading.remark("age impossible, taken as unknown", &impossible);
    let folders: Vec<PathBuf> = tables
        .iter()
        .map(|(_, films, _)| folder.join(films))
        .filter(|films| films.is_dir())
        .collect();
    let unlisted = films::find(&folders)?
        .into_iter()
        .filter(|film| !claimed.contains(film))
        .collect();
    reading.set_unlisted(unlisted);
    Ok(reading)
}

struct Columns {
    path: usize,
    sex: Option<usize>,
    age: Option<usize>,
    side: usize,
    view: Option<usize>,
    observations: Vec<(&'static str, usize)>,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, Error> {
        let observation = |name: &'static str| Ok((name, table.needed(&[name])?));
        Ok(Self {
            path: table.needed(&["Path"])?,
            sex: table.column(&["Sex"]),
            age: table.column(&["Age"]),
            side: table.needed(&["Frontal/Lateral"])?,
            view: table.column(&["AP/PA"]),
            observations: OBSERVATIONS
                .into_iter()
                .map(observation)
                .collect::<Result<_, Error>>()?,
        })
    }

    /// The film's path below the dataset's folder, its age, and the other cells.
    fn row(&self, row: TableRow<'_>, dataset: &str) -> Result<(PathBuf, Age, FilmRecord), Error> {
        // The first element is the release's name, whatever the folder's name is.
        let elements: Vec<&str> = row.cell(self.path).split('/').collect();
        let [_, split, patient, study, film] = elements[..] else {
            let expected = "CheXpert-v1.0/SPLIT/PATIENT/STUDY/FILM";
            return Err(row.fault(self.path, expected));
        };
        if elements.iter().any(|element| matches!(*element, "" | "." | "..")) {
            return Err(row.fault(self.path, "a path below the dataset's folder"));
        }
        let years = age(row.optional(self.age));
        let mut labels = BTreeMap::new();
        for &(name, column) in &self.observations {
            labels.insert(name.to_string(), observation(row, column)?);
        }
        let frontal = row.cell(self.side).eq_ignore_ascii_case("frontal");
        let view = row.optional(self.view);
        let record = FilmRecord {
            film: named(dataset, &format!("{patient}-{study}-{}", films::stem(film))),
            dataset: dataset.to_string(),
            patient: named(dataset, patient),
            study: format!("{patient}-{study}"),
            view: if frontal { view } else { "lateral" }.to_string(),
            sex: sex(row.optional(self.sex)),
            age: years.years(),
            findings: Findings::Labelled(labels),
            ..FilmRecord::default()
        };
        Ok((
            Path::new(split).join(patient).join(study).join(film),
            years,
            record,
        ))
    }
}

/// The label of a cell.
pub(super) fn observation(row: TableRow<'_>, column: usize) -> Result<Label, Error> {
    Label::from_cell(row.cell(column)).ok_or_else(|| row.fault(column, "1.0, 0.0, -1.0 or nothing"))
}
