//! Opens every film once before it enters a manifest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use pleura_core::sha256;
use pleura_film::DecodeOptions;
use rayon::prelude::*;

use pleura_manifest::{CONTRAST, Exclusion, ManifestFolder, PIXELS, Remark, image_file};

use crate::Error;
use crate::adapters::{DatasetContent, FilmRecord};

/// The remark about films without contrast.
const NO_CONTRAST: &str = "films without contrast: training leaves them out (column note:contrast)";

/// Films with equal pixels.
pub(super) struct Identical {
    pub(super) step: Option<Exclusion>,
    pub(super) remarks: Vec<Remark>,
}

/// Digests and decodes every film, leaves out unreadable ones, and finds those with equal pixels.
pub(super) fn verify(
    readings: &mut [DatasetContent],
    drop_identical: bool,
    out: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Identical, Error> {
    let place = ManifestFolder::of_file(out)?;
    let total = readings.iter().map(|reading| reading.records.len()).sum();
    let done = Mutex::new(0);
    let count = || {
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += 1;
        progress(*done, total);
    };
    for reading in readings.iter_mut() {
        let faults: Vec<(String, String)> = reading
            .records
            .par_iter_mut()
            .map(|record| {
                let fault = open(record, &place);
                count();
                fault
            })
            .collect::<Result<Vec<_>, Error>>()?
            .into_iter()
            .flatten()
            .collect();
        let unreadable: HashSet<&str> = faults.iter().map(|(film, _)| film.as_str()).collect();
        reading.exclude("cannot be read as a film", |record| {
            unreadable.contains(record.film.as_str())
        });
        let reasons: Vec<String> = faults.iter().map(|(_, reason)| reason.clone()).collect();
        reading.remark("why films cannot be read", &reasons);
        let without_contrast: Vec<String> = reading
            .records
            .iter()
            .filter_map(|record| Some(format!("{}: {}", record.film, record.notes.get(CONTRAST)?)))
            .collect();
        reading.remark(NO_CONTRAST, &without_contrast);
    }
    Ok(find_identical(readings, drop_identical))
}

/// Records a film's digests. Returns its name and the reason if it cannot be read.
fn open(record: &mut FilmRecord, place: &ManifestFolder) -> Result<Option<(String, String)>, Error> {
    if place.path(&record.file)?.to_str().is_none() {
        let reason = format!(
            "{}: the name is not UTF-8, which a table needs; rename the file or its folder",
            record.file.display()
        );
        return Ok(Some((record.film.clone(), reason)));
    }
    match image_file::open(&record.film, &record.file, &DecodeOptions::default()) {
        Ok((sha256, film)) => {
            if let Some(expected) = record
                .sha256
                .replace(sha256.clone())
                .filter(|expected| *expected != sha256)
            {
                let (film, path) = (record.film.clone(), record.file.clone());
                return Err(pleura_manifest::Error::Changed {
                    film,
                    path,
                    found: sha256,
                    expected,
                }
                .into());
            }
            record
                .notes
                .insert(PIXELS.into(), sha256::to_hex(&pleura_film::pixel_digest(&film)));
            record.notes.remove(CONTRAST);
            if let Some(fault) = film.source.contrast.fault() {
                record.notes.insert(CONTRAST.into(), fault.to_string());
            }
            Ok(None)
        }
        Err(error) => Ok(Some((record.film.clone(), error.to_string()))),
    }
}

fn find_identical(readings: &mut [DatasetContent], drop: bool) -> Identical {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in readings.iter().flat_map(|reading| &reading.records) {
        if let Some(pixels) = record.notes.get(PIXELS) {
            groups
                .entry(pixels.clone())
                .or_default()
                .push(record.film.clone());
        }
    }
    let identical: Vec<String> = groups
        .values()
        .filter(|films| films.len() > 1)
        .map(|films| films.join(" = "))
        .collect();
    let remarks = Remark::of("films with equal pixels", &identical)
        .into_iter()
        .collect();
    if !drop {
        return Identical { step: None, remarks };
    }
    let mut seen = HashSet::new();
    let (mut gone, mut left) = (Vec::new(), 0);
    for reading in readings.iter_mut() {
        reading.records.retain(|record| {
            let first = record
                .notes
                .get(PIXELS)
                .is_none_or(|pixels| seen.insert(pixels.clone()));
            if !first {
                gone.push(record.film.clone());
            }
            first
        });
        left += reading.records.len();
    }
    let excluded = gone.len();
    gone.truncate(5);
    let reason = "pixels equal to an earlier film's".to_string();
    Identical {
        step: Some(Exclusion {
            reason,
            excluded,
            left,
            examples: gone,
        }),
        remarks,
    }
}

/// Makes names unique: `a.png` and `a.jpg`, or one manifest given twice, give the same name.
pub(super) fn unique_names(readings: &mut [DatasetContent]) {
    let mut count: HashMap<String, usize> = HashMap::new();
    for record in readings.iter().flat_map(|reading| &reading.records) {
        *count.entry(record.film.clone()).or_default() += 1;
    }
    let mut taken: HashSet<String> = count.keys().cloned().collect();
    for reading in readings {
        for record in reading
            .records
            .iter_mut()
            .filter(|record| count[&record.film] > 1)
        {
            let extension = record
                .file
                .extension()
                .map(|extension| extension.to_string_lossy().into_owned());
            let with_extension = extension.map(|extension| format!("{}.{extension}", record.film));
            let numbered = (2..).map(|number: usize| format!("{}-{number}", record.film));
            let free = with_extension
                .into_iter()
                .chain(numbered)
                .find(|name| !taken.contains(name));
            if let Some(name) = free {
                taken.insert(name.clone());
                record.film = name;
            }
        }
    }
}
