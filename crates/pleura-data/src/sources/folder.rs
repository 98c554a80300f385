//! Any folder of class folders.

use std::path::{Path, PathBuf};

use super::{Findings, Reading, Record, Source, films, named};
use crate::{Error, build::OFFICIAL_SPLIT};

pub(super) const SOURCE: Source = Source {
    name: "folder",
    title: "a folder of class folders",
    expects: "a folder with one folder a class, or with train/, val/, test/ and the class folders below those",
    licence: "",
    citation: "",
    url: "",
    overlaps: &[],
    read,
};

/// Names of folders that are splits, and what they are called in the manifest.
const SPLITS: [(&str, &str); 6] = [
    ("train", "train"),
    ("training", "train"),
    ("val", "val"),
    ("valid", "val"),
    ("validation", "val"),
    ("test", "test"),
];

/// The folder's name of each class is its finding; a film has that one and no other. Who the patient is cannot be told from
/// folders, so each film counts as a patient of its own; a table of amendments can say better.
fn read(folder: &Path, dataset: &str) -> Result<Reading, Error> {
    let mut reading = Reading::default();
    let top = folders(folder)?;
    let splits: Option<Vec<&str>> = top.iter().map(|path| split(&films::name(path))).collect();
    let classes = match splits {
        Some(splits) if !splits.is_empty() => {
            let mut classes = Vec::new();
            for (path, split) in top.iter().zip(splits) {
                classes.extend(folders(path)?.into_iter().map(|class| (class, Some(split))));
            }
            classes
        }
        _ => top.into_iter().map(|class| (class, None)).collect(),
    };
    if classes.is_empty() {
        return Err(Error::Layout {
            dataset: SOURCE.title,
            folder: folder.to_path_buf(),
            problem: "no folders are in it; put the films of each class into a folder named after it".into(),
        });
    }
    let mut other = Vec::new();
    for (class, split) in classes {
        let finding = films::name(&class);
        let files = films::files(std::slice::from_ref(&class))?;
        for file in files {
            let file_name = films::name(&file);
            if films::stem(&file_name) == file_name {
                other.push(file_name);
                continue;
            }
            let relative = file
                .strip_prefix(folder)
                .unwrap_or(&file)
                .to_string_lossy()
                .into_owned();
            let film = named(dataset, films::stem(&relative));
            let mut record = Record {
                patient: film.clone(),
                film,
                file,
                dataset: dataset.to_string(),
                findings: Findings::flat([finding.as_str()]),
                ..Record::default()
            };
            if let Some(split) = split {
                record.notes.insert(OFFICIAL_SPLIT.into(), split.into());
            }
            reading.records.push(record);
        }
        if !reading.findings.contains(&finding) {
            reading.findings.push(finding);
        }
    }
    reading.findings.sort();
    reading.listed = reading.records.len();
    reading.remark("file without a film's extension, passed over", &other);
    let films: Vec<String> = reading.records.iter().map(|record| record.film.clone()).collect();
    reading.remark(
        "patient unknown: each film counts as a patient of its own",
        &films,
    );
    Ok(reading)
}

fn split(name: &str) -> Option<&'static str> {
    SPLITS
        .iter()
        .find(|(folder, _)| name.eq_ignore_ascii_case(folder))
        .map(|&(_, split)| split)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("cannot list", folder))? {
        let path = entry.map_err(Error::io("cannot list", folder))?.path();
        if path.is_dir() && !films::name(&path).starts_with('.') {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
