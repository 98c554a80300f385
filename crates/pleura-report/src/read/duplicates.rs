//! The duplicate films of a manifest, with pictures of pairs in two splits.

use pleura_draw::picture::Picture;
use pleura_film::DecodeOptions;
use pleura_manifest::{DuplicateRecord, RecordedPair};
use pleura_manifest::{Manifest, Split};

use super::split::split_name;
use crate::input::{DuplicateFilm, DuplicatePair, Duplicates};

/// The most pairs that a page shows.
const SHOWN: usize = 24;

/// The long side of a film on the page, in pixels.
const SIDE: usize = 320;

/// The duplicates of a record, for the current splits.
pub(super) fn of(record: &DuplicateRecord, manifest: &Manifest) -> Duplicates {
    let pairs = record.rows(manifest);
    let split = |row: usize| manifest.rows[row].split;
    let mut across: Vec<(usize, usize, &RecordedPair)> = pairs
        .iter()
        .filter_map(|&(one, other, pair)| match (split(one)?, split(other)?) {
            (first, second) if first < second => Some((one, other, pair)),
            (first, second) if first > second => Some((other, one, pair)),
            _ => None,
        })
        .collect();
    across.sort_by_key(|&(one, other, _)| (split(other) != Some(Split::Test), one, other));
    Duplicates {
        least: record.min_correlation,
        of_these: record.covers(manifest),
        pairs: pairs.len() as u64,
        across: across.len() as u64,
        shown: across
            .iter()
            .take(SHOWN)
            .map(|&(one, other, pair)| DuplicatePair {
                same_patient: manifest.rows[one].patient == manifest.rows[other].patient,
                one: film(manifest, one),
                other: film(manifest, other),
                how: pair.kind.to_string(),
            })
            .collect(),
    }
}

fn film(manifest: &Manifest, row: usize) -> DuplicateFilm {
    let row = &manifest.rows[row];
    // A film that cannot be read has no picture, but the pair is still reported.
    let png = pleura_film::open(&manifest.file(row), &DecodeOptions::default())
        .ok()
        .and_then(|film| Picture::from_film(&film, SIDE).to_png().ok())
        .unwrap_or_default();
    DuplicateFilm {
        film: row.film.clone(),
        source: row.dataset.clone(),
        patient: row.patient.clone(),
        split: split_name(row.split).to_owned(),
        png,
    }
}
