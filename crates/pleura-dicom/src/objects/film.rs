//! The film that objects refer to: attributes that they repeat, and facts that they depend on.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};
use pleura_core::FileError;
use pleura_film::{BodyPart, DecodeOptions, DicomHeader, DicomTags, Format};

use super::data_set::DataSet;
use super::error::Error;
use super::uid::is_uid;

/// An attribute of patient or study that every object repeats.
struct Repeated {
    tag: Tag,
    /// True for type 2: written empty if the film lacks it.
    always: bool,
}

/// Patient and study, in the order of the specification of each module (PS3.3 C.7.1.1, C.7.2.1).
const REPEATED: &[Repeated] = &[
    always(tags::STUDY_DATE),
    always(tags::STUDY_TIME),
    always(tags::ACCESSION_NUMBER),
    always(tags::REFERRING_PHYSICIAN_NAME),
    if_there(tags::STUDY_DESCRIPTION),
    always(tags::PATIENT_NAME),
    always(tags::PATIENT_ID),
    if_there(tags::ISSUER_OF_PATIENT_ID),
    always(tags::PATIENT_BIRTH_DATE),
    always(tags::PATIENT_SEX),
    if_there(tags::PATIENT_AGE),
    always(tags::STUDY_ID),
];

const fn always(tag: Tag) -> Repeated {
    Repeated { tag, always: true }
}

const fn if_there(tag: Tag) -> Repeated {
    Repeated { tag, always: false }
}

/// Further attributes that are read.
const READ: &[Tag] = &[
    tags::SPECIFIC_CHARACTER_SET,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::MODALITY,
    tags::BODY_PART_EXAMINED,
    tags::VIEW_POSITION,
    tags::PATIENT_ORIENTATION,
    tags::BURNED_IN_ANNOTATION,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PIXEL_ASPECT_RATIO,
    tags::PIXEL_SPACING,
    tags::IMAGER_PIXEL_SPACING,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::ACCESSION_NUMBER,
    tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE,
    tags::PROCEDURE_CODE_SEQUENCE,
    tags::MODALITY_LUT_SEQUENCE,
];

/// The attributes of a code's item that are copied.
const CODE: &[Tag] = &[
    tags::CODE_VALUE,
    tags::CODING_SCHEME_DESIGNATOR,
    tags::CODING_SCHEME_VERSION,
    tags::CODE_MEANING,
];

/// The attributes of an issuer's item that are copied.
const ISSUER: &[Tag] = &[
    tags::LOCAL_NAMESPACE_ENTITY_ID,
    tags::UNIVERSAL_ENTITY_ID,
    tags::UNIVERSAL_ENTITY_ID_TYPE,
];

/// A DICOM film as its objects refer to it: patient and study, identifiers, and what the objects depend on.
///
/// Attributes of the patient leave it only into objects. `Debug` shows the digest.
#[derive(Clone, PartialEq)]
pub struct FilmReference {
    header: DicomHeader,
    /// True if texts are written as UTF-8; otherwise they are copied with the film's character set.
    utf8: bool,
    charset: Charset,
    identifiers: [String; 4],
}

/// The film's character set.
#[derive(Clone, PartialEq)]
enum Charset {
    /// ASCII, or UTF-8: bytes are as they will be.
    Same,
    /// A single one that is decoded, by its code.
    Decoded(String),
    /// Several with escape sequences, an unknown one, or texts that are not in it.
    Kept,
}

impl std::fmt::Debug for FilmReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FilmReference").field(&self.header.digest).finish()
    }
}

impl FilmReference {
    /// Reads the header of a DICOM film; `name` appears in messages. The pixels are not decoded.
    ///
    /// # Errors
    /// [`Error::NotDicom`] for PNG, JPEG and other pictures; [`Error::Identifier`] if a UID is missing or damaged;
    /// [`Error::Film`] if the file cannot be read.
    pub fn read(bytes: &[u8], name: &str) -> Result<Self, Error> {
        if let Some(format) = Format::of(bytes)
            && format != Format::Dicom
        {
            return Err(Error::NotDicom {
                name: name.to_owned(),
                format,
            });
        }
        let repeated = REPEATED.iter().map(|one| one.tag);
        let wanted: Vec<(u16, u16)> = repeated.chain(READ.iter().copied()).map(key).collect();
        let header = DicomHeader::read(bytes, name, &DecodeOptions::default(), &wanted)?;
        let identifier = |tag: Tag, keyword| {
            let found = match header.text(key(tag)) {
                Some(uid) if is_uid(uid) => return Ok(uid.to_owned()),
                Some(_) => "is not a UID",
                None => "is missing",
            };
            Err(Error::Identifier {
                name: name.to_owned(),
                keyword,
                tag: tag.to_string(),
                found,
            })
        };
        let identifiers = [
            identifier(tags::SOP_CLASS_UID, "SOPClassUID")?,
            identifier(tags::SOP_INSTANCE_UID, "SOPInstanceUID")?,
            identifier(tags::STUDY_INSTANCE_UID, "StudyInstanceUID")?,
            identifier(tags::SERIES_INSTANCE_UID, "SeriesInstanceUID")?,
        ];
        let charset = Charset::of(&header);
        Ok(Self {
            utf8: charset != Charset::Kept,
            charset,
            header,
            identifiers,
        })
    }

    /// SHA-256 of the data set.
    pub fn digest(&self) -> &str {
        &self.header.digest
    }

    /// SOP Class UID (0008,0016).
    pub fn sop_class(&self) -> &str {
        &self.identifiers[0]
    }

    /// SOP Instance UID (0008,0018).
    pub fn sop_instance(&self) -> &str {
        &self.identifiers[1]
    }

    /// Study Instance UID (0020,000D).
    pub fn study(&self) -> &str {
        &self.identifiers[2]
    }

    /// Series Instance UID (0020,000E).
    pub fn series(&self) -> &str {
        &self.identifiers[3]
    }

    /// True if objects are written in UTF-8.
    pub(super) fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// A value of the default repertoire, if it is there and not empty.
    pub(super) fn text(&self, tag: Tag) -> Option<&str> {
        self.header.text(key(tag))
    }

    /// Numbers divided by backslashes; `None` unless there are `count` and all are finite.
    pub(super) fn numbers(&self, tag: Tag, count: usize) -> Option<Vec<f64>> {
        let numbers: Option<Vec<f64>> = self
            .text(tag)?
            .split('\\')
            .map(|part| part.trim().parse().ok().filter(|number: &f64| number.is_finite()))
            .collect();
        numbers.filter(|numbers| numbers.len() == count)
    }

    /// True unless the film names another body part than the chest.
    pub(super) fn names_the_chest(&self) -> bool {
        let mut named = DicomTags::default();
        named.body_part = self.text(tags::BODY_PART_EXAMINED).map(str::to_owned);
        named.part() != BodyPart::Other
    }

    /// True if the file has the sequence with an item.
    pub(super) fn has_items(&self, tag: Tag) -> bool {
        self.header.items(key(tag)) > 0
    }

    /// Character set, patient and study.
    pub(super) fn patient_and_study(&self) -> DataSet {
        let mut set = DataSet::default();
        match (self.utf8, self.header.bytes(key(tags::SPECIFIC_CHARACTER_SET))) {
            (true, _) => set.put(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192"),
            (false, Some(stored)) => set.copy(tags::SPECIFIC_CHARACTER_SET, stored.to_vec()),
            (false, None) => {}
        }
        for Repeated { tag, always } in REPEATED {
            match self.header.bytes(key(*tag)) {
                Some(value) if !value.is_empty() => set.copy(*tag, self.written(value)),
                _ if *always => set.empty(*tag),
                _ => {}
            }
        }
        let issuer = tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE;
        if self.has_items(issuer) {
            set.items(issuer, self.copied_items(issuer, ISSUER, 1));
        }
        set.put(tags::STUDY_INSTANCE_UID, self.study());
        set
    }

    /// The codes of the film's procedure; items without value, scheme and meaning, and those
    /// with longer ones than the standard allows, are left out.
    pub(super) fn procedures(&self) -> Vec<DataSet> {
        let items = self.copied_items(tags::PROCEDURE_CODE_SEQUENCE, CODE, 16);
        let whole = |item: &DataSet| {
            let needed = [
                (tags::CODE_VALUE, 16),
                (tags::CODING_SCHEME_DESIGNATOR, 16),
                (tags::CODE_MEANING, 64),
            ];
            let mut needed = needed.into_iter();
            needed.all(|(tag, most)| {
                item.length(tag)
                    .is_some_and(|length| (1..=most).contains(&length))
            })
        };
        items.into_iter().filter(whole).collect()
    }

    fn copied_items(&self, sequence: Tag, attributes: &[Tag], most: usize) -> Vec<DataSet> {
        let count = self.header.items(key(sequence)).min(most);
        let item = |place| {
            let mut item = DataSet::default();
            for &tag in attributes {
                match self.header.item(key(sequence), place, key(tag)) {
                    Some(value) if !value.is_empty() => item.copy(tag, self.written(value)),
                    _ => {}
                }
            }
            item
        };
        (0..count).map(item).collect()
    }

    /// A stored text as it is written.
    fn written(&self, value: &[u8]) -> Vec<u8> {
        match &self.charset {
            Charset::Decoded(code) => decoded(code, value).unwrap_or_default().into_bytes(),
            Charset::Same | Charset::Kept => value.to_vec(),
        }
    }
}

impl Charset {
    /// UTF-8 if every text can be decoded and encoded again without loss.
    fn of(header: &DicomHeader) -> Self {
        let sequences = [
            (tags::PROCEDURE_CODE_SEQUENCE, CODE),
            (tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, ISSUER),
        ];
        let in_items = sequences.iter().flat_map(|(sequence, attributes)| {
            let places = 0..header.items(key(*sequence));
            places.flat_map(move |place| {
                let values = attributes.iter();
                values.filter_map(move |tag| header.item(key(*sequence), place, key(*tag)))
            })
        });
        let plain = REPEATED.iter().filter_map(|one| header.bytes(key(one.tag)));
        let mut texts = plain.chain(in_items);
        let declared = header
            .bytes(key(tags::SPECIFIC_CHARACTER_SET))
            .unwrap_or_default();
        // ASCII is ASCII in every set; escape sequences are ASCII, too, and begin with ESC.
        let plain = |text: &[u8]| text.is_ascii() && !text.contains(&0x1b);
        if texts.clone().all(plain) {
            return Self::Same;
        }
        match std::str::from_utf8(declared).map(str::trim) {
            Ok("ISO_IR 192") if texts.all(|text| std::str::from_utf8(text).is_ok()) => Self::Same,
            Ok(code) if texts.all(|text| decoded(code, text).is_some()) => Self::Decoded(code.to_owned()),
            _ => Self::Kept,
        }
    }
}

/// A text of one character set without escape sequences; `None` if the set is unknown or does not give the
/// same bytes again.
fn decoded(code: &str, bytes: &[u8]) -> Option<String> {
    if code.is_empty() || code.contains('\\') || bytes.contains(&0x1b) {
        return None;
    }
    let set = SpecificCharacterSet::from_code(code)?;
    let text = set.decode(bytes).ok()?;
    (set.encode(&text).ok()?.as_slice() == bytes).then_some(text)
}

/// The bytes of a film's file, at most the decoder's limit.
///
/// # Errors
/// [`Error::File`], and [`Error::Film`] if the file is larger.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let limit = DecodeOptions::default().max_file_bytes;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(FileError::of("read the film", path))?;
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(FileError::of("read the film", path))?;
    Ok(bytes)
}

fn key(tag: Tag) -> (u16, u16) {
    (tag.0, tag.1)
}
