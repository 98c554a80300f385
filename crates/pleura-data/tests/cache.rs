//! The film cache: filled once, shared, and never trusted blindly.

#![allow(clippy::unwrap_used)]

#[path = "../../pleura-datasets/tests/films/mod.rs"]
mod films;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use pleura_data::{Error, FilmCache};
use pleura_film::{DecodeOptions, Preparation};
use pleura_manifest::Manifest;

const SIZE: usize = 24;

fn preparation() -> Preparation {
    Preparation {
        size: SIZE,
        ..Preparation::default()
    }
}

fn dataset(folder: &Path, count: u32) -> Manifest {
    for number in 0..count {
        films::write(&folder.join(format!("films/class/{number:03}.png")), number);
    }
    films::build_one("folder", &folder.join("films"), &folder.join("m.csv")).manifest
}

fn all(manifest: &Manifest) -> Vec<usize> {
    (0..manifest.rows.len()).collect()
}

fn fill(cache: &FilmCache, manifest: &Manifest) -> usize {
    let done = Mutex::new(Vec::new());
    cache
        .fill(manifest, &all(manifest), &|finished, of| {
            done.lock().unwrap().push((finished, of));
        })
        .unwrap();
    let done = done.into_inner().unwrap();
    assert!(done.is_sorted(), "progress never falls: {done:?}");
    done.last().map_or(0, |&(finished, of)| {
        assert_eq!(finished, of);
        of
    })
}

fn segments(cache: &FilmCache) -> Vec<PathBuf> {
    let files = std::fs::read_dir(cache.folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut segments: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|e| e == "films"))
        .collect();
    segments.sort();
    segments
}

fn assert_complete(cache: &FilmCache, manifest: &Manifest) {
    for row in &manifest.rows {
        let film = pleura_film::open(&manifest.file(row), &DecodeOptions::default()).unwrap();
        let expected = pleura_film::prepare(&film, &preparation()).grey;
        assert_eq!(cache.grey(&row.sha256), Some(expected.as_slice()), "{}", row.film);
    }
}

#[test]
fn films_come_out_as_prepare_makes_them_and_are_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 10);
    let cache = FilmCache::open(&folder.path().join("cache"), &preparation()).unwrap();
    assert_eq!(cache.grey(&manifest.rows[0].sha256), None);
    assert_eq!(fill(&cache, &manifest), 10);
    assert_complete(&cache, &manifest);
    assert_eq!(fill(&cache, &manifest), 0);
    let again = FilmCache::open(&folder.path().join("cache"), &preparation()).unwrap();
    assert_eq!(fill(&again, &manifest), 0);
    assert_complete(&again, &manifest);
    assert_eq!(again.grey("no digest"), None);
}

#[test]
fn what_was_handed_out_stays_while_the_cache_grows() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 6);
    let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
    cache.fill(&manifest, &[0, 1], &|_, _| {}).unwrap();
    let held = cache.grey(&manifest.rows[0].sha256).unwrap();
    let copy = held.to_vec();
    cache.fill(&manifest, &[1, 2, 3], &|_, _| {}).unwrap();
    cache.fill(&manifest, &all(&manifest), &|_, _| {}).unwrap();
    assert_eq!(held, copy);
    assert_complete(&cache, &manifest);
    assert_eq!(segments(&cache).len(), 3);
}

#[test]
fn another_preparation_is_another_cache() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 1);
    let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
    fill(&cache, &manifest);
    let padded = Preparation {
        fit: pleura_film::Fit::Pad,
        ..preparation()
    };
    let other = FilmCache::open(folder.path(), &padded).unwrap();
    assert_eq!(other.grey(&manifest.rows[0].sha256), None);
    fill(&other, &manifest);
    assert_ne!(
        other.grey(&manifest.rows[0].sha256),
        cache.grey(&manifest.rows[0].sha256)
    );
}

#[test]
fn one_damaged_film_is_made_again_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 5);
    let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
    fill(&cache, &manifest);
    let segment = segments(&cache).remove(0);
    drop(cache);
    // The last byte belongs to the levels of the film with the greatest digest.
    let mut bytes = std::fs::read(&segment).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
    let absent = manifest
        .rows
        .iter()
        .filter(|row| cache.grey(&row.sha256).is_none())
        .count();
    assert_eq!(absent, 1);
    assert_eq!(fill(&cache, &manifest), 1);
    assert_complete(&cache, &manifest);
    assert_complete(
        &FilmCache::open(folder.path(), &preparation()).unwrap(),
        &manifest,
    );
}

#[test]
fn a_segment_cut_short_anywhere_counts_as_absent() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 3);
    let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
    fill(&cache, &manifest);
    let segment = segments(&cache).remove(0);
    drop(cache);
    let whole = std::fs::read(&segment).unwrap();
    for length in [0, 1, 63, 64, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&segment, &whole[..length]).unwrap();
        let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
        assert!(
            manifest.rows.iter().all(|row| cache.grey(&row.sha256).is_none()),
            "{length} bytes"
        );
        assert_eq!(fill(&cache, &manifest), 3);
        assert_complete(&cache, &manifest);
        for path in segments(&cache) {
            std::fs::remove_file(path).unwrap();
        }
    }
    // Any damage to header or index: the segment is not used.
    for place in 0..64 + 3 * 40 {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        std::fs::write(&segment, &bytes).unwrap();
        let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
        for row in &manifest.rows {
            let film = pleura_film::open(&manifest.file(row), &DecodeOptions::default()).unwrap();
            let expected = pleura_film::prepare(&film, &preparation()).grey;
            assert!(
                cache.grey(&row.sha256).is_none_or(|grey| grey == expected),
                "byte {place}"
            );
        }
    }
}

#[test]
fn many_may_fill_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 40);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Each as a process of its own would: with a cache of its own on the same folder.
                let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
                cache.fill(&manifest, &all(&manifest), &|_, _| {}).unwrap();
                assert_complete(&cache, &manifest);
            });
        }
    });
    assert_complete(
        &FilmCache::open(folder.path(), &preparation()).unwrap(),
        &manifest,
    );
}

#[test]
fn a_film_that_changed_or_broke_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = dataset(folder.path(), 4);
    let cache = FilmCache::open(folder.path(), &preparation()).unwrap();
    films::write(&manifest.file(&manifest.rows[2]), 99);
    let error = cache.fill(&manifest, &all(&manifest), &|_, _| {}).unwrap_err();
    assert!(
        matches!(&error, Error::Manifest(pleura_manifest::Error::Changed { film, .. }) if *film == manifest.rows[2].film),
        "{error}"
    );
    std::fs::write(manifest.file(&manifest.rows[1]), b"no film").unwrap();
    let error = cache.fill(&manifest, &all(&manifest), &|_, _| {}).unwrap_err();
    assert!(
        matches!(&error, Error::Manifest(pleura_manifest::Error::Film { film, .. }) if *film == manifest.rows[1].film),
        "{error}"
    );
    assert!(matches!(
        cache.fill(&manifest, &[4], &|_, _| {}),
        Err(Error::Row { row: 4, rows: 4 })
    ));
}
