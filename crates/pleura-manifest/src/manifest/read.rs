//! Reads manifests from CSV and validates every cell.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pleura_core::table::{TableText, is_missing, number};

use super::masks::{Region, wrong_box};
use super::{COLUMNS, Cell, Label, MASK_COLUMNS, Manifest, Masks, NOTE_PREFIX, Row, Sex, Split};
use crate::Error;

/// How complete a manifest must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// All ten columns, and a digest for every film.
    Complete,
    /// Written by hand: `path` and `patient` are required. The build adds the rest.
    Draft,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// The ten columns of [`COLUMNS`] are required, in any order. `film`, `path`, `dataset` and `patient` are
    /// not empty; `film` is unique. `sha256` is 64 lower-case hexadecimal digits. `sex` is `F`, `M`, `O` or
    /// empty; `age` is years from 0 to 130 or empty; `split` is `train`, `val`, `test` or empty. `lung_mask`,
    /// `lesion_mask` and `text_mask` are paths or boxes ([`open_mask`](super::open_mask)). Columns with the
    /// prefix `note:` are free text. Every other column is a finding with cells 1, 0, -1 or empty, also as
    /// pandas writes them (`1.0`, `True`, `NaN`); its column of row numbers is passed over. Spaces around values are ignored, except in notes. The table
    /// may be in any form that [`TableText`] reads.
    ///
    /// # Errors
    /// [`Error::Cell`] names file, row, column, the cell and the allowed values; [`Error::Table`] a faulty
    /// header.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::read_as(path, Strictness::Complete)
    }

    /// Reads a manifest that is complete or a draft.
    pub fn read_as(path: &Path, strictness: Strictness) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::io("read the manifest", path))?;
        Self::parse(&bytes, path, strictness)
    }

    /// Parses a manifest's text. `path` gives the folder and appears in messages.
    pub(crate) fn parse(bytes: &[u8], path: &Path, strictness: Strictness) -> Result<Self, Error> {
        let table = TableText::of(bytes.to_vec()).map_err(|problem| Error::table(path, problem))?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(table.separator)
            .has_headers(true)
            .from_reader(table.text.as_bytes());
        let header = reader.headers().map_err(|error| malformed(path, &error))?.clone();
        let columns = Columns::of(&header, path, strictness)?;
        let mut manifest = Self {
            findings: columns.findings.iter().map(|(_, name)| name.clone()).collect(),
            notes: columns.notes.iter().map(|(_, name)| name.clone()).collect(),
            rows: Vec::new(),
            folder: path.parent().unwrap_or(Path::new("")).to_path_buf(),
        };
        let mut seen: HashMap<String, u64> = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| malformed(path, &error))?;
            let line = record.position().map_or(0, csv::Position::line);
            let row = RowReader {
                separator: table.separator,
                record: &record,
                header: &header,
                file: path,
                line,
                strictness,
            }
            .row(&columns)?;
            if let Some(earlier) = seen.insert(row.film.clone(), line) {
                return Err(Error::Cell {
                    file: path.to_path_buf(),
                    row: line,
                    column: "film".into(),
                    found: row.film,
                    expected: format!("a name of its own for each film; row {earlier} has this one already"),
                });
            }
            manifest.rows.push(row);
        }
        Ok(manifest)
    }
}

fn malformed(path: &Path, error: &csv::Error) -> Error {
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => format!(
            "row {}: {len} cells, the header has {expected_len}; quote cells that hold commas",
            pos.as_ref().map_or(0, csv::Position::line)
        ),
        csv::ErrorKind::Utf8 { pos, .. } => {
            format!(
                "row {}: not UTF-8; save the table as UTF-8",
                pos.as_ref().map_or(0, csv::Position::line)
            )
        }
        _ => error.to_string(),
    };
    Error::table(path, problem)
}

/// The name of pandas' column of row numbers in a table that it read again; first, the column has no name.
const INDEX: &str = "Unnamed: 0";

/// The position of each column.
struct Columns {
    fixed: [Option<usize>; COLUMNS.len()],
    masks: [Option<usize>; MASK_COLUMNS.len()],
    findings: Vec<(usize, String)>,
    notes: Vec<(usize, String)>,
}

impl Columns {
    fn of(header: &csv::StringRecord, path: &Path, strictness: Strictness) -> Result<Self, Error> {
        let mut columns = Self {
            fixed: [None; COLUMNS.len()],
            masks: [None; MASK_COLUMNS.len()],
            findings: Vec::new(),
            notes: Vec::new(),
        };
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (place, name) in header.iter().enumerate() {
            if let Some(earlier) = first.insert(name, place) {
                let problem = format!(
                    "columns {} and {} are both named {name:?}",
                    earlier + 1,
                    place + 1
                );
                return Err(Error::table(path, problem));
            }
            if let Some(fixed) = COLUMNS.iter().position(|&column| column == name) {
                columns.fixed[fixed] = Some(place);
            } else if let Some(mask) = MASK_COLUMNS.iter().position(|&column| column == name) {
                columns.masks[mask] = Some(place);
            } else if let Some(note) = name.strip_prefix(NOTE_PREFIX) {
                columns.notes.push((place, note.to_string()));
            } else if (place == 0 && name.is_empty()) || name == INDEX {
                // Row numbers, which are no labels.
            } else if name.trim().is_empty() || name != name.trim() {
                let problem = format!(
                    "column {} is named {name:?}: a finding needs a name without spaces around it",
                    place + 1
                );
                return Err(Error::table(path, problem));
            } else {
                columns.findings.push((place, name.to_string()));
            }
        }
        let needed: &[&str] = match strictness {
            Strictness::Complete => &COLUMNS,
            Strictness::Draft => &["path", "patient"],
        };
        let missing: Vec<&str> = needed
            .iter()
            .filter(|&&column| !first.contains_key(column))
            .copied()
            .collect();
        if !missing.is_empty() {
            let problem = format!(
                "no column {}; a manifest has {} and then one column a finding",
                missing.join(", "),
                needed.join(", ")
            );
            return Err(Error::table(path, problem));
        }
        Ok(columns)
    }
}

/// One line of the table.
struct RowReader<'a> {
    separator: u8,
    record: &'a csv::StringRecord,
    header: &'a csv::StringRecord,
    file: &'a Path,
    line: u64,
    strictness: Strictness,
}

impl RowReader<'_> {
    fn row(&self, columns: &Columns) -> Result<Row, Error> {
        let [film, path, sha256, dataset, patient, study, view, sex, age, split] = columns.fixed;
        let path = self.needed(path)?;
        let draft = self.strictness == Strictness::Draft;
        let film = match self.text(film) {
            // A draft may leave the film's name empty: its path gives the name.
            "" if draft => Path::new(path)
                .with_extension("")
                .to_string_lossy()
                .replace(['/', '\\'], "-"),
            _ => self.needed(film)?.to_string(),
        };
        Ok(Row {
            film,
            path: PathBuf::from(path),
            sha256: self.digest(sha256)?,
            dataset: if draft {
                self.text(dataset)
            } else {
                self.needed(dataset)?
            }
            .to_string(),
            patient: self.needed(patient)?.to_string(),
            study: self.text(study).to_string(),
            view: self.text(view).to_string(),
            sex: self.optional::<Sex>(sex)?,
            age: self.age(age)?,
            split: self.optional::<Split>(split)?,
            labels: columns
                .findings
                .iter()
                .map(|&(place, _)| self.cell::<Label>(place))
                .collect::<Result<_, _>>()?,
            masks: self.masks(columns)?,
            notes: columns
                .notes
                .iter()
                .map(|&(place, _)| self.record[place].to_string())
                .collect(),
        })
    }

    /// A cell without surrounding spaces.
    fn text(&self, place: Option<usize>) -> &str {
        place
            .and_then(|place| self.record.get(place))
            .unwrap_or("")
            .trim()
    }

    fn needed(&self, place: Option<usize>) -> Result<&str, Error> {
        match self.text(place) {
            "" => Err(self.fault(place, "", "a value: this cell may not be empty")),
            text => Ok(text),
        }
    }

    fn optional<T: Cell>(&self, place: Option<usize>) -> Result<Option<T>, Error> {
        match self.text(place) {
            text if is_missing(text) => Ok(None),
            text => T::from_cell(text)
                .map(Some)
                .ok_or_else(|| self.fault(place, text, T::EXPECTED)),
        }
    }

    fn cell<T: Cell>(&self, place: usize) -> Result<T, Error> {
        let text = self.text(Some(place));
        T::from_cell(text).ok_or_else(|| self.fault(Some(place), text, T::EXPECTED))
    }

    fn digest(&self, place: Option<usize>) -> Result<String, Error> {
        let text = self.text(place);
        if text.is_empty() && self.strictness == Strictness::Draft {
            return Ok(String::new());
        }
        let good = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if good {
            Ok(text.to_string())
        } else {
            Err(self.fault(place, text, "64 lower-case hexadecimal digits"))
        }
    }

    fn age(&self, place: Option<usize>) -> Result<Option<f32>, Error> {
        match self.text(place) {
            text if is_missing(text) => Ok(None),
            text => match number(text, self.separator).map(|age| age as f32) {
                Some(age) if (0.0..=MAX_AGE).contains(&age) => Ok(Some(age)),
                _ => Err(self.fault(place, text, "years from 0 to 130, or nothing")),
            },
        }
    }

    fn masks(&self, columns: &Columns) -> Result<Masks, Error> {
        for place in columns.masks {
            if let Some(wrong) = wrong_box(self.text(place)) {
                let expected = format!("paths of pictures, or boxes: {}", Region::FORM);
                return Err(self.fault(place, wrong, &expected));
            }
        }
        Ok(Masks::from_columns(columns.masks.map(
            |place| match self.text(place) {
                "" => None,
                path => Some(PathBuf::from(path)),
            },
        )))
    }

    fn fault(&self, place: Option<usize>, found: &str, expected: &str) -> Error {
        Error::Cell {
            file: self.file.to_path_buf(),
            row: self.line,
            column: place
                .and_then(|place| self.header.get(place))
                .unwrap_or("")
                .to_string(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}

/// Maximum age; larger numbers are typing errors.
pub const MAX_AGE: f32 = 130.0;

impl Masks {
    pub(super) fn by_column(&self) -> [Option<&PathBuf>; MASK_COLUMNS.len()] {
        [self.lung.as_ref(), self.lesion.as_ref(), self.text.as_ref()]
    }

    fn from_columns([lung, lesion, text]: [Option<PathBuf>; MASK_COLUMNS.len()]) -> Self {
        Self { lung, lesion, text }
    }
}
