//! The manifest: one table of films from any number of datasets.

mod age;
mod attribute;
mod cell;
mod masks;
mod place;
mod read;
mod write;

use std::collections::HashSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use pleura_core::{Sex, Split};

pub use age::{ADULT_AGE, AGE_GROUP, age_range};
pub use attribute::ATTRIBUTES;
pub use cell::Cell;
pub use masks::{Region, each, open_mask, together};
pub use place::ManifestFolder;
pub use read::{MAX_AGE, Strictness};

/// A table of films with patients, datasets, findings and splits.
///
/// On disk it is CSV: the ten columns of [`COLUMNS`], the mask columns in use, `note:` columns, and one
/// column a finding. [`Manifest::read`] documents the cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Names of the findings, in the order of [`Row::labels`].
    pub findings: Vec<String>,
    /// Names of the free-text columns (without their `note:` prefix), in the order of [`Row::notes`].
    pub notes: Vec<String>,
    /// One row a film.
    pub rows: Vec<Row>,
    /// The manifest's folder. Relative paths start here.
    pub folder: PathBuf,
}

/// One film.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Name of the film, unique in the manifest.
    pub film: String,
    /// The film's file, absolute or relative to [`Manifest::folder`].
    pub path: PathBuf,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The dataset it came from.
    pub dataset: String,
    /// The patient, unique over all datasets of the manifest.
    pub patient: String,
    /// The study, or empty.
    pub study: String,
    /// The projection as the source writes it (`PA`, `AP`, `AP Supine`, …), or empty.
    pub view: String,
    /// The patient's sex, if known.
    pub sex: Option<Sex>,
    /// The patient's age in years, if known.
    pub age: Option<f32>,
    /// The film's split, once the manifest is split.
    pub split: Option<Split>,
    /// One label a finding, in the order of [`Manifest::findings`].
    pub labels: Vec<Label>,
    /// Masks drawn for the film.
    pub masks: Masks,
    /// Free text, in the order of [`Manifest::notes`].
    pub notes: Vec<String>,
}

/// Paths of masks (white inside), absolute or relative to the manifest's folder, or boxes. Parts of a mask
/// are joined by `|` ([`open_mask`]).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Masks {
    /// The lung fields (column `lung_mask`).
    pub lung: Option<PathBuf>,
    /// The lesions of the findings (column `lesion_mask`).
    pub lesion: Option<PathBuf>,
    /// Burned-in text and markers (column `text_mask`).
    pub text: Option<PathBuf>,
}

/// A film's label for one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Present: `1`.
    Positive,
    /// Absent: `0`.
    Negative,
    /// Not stated: an empty cell.
    #[default]
    Unknown,
    /// Uncertain: `-1`.
    Uncertain,
}

/// The columns of every manifest, in written order.
pub const COLUMNS: [&str; 10] = [
    "film", "path", "sha256", "dataset", "patient", "study", "view", "sex", "age", "split",
];

/// The optional mask columns, in written order.
pub const MASK_COLUMNS: [&str; 3] = ["lung_mask", "lesion_mask", "text_mask"];

/// Prefix of the free-text columns.
pub const NOTE_PREFIX: &str = "note:";

/// The note that holds a film's split in its dataset's own lists.
pub const OFFICIAL_SPLIT: &str = "official_split";

/// The note that holds the digest of a film's pixels ([`pleura_film::pixel_digest`]).
pub const PIXELS: &str = "pixels";

/// The note of a film without contrast: the reason ([`pleura_film::ContrastFault`]). Empty for other films.
pub const CONTRAST: &str = "contrast";

/// The note with the model that found the lung mask of a film; empty for masks that people have drawn.
pub const LUNG_MODEL: &str = "lung_model";

/// The finding that excludes every other.
pub const NO_FINDING: &str = "No Finding";

impl Manifest {
    /// An empty manifest for a folder.
    pub fn new(folder: impl Into<PathBuf>, findings: Vec<String>) -> Self {
        Self {
            findings,
            notes: Vec::new(),
            rows: Vec::new(),
            folder: folder.into(),
        }
    }

    /// Row numbers of one split, in order.
    pub fn split(&self, split: Split) -> Vec<usize> {
        (0..self.rows.len())
            .filter(|&row| self.rows[row].split == Some(split))
            .collect()
    }

    /// The path of a film.
    pub fn file(&self, row: &Row) -> PathBuf {
        self.folder.join(&row.path)
    }

    /// The path of a mask (of each of its files) from the manifest's folder. Boxes are kept.
    pub fn locate(&self, mask: &Path) -> PathBuf {
        let Ok(located) = each(mask, |file| Ok::<_, Infallible>(self.folder.join(file)));
        located
    }

    /// Number of a finding, by its exact name.
    pub fn finding(&self, name: &str) -> Option<usize> {
        self.findings.iter().position(|finding| finding == name)
    }

    /// Number of a free-text column, by its exact name without the prefix.
    pub fn note(&self, name: &str) -> Option<usize> {
        self.notes.iter().position(|note| note == name)
    }

    /// Number of a free-text column; a new one is added, empty in every row.
    pub fn note_or_new(&mut self, name: &str) -> usize {
        self.note(name).unwrap_or_else(|| {
            self.notes.push(name.to_owned());
            for row in &mut self.rows {
                row.notes.push(String::new());
            }
            self.notes.len() - 1
        })
    }

    /// True if a person has drawn the lung mask of a row's film: it has one, and no model found it.
    pub fn has_drawn_lung_mask(&self, row: &Row) -> bool {
        let model = self.note(LUNG_MODEL).and_then(|note| row.notes.get(note));
        row.masks.lung.is_some() && model.is_none_or(String::is_empty)
    }

    /// The reason why a row's film has no contrast, if the manifest records one.
    pub fn contrast_fault<'a>(&self, row: &'a Row) -> Option<&'a str> {
        let fault = row.notes.get(self.note(CONTRAST)?)?.as_str();
        (!fault.is_empty()).then_some(fault)
    }

    /// Number of patients.
    pub fn patients(&self) -> usize {
        self.rows
            .iter()
            .map(|row| row.patient.as_str())
            .collect::<HashSet<_>>()
            .len()
    }

    /// The class of each row ([`Row::class`]).
    pub fn classes(&self) -> Vec<Option<usize>> {
        self.rows.iter().map(Row::class).collect()
    }
}

impl Row {
    /// The only positive finding; `None` if there are more or none, or if a label is uncertain.
    pub fn class(&self) -> Option<usize> {
        if self.labels.contains(&Label::Uncertain) {
            return None;
        }
        let mut positive = (0..self.labels.len()).filter(|&finding| self.labels[finding] == Label::Positive);
        let first = positive.next()?;
        positive.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests;
