//! Tables as programs write them: the bytes of a file to UTF-8 text and its separator.

use std::io::Read as _;
use std::path::Path;

use crate::FileError;
use crate::fs;

/// Largest unpacked table, in bytes. The largest public table has 120 MB.
const LARGEST: u64 = 512 << 20;

/// The text of a delimited table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableText {
    /// The text, without a byte-order mark.
    pub text: String,
    /// Comma, semicolon or tab: the most frequent one in the first line, outside quotes. Excel's line `sep=;`
    /// states it, and is blank in `text`.
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
    /// Reads a table: plain or gzip; UTF-8, UTF-16 or Windows-1252 (which has the letters of Latin-1); with or
    /// without a byte-order mark.
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
        let bytes = unpacked(bytes, LARGEST)?;
        let mut text = match bytes.as_slice() {
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
                let text = String::from_utf8(bytes);
                let mut text = text.unwrap_or_else(|error| mixed(error.as_bytes()));
                if text.starts_with('\u{feff}') {
                    text.drain(..'\u{feff}'.len_utf8());
                }
                text
            }
        };
        let separator = stated(&mut text).unwrap_or_else(|| separator(&text));
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

/// The letters of Windows-1252 where Latin-1 has control characters, from 0x80. Five bytes have no letter.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Each line as UTF-8, or else as Windows-1252: programs append rows to files of another encoding.
fn mixed(bytes: &[u8]) -> String {
    let letter = |&byte: &u8| match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    };
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) => text.extend(line.iter().map(letter)),
        }
    }
    text
}

fn unpacked(bytes: Vec<u8>, largest: u64) -> Result<Vec<u8>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .take(largest + 1)
        .read_to_end(&mut out)
        .map_err(|error| format!("cannot unpack the gzip file: {error}"))?;
    if out.len() as u64 > largest {
        return Err(format!(
            "the gzip file unpacks to more than {} MiB; expected a table; unpack it, or divide it",
            largest >> 20
        ));
    }
    Ok(out)
}

/// The separator that Excel's first line `sep=;` states. The line becomes blank, so that rows keep their numbers.
fn stated(text: &mut String) -> Option<u8> {
    let line = text.lines().next()?;
    let separator = line.trim_matches('"').strip_prefix("sep=").map(str::as_bytes);
    let separator = match separator {
        Some([separator @ (b';' | b'\t' | b',')]) => *separator,
        _ => return None,
    };
    text.drain(..line.len());
    Some(separator)
}

/// The most frequent separator outside quotes, in the first line that is not blank.
fn separator(text: &str) -> u8 {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let count = |separator: u8| {
        let mut quoted = false;
        let outside = line.bytes().filter(|&byte| {
            quoted ^= byte == b'"';
            byte == separator && !quoted
        });
        outside.count()
    };
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
        assert_eq!(of(b"\"a, b, c\";d\n1;2\n").separator, b';');
        // Python: b"\x80\x9c\xe9".decode("cp1252"); a line of UTF-8 in the same file stays as it is.
        assert_eq!(of(b"a\n\x80\x9c\xe9\nM\xc3\xbcller\n").text, "a\n€œé\nMüller\n");
        // Excel's statement of the separator. The header stays line 2.
        let stated = of(b"\xef\xbb\xbfsep=;\r\na;b,c,d\r\n1;2\r\n");
        assert_eq!(
            (stated.separator, stated.text.as_str()),
            (b';', "\r\na;b,c,d\r\n1;2\r\n")
        );
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
    fn gzip_bomb_ends_at_the_limit() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &vec![b'a'; 3 << 20]).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(unpacked(packed.clone(), 3 << 20).unwrap().len(), 3 << 20);
        let error = unpacked(packed, 2 << 20).unwrap_err();
        assert!(error.contains("more than 2 MiB"), "{error}");
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
