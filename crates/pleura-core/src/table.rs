//! Tables as programs write them: the bytes of a file to UTF-8 text and its separator.

use std::io::Read as _;
use std::path::Path;

use crate::FileError;
use crate::fs;

/// Largest unpacked table, in bytes.
const LARGEST: u64 = 2 << 30;

/// The text of a delimited table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableText {
    /// The text, without a byte-order mark.
    pub text: String,
    /// Comma, semicolon or tab: the most frequent one in the first line.
    pub separator: u8,
}

/// A file that is not a table of text.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content is not text; the message says what it is and what to do.
    #[error("{0}")]
    Content(String),
}

impl TableText {
    /// Reads a table: plain or gzip; UTF-8, UTF-16 or Latin-1; with or without a byte-order mark.
    ///
    /// # Errors
    /// A file that cannot be read, and as [`TableText::of`].
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let bytes = std::fs::read(path).map_err(fs::FileError::of("read", path))?;
        Self::of(bytes).map_err(TableError::Content)
    }

    /// The text of a table's bytes.
    ///
    /// # Errors
    /// A spreadsheet or another file that is no text, and a broken or too large gzip file, in words.
    pub fn of(bytes: Vec<u8>) -> Result<Self, String> {
        let bytes = unpacked(bytes)?;
        let text = match bytes.as_slice() {
            [b'P', b'K', 3, 4, ..] => {
                return Err(
                    "it is a spreadsheet (xlsx, ods) or a zip archive; save the table as CSV".to_owned(),
                );
            }
            [0xd0, 0xcf, 0x11, 0xe0, ..] => {
                return Err("it is an old Excel spreadsheet (xls); save the table as CSV".to_owned());
            }
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
            // A header of plain letters in UTF-16 without a mark: every second byte is 0.
            [first, 0, second, 0, ..] if *first > 0 && *second > 0 => utf16(&bytes, u16::from_le_bytes)?,
            [0, first, 0, second, ..] if *first > 0 && *second > 0 => utf16(&bytes, u16::from_be_bytes)?,
            _ if bytes.iter().take(1 << 12).any(|&byte| byte == 0) => {
                return Err("it is not text (it has bytes of value 0); expected a CSV table".to_owned());
            }
            _ => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
                match std::str::from_utf8(bytes) {
                    Ok(text) => text.to_owned(),
                    // Latin-1: its bytes are the first 256 code points.
                    Err(_) => bytes.iter().map(|&byte| byte as char).collect(),
                }
            }
        };
        let separator = separator(&text);
        Ok(Self { text, separator })
    }

    /// A decimal number of this table. Where semicolons separate cells, a comma may separate decimals.
    pub fn number(&self, cell: &str) -> Option<f64> {
        number(cell, self.separator)
    }
}

/// A decimal number of a table with this separator.
pub fn number(cell: &str, separator: u8) -> Option<f64> {
    let comma = || {
        (separator != b',')
            .then(|| cell.replace(',', ".").parse().ok())
            .flatten()
    };
    cell.parse().ok().or_else(comma)
}

/// True for the words that pandas and R write for a missing value, and for an empty cell.
pub fn is_missing(cell: &str) -> bool {
    ["", "nan", "na", "n/a", "<na>", "none", "null"]
        .iter()
        .any(|missing| cell.eq_ignore_ascii_case(missing))
}

/// Text that is no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a label")]
pub struct NotALabel;

/// A label as programs write it: 1, 0, −1, or `None` for a missing value. `1.0` and `True` are 1, `0.0` and
/// `False` 0, `-1.0` is −1 (uncertain).
///
/// # Errors
/// Other text.
pub fn label(cell: &str) -> Result<Option<i8>, NotALabel> {
    if is_missing(cell) {
        return Ok(None);
    }
    match cell.to_ascii_lowercase().as_str() {
        "true" => Ok(Some(1)),
        "false" => Ok(Some(0)),
        cell => match number(cell, b';') {
            Some(1.0) => Ok(Some(1)),
            Some(0.0) => Ok(Some(0)),
            Some(-1.0) => Ok(Some(-1)),
            _ => Err(NotALabel),
        },
    }
}

fn utf16(bytes: &[u8], word: fn([u8; 2]) -> u16) -> Result<String, String> {
    let words = bytes.chunks_exact(2).map(|pair| word([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(words).collect();
    let text = text.map_err(|_| "it is UTF-16 with broken characters; save the table as UTF-8".to_owned())?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .take(LARGEST + 1)
        .read_to_end(&mut out)
        .map_err(|error| format!("cannot unpack the gzip file: {error}"))?;
    if out.len() as u64 > LARGEST {
        return Err(format!("it unpacks to more than {LARGEST} bytes"));
    }
    Ok(out)
}

fn separator(text: &str) -> u8 {
    let line = text.lines().next().unwrap_or_default();
    let count = |separator: u8| line.bytes().filter(|&byte| byte == separator).count();
    [b';', b'\t', b',']
        .into_iter()
        .max_by_key(|&separator| count(separator))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    // pandas.read_csv(sep=None, encoding=…) reads the same cells.
    #[test]
    fn encodings_and_separators_are_found() {
        let of = |bytes: &[u8]| TableText::of(bytes.to_vec()).unwrap();
        let right = TableText {
            text: "name;age\nMüller;57\n".to_owned(),
            separator: b';',
        };
        assert_eq!(of(right.text.as_bytes()), right);
        assert_eq!(of(&[b"\xef\xbb\xbf", right.text.as_bytes()].concat()), right);
        assert_eq!(of(b"name;age\nM\xfcller;57\n"), right);
        let little: Vec<u8> = right.text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = right.text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(of(&little), right);
        assert_eq!(of(&big), right);
        assert_eq!(of(&[&[0xff, 0xfe], &little[..]].concat()), right);
        assert_eq!(of(&[&[0xfe, 0xff], &big[..]].concat()), right);
        assert_eq!(of(b"a\tb\n1\tx, y\n").separator, b'\t');
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, right.text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(of(&packed), right);
        assert!(
            TableText::of(packed[..14].to_vec())
                .unwrap_err()
                .contains("unpack")
        );
    }

    #[test]
    fn files_that_are_no_tables_are_named() {
        let refuse = |bytes: &[u8]| TableText::of(bytes.to_vec()).unwrap_err();
        assert!(refuse(b"PK\x03\x04\x14\0").contains("spreadsheet"));
        assert!(refuse(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1]).contains("Excel"));
        assert!(refuse(b"\x7fELF\0\0\0").contains("not text"));
    }

    #[test]
    fn decimal_commas_need_another_separator() {
        assert_eq!(number("0,5", b';'), Some(0.5));
        assert_eq!(number("0,5", b','), None);
        assert_eq!(number("1e-3", b';'), Some(1e-3));
        for (cell, right) in [
            ("1.0", 1),
            ("True", 1),
            ("0", 0),
            ("FALSE", 0),
            ("-1.0", -1),
            ("1,0", 1),
        ] {
            assert_eq!(label(cell), Ok(Some(right)), "{cell}");
        }
        assert!(
            label("NaN") == Ok(None) && label("").is_ok() && label("2").is_err() && label("yes").is_err()
        );
        assert!(is_missing("NaN") && is_missing("<NA>") && !is_missing("0"));
    }
}
