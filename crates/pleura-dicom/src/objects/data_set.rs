//! Data sets and their bytes: explicit VR little endian, defined lengths, tags in order (PS3.5 7).
//!
//! `dicom-object` writes sequences of undefined length only, so the encoding is here; it reads the bytes back
//! in [`check`](super::check()).

use std::collections::BTreeMap;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};

use super::error::Error;
use super::uid::uid;

/// (0002,0013), at most 16 characters.
const VERSION_NAME: &str = concat!("PLEURA_", env!("CARGO_PKG_VERSION"));

/// A value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// Text of this program.
    Text(String),
    /// Bytes as they are: numbers, pixels, and text copied in another character set.
    Bytes(Vec<u8>),
    Items(Vec<DataSet>),
}

/// Elements by tag.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DataSet {
    elements: BTreeMap<Tag, (VR, Value)>,
}

impl DataSet {
    /// Puts a text; several values are divided by backslashes.
    pub(super) fn put(&mut self, tag: Tag, text: impl Into<String>) {
        self.elements.insert(tag, (vr(tag), Value::Text(text.into())));
    }

    /// Puts an empty value.
    pub(super) fn empty(&mut self, tag: Tag) {
        match vr(tag) {
            VR::SQ => self.items(tag, Vec::new()),
            _ => self.put(tag, ""),
        }
    }

    /// Puts text in its own encoding.
    pub(super) fn copy(&mut self, tag: Tag, bytes: Vec<u8>) {
        self.elements.insert(tag, (vr(tag), Value::Bytes(bytes)));
    }

    /// Puts 16-bit words.
    pub(super) fn words(&mut self, tag: Tag, words: &[u16]) {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.elements.insert(tag, (VR::US, Value::Bytes(bytes)));
    }

    /// Puts 32-bit words: UL, or SL for values below 2^31.
    pub(super) fn longs(&mut self, tag: Tag, longs: &[u32]) {
        let bytes = longs.iter().flat_map(|long| long.to_le_bytes()).collect();
        self.elements.insert(tag, (vr(tag), Value::Bytes(bytes)));
    }

    /// Puts numbers of 32 bits: FL, or OF for pixels.
    pub(super) fn floats(&mut self, tag: Tag, floats: impl IntoIterator<Item = f32>) {
        let bytes = floats.into_iter().flat_map(f32::to_le_bytes).collect();
        self.elements.insert(tag, (vr(tag), Value::Bytes(bytes)));
    }

    /// Puts a number of 64 bits.
    pub(super) fn double(&mut self, tag: Tag, double: f64) {
        let bytes = double.to_le_bytes().to_vec();
        self.elements.insert(tag, (VR::FD, Value::Bytes(bytes)));
    }

    /// Puts a tag.
    pub(super) fn pointer(&mut self, tag: Tag, to: Tag) {
        let bytes = [to.0.to_le_bytes(), to.1.to_le_bytes()].concat();
        self.elements.insert(tag, (VR::AT, Value::Bytes(bytes)));
    }

    /// Puts bytes of pixels.
    pub(super) fn pixels(&mut self, tag: Tag, bytes: Vec<u8>) {
        self.elements.insert(tag, (VR::OB, Value::Bytes(bytes)));
    }

    /// Puts a sequence.
    pub(super) fn items(&mut self, tag: Tag, items: Vec<DataSet>) {
        self.elements.insert(tag, (VR::SQ, Value::Items(items)));
    }

    /// Puts a sequence of one item.
    pub(super) fn item(&mut self, tag: Tag, item: DataSet) {
        self.items(tag, vec![item]);
    }

    /// Adds an item to a sequence.
    pub(super) fn push(&mut self, tag: Tag, item: DataSet) {
        match self.elements.get_mut(&tag) {
            Some((_, Value::Items(items))) => items.push(item),
            _ => self.item(tag, item),
        }
    }

    /// Takes all elements of another data set.
    pub(super) fn extend(&mut self, other: DataSet) {
        self.elements.extend(other.elements);
    }

    /// The length of a text or copied value in bytes; `None` if it is missing.
    pub(super) fn length(&self, tag: Tag) -> Option<usize> {
        match self.elements.get(&tag)? {
            (_, Value::Text(text)) => Some(text.len()),
            (_, Value::Bytes(bytes)) => Some(bytes.len()),
            (_, Value::Items(_)) => None,
        }
    }

    /// The items of a sequence.
    #[cfg(test)]
    pub(super) fn items_of(&self, tag: Tag) -> &[DataSet] {
        match self.elements.get(&tag) {
            Some((_, Value::Items(items))) => items,
            _ => &[],
        }
    }

    /// A text of this program.
    pub(super) fn ascii(&self, tag: Tag) -> Option<String> {
        match self.elements.get(&tag) {
            Some((_, Value::Text(text))) => Some(text.clone()),
            _ => None,
        }
    }

    /// The bytes of a file with this data set. Texts of this program lose characters beyond ASCII unless the
    /// character set is UTF-8.
    ///
    /// # Errors
    /// [`Error::Encode`] if a value does not fit into its element.
    pub(super) fn to_file(&self, class: &str, instance: &str, utf8: bool) -> Result<Vec<u8>, Error> {
        let mut meta = DataSet::default();
        meta.pixels(tags::FILE_META_INFORMATION_VERSION, vec![0, 1]);
        meta.put(tags::MEDIA_STORAGE_SOP_CLASS_UID, class);
        meta.put(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, instance);
        meta.put(tags::TRANSFER_SYNTAX_UID, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        meta.put(
            tags::IMPLEMENTATION_CLASS_UID,
            uid(None, &["pleura", "implementation"]),
        );
        meta.put(tags::IMPLEMENTATION_VERSION_NAME, super::text::sh(VERSION_NAME));
        let meta = meta.encode(false)?;
        let mut length = DataSet::default();
        length.longs(tags::FILE_META_INFORMATION_GROUP_LENGTH, &[meta.len() as u32]);
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        bytes.extend(length.encode(false)?);
        bytes.extend(meta);
        bytes.extend(self.encode(utf8)?);
        Ok(bytes)
    }

    fn encode(&self, utf8: bool) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for (tag, (vr, value)) in &self.elements {
            let mut content = match value {
                Value::Text(text) if utf8 => text.clone().into_bytes(),
                Value::Text(text) => text
                    .chars()
                    .map(|c| if c.is_ascii() { c as u8 } else { b'?' })
                    .collect(),
                Value::Bytes(bytes) => bytes.clone(),
                Value::Items(items) => encode_items(*tag, items, utf8)?,
            };
            if content.len() % 2 == 1 {
                content.push(match vr {
                    VR::UI | VR::OB | VR::UN => 0,
                    _ => b' ',
                });
            }
            bytes.extend(tag.0.to_le_bytes());
            bytes.extend(tag.1.to_le_bytes());
            bytes.extend(vr.to_bytes());
            let long = matches!(
                vr,
                VR::OB
                    | VR::OD
                    | VR::OF
                    | VR::OL
                    | VR::OV
                    | VR::OW
                    | VR::SQ
                    | VR::UC
                    | VR::UN
                    | VR::UR
                    | VR::UT
            );
            let most = if long { u32::MAX as usize - 1 } else { 65_534 };
            if content.len() > most {
                return Err(Error::Encode {
                    tag: tag.to_string(),
                    bytes: content.len(),
                    most,
                });
            }
            if long {
                bytes.extend([0, 0]);
                bytes.extend((content.len() as u32).to_le_bytes());
            } else {
                bytes.extend((content.len() as u16).to_le_bytes());
            }
            bytes.extend(content);
        }
        Ok(bytes)
    }
}

fn encode_items(tag: Tag, items: &[DataSet], utf8: bool) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for item in items {
        let content = item.encode(utf8)?;
        let length = u32::try_from(content.len()).map_err(|_| Error::Encode {
            tag: tag.to_string(),
            bytes: content.len(),
            most: u32::MAX as usize - 1,
        })?;
        bytes.extend([0xfe, 0xff, 0x00, 0xe0]);
        bytes.extend(length.to_le_bytes());
        bytes.extend(content);
    }
    Ok(bytes)
}

/// The value representation of a standard attribute.
pub(super) fn vr(tag: Tag) -> VR {
    StandardDataDictionary
        .by_tag(tag)
        .map_or(VR::UN, |entry| entry.vr().relaxed())
}
