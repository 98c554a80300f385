//! A cache of decoded films at training size, on disk and mapped into memory.

mod segment;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use pleura_core::fs::write_atomic;
use pleura_core::sha256;
use pleura_film::{DecodeOptions, Preparation};
use rayon::prelude::*;

use crate::Error;
use pleura_manifest::{Manifest, Row};
use segment::{Entry, Segment};

/// SHA-256 of a film's file, the key of an entry.
type Digest = [u8; 32];

/// Prepared films of one [`Preparation`], keyed by the digest of the film's file.
///
/// The cache is a folder of *segments*: files of up to 256 films. A segment is written under a temporary
/// name, renamed into place, and never changed. So several processes may fill one cache without a lock; at
/// worst a film is prepared twice. A killed process loses only the segment it was writing. Each entry has a
/// checksum that is verified at first use. A damaged or truncated entry counts as missing and is prepared
/// again.
pub struct FilmCache {
    folder: PathBuf,
    preparation: Preparation,
    newest: Generation,
}

/// The segments found by one scan of the folder. Each scan appends a generation, so that references stay
/// valid.
#[derive(Default)]
struct Generation {
    segments: SegmentSet,
    next: OnceLock<Box<Generation>>,
}

#[derive(Default)]
struct SegmentSet {
    segments: Vec<Segment>,
    films: HashMap<Digest, (usize, usize)>,
}

/// Films a segment: few enough to lose little when killed, and many enough that 100,000 films are a few
/// hundred files.
const SEGMENT_FILMS: usize = 256;

/// Changes whenever the bytes of a prepared film could change. The version is part of the cache's folder
/// name.
const CACHE_VERSION: &str = concat!("pleura film cache 1, ", env!("CARGO_PKG_VERSION"));

/// Levels are in native byte order, so machines of different byte orders use different folders.
const BYTE_ORDER: &str = if cfg!(target_endian = "big") {
    "big-endian"
} else {
    "little-endian"
};

impl FilmCache {
    /// Opens the cache of a preparation below `dir`, and creates it if needed.
    ///
    /// # Errors
    /// [`Error::File`] if the folder can be neither read nor created. Damaged segments are not errors: their
    /// films count as missing.
    pub fn open(dir: &Path, preparation: &Preparation) -> Result<Self, Error> {
        let description = serde_json::json!({
            "version": CACHE_VERSION, "byte order": BYTE_ORDER, "preparation": preparation,
        })
        .to_string();
        let key = sha256::hex(description.as_bytes());
        let folder = dir.join(format!("films-{}-{}", preparation.size, &key[..16]));
        std::fs::create_dir_all(&folder).map_err(Error::io("create the film cache", &folder))?;
        let about = folder.join("preparation.json");
        if !about.exists() {
            write_atomic(&about, format!("{description}\n").as_bytes())?;
        }
        let cache = Self {
            folder,
            preparation: *preparation,
            newest: Generation::default(),
        };
        cache.look()?;
        Ok(cache)
    }

    /// The prepared film of a digest, `[size, size]` row-major, 0 black to 65535 white; `None` if it is
    /// missing or damaged.
    pub fn grey(&self, sha256: &str) -> Option<&[u16]> {
        let digest = digest(sha256)?;
        self.generations()
            .find_map(|generation| generation.segments.grey(&digest))
    }

    /// Prepares the rows' films that are missing in the cache, on all threads. The result does not depend on
    /// their number.
    ///
    /// `progress(done, of)` is called from any thread; `done` never falls.
    ///
    /// # Errors
    /// A film that cannot be decoded, or whose file has changed since the manifest was built. Films prepared
    /// before it are kept.
    pub fn fill(
        &self,
        manifest: &Manifest,
        rows: &[usize],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), Error> {
        self.look()?;
        let mut wanted = HashSet::new();
        let mut missing = Vec::new();
        for &row in rows {
            let row = manifest.rows.get(row).ok_or(Error::Row {
                row,
                rows: manifest.rows.len(),
            })?;
            if wanted.insert(&row.sha256) && self.grey(&row.sha256).is_none() {
                missing.push(row);
            }
        }
        let total = missing.len();
        let done = Progress {
            done: Mutex::new(0),
            total,
            report: progress,
        };
        // Processes that start together begin at different places, and skip films that others have added.
        if total > 0 {
            let chunks = total.div_ceil(SEGMENT_FILMS);
            missing.rotate_left((std::process::id() as usize % chunks) * SEGMENT_FILMS);
        }
        for chunk in missing.chunks(SEGMENT_FILMS) {
            self.look()?;
            let absent: Vec<&Row> = chunk
                .iter()
                .filter(|row| self.grey(&row.sha256).is_none())
                .copied()
                .collect();
            done.add(chunk.len() - absent.len());
            if !absent.is_empty() {
                self.add(manifest, &absent, &done)?;
            }
        }
        self.look()
    }

    /// Side of the prepared films in pixels.
    pub fn size(&self) -> usize {
        self.preparation.size
    }

    /// The preparation of the cached films.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// The folder of the segments.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn add(&self, manifest: &Manifest, rows: &[&Row], done: &Progress<'_>) -> Result<(), Error> {
        let failed = AtomicUsize::new(usize::MAX);
        let mut entries = rows
            .par_iter()
            .enumerate()
            .map(|(place, row)| {
                // Errors of later films are ignored; earlier ones decide which error is returned.
                if failed.load(Ordering::Relaxed) < place {
                    return None;
                }
                let entry = self.prepare(manifest, row);
                match &entry {
                    Ok(_) => done.add(1),
                    Err(_) => _ = failed.fetch_min(place, Ordering::Relaxed),
                }
                Some(entry)
            })
            .collect::<Vec<_>>()
            .into_iter()
            .flatten()
            .collect::<Result<Vec<Entry>, Error>>()?;
        entries.sort_by_key(|entry| entry.digest);
        segment::write(&self.folder, self.size(), &entries)
    }

    fn prepare(&self, manifest: &Manifest, row: &Row) -> Result<Entry, Error> {
        let path = manifest.file(row);
        let options = DecodeOptions::default();
        let (sha256, prepared) =
            pleura_manifest::image_file::open_prepared(&row.film, &path, &options, &self.preparation)?;
        match digest(&row.sha256) {
            Some(digest) if sha256 == row.sha256 => Ok(Entry {
                digest,
                grey: prepared.grey,
            }),
            _ => Err(pleura_manifest::Error::Changed {
                film: row.film.clone(),
                path,
                found: sha256,
                expected: row.sha256.clone(),
            }
            .into()),
        }
    }

    /// Maps segments that were added since the last scan.
    fn look(&self) -> Result<(), Error> {
        let known: HashSet<&OsStr> = self
            .generations()
            .flat_map(|generation| &generation.segments.segments)
            .map(Segment::name)
            .collect();
        let mut names = Vec::new();
        let listing =
            std::fs::read_dir(&self.folder).map_err(Error::io("list the film cache", &self.folder))?;
        for file in listing {
            let name = file
                .map_err(Error::io("list the film cache", &self.folder))?
                .file_name();
            if segment::is_segment(&name) && !known.contains(name.as_os_str()) {
                names.push(name);
            }
        }
        names.sort();
        let mut segments = SegmentSet::default();
        for name in names {
            if let Some(segment) = Segment::open(&self.folder, &name, self.size())? {
                segments.add(segment);
            }
        }
        if !segments.segments.is_empty() {
            self.append(Box::new(Generation {
                segments,
                next: OnceLock::new(),
            }));
        }
        Ok(())
    }

    fn append(&self, mut generation: Box<Generation>) {
        let mut last = &self.newest;
        loop {
            match last.next.set(generation) {
                Ok(()) => return,
                Err(refused) => generation = refused,
            }
            // Another thread has added a generation here: continue after it.
            match last.next.get() {
                Some(next) => last = next,
                None => return,
            }
        }
    }

    fn generations(&self) -> impl Iterator<Item = &Generation> {
        std::iter::successors(Some(&self.newest), |generation| {
            generation.next.get().map(Box::as_ref)
        })
    }
}

impl SegmentSet {
    fn add(&mut self, segment: Segment) {
        let place = self.segments.len();
        for (entry, digest) in segment.digests().enumerate() {
            // Of two entries the valid one is kept. Two valid ones are equal.
            let held = self
                .films
                .get(digest)
                .is_some_and(|&(segment, entry)| self.segments[segment].grey(entry).is_some());
            if !held {
                self.films.insert(*digest, (place, entry));
            }
        }
        self.segments.push(segment);
    }

    fn grey(&self, digest: &Digest) -> Option<&[u16]> {
        let &(segment, entry) = self.films.get(digest)?;
        self.segments[segment].grey(entry)
    }
}

/// Counts finished films. It reports from one thread at a time, so that the number never falls.
struct Progress<'a> {
    done: Mutex<usize>,
    total: usize,
    report: &'a (dyn Fn(usize, usize) + Sync),
}

impl Progress<'_> {
    fn add(&self, films: usize) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += films;
        (self.report)(*done, self.total);
    }
}

/// The 32 bytes of 64 hexadecimal digits.
fn digest(sha256: &str) -> Option<Digest> {
    let digits = sha256.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0]) << 4 | value(pair[1]);
    }
    Some(bytes)
}
