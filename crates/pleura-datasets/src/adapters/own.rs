//! The product's own manifest, complete or as a draft.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Dataset, DatasetContent, FilmRecord, Findings};
use crate::Error;
use pleura_manifest::{Label, Manifest, Masks, Strictness};

/// Name of this adapter.
pub const NAME: &str = "manifest";

pub(super) const DATASET: Dataset = Dataset {
    name: NAME,
    title: "a pleura manifest",
    expects: "a CSV with at least the columns path and patient, and one column a finding",
    licence: "",
    citation: "",
    url: "",
    overlaps: &[],
    read,
};

/// Rows keep film and patient names, datasets, splits, masks and notes. A row without a dataset gets
/// `dataset`.
fn read(path: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let manifest = Manifest::read_as(path, Strictness::Draft)?;
    let mut reading = DatasetContent {
        findings: manifest.findings.clone(),
        listed: manifest.rows.len(),
        files: vec![path.to_path_buf()],
        ..DatasetContent::default()
    };
    let mut absent = Vec::new();
    for row in &manifest.rows {
        let file = manifest.file(row);
        if !file.is_file() {
            absent.push(row.film.clone());
            continue;
        }
        let named = |text: &str| {
            if text.is_empty() {
                dataset.to_string()
            } else {
                text.to_string()
            }
        };
        let labels: BTreeMap<String, Label> = manifest
            .findings
            .iter()
            .cloned()
            .zip(row.labels.iter().copied())
            .collect();
        let notes = (manifest.notes.iter().cloned())
            .zip(row.notes.iter().cloned())
            .collect();
        let mask = |path: &Option<std::path::PathBuf>| path.as_deref().map(|path| manifest.locate(path));
        reading.records.push(FilmRecord {
            film: row.film.clone(),
            file,
            sha256: (!row.sha256.is_empty()).then(|| row.sha256.clone()),
            dataset: named(&row.dataset),
            patient: row.patient.clone(),
            study: row.study.clone(),
            view: row.view.clone(),
            sex: row.sex,
            age: row.age,
            split: row.split,
            findings: Findings::of_row(labels, &notes),
            masks: Masks {
                lung: mask(&row.masks.lung),
                lesion: mask(&row.masks.lesion),
                text: mask(&row.masks.text),
            },
            notes,
        });
    }
    reading.set_absent(&absent);
    Ok(reading)
}
