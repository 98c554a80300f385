//! Films that are in two folders of one dataset.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use pleura_core::sha256;
use pleura_film::DecodeOptions;
use pleura_manifest::image_file;

use super::BuildInput;
use crate::adapters::repeated::contradict;
use crate::adapters::{DatasetContent, OWN};

/// Leaves out films that an earlier folder of the same dataset has too, and films whose rows in two folders
/// contradict each other.
///
/// Publishers give a film one name, so films of one name are one. In folders of a user's own, files of one name
/// are one film only if they are equal; others get the number of their folder.
pub(super) fn join(inputs: &[BuildInput], readings: &mut [DatasetContent]) {
    let mut sets: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (number, input) in inputs.iter().enumerate() {
        // Films of a manifest have names of their own.
        if input.dataset.name != OWN {
            sets.entry((&input.name, input.dataset.name))
                .or_default()
                .push(number);
        }
    }
    for folders in sets.into_values().filter(|folders| folders.len() > 1) {
        if inputs[folders[0]].dataset.url.is_empty() {
            tell_apart(&folders, readings);
        }
        let contradicted = contradicted(&folders, readings);
        let mut seen: HashSet<String> = HashSet::new();
        for number in folders {
            let reading = &mut readings[number];
            reading.exclude("in an earlier folder of this dataset too", |record| {
                seen.contains(&record.film) && !contradicted.contains(&record.film)
            });
            reading.exclude(
                "in two folders of this dataset, whose rows contradict each other",
                |record| contradicted.contains(&record.film),
            );
            seen.extend(reading.records.iter().map(|record| record.film.clone()));
        }
    }
}

/// Films that two folders describe differently.
fn contradicted(folders: &[usize], readings: &[DatasetContent]) -> HashSet<String> {
    let mut first = HashMap::new();
    let mut contradicted = HashSet::new();
    for &number in folders {
        for record in &readings[number].records {
            let (folder, earlier) = *first.entry(&record.film).or_insert((number, record));
            if folder != number && contradict(earlier, record) {
                contradicted.insert(record.film.clone());
            }
        }
    }
    contradicted
}

/// Renames files of one name and different content. A film that is a patient of its own stays one.
fn tell_apart(folders: &[usize], readings: &mut [DatasetContent]) {
    let mut first: HashMap<String, Option<String>> = HashMap::new();
    for (&number, place) in folders.iter().zip(1..) {
        let mut here = Vec::new();
        let mut renamed = Vec::new();
        for record in &mut readings[number].records {
            let name = record.film.clone();
            if let Some(earlier) = first.get(&name)
                && (earlier.is_none() || *earlier != digest(&record.file))
            {
                record.film = format!("{name}-{place}");
                if record.patient == name {
                    record.patient.clone_from(&record.film);
                }
                renamed.push(format!("{name} is {}", record.film));
                continue;
            }
            here.push((name, digest(&record.file)));
        }
        first.extend(here);
        readings[number].remark(
            "another film has this name in an earlier folder, so it gets the folder's number",
            &renamed,
        );
    }
}

/// `None` for a file that cannot be read; the verification reports it.
fn digest(file: &Path) -> Option<String> {
    let bytes = image_file::read(file, &DecodeOptions::default()).ok()?;
    Some(sha256::hex(&bytes))
}
