//! The container of a DICOM file: preamble, file meta group, transfer syntax, deflation.

use std::borrow::Cow;
use std::io::Read;

use dicom_dictionary_std::tags as tag;

use super::faults::{malformed, truncated};
use super::syntax::{Coding, EXPLICIT, IMPLICIT, Syntax};
use super::unknown;
use crate::error::printable;
use crate::{DecodeOptions, Error};

/// True if these bytes begin like a DICOM file, with or without preamble.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM") || bytes.starts_with(b"DICM") || bare_group(bytes).is_some()
}

/// The first group of a file without preamble: 2 with a meta group, 8 without one.
fn bare_group(bytes: &[u8]) -> Option<u8> {
    let head = bytes.get(..8)?;
    let [group @ (2 | 8), 0, element, 0, ..] = *head else {
        return None;
    };
    let explicit = head[4].is_ascii_uppercase() && head[5].is_ascii_uppercase();
    let short = head[5] == 0 && head[6] == 0 && head[7] == 0;
    ((explicit || short) && element <= 0x20).then_some(group)
}

/// A file opened up to its data set.
pub(super) struct Container<'a> {
    pub(super) syntax: Syntax,
    /// The bytes to which positions in the data set refer.
    pub(super) bytes: Cow<'a, [u8]>,
    /// The name of the compression that was undone.
    pub(super) inflated: Option<&'static str>,
    /// The start of the data set.
    pub(super) start: usize,
}

impl<'a> Container<'a> {
    pub(super) fn open(bytes: &'a [u8], name: &str, options: &DecodeOptions) -> Result<Self, Error> {
        let meta = if bytes.get(128..132) == Some(b"DICM") {
            132
        } else if bytes.starts_with(b"DICM") {
            4
        } else {
            0
        };
        let (uid, start) = if meta == 0 && bare_group(bytes) == Some(8) {
            let explicit = bytes[4].is_ascii_uppercase() && bytes[5].is_ascii_uppercase();
            (if explicit { EXPLICIT } else { IMPLICIT }.to_string(), 0)
        } else {
            let (uid, start) = read_meta(bytes, meta, name)?;
            (uid.ok_or_else(|| missing_syntax(name))?, start)
        };
        let syntax = Syntax::find(&uid).ok_or_else(|| Error::TransferSyntax {
            name: name.to_string(),
            uid: printable(&uid),
            syntax: "not a name of the standard",
            advice: "convert the file to explicit little endian first",
        })?;
        let mut container = match syntax.coding {
            Coding::Deflated => Self {
                syntax,
                bytes: Cow::Owned(inflate(&bytes[start..], name, options)?),
                inflated: Some("deflated data set"),
                start: 0,
            },
            _ => Self {
                syntax,
                bytes: Cow::Borrowed(bytes),
                inflated: None,
                start,
            },
        };
        if container.syntax.of_data_set() == EXPLICIT
            && let Some(bytes) = unknown::without(&container.bytes, container.start)
        {
            container.bytes = Cow::Owned(bytes);
        }
        Ok(container)
    }
}

/// Reads the file meta group, which is always explicit little endian. Returns the transfer syntax and the
/// start of the data set. The group length (0002,0000) is often wrong in practice and not used.
fn read_meta(bytes: &[u8], mut at: usize, name: &str) -> Result<(Option<String>, usize), Error> {
    let mut uid = None;
    while let Some(&[2, 0, low, high, first, second, a, b]) = bytes.get(at..at + 8) {
        let long = matches!(&[first, second], b"OB" | b"OW" | b"UN" | b"SQ" | b"UT");
        let (header, length) = if long {
            let word: [u8; 4] = bytes
                .get(at + 8..at + 12)
                .and_then(|word| word.try_into().ok())
                .ok_or_else(|| truncated(name, "inside the file meta group".to_string()))?;
            (12, u32::from_le_bytes(word) as usize)
        } else {
            (8, usize::from(u16::from_le_bytes([a, b])))
        };
        let start = at + header;
        let value = bytes
            .get(start..start.saturating_add(length))
            .ok_or_else(|| truncated(name, format!("a file meta value at byte {at} runs past the end")))?;
        if (low, high) == (0x10, 0) {
            let text = String::from_utf8_lossy(value);
            uid = Some(
                text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
                    .to_string(),
            );
        }
        at = start + length;
    }
    Ok((uid, at))
}

fn inflate(deflated: &[u8], name: &str, options: &DecodeOptions) -> Result<Vec<u8>, Error> {
    let limit = options.max_file_bytes;
    let mut bytes = Vec::new();
    let inflated = flate2::read::DeflateDecoder::new(deflated)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes);
    if bytes.len() as u64 > limit {
        return Err(Error::TooManyBytes {
            name: name.to_string(),
            bytes: bytes.len() as u64,
            limit,
        });
    }
    match inflated {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(truncated(name, "the deflated data set ends early".to_string()))
        }
        Err(error) => Err(malformed(
            name,
            format!("the data set cannot be inflated: {error}"),
        )),
    }
}

fn missing_syntax(name: &str) -> Error {
    Error::MissingTag {
        name: name.to_string(),
        tag: tag::TRANSFER_SYNTAX_UID.to_string(),
        keyword: "TransferSyntaxUID",
    }
}
