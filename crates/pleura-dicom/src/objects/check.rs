//! Checks of an object's bytes before they are written or sent: what the usual validators do not see.
//!
//! The bytes are read by `dicom-object`, which shares nothing with the writer.

mod images;
mod report;
mod tables;
mod texts;

use std::io::Cursor;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileDicomObject, InMemDicomObject, OpenFileOptions};

use super::Kind;

type Set = InMemDicomObject;

/// A fault of an object: where it is, and what is wrong. It holds no attribute of a patient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Fault {
    /// The element, or the place in the content tree.
    pub place: String,
    /// The value that was found, and the expected one.
    pub problem: String,
}

impl Fault {
    #[allow(
        clippy::needless_pass_by_value,
        reason = "tags and texts come by value where faults are made"
    )]
    fn new(place: impl std::fmt::Display, problem: impl Into<String>) -> Self {
        Self {
            place: place.to_string(),
            problem: problem.into(),
        }
    }
}

/// Checks the bytes of an object that this program made.
///
/// It compares identifiers, required attributes, lengths of texts, and by kind: the number of pixels; the
/// content tree against the templates TID 1500, 1501, 1600 and 4019, and its references against the evidence
/// sequence; the points and layers of a presentation state; the frames and floats of a parametric map.
///
/// # Errors
/// The first [`Fault`].
pub fn check(bytes: &[u8]) -> Result<(), Fault> {
    let file: FileDicomObject<Set> = OpenFileOptions::new()
        .from_reader(Cursor::new(bytes))
        .map_err(|error| Fault::new("file", format!("cannot be read: {error}")))?;
    let meta = file.meta();
    if meta.transfer_syntax() != uids::EXPLICIT_VR_LITTLE_ENDIAN {
        let found = meta.transfer_syntax();
        return Err(Fault::new(
            tags::TRANSFER_SYNTAX_UID,
            format!("{found}, expected explicit little endian"),
        ));
    }
    let set: &Set = &file;
    let class = needed(set, tags::SOP_CLASS_UID)?;
    let Some(kind) = Kind::of_class(&class) else {
        return Err(Fault::new(
            tags::SOP_CLASS_UID,
            format!("{class} is no class of an object"),
        ));
    };
    if meta.media_storage_sop_class_uid().trim_end_matches('\0') != class {
        return Err(Fault::new(
            tags::MEDIA_STORAGE_SOP_CLASS_UID,
            "differs from the data set's",
        ));
    }
    let instance = needed(set, tags::SOP_INSTANCE_UID)?;
    if meta.media_storage_sop_instance_uid().trim_end_matches('\0') != instance {
        return Err(Fault::new(
            tags::MEDIA_STORAGE_SOP_INSTANCE_UID,
            "differs from the data set's",
        ));
    }
    for &(tag, filled) in tables::OF_ALL.iter().chain(tables::of_kind(kind)) {
        let Some(element) = set.get(tag) else {
            return Err(Fault::new(tag, "is missing"));
        };
        let empty = match element.items() {
            Some(items) => items.is_empty(),
            None => element
                .value()
                .primitive()
                .is_none_or(|value| value.calculate_byte_len() == 0),
        };
        if filled && empty {
            return Err(Fault::new(tag, "is empty"));
        }
    }
    texts::check(set, true)?;
    match kind {
        Kind::SecondaryCapture => images::picture(set),
        Kind::ParametricMap => images::map(set),
        Kind::PresentationState => images::presentation(set),
        Kind::Report => report::check(set),
    }
}

/// A text that must be there.
fn needed(set: &Set, tag: Tag) -> Result<String, Fault> {
    text(set, tag).ok_or_else(|| Fault::new(tag, "is missing"))
}

/// A text without padding; `None` if missing or empty.
fn text(set: &Set, tag: Tag) -> Option<String> {
    let value = set.get(tag)?.to_str().ok()?;
    let value = value.trim_end_matches(['\0', ' ']);
    (!value.is_empty()).then(|| value.to_owned())
}

fn number(set: &Set, tag: Tag) -> Result<usize, Fault> {
    let element = set.get(tag).ok_or_else(|| Fault::new(tag, "is missing"))?;
    element
        .to_int::<usize>()
        .map_err(|_| Fault::new(tag, "is not a whole number"))
}

/// The items of a sequence; none if it is missing.
fn items(set: &Set, tag: Tag) -> &[Set] {
    set.get(tag)
        .and_then(|element| element.items())
        .unwrap_or_default()
}
