//! Any folder with one subfolder a class.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Dataset, DatasetContent, FilmRecord, Findings, films, named};
use crate::Error;
use pleura_manifest::OFFICIAL_SPLIT;

pub(super) const DATASET: Dataset = Dataset {
    name: "folder",
    title: "a folder of class folders",
    expects: "a folder with one folder a class, or with train/, val/, test/ and the class folders below those",
    licence: "",
    citation: "",
    url: "",
    overlaps: &[],
    read,
};

/// Folder names of splits, and their names in the manifest.
const SPLITS: [(&str, &str); 6] = [
    ("train", "train"),
    ("training", "train"),
    ("val", "val"),
    ("valid", "val"),
    ("validation", "val"),
    ("test", "test"),
];

/// The name of a class folder is the finding; a film has only that one. Patients are unknown, so each film
/// counts as one patient. A table of amendments can give patients.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let mut reading = DatasetContent::default();
    let top = folders(folder)?;
    let mut loose = films_in(folder)?;
    let mut classes = Vec::new();
    let (splits, others): (Vec<&PathBuf>, Vec<&PathBuf>) =
        top.iter().partition(|path| split(&films::name(path)).is_some());
    if splits.is_empty() {
        classes.extend(top.iter().map(|class| (class.clone(), None)));
    } else if others.is_empty() {
        for path in splits {
            let split = split(&films::name(path));
            loose.extend(films_in(path)?);
            classes.extend(folders(path)?.into_iter().map(|class| (class, split)));
        }
    } else {
        let [splits, others] = [splits, others].map(|paths| {
            let names: Vec<String> = paths.into_iter().map(|path| films::name(path)).collect();
            names.join(", ")
        });
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: format!(
                "{splits} are named as splits are, but {others} not: move away what is no split, or give classes other names"
            ),
        });
    }
    if classes.is_empty() {
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: "no folders are in it; put the films of each class into a folder named after it".into(),
        });
    }
    let (mut other, mut broken, mut spelt) = (Vec::new(), Vec::new(), Vec::new());
    let mut stems: HashMap<String, usize> = HashMap::new();
    for (class, split) in classes {
        // `COVID`, `Covid` and `COVID ` are one class: in train/ and test/ they would be two.
        let written = films::name(&class);
        let known = |finding: &&String| finding.to_lowercase() == written.trim().to_lowercase();
        let finding = reading.findings.iter().find(known).cloned();
        let finding = finding.unwrap_or_else(|| written.trim().to_owned());
        if finding != written {
            spelt.push(format!("{written:?} is {finding:?}"));
        }
        let files = films::files(std::slice::from_ref(&class))?;
        broken.extend(films::broken_links(std::slice::from_ref(&class))?);
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
            *stems.entry(film.clone()).or_default() += 1;
            let mut record = FilmRecord {
                patient: film.clone(),
                film,
                file,
                dataset: dataset.to_string(),
                findings: Findings::flat([finding.as_str()]),
                ..FilmRecord::default()
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
    // `1.png` and `1.jpg` are two films, and nobody says that they are of one patient.
    for record in &mut reading.records {
        if stems.get(&record.film).is_some_and(|&films| films > 1) {
            let extension = record.file.extension().unwrap_or_default().to_string_lossy();
            record.patient = format!("{}.{extension}", record.film);
        }
    }
    reading.findings.sort();
    reading.listed = reading.records.len();
    reading.remark("file without a film's extension, passed over", &other);
    reading.remark("film in no class's folder, passed over", &loose);
    reading.remark(films::BROKEN, &broken);
    reading.remark("class folder with another spelling", &spelt);
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

/// Subfolders, without hidden ones and the one that macOS adds to archives.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = entries(folder)?;
    folders.retain(|path| path.is_dir() && films::name(path) != "__MACOSX");
    Ok(folders)
}

/// Names of the films directly in a folder.
fn films_in(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for path in entries(folder)? {
        let name = films::name(&path);
        if films::stem(&name) != name && path.is_file() {
            names.push(name);
        }
    }
    Ok(names)
}

/// Entries of a folder that are not hidden, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        if !films::name(&path).starts_with('.') {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}
