//! The attributes of a DICOM file as stored, for programs that copy them into objects of their own.

use std::collections::BTreeMap;
use std::io::Cursor;

use dicom_core::Tag;
use dicom_dictionary_std::tags as tag;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use pleura_core::sha256;

use super::container::{Container, looks_like};
use super::data_set::{DEEPEST, inside, unreadable};
use super::faults::malformed;
use crate::format::describe_head;
use crate::limits::check_bytes;
use crate::{DecodeOptions, Error};

/// The longest value that is kept, in bytes. Names, identifiers and descriptions are far shorter.
const LONGEST: u32 = 4096;
/// The most items of a sequence that are kept.
const MOST_ITEMS: usize = 64;

/// A data set's values by tag (group, element), as bytes.
type Values = BTreeMap<(u16, u16), Vec<u8>>;

/// Chosen attributes of a DICOM file, as bytes in the file's own character set. Values of numbers keep the
/// file's byte order.
///
/// Its `Debug` shows tags only, because values may name a patient.
#[derive(Clone, PartialEq, Eq)]
pub struct DicomHeader {
    /// SHA-256 of the data set, without preamble and file meta group; of a deflated one, after inflation.
    pub digest: String,
    root: Values,
    sequences: BTreeMap<(u16, u16), Vec<Values>>,
}

impl std::fmt::Debug for DicomHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tags: Vec<_> = self.root.keys().chain(self.sequences.keys()).collect();
        f.debug_tuple("DicomHeader").field(&tags).finish()
    }
}

impl DicomHeader {
    /// Reads these attributes, (group, element), in front of the pixels. Of a sequence, it reads all plain
    /// attributes of its items.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`] if the file is not DICOM; [`Error::Malformed`] if a value that is asked for
    /// is longer than 4 KiB or a sequence has more than 64 items; what the decoder says of damaged files.
    pub fn read(
        bytes: &[u8],
        name: &str,
        options: &DecodeOptions,
        wanted: &[(u16, u16)],
    ) -> Result<Self, Error> {
        check_bytes(bytes.len() as u64, name, options)?;
        if !looks_like(bytes) {
            return Err(Error::UnknownFormat {
                name: name.to_string(),
                found: describe_head(bytes),
            });
        }
        let container = Container::open(bytes, name, options)?;
        let total = container.bytes.len() as u64;
        let uid = container.of_data_set;
        let syntax = TransferSyntaxRegistry
            .get(uid)
            .ok_or_else(|| malformed(name, format!("no reader for transfer syntax {uid}")))?;
        let mut source = Cursor::new(&container.bytes[..]);
        source.set_position(container.start as u64);
        let mut reader = LazyDataSetReader::new_with_ts(source, syntax).map_err(|e| unreadable(name, &e))?;
        let mut header = Self {
            digest: sha256::hex(container.bytes.get(container.start..).unwrap_or_default()),
            root: Values::new(),
            sequences: BTreeMap::new(),
        };
        // The tags of open sequences; `None` for an open item.
        let mut levels: Vec<Option<Tag>> = Vec::new();
        while let Some(token) = reader.advance() {
            match token.map_err(|error| unreadable(name, &error))? {
                LazyDataToken::SequenceStart { tag, .. } => levels.push(Some(tag)),
                LazyDataToken::PixelSequenceStart if levels.is_empty() => break,
                LazyDataToken::PixelSequenceStart => levels.push(Some(tag::PIXEL_DATA)),
                LazyDataToken::ItemStart { .. } => {
                    if let [Some(tag)] = levels.as_slice()
                        && wanted.contains(&(tag.0, tag.1))
                    {
                        let items = header.sequences.entry((tag.0, tag.1)).or_default();
                        if items.len() == MOST_ITEMS {
                            let detail = format!("{tag} has more than {MOST_ITEMS} items");
                            return Err(malformed(name, detail));
                        }
                        items.push(Values::new());
                    }
                    levels.push(None);
                }
                LazyDataToken::ItemEnd | LazyDataToken::SequenceEnd => {
                    let detail = "an item or a sequence ends that did not begin";
                    levels.pop().ok_or_else(|| malformed(name, detail.to_string()))?;
                }
                LazyDataToken::LazyItemValue { len, decoder } => {
                    inside(name, decoder.position(), len, total, tag::PIXEL_DATA)?;
                    let skipped = decoder.skip_bytes(len);
                    skipped.map_err(|error| unreadable(name, &error))?;
                }
                LazyDataToken::LazyValue { header: of, decoder } => {
                    let length = of.len.get().unwrap_or(u32::MAX);
                    if levels.is_empty() && of.tag == tag::PIXEL_DATA {
                        break;
                    }
                    let range = inside(name, decoder.position(), length, total, of.tag)?;
                    let key = (of.tag.0, of.tag.1);
                    let place = match levels.as_slice() {
                        [] => wanted.contains(&key).then_some(&mut header.root),
                        [Some(tag), None] => header
                            .sequences
                            .get_mut(&(tag.0, tag.1))
                            .and_then(|items| items.last_mut()),
                        _ => None,
                    };
                    if let Some(place) = place {
                        if length > LONGEST {
                            let detail = format!(
                                "{} is {length} bytes long; {LONGEST} are the most that is copied",
                                of.tag
                            );
                            return Err(malformed(name, detail));
                        }
                        let value = container.bytes.get(range).unwrap_or_default();
                        place.insert(key, value.to_vec());
                    }
                    let skipped = decoder.skip_bytes(length);
                    skipped.map_err(|error| unreadable(name, &error))?;
                }
                // The next token is the value of this header.
                _ => {}
            }
            if levels.len() > DEEPEST {
                let detail = format!("its sequences nest deeper than {DEEPEST} levels");
                return Err(malformed(name, detail));
            }
        }
        Ok(header)
    }

    /// The bytes of an attribute (group, element) without padding; `None` if it is missing.
    pub fn bytes(&self, tag: (u16, u16)) -> Option<&[u8]> {
        self.root.get(&tag).map(|value| trimmed(value))
    }

    /// The text of an attribute of the default repertoire (UIDs, codes, dates), without padding; `None` if it
    /// is missing, empty, or has other characters than ASCII.
    pub fn text(&self, tag: (u16, u16)) -> Option<&str> {
        let text = std::str::from_utf8(self.bytes(tag)?).ok()?;
        Some(text).filter(|text| text.is_ascii() && !text.is_empty())
    }

    /// The number of items of a sequence.
    pub fn items(&self, tag: (u16, u16)) -> usize {
        self.sequences.get(&tag).map_or(0, Vec::len)
    }

    /// The bytes of an attribute of a sequence's item, without padding.
    pub fn item(&self, sequence: (u16, u16), place: usize, tag: (u16, u16)) -> Option<&[u8]> {
        let item = self.sequences.get(&sequence)?.get(place)?;
        item.get(&tag).map(|value| trimmed(value))
    }
}

/// A value without the padding at its end and spaces in front.
fn trimmed(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|&byte| byte != 0 && byte != b' ');
    let value = &value[..end.map_or(0, |end| end + 1)];
    let begin = value.iter().position(|&byte| byte != b' ').unwrap_or(0);
    &value[begin..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An explicit little-endian element with a short length.
    fn element(tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(tag.0.to_le_bytes());
        bytes.extend(tag.1.to_le_bytes());
        bytes.extend(vr);
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend(value);
        bytes
    }

    fn file(set: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        bytes.extend(element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0"));
        bytes.extend(set);
        bytes
    }

    fn read(set: &[u8], wanted: &[(u16, u16)]) -> Result<DicomHeader, Error> {
        DicomHeader::read(&file(set), "film", &DecodeOptions::default(), wanted)
    }

    #[test]
    fn values_are_bytes_without_padding_and_debug_shows_none() {
        let mut set = element((8, 0x60), b"CS", b"DX");
        let code = element((8, 0x100), b"SH", b"36643-5 ");
        set.extend([8, 0, 0x32, 0x10]);
        set.extend(b"SQ\0\0");
        set.extend((code.len() as u32 + 8).to_le_bytes());
        set.extend([0xfe, 0xff, 0, 0xe0]);
        set.extend((code.len() as u32).to_le_bytes());
        set.extend(code);
        set.extend(element((0x10, 0x10), b"PN", b"M\xfcller^A "));
        let header = read(&set, &[(0x10, 0x10), (8, 0x1032)]).unwrap();
        assert_eq!(header.bytes((0x10, 0x10)), Some(&b"M\xfcller^A"[..]));
        assert_eq!(header.bytes((8, 0x60)), None, "not asked for");
        assert_eq!(header.items((8, 0x1032)), 1);
        assert_eq!(header.item((8, 0x1032), 0, (8, 0x100)), Some(&b"36643-5"[..]));
        assert_eq!(header.digest, sha256::hex(&set));
        assert_eq!(format!("{header:?}"), "DicomHeader([(16, 16), (8, 4146)])");
    }

    #[test]
    fn hostile_files_are_errors() {
        let long = element((0x10, 0x10), b"PN", &[b'a'; 5000]);
        let error = read(&long, &[(0x10, 0x10)]).unwrap_err().to_string();
        assert!(error.contains("5000 bytes") && !error.contains("aaa"), "{error}");
        assert!(read(&long, &[(0x10, 0x20)]).is_ok(), "skipped");
        let mut cut = element((0x10, 0x10), b"PN", b"abcd");
        cut.truncate(10);
        assert!(read(&cut, &[(0x10, 0x10)]).is_err());
        let png = DicomHeader::read(b"\x89PNG\r\n\x1a\n", "a.png", &DecodeOptions::default(), &[]);
        assert!(matches!(png, Err(Error::UnknownFormat { .. })));
    }
}
