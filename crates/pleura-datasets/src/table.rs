//! A tolerant reader for published label files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use pleura_core::table::{TableText, number};

use crate::Error;

/// A delimited table with a header. A missing cell of a short row reads as empty.
pub(crate) struct Table {
    file: PathBuf,
    separator: u8,
    header: Vec<String>,
    rows: Vec<Line>,
}

/// One row, with its line number.
struct Line {
    number: u64,
    cells: csv::StringRecord,
}

/// A reference to one row.
#[derive(Clone, Copy)]
pub(crate) struct TableRow<'a> {
    table: &'a Table,
    line: &'a Line,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Self::parse(&bytes, path)
    }

    /// Parses a table in any form that [`TableText`] reads.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let table = TableText::of(bytes.to_vec()).map_err(|problem| Error::table(path, problem))?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(table.separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(table.text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| Error::table(path, error.to_string()))?;
            let number = record.position().map_or(0, csv::Position::line);
            rows.push(Line {
                number,
                cells: record,
            });
        }
        if rows.is_empty() {
            return Err(Error::table(path, "it is empty; a header line was expected"));
        }
        let header = rows
            .remove(0)
            .cells
            .iter()
            .map(|name| name.trim().to_string())
            .collect();
        Ok(Self {
            file: path.to_path_buf(),
            separator: table.separator,
            header,
            rows,
        })
    }

    /// The position of a column, by any of its names.
    pub(crate) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| {
            self.header
                .iter()
                .position(|column| column.eq_ignore_ascii_case(name))
        })
    }

    /// The position of a required column.
    pub(crate) fn needed(&self, names: &[&str]) -> Result<usize, Error> {
        self.column(names).ok_or_else(|| {
            let problem = format!(
                "no column {}; its columns are {}",
                names.join(" or "),
                self.header.join(", ")
            );
            Error::table(&self.file, problem)
        })
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = TableRow<'_>> {
        self.rows.iter().map(|line| TableRow { table: self, line })
    }
}

impl<'a> TableRow<'a> {
    /// A cell without surrounding spaces.
    pub(crate) fn cell(self, column: usize) -> &'a str {
        self.line.cells.get(column).unwrap_or("").trim()
    }

    /// A cell of an optional column.
    pub(crate) fn optional(self, column: Option<usize>) -> &'a str {
        column.map_or("", |column| self.cell(column))
    }

    /// The number in a cell. Where semicolons or tabs separate cells, a comma may separate decimals.
    pub(crate) fn number(self, column: usize) -> Option<f64> {
        number(self.cell(column), self.table.separator)
    }

    /// Inserts what this row states under a key. Refuses another statement under the same key.
    pub(crate) fn insert_once<V: PartialEq>(
        self,
        into: &mut HashMap<String, V>,
        column: usize,
        key: &str,
        value: V,
    ) -> Result<(), Error> {
        match into.entry(key.to_string()) {
            Entry::Occupied(earlier) if *earlier.get() != value => {
                let expected =
                    format!("what the earlier row of {key} states; delete the wrong one of the two rows");
                Err(self.fault(column, expected))
            }
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(free) => {
                free.insert(value);
                Ok(())
            }
        }
    }

    /// Its line in the file; the header is line 1.
    pub(crate) fn line(self) -> u64 {
        self.line.number
    }

    /// The error for an invalid cell.
    pub(crate) fn fault(self, column: usize, expected: impl Into<String>) -> Error {
        Error::Cell {
            file: self.table.file.clone(),
            row: self.line.number,
            column: self.table.header.get(column).cloned().unwrap_or_default(),
            found: self.cell(column).to_string(),
            expected: expected.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_spaces_latin_letters_and_ragged_rows_are_forgiven() {
        let bytes = b"\xef\xbb\xbfname, Age ,note\nM\xfcller,57\nb,8,x,y,z\n";
        let table = Table::parse(bytes, Path::new("t.csv")).unwrap();
        let (name, age) = (
            table.needed(&["Name"]).unwrap(),
            table.needed(&["alter", "age"]).unwrap(),
        );
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(
            (rows[0].cell(name), rows[0].cell(age), rows[0].cell(2)),
            ("Müller", "57", "")
        );
        assert_eq!(rows[1].optional(table.column(&["none"])), "");
        let message = rows[1].fault(age, "a number").to_string();
        assert_eq!(
            message,
            "t.csv: row 3, column Age: found \"8\", expected a number"
        );
        let missing = table.needed(&["view"]).unwrap_err().to_string();
        assert!(
            missing.contains("no column view") && missing.contains("name, Age, note"),
            "{missing}"
        );
    }

    #[test]
    fn semicolons_tabs_and_gzip_are_seen_for_what_they_are() {
        let cell = |bytes: &[u8]| {
            let table = Table::parse(bytes, Path::new("t")).unwrap();
            let column = table.needed(&["b"]).unwrap();
            table.rows().next().unwrap().cell(column).to_string()
        };
        assert_eq!(cell(b"\xef\xbb\xbfa;b;c\n1;2,5;3\n"), "2,5");
        assert_eq!(cell(b"a\tb\n1\tx, y; z\n"), "x, y; z");
        assert_eq!(cell(b"a,b\n1,2\n"), "2");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv.gz");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, b"a,b\n1,2\n").unwrap();
        let mut bytes = packed.finish().unwrap();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Table::read(&path).unwrap().rows().len(), 1);
        bytes.truncate(12);
        std::fs::write(&path, &bytes).unwrap();
        assert!(
            Table::read(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("cannot unpack")
        );
    }

    #[test]
    fn an_empty_file_is_said_to_be_empty() {
        assert!(Table::parse(b"", Path::new("t.csv")).is_err());
    }
}
