//! Reads weights from a safetensors file in one pass, with their digest.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::mpsc,
    thread,
};

use pleura_core::content::{self, Content};
use safetensors::{Dtype, tensor::Metadata};

use super::{
    Array, Digester, Weights,
    file::{Header, KEY, VERSION},
};
use crate::error::Error;

/// The longest header that is accepted; DenseNet-201's has about 100 KB.
const LONGEST_HEADER: u64 = 100_000_000;
/// Bytes per read: they are converted to numbers while they are in the processor's cache.
const CHUNK: usize = 1 << 18;
/// Bytes that name the kind of a file that is no safetensors file.
const HEAD: u64 = 512;

/// Weights and their digest from a file of `length` bytes.
///
/// # Errors
/// The result of `unreadable` for a failed read; [`Error::Format`] for a file that [`Weights::write`] did not
/// write, and for damage; those of [`Weights::check`].
pub(super) fn weights(
    source: impl Read,
    length: u64,
    name: &str,
    unreadable: impl Fn(io::Error) -> Error,
) -> Result<(Weights, String), Error> {
    let parse = |json: &str, value: &serde_json::Value| {
        if let Some(network) = segmenter(value) {
            return Err(format!(
                "holds the segmentation network {network}, expected a classifier"
            ));
        }
        serde_json::from_str(json).map_err(|error| format!("pleura's header: {error}"))
    };
    let (header, tensors, digest): (Header, _, _) = parts(source, length, name, unreadable, parse)?;
    let weights = Weights {
        architecture: header.architecture,
        findings: header.findings,
        normalisation: header.normalisation,
        metadata: header.metadata,
        tensors,
    };
    weights.check()?;
    undamaged(name, &digest, &header.digest)?;
    Ok((weights, digest))
}

/// The name of the segmentation network that a header describes, if it does.
pub(crate) fn segmenter(header: &serde_json::Value) -> Option<&str> {
    let architecture = header.get("architecture")?;
    architecture.get("widths")?;
    architecture.get("name")?.as_str()
}

/// Compares the digest of tensors with that of their header.
pub(crate) fn undamaged(name: &str, found: &str, expected: &str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Format {
        name: name.to_owned(),
        problem: format!(
            "the tensors have digest {found}, the header says {expected}: the file is damaged or was edited"
        ),
    })
}

/// Tensors by name.
pub(crate) type Tensors = BTreeMap<String, Array>;

/// Header, tensors, and the tensors' digest from a file of `length` bytes. `parse` reads our header, as text
/// and as a value.
///
/// # Errors
/// The result of `unreadable` for a failed read; [`Error::Format`] for other files, and for the problems that
/// `parse` returns.
pub(crate) fn parts<H>(
    mut source: impl Read,
    length: u64,
    name: &str,
    unreadable: impl Fn(io::Error) -> Error,
    parse: impl Fn(&str, &serde_json::Value) -> Result<H, String>,
) -> Result<(H, Tensors, String), Error> {
    let refuse = |problem: String| Error::Format {
        name: name.to_owned(),
        problem,
    };
    let mut head = Vec::new();
    source
        .by_ref()
        .take(HEAD)
        .read_to_end(&mut head)
        .map_err(&unreadable)?;
    // The ninth byte of a safetensors file is the brace of its header.
    let known = content::describe(&head).filter(|_| head.get(8) != Some(&b'{'));
    let foreign = |problem: String| {
        let (what, advice) = match known {
            Some(Content { what, advice }) => (what.to_owned(), advice),
            None => (problem, None),
        };
        let advice = advice.unwrap_or("`pleura import` reads .pth and .pth.tar files");
        refuse(format!("not a safetensors file ({what}); {advice}"))
    };
    if length < 8 {
        return Err(foreign(format!("{length} bytes")));
    }
    let mut source = head.as_slice().chain(source);
    let mut size = [0; 8];
    source.read_exact(&mut size).map_err(&unreadable)?;
    let (size, rest) = (u64::from_le_bytes(size), length - 8);
    if size > rest && size <= LONGEST_HEADER && head.get(8) == Some(&b'{') {
        return Err(refuse(format!(
            "cut off after {length} bytes, inside its header of {size}; download or copy it again"
        )));
    }
    if size > rest.min(LONGEST_HEADER) {
        return Err(foreign(format!("a header of {size} bytes in a file of {length}")));
    }
    let mut text = vec![0; size as usize];
    source.read_exact(&mut text).map_err(&unreadable)?;
    let layout: Metadata = serde_json::from_slice(&text).map_err(|error| foreign(error.to_string()))?;
    let header = header(&layout, parse).map_err(refuse)?;
    let shapes = shapes(&layout, rest - size).map_err(refuse)?;
    let (tensors, digest) = tensors(source, shapes).map_err(unreadable)?;
    Ok((header, tensors, digest))
}

/// Our part of the file's header, or the problem with it.
fn header<H>(
    layout: &Metadata,
    parse: impl Fn(&str, &serde_json::Value) -> Result<H, String>,
) -> Result<H, String> {
    let json = layout
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(KEY))
        .ok_or("a safetensors file without pleura's header; turn it into one with `pleura import`")?;
    // The version comes first: a later one may have other fields, and should be named rather than called
    // malformed.
    let value = serde_json::from_str::<serde_json::Value>(json).unwrap_or_default();
    let version = value
        .get("version")
        .and_then(serde_json::Value::as_u64)
        .ok_or("pleura's header has no version")?;
    if version != u64::from(VERSION) {
        return Err(format!(
            "written as version {version}, this program reads version {VERSION}"
        ));
    }
    parse(json, &value)
}

/// Names and shapes in the order of the file, if the tensors are plain numbers that fill its `bytes` without
/// gaps.
fn shapes(layout: &Metadata, bytes: u64) -> Result<Vec<(String, Vec<usize>)>, String> {
    let mut place = 0;
    let mut shapes = Vec::new();
    for name in layout.offset_keys() {
        let info = layout
            .info(&name)
            .ok_or_else(|| format!("safetensors: {name} is missing"))?;
        if info.dtype != Dtype::F32 {
            return Err(format!("{name} holds {}, expected F32", info.dtype));
        }
        let numbers = info
            .shape
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size));
        let end = numbers.and_then(|numbers| numbers.checked_mul(4)?.checked_add(place));
        if end.is_none_or(|end| info.data_offsets != (place, end)) {
            return Err(format!(
                "safetensors: {name} of shape {:?} lies at {:?}, the tensor before it ends at {place}",
                info.shape, info.data_offsets
            ));
        }
        place = info.data_offsets.1;
        shapes.push((name, info.shape.clone()));
    }
    if place as u64 != bytes {
        let remedy = if place as u64 > bytes {
            "; it is cut off, download or copy it again"
        } else {
            ""
        };
        return Err(format!(
            "safetensors: the tensors have {place} bytes, the file holds {bytes}{remedy}"
        ));
    }
    Ok(shapes)
}

/// The tensors with their digest, which another thread computes during reading.
fn tensors(
    mut source: impl Read,
    shapes: Vec<(String, Vec<usize>)>,
) -> Result<(BTreeMap<String, Array>, String), io::Error> {
    let in_order = shapes.is_sorted_by(|one, other| one.0 < other.0);
    let (give, take) = mpsc::channel::<(String, Array)>();
    thread::scope(|scope| {
        let digesting = scope.spawn(move || {
            let (mut digester, mut tensors) = (Digester::default(), BTreeMap::new());
            for (name, array) in take {
                if in_order {
                    digester.add(&name, &array);
                }
                tensors.insert(name, array);
            }
            // The digest takes tensors by name; other programs may have written them in another order.
            if !in_order {
                for (name, array) in &tensors {
                    digester.add(name, array);
                }
            }
            (tensors, digester.finish())
        });
        let mut bytes = vec![0; CHUNK];
        for (name, shape) in shapes {
            let mut left = 4 * shape.iter().product::<usize>();
            let mut data = Vec::with_capacity(left / 4);
            while left > 0 {
                let chunk = &mut bytes[..left.min(CHUNK)];
                source.read_exact(chunk)?;
                data.extend(
                    chunk
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .map(|number| f32::from_le_bytes(*number)),
                );
                left -= chunk.len();
            }
            // The receiver is gone only if the other thread panicked, which is reported below.
            let _ = give.send((name, Array { shape, data }));
        }
        drop(give);
        digesting
            .join()
            .map_err(|_| io::Error::other("the digest could not be found"))
    })
}
