//! The container of a DICOM file: preamble, file meta group, transfer syntax, deflation.

use std::borrow::Cow;
use std::io::Read;

use dicom_dictionary_std::tags as tag;

use super::faults::{malformed, truncated};
use super::syntax::{Coding, EXPLICIT, IMPLICIT, Syntax};
use super::unknown;
use crate::error::printable;
use crate::source::Step;
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
    /// The syntax in which the data set is written, whatever the file declares.
    pub(super) of_data_set: &'static str,
    /// What had to be done to read the data set.
    pub(super) steps: Vec<Step>,
    /// The start of the data set.
    pub(super) start: usize,
    /// The storage class in the file meta group.
    pub(super) class: Option<String>,
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
        let mut steps = Vec::new();
        let mut class = None;
        let (uid, start) = if meta == 0 && bare_group(bytes) == Some(8) {
            (guess(bytes, 0).to_string(), 0)
        } else {
            let (uid, start);
            (uid, class, start) = read_meta(bytes, meta, name)?;
            match uid {
                Some(uid) => (uid, start),
                None if begins_data_set(bytes, start) => {
                    let found = guess(bytes, start);
                    steps.push(Step::DataSetSyntax {
                        declared: "no transfer syntax".to_string(),
                        found: named(found).to_string(),
                    });
                    (found.to_string(), start)
                }
                None => return Err(missing_syntax(name)),
            }
        };
        let syntax = Syntax::find(&uid).ok_or_else(|| Error::TransferSyntax {
            name: name.to_string(),
            uid: printable(&uid),
            syntax: "not a name of the standard",
            advice: "convert the file to explicit little endian first",
        })?;
        let (bytes, start) = match syntax.coding {
            Coding::Deflated => {
                steps.push(Step::Decompressed {
                    method: "deflated data set".to_string(),
                });
                (Cow::Owned(inflate(&bytes[start..], name, options)?), 0)
            }
            _ => (Cow::Borrowed(bytes), start),
        };
        let mut container = Self {
            of_data_set: syntax.of_data_set(),
            syntax,
            bytes,
            steps,
            start,
            class,
        };
        container.believe_the_bytes();
        if container.of_data_set == EXPLICIT
            && let Some((bytes, without_vr)) = unknown::without(&container.bytes, container.start)
        {
            container.bytes = Cow::Owned(bytes);
            if without_vr > 0 {
                container
                    .steps
                    .push(Step::ElementsIgnored { elements: without_vr });
            }
        }
        Ok(container)
    }

    /// Some programs declare explicit VR and write implicit VR, or the reverse. The first element shows it.
    fn believe_the_bytes(&mut self) {
        let declared = self.of_data_set;
        let Some(head) = self.bytes.get(self.start..self.start + 8) else {
            return;
        };
        let found = guess(head, 0);
        // The length of an implicit element is below 2^24 in front of the pixels: its last byte is 0.
        let certain = match found {
            EXPLICIT => VALUE_REPRESENTATIONS.contains(&[head[4], head[5]]),
            _ => head[7] == 0,
        };
        if certain && found != declared && matches!(declared, EXPLICIT | IMPLICIT) {
            self.of_data_set = found;
            self.steps.push(Step::DataSetSyntax {
                declared: named(declared).to_string(),
                found: named(found).to_string(),
            });
        }
    }
}

/// Value representations (PS3.5 6.2) that a data set may begin with.
const VALUE_REPRESENTATIONS: [[u8; 2]; 19] = [
    *b"AE", *b"CS", *b"DA", *b"DS", *b"DT", *b"IS", *b"LO", *b"LT", *b"PN", *b"SH", *b"SQ", *b"ST", *b"TM",
    *b"UI", *b"UL", *b"UN", *b"US", *b"UT", *b"OB",
];

/// True if the bytes at a place begin like a data set: an element of one of the groups in front of the pixels.
fn begins_data_set(bytes: &[u8], at: usize) -> bool {
    matches!(
        bytes.get(at..at + 8),
        Some([0x08 | 0x10 | 0x18 | 0x20 | 0x28, 0, ..])
    )
}

/// The syntax that the element at a place is written in: explicit, if it has a value representation.
fn guess(bytes: &[u8], at: usize) -> &'static str {
    let explicit = bytes
        .get(at + 4..at + 6)
        .is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
    if explicit { EXPLICIT } else { IMPLICIT }
}

fn named(uid: &'static str) -> &'static str {
    Syntax::find(uid).map_or(uid, |syntax| syntax.name)
}

/// Reads the file meta group, which should be explicit little endian, and is implicit in some files. Returns the transfer syntax,
/// the storage class and the start of the data set. The group length (0002,0000) is often wrong in practice and not used.
fn read_meta(
    bytes: &[u8],
    mut at: usize,
    name: &str,
) -> Result<(Option<String>, Option<String>, usize), Error> {
    let (mut uid, mut class) = (None, None);
    while let Some(&[2, 0, low, high, first, second, a, b]) = bytes.get(at..at + 8) {
        let long = matches!(&[first, second], b"OB" | b"OW" | b"UN" | b"SQ" | b"UT");
        let (header, length) = if !(first.is_ascii_uppercase() && second.is_ascii_uppercase()) {
            (8, u32::from_le_bytes([first, second, a, b]) as usize)
        } else if long {
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
        let text = || {
            let text = String::from_utf8_lossy(value);
            text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
                .to_string()
        };
        match (low, high) {
            (0x02, 0) => class = Some(text()),
            (0x10, 0) => uid = Some(text()),
            _ => {}
        }
        at = start + length;
    }
    Ok((uid, class, at))
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
