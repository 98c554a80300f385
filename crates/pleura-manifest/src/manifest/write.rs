//! Writes manifests to CSV, and digests them.

use std::path::Path;

use pleura_core::fs::write_atomic_with;
use pleura_core::sha256;

use super::{COLUMNS, Cell, MASK_COLUMNS, Manifest, NOTE_PREFIX, Row};
use crate::Error;

impl Manifest {
    /// Writes the manifest atomically. Mask columns are written if any row has such a mask.
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

    /// SHA-256 of all columns except `path`, masks and notes.
    ///
    /// Films are identified by their digests. Moving the folder or adding a note does not change the result;
    /// another film, label, split or order does.
    pub fn digest(&self) -> String {
        rows_digest(self, &(0..self.rows.len()).collect::<Vec<_>>())
    }

    /// The digest of some rows, such as the test split.
    pub fn digest_of(&self, rows: &[usize]) -> String {
        rows_digest(self, rows)
    }

    /// SHA-256 of the films of some rows, independent of their order and labels. Films are identified by
    /// their file's digest, or by dataset and name if the manifest has no digests.
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

/// A path as cell text, with forward slashes. Paths that are not UTF-8 are an error.
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

/// Each cell is preceded by its length, so that different tables give different bytes.
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
