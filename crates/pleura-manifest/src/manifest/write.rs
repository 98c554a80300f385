//! A manifest to CSV, and its digest.

use std::path::Path;

use pleura_core::fs::write_atomic_with;
use pleura_core::sha256;

use super::{COLUMNS, Cell, MASK_COLUMNS, Manifest, NOTE_PREFIX, Row};
use crate::Error;

impl Manifest {
    /// Writes the manifest as CSV, whole or not at all. Mask columns are written where any row has one.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let masks = self.mask_columns();
        Ok(write_atomic_with(path, |out| {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(self.header(&masks))?;
            for row in &self.rows {
                writer.write_record(self.record(row, &masks)?)?;
            }
            writer.flush()
        })?)
    }

    /// SHA-256 of what the films are and say: every column but the places of files (`path`, masks) and the notes.
    ///
    /// A film is known by its own digest, so moving the folder or adding a note leaves this unchanged; another
    /// film, label, split or order does not.
    pub fn digest(&self) -> String {
        rows_digest(self, &(0..self.rows.len()).collect::<Vec<_>>())
    }

    /// The digest of some rows alone, for instance of the test split.
    pub fn digest_of(&self, rows: &[usize]) -> String {
        rows_digest(self, rows)
    }

    /// SHA-256 of which films some rows are, whatever their order and labels: the same films in another manifest have the same. A film
    /// is known by its file's digest, or by dataset and name where the manifest has none.
    pub fn films_digest(&self, rows: &[usize]) -> String {
        let mut films: Vec<String> = rows
            .iter()
            .map(|&row| &self.rows[row])
            .map(|row| {
                if row.sha256.is_empty() {
                    format!("{} {}", row.dataset, row.film)
                } else {
                    row.sha256.clone()
                }
            })
            .collect();
        films.sort_unstable();
        let mut hash = sha256::Hasher::new();
        for film in std::iter::once("pleura films 1").chain(films.iter().map(String::as_str)) {
            hash.update_part(film);
        }
        hash.hex()
    }

    fn header(&self, masks: &[usize]) -> Vec<String> {
        let mut header: Vec<String> = COLUMNS.iter().map(ToString::to_string).collect();
        header.extend(self.findings.iter().cloned());
        header.extend(masks.iter().map(|&mask| MASK_COLUMNS[mask].to_string()));
        header.extend(self.notes.iter().map(|note| format!("{NOTE_PREFIX}{note}")));
        header
    }

    fn mask_columns(&self) -> Vec<usize> {
        (0..MASK_COLUMNS.len())
            .filter(|&mask| self.rows.iter().any(|row| row.masks.by_column()[mask].is_some()))
            .collect()
    }

    fn record(&self, row: &Row, masks: &[usize]) -> std::io::Result<Vec<String>> {
        if row.labels.len() != self.findings.len() || row.notes.len() != self.notes.len() {
            return Err(std::io::Error::other(format!(
                "film {}: {} labels for {} findings, {} notes for {} note columns",
                row.film,
                row.labels.len(),
                self.findings.len(),
                row.notes.len(),
                self.notes.len()
            )));
        }
        let mut record = vec![
            row.film.clone(),
            text(&row.path)?,
            row.sha256.clone(),
            row.dataset.clone(),
            row.patient.clone(),
            row.study.clone(),
            row.view.clone(),
            row.sex.map_or("", Cell::cell).to_string(),
            row.age.map(|age| age.to_string()).unwrap_or_default(),
            row.split.map_or("", Cell::cell).to_string(),
        ];
        record.extend(row.labels.iter().map(|label| label.cell().to_string()));
        for &mask in masks {
            record.push(
                row.masks.by_column()[mask]
                    .map(|path| text(path))
                    .transpose()?
                    .unwrap_or_default(),
            );
        }
        record.extend(row.notes.iter().cloned());
        Ok(record)
    }
}

/// A path as it goes into a cell: always with forward slashes, and an error rather than a changed name.
fn text(path: &Path) -> std::io::Result<String> {
    let text = path.to_str().ok_or_else(|| {
        std::io::Error::other(format!(
            "the path {} is not UTF-8: rename the file",
            path.display()
        ))
    })?;
    Ok(if std::path::MAIN_SEPARATOR == '/' {
        text.to_string()
    } else {
        text.replace('\\', "/")
    })
}

/// Each cell goes in with its length in front, so that no two tables share a byte string.
fn rows_digest(manifest: &Manifest, rows: &[usize]) -> String {
    let mut hash = sha256::Hasher::new();
    let mut cell = |text: &str| hash.update_part(text);
    cell("pleura manifest 1");
    cell(&manifest.findings.len().to_string());
    manifest.findings.iter().for_each(|finding| cell(finding));
    for row in rows.iter().map(|&row| &manifest.rows[row]) {
        for text in [
            &row.film,
            &row.sha256,
            &row.dataset,
            &row.patient,
            &row.study,
            &row.view,
        ] {
            cell(text);
        }
        cell(row.sex.map_or("", Cell::cell));
        cell(&row.age.map(|age| age.to_string()).unwrap_or_default());
        cell(row.split.map_or("", Cell::cell));
        row.labels.iter().for_each(|label| cell(label.cell()));
    }
    hash.hex()
}
