//! One file of prepared films. It is written once and never changed.
//!
//! Layout in native byte order: a header of 64 bytes (magic, byte-order mark, side, number of films, checksum
//! of the index), an index of 40 bytes a film (digest, checksum of the levels, zero), then the levels of all
//! films, two bytes each.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::Mmap;
use pleura_core::fs::write_atomic_with;
use pleura_core::sha256;

use super::Digest;
use crate::Error;

/// One prepared film to write.
pub(super) struct Entry {
    pub(super) digest: Digest,
    pub(super) grey: Vec<u16>,
}

/// A mapped segment.
pub(super) struct Segment {
    name: OsString,
    map: Mmap,
    area: usize,
    films: usize,
    /// Per film: 0 not verified, 1 valid, 2 damaged.
    state: Vec<AtomicU8>,
}

const MAGIC: [u8; 16] = *b"pleura films 1\r\n";
const BYTE_ORDER: u32 = 0x0102_0304;
const HEADER: usize = 64;
const INDEX_ENTRY: usize = 40;
const EXTENSION: &str = "films";

const UNSEEN: u8 = 0;
const SOUND: u8 = 1;
const DAMAGED: u8 = 2;

/// True if a file of the cache's folder is a finished segment.
pub(super) fn is_segment(name: &OsStr) -> bool {
    Path::new(name).extension() == Some(OsStr::new(EXTENSION))
}

/// Writes a segment atomically, under a new name: a mapped file is never replaced.
pub(super) fn write(folder: &Path, side: usize, entries: &[Entry]) -> Result<(), Error> {
    let mut index = Vec::with_capacity(entries.len() * INDEX_ENTRY);
    for entry in entries {
        index.extend_from_slice(&entry.digest);
        index.extend_from_slice(&crc32fast::hash(bytemuck::cast_slice(&entry.grey)).to_ne_bytes());
        index.extend_from_slice(&[0; 4]);
    }
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&BYTE_ORDER.to_ne_bytes());
    header.extend_from_slice(&(side as u32).to_ne_bytes());
    header.extend_from_slice(&(entries.len() as u32).to_ne_bytes());
    header.extend_from_slice(&crc32fast::hash(&index).to_ne_bytes());
    header.resize(HEADER, 0);
    let name = sha256::hex(&index);
    let mut path = folder.join(format!("{}.{EXTENSION}", &name[..24]));
    let mut copies = 0;
    while path.exists() {
        copies += 1;
        path = folder.join(format!("{}-{copies}.{EXTENSION}", &name[..24]));
    }
    Ok(write_atomic_with(&path, |out| {
        out.write_all(&header)?;
        out.write_all(&index)?;
        entries
            .iter()
            .try_for_each(|entry| out.write_all(bytemuck::cast_slice(&entry.grey)))
    })?)
}

impl Segment {
    /// Maps a segment; `None` if it is missing, truncated or has a damaged index.
    #[allow(unsafe_code, reason = "a map of a file")]
    pub(super) fn open(folder: &Path, name: &OsStr, side: usize) -> Result<Option<Self>, Error> {
        let path = folder.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open the segment", &path)(error)),
        };
        if file
            .metadata()
            .map_err(Error::io("look at the segment", &path))?
            .len()
            < HEADER as u64
        {
            return Ok(None);
        }
        // SAFETY: a finished segment is renamed into place and never written again by this program, so the
        // mapped bytes do not change. (If another program truncates the file, the map faults, as for every
        // mapped format.)
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map the segment", &path))?;
        let number = |at: usize| u32::from_ne_bytes([map[at], map[at + 1], map[at + 2], map[at + 3]]);
        let (films, area) = (number(24) as usize, side * side);
        let whole = HEADER + films * (INDEX_ENTRY + 2 * area);
        let sound = map[..16] == MAGIC
            && number(16) == BYTE_ORDER
            && number(20) as usize == side
            && map.len() == whole
            && crc32fast::hash(&map[HEADER..HEADER + films * INDEX_ENTRY]) == number(28);
        if !sound {
            return Ok(None);
        }
        let state = (0..films).map(|_| AtomicU8::new(UNSEEN)).collect();
        Ok(Some(Self {
            name: name.to_os_string(),
            map,
            area,
            films,
            state,
        }))
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Digests of the films, in order.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        (0..self.films).filter_map(|film| self.index(film).first_chunk())
    }

    /// The levels of a film; `None` if their checksum does not match.
    pub(super) fn grey(&self, film: usize) -> Option<&[u16]> {
        let begin = HEADER + self.films * INDEX_ENTRY + film * 2 * self.area;
        let bytes = self.map.get(begin..begin + 2 * self.area)?;
        let state = &self.state[film];
        // Two threads may both verify, with the same result.
        if state.load(Ordering::Relaxed) == UNSEEN {
            let sound = crc32fast::hash(bytes).to_ne_bytes() == self.index(film)[32..36];
            state.store(if sound { SOUND } else { DAMAGED }, Ordering::Relaxed);
        }
        // The map begins at a page and every offset is even, so the cast cannot fail.
        if state.load(Ordering::Relaxed) == SOUND {
            bytemuck::try_cast_slice(bytes).ok()
        } else {
            None
        }
    }

    fn index(&self, film: usize) -> &[u8] {
        &self.map[HEADER + film * INDEX_ENTRY..][..INDEX_ENTRY]
    }
}
