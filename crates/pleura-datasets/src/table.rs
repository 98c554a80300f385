//! Label files as other people publish them: read forgivingly, then asked for columns by name.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::Error;

/// What a table may hold once it is unpacked.
const LARGEST: u64 = 2 << 30;

/// A delimited table with a header. Rows may be ragged: a cell that is not there reads as empty.
pub(crate) struct Table {
    file: PathBuf,
    header: Vec<String>,
    rows: Vec<Line>,
}

/// One row and where it stood in the file.
struct Line {
    number: u64,
    cells: csv::StringRecord,
}

/// One row, seen by an adapter.
#[derive(Clone, Copy)]
pub(crate) struct TableRow<'a> {
    table: &'a Table,
    line: &'a Line,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Self::parse(&unpacked(bytes, path)?, path)
    }

    /// Reads a table's text: a byte-order mark is dropped, and bytes that are not UTF-8 are taken as Latin-1. Cells are separated by what the
    /// header has most of: commas, semicolons or tabs.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator(bytes))
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut rows = Vec::new();
        for record in reader.byte_records() {
            let record = record.map_err(|error| Error::table(path, error.to_string()))?;
            let number = record.position().map_or(0, csv::Position::line);
            rows.push(Line {
                number,
                cells: record.iter().map(decode).collect(),
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
            header,
            rows,
        })
    }

    /// The place of a column, by any of the names it has had.
    pub(crate) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| {
            self.header
                .iter()
                .position(|column| column.eq_ignore_ascii_case(name))
        })
    }

    /// The place of a column that must be there.
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
    /// A cell without the spaces around it.
    pub(crate) fn cell(self, column: usize) -> &'a str {
        self.line.cells.get(column).unwrap_or("").trim()
    }

    /// A cell of a column that the table may lack.
    pub(crate) fn optional(self, column: Option<usize>) -> &'a str {
        column.map_or("", |column| self.cell(column))
    }

    /// Its line in the file, the header being line 1.
    pub(crate) fn number(self) -> u64 {
        self.line.number
    }

    /// The complaint about a cell.
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

/// What is in a file, or in the file that was packed by gzip.
fn unpacked(bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>, Error> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .take(LARGEST + 1)
        .read_to_end(&mut out)
        .map_err(Error::io("unpack", path))?;
    if out.len() as u64 > LARGEST {
        return Err(Error::table(
            path,
            format!("it unpacks to more than {LARGEST} bytes"),
        ));
    }
    Ok(out)
}

/// Of comma, semicolon and tab the one that the first line has most of.
fn separator(bytes: &[u8]) -> u8 {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |separator: u8| line.split(|&byte| byte == separator).count();
    [b';', b'\t', b',']
        .into_iter()
        .max_by_key(|&separator| count(separator))
        .unwrap_or(b',')
}

/// UTF-8, or else Latin-1, whose bytes are the first 256 characters.
fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().map(|&byte| byte as char).collect(),
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
