//! Films that a dataset lists twice, or that are in two of its folders.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::BuildInput;
use crate::adapters::{DatasetContent, FilmRecord, OWN};

/// Joins the rows of a film that is listed more than once. Rows that agree on patient and findings are one.
/// If they do not, nobody can tell which is right, and the film is left out.
pub(super) fn listed_twice(reading: &mut DatasetContent) {
    let mut first: HashMap<PathBuf, usize> = HashMap::new();
    let (mut again, mut contradicted) = (HashSet::new(), HashSet::new());
    for (place, record) in reading.records.iter().enumerate() {
        let earlier = *first.entry(record.file.clone()).or_insert(place);
        if earlier != place {
            again.insert(place);
            if !agree(&reading.records[earlier], record) {
                contradicted.insert(record.file.clone());
            }
        }
    }
    if again.is_empty() {
        return;
    }
    let mut place = 0;
    let mut examples = Vec::new();
    reading.records.retain(|record| {
        place += 1;
        let once = !again.contains(&(place - 1));
        if !once && !contradicted.contains(&record.file) {
            examples.push(record.film.clone());
        }
        once
    });
    let left = reading.records.len();
    reading.exclude_listed("listed again with the same patient and findings", &examples, left);
    reading.exclude("listed twice, and the rows contradict each other", |record| {
        contradicted.contains(&record.file)
    });
}

fn agree(one: &FilmRecord, other: &FilmRecord) -> bool {
    let mut findings = [one.findings.present(), other.findings.present()];
    for paths in &mut findings {
        paths.sort();
    }
    one.patient == other.patient && findings[0] == findings[1]
}

/// Leaves out films that an earlier folder of the same dataset has too. Films of one name are one film there.
pub(super) fn in_several_folders(inputs: &[BuildInput], readings: &mut [DatasetContent]) {
    let mut seen: HashSet<String> = HashSet::new();
    for (number, input) in inputs.iter().enumerate() {
        let others = inputs.iter().enumerate();
        let shared = others
            .filter(|&(other, _)| other != number)
            .any(|(_, other)| other.name == input.name && other.dataset.name == input.dataset.name);
        // Films of a manifest have names of their own.
        if !shared || input.dataset.name == OWN {
            continue;
        }
        let reading = &mut readings[number];
        reading.exclude("in an earlier folder of this dataset too", |record| {
            seen.contains(&record.film)
        });
        seen.extend(reading.records.iter().map(|record| record.film.clone()));
    }
}
