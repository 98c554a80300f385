//! Batches: the same whatever prepares them, and never waiting for nobody.

#![allow(clippy::unwrap_used)]

#[path = "../../pleura-datasets/tests/films/mod.rs"]
mod films;

use std::path::Path;
use std::sync::Arc;

use pleura_data::{Batch, Error, FilmCache, Loader, Prefetch};
use pleura_film::{Augmentation, Preparation};
use pleura_manifest::Manifest;
use pleura_manifest::order::shuffled;

const SIZE: usize = 16;
const FILMS: usize = 11;

fn data(folder: &Path) -> (Arc<Manifest>, Arc<FilmCache>) {
    for number in 0..FILMS {
        films::write(&folder.join(format!("class/{number:03}.png")), number as u32);
    }
    let manifest = films::build_one("folder", folder, &folder.join("m.csv")).manifest;
    let cache = FilmCache::open(
        &folder.join("cache"),
        &Preparation {
            size: SIZE,
            ..Preparation::default()
        },
    )
    .unwrap();
    cache
        .fill(&manifest, &(0..FILMS).collect::<Vec<_>>(), &|_, _| {})
        .unwrap();
    (Arc::new(manifest), Arc::new(cache))
}

fn augmentation() -> Augmentation {
    Augmentation {
        rotate_degrees: 40.0,
        translate_pixels: 28.0,
        flip: 0.5,
        scale: 0.2,
        gamma: 0.5,
        contrast: 0.3,
        ..Augmentation::default()
    }
}

/// Rows and the film of each, in the order they came.
fn films_of(batches: Vec<Batch>) -> Vec<(usize, Vec<f32>)> {
    let split = |batch: Batch| {
        assert_eq!(batch.grey.len(), batch.rows.len() * SIZE * SIZE);
        let films: Vec<Vec<f32>> = batch.grey.chunks(SIZE * SIZE).map(<[f32]>::to_vec).collect();
        batch.rows.into_iter().zip(films)
    };
    batches.into_iter().flat_map(split).collect()
}

fn collect(loader: Loader) -> Vec<Batch> {
    loader.map(Result::unwrap).collect()
}

#[test]
fn without_augmentation_a_batch_is_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, cache) = data(folder.path());
    let order = shuffled(&(0..FILMS).collect::<Vec<_>>(), 3, 0);
    let loader = Loader::epoch(manifest.clone(), cache.clone(), order.clone(), 4, 0, None, 3, 0);
    assert_eq!((loader.len(), loader.batches()), (3, 3));
    let batches = collect(loader);
    assert_eq!(
        batches.iter().map(|batch| batch.rows.len()).collect::<Vec<_>>(),
        [4, 4, 3]
    );
    let films = films_of(batches);
    assert_eq!(films.iter().map(|(row, _)| *row).collect::<Vec<_>>(), order);
    for (row, film) in films {
        let levels = cache.grey(&manifest.rows[row].sha256).unwrap();
        assert!(
            film.iter()
                .zip(levels)
                .all(|(&value, &level)| value == f32::from(level) / 65535.0)
        );
    }
}

#[test]
fn batch_size_threads_and_order_change_no_film() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, cache) = data(folder.path());
    let order: Vec<usize> = (0..FILMS).collect();
    let films = |order: &[usize], batch, ahead, epoch| {
        let (manifest, cache, order) = (manifest.clone(), cache.clone(), order.to_vec());
        let loader = Loader::epoch_with(
            manifest,
            cache,
            order,
            batch,
            0,
            Some(augmentation()),
            5,
            epoch,
            ahead,
        );
        let mut films = films_of(collect(loader));
        films.sort_by_key(|(row, _)| *row);
        films
    };
    let one = films(
        &order,
        4,
        Prefetch {
            batches: 1,
            threads: 1,
        },
        0,
    );
    assert_eq!(
        one,
        films(
            &order,
            4,
            Prefetch {
                batches: 8,
                threads: 5
            },
            0
        )
    );
    assert_eq!(one, films(&order, 1, Prefetch::default(), 0));
    assert_eq!(one, films(&order, 100, Prefetch::default(), 0));
    assert_eq!(one, films(&shuffled(&order, 9, 9), 3, Prefetch::default(), 0));
    let next = films(&order, 4, Prefetch::default(), 1);
    assert!(
        one.iter().zip(&next).all(|(a, b)| a.1 != b.1),
        "every film is warped anew in every epoch"
    );
}

#[test]
fn skipping_batches_goes_on_where_an_epoch_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, cache) = data(folder.path());
    let order = shuffled(&(0..FILMS).collect::<Vec<_>>(), 1, 2);
    let from = |skip| {
        let (manifest, cache, order) = (manifest.clone(), cache.clone(), order.clone());
        collect(Loader::epoch(
            manifest,
            cache,
            order,
            2,
            skip,
            Some(augmentation()),
            1,
            2,
        ))
    };
    let whole = from(0);
    for skip in 0..=8 {
        assert_eq!(from(skip), whole[skip.min(whole.len())..], "{skip} skipped");
    }
}

#[test]
fn a_loader_may_be_dropped_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, cache) = data(folder.path());
    for taken in 0..4 {
        let order: Vec<usize> = (0..FILMS).cycle().take(200).collect();
        let ahead = Prefetch {
            batches: 2,
            threads: 3,
        };
        let mut loader = Loader::epoch_with(manifest.clone(), cache.clone(), order, 3, 0, None, 0, 0, ahead);
        for _ in 0..taken {
            loader.next().unwrap().unwrap();
        }
        assert!(loader.waited().as_secs() < 60);
    }
    assert_eq!(
        collect(Loader::epoch(manifest, cache, Vec::new(), 4, 0, None, 0, 0)).len(),
        0
    );
}

#[test]
fn a_film_outside_the_cache_is_told_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, cache) = data(folder.path());
    let mut other = (*manifest).clone();
    other.rows[3].sha256 = "0".repeat(64);
    let mut loader = Loader::epoch(
        Arc::new(other),
        cache.clone(),
        vec![0, 1, 2, 3, 4, 5],
        2,
        0,
        None,
        0,
        0,
    );
    assert_eq!(loader.next().unwrap().unwrap().rows, [0, 1]);
    let error = loader.next().unwrap().unwrap_err();
    assert!(
        matches!(&error, Error::NotCached { film, .. } if *film == manifest.rows[3].film),
        "{error}"
    );
    assert_eq!(loader.next().unwrap().unwrap().rows, [4, 5]);
    assert!(loader.next().is_none());
    let mut loader = Loader::epoch(manifest, cache, vec![FILMS], 2, 0, None, 0, 0);
    assert!(matches!(loader.next(), Some(Err(Error::Row { .. }))));
}
