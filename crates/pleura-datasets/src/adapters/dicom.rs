//! Any folder of DICOM files.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use pleura_film::{BodyPart, DecodeOptions, DicomTags, Format};
use rayon::prelude::*;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, age, films, named, sex, starts_frontal};
use crate::Error;

pub(super) const DATASET: Dataset = Dataset {
    name: "dicom",
    title: "a folder of DICOM files",
    expects: "a folder of DICOM files, at any depth, with or without the extension .dcm",
    licence: "",
    citation: "",
    url: "",
    overlaps: &[],
    read,
};

/// The kind of a file.
enum Found {
    Radiograph(Box<FilmRecord>, BodyPart),
    /// A DICOM object that is not a radiograph, with its modality or class.
    Other(String),
    /// A DICOM file that cannot be decoded; the verification reports the reason.
    Unreadable(Box<FilmRecord>),
    /// Not a DICOM file.
    Foreign,
}

/// Films are named by their SOP instance UID. The files have no findings, so all labels are unknown unless a
/// table of amendments gives them. Patients are those of the headers.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let files = films::files(&[folder.to_path_buf()])?;
    let found = files
        .into_par_iter()
        .map(|path| look(&path, dataset).map(|found| (path, found)))
        .collect::<Result<Vec<(PathBuf, Found)>, Error>>()?;

    let mut reading = DatasetContent::default();
    let (mut foreign, mut other, mut nobody) = (Vec::new(), Vec::new(), Vec::new());
    let mut elsewhere = HashSet::new();
    for (path, found) in found {
        match found {
            Found::Radiograph(record, part) => {
                if part == BodyPart::Other {
                    elsewhere.insert(record.film.clone());
                }
                if record.patient == record.film {
                    nobody.push(record.film.clone());
                }
                reading.records.push(*record);
            }
            Found::Unreadable(record) => reading.records.push(*record),
            Found::Other(what) => other.push(format!("{} ({what})", films::name(&path))),
            Found::Foreign => foreign.push(films::name(&path)),
        }
    }
    reading.listed = reading.records.len() + other.len();
    let left = reading.records.len();
    reading.exclude_listed("no radiograph (modality or class)", &other, left);
    reading.exclude("body part is not the chest", |record| {
        elsewhere.contains(&record.film)
    });
    reading.keep_frontal(starts_frontal);
    reading.remark("no DICOM file, passed over", &foreign);
    reading.remark(films::BROKEN, &films::broken_links(&[folder.to_path_buf()])?);
    reading.remark("no patient ID: the film counts as a patient of its own", &nobody);
    Ok(reading)
}

fn look(path: &Path, dataset: &str) -> Result<Found, Error> {
    if !is_dicom(path)? {
        return Ok(Found::Foreign);
    }
    let options = DecodeOptions::default();
    let name = films::name(path);
    let unreadable = || {
        let film = named(dataset, films::stem(&name));
        let (patient, dataset) = (film.clone(), dataset.to_string());
        Found::Unreadable(Box::new(FilmRecord {
            film,
            file: path.to_path_buf(),
            patient,
            dataset,
            ..FilmRecord::default()
        }))
    };
    let Ok(bytes) = pleura_manifest::image_file::read(path, &options) else {
        return Ok(unreadable());
    };
    Ok(match pleura_film::decode(&bytes, &name, &options) {
        Ok(film) => match film.source.dicom {
            Some(tags) => Found::Radiograph(Box::new(record(path, dataset, &tags)), tags.part()),
            None => Found::Foreign,
        },
        Err(pleura_film::Error::Modality { modality, .. }) => Found::Other(modality),
        Err(pleura_film::Error::NoPixels { what, .. }) => Found::Other(what.to_string()),
        Err(_) => unreadable(),
    })
}

/// True for the content of a DICOM file, with or without preamble, or the extension `.dcm`.
fn is_dicom(path: &Path) -> Result<bool, Error> {
    let mut head = Vec::with_capacity(132);
    let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    file.take(132)
        .read_to_end(&mut head)
        .map_err(Error::io("read", path))?;
    let extension = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("dcm"));
    Ok(extension || Format::of(&head) == Some(Format::Dicom))
}

fn record(path: &Path, dataset: &str, tags: &DicomTags) -> FilmRecord {
    let text = |value: &Option<String>| value.as_deref().map(str::trim).unwrap_or_default().to_string();
    let instance = text(&tags.sop_instance);
    let name = films::name(path);
    let film = named(
        dataset,
        if instance.is_empty() {
            films::stem(&name)
        } else {
            &instance
        },
    );
    let patient = text(&tags.patient);
    let mut record = FilmRecord {
        patient: if patient.is_empty() {
            film.clone()
        } else {
            named(dataset, &patient)
        },
        film,
        file: path.to_path_buf(),
        dataset: dataset.to_string(),
        study: text(&tags.study),
        view: text(&tags.view),
        sex: sex(&text(&tags.sex)),
        age: tags.age_years.and_then(|years| match age(&years.to_string()) {
            Age::Years(years) => Some(years),
            Age::Blank | Age::Impossible => None,
        }),
        findings: Findings::Unstated,
        ..FilmRecord::default()
    };
    for (note, value) in [
        ("manufacturer", &tags.manufacturer),
        ("model", &tags.model),
        ("modality", &tags.modality),
    ] {
        record.notes.insert(note.into(), text(value));
    }
    record
}
