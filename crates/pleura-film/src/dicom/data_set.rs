//! A reader of the attributes that a film needs, safe for hostile files.
//!
//! A reader that builds a whole object trusts the file's lengths and nesting depth. This one follows the
//! tokens of `dicom-parser`'s lazy reader instead. It reads a value only if it is needed, lies inside the
//! file and has a plausible length; everything else is skipped.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::Range;

use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags as tag;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::container::Container;
use super::faults::{malformed, named, truncated};
use super::modality::without_pixels;
use crate::Error;
use crate::error::{printable, reported};

/// The longest value read: a lookup table of 65,536 words.
const LONGEST_VALUE: u64 = 1 << 17;
/// The deepest nesting of items; real files stay below ten.
pub(super) const DEEPEST: usize = 64;
/// The most items of a lookup table sequence.
const MOST_TABLES: usize = 64;

/// The attributes that are read, outside sequences.
const WANTED: &[Tag] = &[
    tag::SPECIFIC_CHARACTER_SET,
    tag::IMAGE_TYPE,
    tag::SOP_CLASS_UID,
    tag::SOP_INSTANCE_UID,
    tag::STUDY_DATE,
    tag::ACQUISITION_DATE,
    tag::CONTENT_DATE,
    tag::MODALITY,
    tag::MANUFACTURER,
    tag::MANUFACTURER_MODEL_NAME,
    tag::SERIES_DESCRIPTION,
    tag::PATIENT_ID,
    tag::PATIENT_BIRTH_DATE,
    tag::PATIENT_SEX,
    tag::PATIENT_AGE,
    tag::BODY_PART_EXAMINED,
    tag::VIEW_POSITION,
    tag::IMAGER_PIXEL_SPACING,
    tag::STUDY_INSTANCE_UID,
    tag::SERIES_INSTANCE_UID,
    tag::PATIENT_ORIENTATION,
    tag::LATERALITY,
    tag::IMAGE_LATERALITY,
    tag::SAMPLES_PER_PIXEL,
    tag::PHOTOMETRIC_INTERPRETATION,
    tag::PLANAR_CONFIGURATION,
    tag::NUMBER_OF_FRAMES,
    tag::ROWS,
    tag::COLUMNS,
    tag::PIXEL_SPACING,
    tag::PIXEL_ASPECT_RATIO,
    tag::BITS_ALLOCATED,
    tag::BITS_STORED,
    tag::HIGH_BIT,
    tag::PIXEL_REPRESENTATION,
    tag::PIXEL_PADDING_VALUE,
    tag::PIXEL_PADDING_RANGE_LIMIT,
    tag::BURNED_IN_ANNOTATION,
    tag::WINDOW_CENTER,
    tag::WINDOW_WIDTH,
    tag::VOILUT_FUNCTION,
    tag::RESCALE_INTERCEPT,
    tag::RESCALE_SLOPE,
    tag::LOSSY_IMAGE_COMPRESSION,
    tag::PRESENTATION_LUT_SHAPE,
];

/// The attributes that are read inside a lookup table's item.
const WANTED_IN_TABLE: &[Tag] = &[tag::LUT_DESCRIPTOR, tag::LUT_DATA];

/// The attributes whose values are 16-bit words; the others are text.
const WORDS: &[Tag] = &[
    tag::SAMPLES_PER_PIXEL,
    tag::PLANAR_CONFIGURATION,
    tag::ROWS,
    tag::COLUMNS,
    tag::BITS_ALLOCATED,
    tag::BITS_STORED,
    tag::HIGH_BIT,
    tag::PIXEL_REPRESENTATION,
    tag::PIXEL_PADDING_VALUE,
    tag::PIXEL_PADDING_RANGE_LIMIT,
    tag::LUT_DESCRIPTOR,
    tag::LUT_DATA,
];

/// Attributes by tag.
pub(super) type Attributes = BTreeMap<Tag, PrimitiveValue>;

/// The position of the pixels in the container's bytes.
pub(super) enum Pixels {
    /// One run of words, and its value representation.
    Native(Range<usize>, VR),
    /// Fragments; the first is the offset table.
    Fragments(Vec<Range<usize>>),
}

/// The part of a data set that a film needs.
pub(super) struct DataSet<'n> {
    name: &'n str,
    root: Attributes,
    /// The items of the modality LUT sequence.
    pub(super) modality_tables: Vec<Attributes>,
    /// The items of the VOI LUT sequence.
    pub(super) voi_tables: Vec<Attributes>,
    pub(super) pixels: Pixels,
}

/// An open level of nesting.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Sequence(Tag),
    Item,
    PixelSequence,
}

impl<'n> DataSet<'n> {
    /// Reads the attributes in front of the pixels.
    pub(super) fn read(container: &Container<'_>, name: &'n str) -> Result<Self, Error> {
        let total = container.bytes.len() as u64;
        let uid = container.of_data_set;
        let syntax = TransferSyntaxRegistry
            .get(uid)
            .ok_or_else(|| malformed(name, format!("no reader for transfer syntax {uid}")))?;
        let mut source = Cursor::new(&container.bytes[..]);
        source.set_position(container.start as u64);
        let mut reader = LazyDataSetReader::new_with_ts(source, syntax).map_err(|e| unreadable(name, &e))?;

        let (mut root, mut modality_tables, mut voi_tables) = (Attributes::new(), Vec::new(), Vec::new());
        let mut fragments: Option<Vec<Range<usize>>> = None;
        let mut levels: Vec<Level> = Vec::new();
        let pixels = loop {
            let Some(token) = reader.advance() else {
                let open = if levels.is_empty() {
                    "before the pixels"
                } else {
                    "inside a sequence"
                };
                let text = |tag| {
                    root.get(&tag)
                        .map(|value: &PrimitiveValue| value.to_str().trim().to_string())
                };
                let class = text(tag::SOP_CLASS_UID).or_else(|| container.class.clone());
                if levels.is_empty()
                    && let Some(what) = without_pixels(class.as_deref(), text(tag::MODALITY).as_deref())
                {
                    let name = name.to_string();
                    return Err(Error::NoPixels { name, what });
                }
                return Err(truncated(
                    name,
                    format!("the data set ends {open}, after {total} bytes"),
                ));
            };
            match token.map_err(|error| unreadable(name, &error))? {
                LazyDataToken::SequenceStart { tag, .. } => levels.push(Level::Sequence(tag)),
                LazyDataToken::PixelSequenceStart => {
                    if levels.is_empty() {
                        fragments = Some(Vec::new());
                    }
                    levels.push(Level::PixelSequence);
                }
                LazyDataToken::ItemStart { .. } => {
                    if let (Some(fragments), [Level::PixelSequence]) = (&mut fragments, levels.as_slice()) {
                        // An empty item (usually the offset table) has no value token.
                        fragments.push(0..0);
                    }
                    let tables = match levels.as_slice() {
                        [Level::Sequence(tag::MODALITY_LUT_SEQUENCE)] => Some(&mut modality_tables),
                        [Level::Sequence(tag::VOILUT_SEQUENCE)] => Some(&mut voi_tables),
                        _ => None,
                    };
                    if let Some(tables) = tables {
                        if tables.len() == MOST_TABLES {
                            let detail = format!("a sequence has more than {MOST_TABLES} lookup tables");
                            return Err(malformed(name, detail));
                        }
                        tables.push(Attributes::new());
                    }
                    levels.push(Level::Item);
                }
                // The reader accepts a stray delimiter and would fail at the next token.
                LazyDataToken::ItemEnd => leave_item(&mut levels, name)?,
                LazyDataToken::SequenceEnd => match levels.pop() {
                    Some(Level::PixelSequence) if levels.is_empty() => {
                        break Pixels::Fragments(fragments.unwrap_or_default());
                    }
                    Some(Level::PixelSequence | Level::Sequence(_)) => {}
                    _ => return Err(malformed(name, "a sequence ends that did not begin".to_string())),
                },
                LazyDataToken::LazyItemValue { len, decoder } => {
                    let range = inside(name, decoder.position(), len, total, tag::PIXEL_DATA)?;
                    if let (Some(fragments), [Level::PixelSequence, _]) = (&mut fragments, levels.as_slice())
                        && let Some(fragment) = fragments.last_mut()
                    {
                        *fragment = range;
                    }
                    decoder
                        .skip_bytes(len)
                        .map_err(|error| unreadable(name, &error))?;
                }
                LazyDataToken::LazyValue { header, decoder } => {
                    let length = header.len.get().unwrap_or(u32::MAX);
                    let range = inside(name, decoder.position(), length, total, header.tag)?;
                    if levels.is_empty() && header.tag == tag::PIXEL_DATA {
                        break Pixels::Native(range, header.vr());
                    }
                    let (wanted, place) = match levels.as_slice() {
                        [] => (WANTED, Some(&mut root)),
                        [Level::Sequence(tag::MODALITY_LUT_SEQUENCE), Level::Item] => {
                            (WANTED_IN_TABLE, modality_tables.last_mut())
                        }
                        [Level::Sequence(tag::VOILUT_SEQUENCE), Level::Item] => {
                            (WANTED_IN_TABLE, voi_tables.last_mut())
                        }
                        _ => (WANTED_IN_TABLE, None),
                    };
                    let Some(place) = place.filter(|_| wanted.contains(&header.tag)) else {
                        decoder
                            .skip_bytes(length)
                            .map_err(|error| unreadable(name, &error))?;
                        continue;
                    };
                    if u64::from(length) > LONGEST_VALUE {
                        let detail = format!("{} is {length} bytes long", header.tag);
                        return Err(malformed(name, detail));
                    }
                    let value = decoder
                        .read_value_preserved(&header)
                        .map_err(|error| unreadable(name, &error))?;
                    // Converters write unknown attributes as bytes; most of them are text.
                    let value = match value {
                        PrimitiveValue::U8(bytes)
                            if header.vr() == VR::UN && !WORDS.contains(&header.tag) =>
                        {
                            let text = String::from_utf8_lossy(&bytes);
                            PrimitiveValue::Strs(text.split('\\').map(str::to_owned).collect())
                        }
                        value => value,
                    };
                    place.insert(header.tag, value);
                }
                // The next token is the value of this header.
                _ => {}
            }
            if levels.len() > DEEPEST {
                return Err(malformed(
                    name,
                    format!("its sequences nest deeper than {DEEPEST} levels"),
                ));
            }
        };
        Ok(Self {
            name,
            root,
            modality_tables,
            voi_tables,
            pixels,
        })
    }

    /// The film's name, for messages.
    pub(super) fn name(&self) -> &'n str {
        self.name
    }

    /// The first text of an attribute, trimmed; `None` if missing or empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let value = self.root.get(&tag)?.to_multi_str();
        let text = value
            .first()?
            .trim_matches(|c: char| c == '\0' || c.is_whitespace())
            .to_string();
        (!text.is_empty()).then_some(text)
    }

    /// All texts of an attribute, trimmed.
    pub(super) fn texts(&self, tag: Tag) -> Vec<String> {
        let clean = |text: &String| {
            text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
                .to_string()
        };
        self.root
            .get(&tag)
            .map(|value| value.to_multi_str().iter().map(clean).collect())
            .unwrap_or_default()
    }

    /// A 16-bit word; `None` if missing or empty.
    pub(super) fn word(&self, tag: Tag) -> Result<Option<u16>, Error> {
        match self.root.get(&tag) {
            None | Some(PrimitiveValue::Empty) => Ok(None),
            Some(value) => first_word(value)
                .map(Some)
                .ok_or_else(|| self.bad(tag, "a 16-bit whole number")),
        }
    }

    /// A required 16-bit word.
    pub(super) fn needed_word(&self, tag: Tag) -> Result<u16, Error> {
        self.word(tag)?.ok_or_else(|| self.missing(tag))
    }

    /// All numbers of an attribute; empty if missing.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Vec<f64>, Error> {
        match self.root.get(&tag) {
            None | Some(PrimitiveValue::Empty) => Ok(Vec::new()),
            Some(_) if self.texts(tag).iter().all(String::is_empty) => Ok(Vec::new()),
            Some(value) => {
                let numbers = value.to_multi_float64().ok();
                let numbers = numbers.filter(|numbers| numbers.iter().all(|number| number.is_finite()));
                numbers.ok_or_else(|| self.bad(tag, "decimal numbers"))
            }
        }
    }

    pub(super) fn missing(&self, tag: Tag) -> Error {
        let (keyword, tag) = named(tag);
        Error::MissingTag {
            name: self.name.to_string(),
            tag,
            keyword,
        }
    }

    /// The error for an invalid value of an attribute.
    pub(super) fn bad(&self, tag: Tag, expected: &str) -> Error {
        let found = self.texts(tag).join("\\");
        let found = if found.is_empty() {
            "empty".to_string()
        } else {
            format!("'{}'", printable(&found))
        };
        self.bad_value(tag, found, expected)
    }

    /// The error for an invalid value found elsewhere.
    pub(super) fn bad_value(&self, tag: Tag, found: String, expected: &str) -> Error {
        let (keyword, tag) = named(tag);
        let name = self.name.to_string();
        Error::BadTag {
            name,
            tag,
            keyword,
            found,
            expected: expected.to_string(),
        }
    }
}

/// The bits of a value's first word, signed or not.
pub(super) fn first_word(value: &PrimitiveValue) -> Option<u16> {
    match value {
        PrimitiveValue::U16(words) => words.first().copied(),
        PrimitiveValue::I16(words) => words.first().map(|&word| word as u16),
        // An unknown value representation leaves bytes, assumed to be little endian.
        PrimitiveValue::U8(bytes) => Some(u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?])),
        other => other.to_int::<u16>().ok(),
    }
}

fn leave_item(levels: &mut Vec<Level>, name: &str) -> Result<(), Error> {
    match levels.pop() {
        Some(Level::Item) => Ok(()),
        _ => Err(malformed(name, "an item ends that did not begin".to_string())),
    }
}

/// The bytes of a value, if they lie inside the file.
pub(super) fn inside(
    name: &str,
    position: u64,
    length: u32,
    total: u64,
    tag: Tag,
) -> Result<Range<usize>, Error> {
    let end = position.saturating_add(length.into());
    if end > total {
        let left = total.saturating_sub(position);
        let detail = format!("{tag} at byte {position} is {length} bytes long, {left} are left");
        return Err(truncated(name, detail));
    }
    Ok(position as usize..end as usize)
}

/// Converts an error of the underlying reader: end of file, or invalid data.
pub(super) fn unreadable(name: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    let mut detail = error.to_string();
    let mut ended = false;
    let mut cause = error.source();
    while let Some(error) = cause {
        detail = format!("{detail}: {error}");
        let io = error.downcast_ref::<std::io::Error>();
        ended |= io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof);
        cause = error.source();
    }
    let detail = reported(&detail);
    if ended {
        truncated(name, detail)
    } else {
        malformed(name, detail)
    }
}
