//! The directories of a TIFF file (TIFF 6.0, section 2): the one page that is the film, and its fields.

use std::collections::HashSet;

use crate::fault::Fault;
use crate::format::CONVERT;

/// The most directories that are read. A file with more has many pages.
const MOST_DIRECTORIES: usize = 256;

const NEW_SUBFILE_TYPE: u16 = 254;
const SUBFILE_TYPE: u16 = 255;

/// The bytes of a TIFF file and their order.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) big_endian: bool,
}

impl<'a> File<'a> {
    /// Reads the byte order and the version.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let big_endian = bytes.starts_with(b"MM");
        let file = Self { bytes, big_endian };
        match file.u16_at(2) {
            Some(42) => Ok(file),
            Some(43) => Err(Fault::Unsupported("BigTIFF".to_string(), CONVERT)),
            _ => Err(Fault::Truncated("it ends inside the header".to_string())),
        }
    }

    pub(super) fn word(self, pair: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(pair)
        } else {
            u16::from_le_bytes(pair)
        }
    }

    fn u16_at(self, at: usize) -> Option<u16> {
        Some(self.word(self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
    }

    fn u32_at(self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        })
    }

    /// The one page of full resolution. Reduced images and masks beside it are no pages.
    pub(super) fn page(self) -> Result<Directory<'a>, Fault> {
        let mut next = self.u32_at(4).unwrap_or(0) as usize;
        let mut seen = HashSet::new();
        let mut pages = Vec::new();
        let mut first = None;
        while next != 0 && seen.insert(next) && seen.len() <= MOST_DIRECTORIES {
            let directory = Directory::read(self, next)?;
            first.get_or_insert(directory);
            let new = directory.number(NEW_SUBFILE_TYPE)?.unwrap_or(0);
            let old = directory.number(SUBFILE_TYPE)?.unwrap_or(1);
            if new & 0b101 == 0 && old != 2 {
                pages.push(directory);
            }
            next = directory.next;
        }
        match (pages.as_slice(), first) {
            ([page], _) => Ok(*page),
            ([], Some(first)) => Ok(first),
            ([], None) => Err(Fault::Malformed("it has no image".to_string())),
            (several, _) => Err(Fault::Unsupported(
                format!(
                    "a TIFF file of {} pages{}",
                    several.len(),
                    if next == 0 { "" } else { " or more" }
                ),
                "a film is one image: save the page of the film alone, for example with `magick 'IN[0]' OUT.png` for the first",
            )),
        }
    }
}

/// An image file directory.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    file: File<'a>,
    /// The position of the first field.
    at: usize,
    fields: usize,
    /// The position of the next directory, or 0.
    next: usize,
}

impl<'a> Directory<'a> {
    fn read(file: File<'a>, at: usize) -> Result<Self, Fault> {
        let ends = || Fault::Truncated(format!("it ends before or inside the directory at byte {at}"));
        let fields = usize::from(file.u16_at(at).ok_or_else(ends)?);
        let end = at + 2 + 12 * fields;
        if end > file.bytes.len() {
            return Err(ends());
        }
        Ok(Self {
            file,
            at: at + 2,
            fields,
            // The position may be missing in the last directory.
            next: file.u32_at(end).unwrap_or(0) as usize,
        })
    }

    /// The values of a field of whole numbers; `None` if the directory does not have it.
    pub(super) fn numbers(&self, tag: u16) -> Result<Option<Vec<u32>>, Fault> {
        let Some((kind, count, at)) = self.field(tag) else {
            return Ok(None);
        };
        let bytes = match kind {
            1 | 7 => 1,
            3 => 2,
            4 | 13 => 4,
            _ => {
                return Err(Fault::Malformed(format!(
                    "field {tag} has type {kind}; expected whole numbers"
                )));
            }
        };
        let length = count.saturating_mul(bytes);
        let start = if length <= 4 {
            at
        } else {
            self.file.u32_at(at).unwrap_or(u32::MAX) as usize
        };
        let values = start
            .checked_add(length)
            .and_then(|end| self.file.bytes.get(start..end));
        let values = values.ok_or_else(|| {
            Fault::Truncated(format!(
                "the {count} values of field {tag} are not all in the file"
            ))
        })?;
        let numbers = values.chunks_exact(bytes).map(|value| match *value {
            [byte] => byte.into(),
            [first, second] => self.file.word([first, second]).into(),
            [a, b, c, d] if self.file.big_endian => u32::from_be_bytes([a, b, c, d]),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        });
        Ok(Some(numbers.collect()))
    }

    /// The first value of a field.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u32>, Fault> {
        Ok(self.numbers(tag)?.and_then(|numbers| numbers.first().copied()))
    }

    /// The type of a field, the number of its values, and the position of its value or offset.
    fn field(&self, tag: u16) -> Option<(u16, usize, usize)> {
        (0..self.fields).find_map(|field| {
            let at = self.at + 12 * field;
            (self.file.u16_at(at)? == tag).then_some(())?;
            Some((
                self.file.u16_at(at + 2)?,
                self.file.u32_at(at + 4)? as usize,
                at + 8,
            ))
        })
    }
}
