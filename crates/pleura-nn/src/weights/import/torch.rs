//! The two formats of `torch.save`: the locations of pickle and numbers.

use std::{collections::HashMap, io::Cursor};

use zip::{CompressionMethod, ZipArchive};

use super::{
    Container, StateDict,
    pickle::{Pickle, Value},
    tensors::{slice, state_dict},
};
use crate::error::Error;

/// The number in the first pickle of the older format: 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;

/// The format since torch 1.6: an archive of uncompressed files, `NAME/data.pkl` and `NAME/data/KEY` for each
/// storage.
pub(super) fn read_zip(bytes: &[u8], name: &str) -> Result<StateDict, Error> {
    let refuse = |problem: String| Error::Format {
        name: name.to_owned(),
        problem,
    };
    let damaged = |error: zip::result::ZipError| {
        refuse(format!(
            "ZIP archive: {error}; the file is cut off or damaged, download or copy it again"
        ))
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if let Some(kind) = other_archive(&archive) {
        return Err(refuse(kind.to_owned()));
    }
    let mut entries: HashMap<Vec<u8>, &[u8]> = HashMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        if entry.is_dir() {
            continue;
        }
        // torch does not compress, so that files can be mapped. Compressed entries could also grow without
        // bounds.
        let entry_name = entry.name_raw().to_vec();
        let told = String::from_utf8_lossy(&entry_name).into_owned();
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(refuse(format!(
                "{told} is compressed or encrypted, which torch does not do; if the weights are in this archive, unpack it"
            )));
        }
        let start = entry.data_start().and_then(|start| usize::try_from(start).ok());
        let length = usize::try_from(entry.size()).ok();
        let content = start
            .zip(length)
            .and_then(|(start, length)| slice(bytes, start, length, 1));
        let content =
            content.ok_or_else(|| refuse(format!("{told} reaches beyond the end: the file is cut off")))?;
        entries.insert(entry_name, content);
    }
    let mut pickles = entries.keys().filter_map(|entry| entry.strip_suffix(b"data.pkl"));
    let folder = match (pickles.next(), pickles.next()) {
        (Some(folder), None) => folder.to_vec(),
        _ => {
            return Err(refuse(
                "a ZIP archive, but not one of torch.save: it needs one data.pkl; unpack it and import the file in it"
                    .to_owned(),
            ));
        }
    };
    let entry = |path: &[u8]| entries.get(&[&folder, path].concat()).copied();
    if entry(b"byteorder").is_some_and(|order| order.trim_ascii() != b"little") {
        return Err(refuse(
            "written on a big-endian machine; save it again on another".to_owned(),
        ));
    }
    let pickle = Pickle::read(entry(b"data.pkl").unwrap_or_default(), 0, name)?;
    state_dict(&pickle, Container::TorchZip, bytes.len(), name, &|key| {
        entry(&[b"data/", key].concat())
    })
}

/// What an archive of another program is, and what to do.
fn other_archive(archive: &ZipArchive<Cursor<&[u8]>>) -> Option<&'static str> {
    let has = |wanted: fn(&str) -> bool| archive.file_names().flatten().any(|entry| wanted(&entry));
    if has(|entry| entry.contains("/code/")) {
        return Some(
            "a TorchScript archive; save `torch.jit.load(FILE).state_dict()` with torch.save, and import that",
        );
    }
    has(|entry| entry == "model.weights.h5")
        .then_some("a Keras archive; only torch's files and safetensors are read")
}

/// The older format: a magic number, a protocol, facts about the machine, the object, and the keys of the
/// storages, each a pickle; then for each key a count and its numbers.
pub(super) fn read_legacy(bytes: &[u8], name: &str) -> Result<StateDict, Error> {
    let refuse = |problem: String| Error::Format {
        name: name.to_owned(),
        problem,
    };
    let magic = Pickle::read(bytes, 0, name)?;
    if !matches!(magic.root(), Value::Long(number) if **number == MAGIC) {
        return Err(refuse("a pickle, but not one of torch.save".to_owned()));
    }
    let protocol = Pickle::read(bytes, magic.end, name)?;
    if !matches!(protocol.root(), Value::Int(PROTOCOL)) {
        return Err(refuse(format!("another protocol of torch.save than {PROTOCOL}")));
    }
    let machine = Pickle::read(bytes, protocol.end, name)?;
    if matches!(
        machine.entry(machine.root(), b"little_endian"),
        Some(Value::Bool(false))
    ) {
        return Err(refuse(
            "written on a big-endian machine; save it again on another".to_owned(),
        ));
    }
    let object = Pickle::read(bytes, machine.end, name)?;
    let keys = Pickle::read(bytes, object.end, name)?;
    let Value::List(order) = keys.root() else {
        return Err(refuse("the list of storages is missing".to_owned()));
    };
    // The sizes of the numbers follow from the object's use of the storages.
    let widths: HashMap<&[u8], usize> = object
        .values()
        .iter()
        .filter_map(|value| match value {
            Value::Storage(storage) => Some((storage.key, storage.numbers.bytes())),
            _ => None,
        })
        .collect();
    let mut storages: HashMap<&[u8], &[u8]> = HashMap::new();
    let mut at = keys.end;
    for key in order {
        let Value::Text(key) = keys.get(*key) else {
            return Err(refuse("a storage's key is not text".to_owned()));
        };
        let told = String::from_utf8_lossy(key);
        let width = widths
            .get(key)
            .ok_or_else(|| refuse(format!("nothing uses the storage {told:?}")))?;
        let cut_off = || {
            refuse(format!(
                "storage {told:?} reaches beyond the end: the file is cut off"
            ))
        };
        let count = slice(bytes, at, 8, 1)
            .and_then(|word| word.first_chunk())
            .ok_or_else(cut_off)?;
        let count = usize::try_from(i64::from_le_bytes(*count)).map_err(|_| cut_off())?;
        let content = bytes
            .get(at + 8..)
            .and_then(|rest| slice(rest, 0, count, *width))
            .ok_or_else(cut_off)?;
        storages.insert(key, content);
        at += 8 + content.len();
    }
    state_dict(&object, Container::TorchLegacy, bytes.len(), name, &|key| {
        storages.get(key).copied()
    })
}
