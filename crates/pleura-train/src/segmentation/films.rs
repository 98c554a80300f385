//! The films of a segmentation training and their masks at the network's size.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use pleura_core::sha256::Hasher;
use pleura_data::{Batch, FilmCache, warp};
use pleura_film::{Equalisation, Fit, Preparation, prepare};
use pleura_manifest::{Manifest, Row, Split, open_mask};
use pleura_run::segmentation::SegmentationRecipe;
use rayon::prelude::*;

use crate::{
    error::Error,
    observer::{Event, Observer},
};

/// Films with masks.
pub(super) struct Films {
    pub(super) manifest: Arc<Manifest>,
    pub(super) cache: Arc<FilmCache>,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) test: Vec<usize>,
    /// Films in a split without a drawn mask.
    pub(super) without_mask: usize,
    /// Share of the lungs in each pixel, 0 to 255, `[size, size]`, by row.
    masks: HashMap<usize, Vec<u8>>,
    /// Digest of all masks.
    pub(super) digest: String,
    pub(super) size: usize,
}

impl Films {
    pub(super) fn read(
        recipe: &SegmentationRecipe,
        cache: Option<&Path>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Error> {
        let manifest = Manifest::read(&recipe.manifest)?;
        let refuse = |problem: String| Error::Data {
            stage: "lungs".to_owned(),
            manifest: recipe.manifest.clone(),
            problem,
        };
        refuse_shared_patients(&manifest).map_err(refuse)?;
        let drawn = |row: &Row| manifest.has_drawn_lung_mask(row);
        let of = |split: Split| -> Vec<usize> {
            let rows = manifest.split(split).into_iter();
            rows.filter(|&row| drawn(&manifest.rows[row])).collect()
        };
        let (train, validation, test) = (of(Split::Train), of(Split::Validation), of(Split::Test));
        for (split, rows) in [("train", &train), ("val", &validation)] {
            if rows.is_empty() {
                return Err(refuse(format!(
                    "no film of the split {split:?} has a drawn mask in the column lung_mask. Masks that a model has found \
                     (note:lung_model) do not count. Add masks, and split the manifest with `pleura data split`"
                )));
            }
        }
        let mut rows: Vec<usize> = [&train, &validation, &test]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        rows.sort_unstable();
        let without_mask = manifest
            .rows
            .iter()
            .filter(|row| row.split.is_some() && !drawn(row))
            .count();
        let preparation = Preparation {
            size: recipe.size,
            fit: Fit::Stretch,
            equalise: Some(Equalisation::Histogram),
            lungs: None,
        };
        let masks = rows
            .par_iter()
            .map(|&row| one(&manifest, row, &preparation).map_err(refuse))
            .collect::<Result<Vec<_>, Error>>()?;
        let mut digest = Hasher::new();
        for mask in &masks {
            digest.update(mask);
        }
        let folder = cache.map_or_else(|| manifest.folder.join(".pleura-cache"), Path::to_owned);
        let cache = Arc::new(FilmCache::open(&folder, &preparation)?);
        // A stop is noticed before the first step.
        let observer = Mutex::new(observer);
        cache.fill(&manifest, &rows, &|done, of| {
            let mut observer = observer.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = observer.notice(&Event::Decoding {
                stage: "lungs",
                done,
                of,
            });
        })?;
        Ok(Self {
            manifest: Arc::new(manifest),
            cache,
            train,
            validation,
            test,
            without_mask,
            masks: rows.into_iter().zip(masks).collect(),
            digest: digest.hex(),
            size: recipe.size,
        })
    }

    /// Steps of an epoch.
    pub(super) fn steps(&self, batch: usize) -> usize {
        self.train.len().div_ceil(batch)
    }

    /// The masks of a batch, `[films, size, size]` from 0 to 1, moved as its films.
    pub(super) fn masks(&self, batch: &Batch, recipe: &SegmentationRecipe, epoch: u64) -> Vec<f32> {
        let one = |(&row, &repeat): (&usize, &u32)| {
            let plain: Vec<f32> = self.mask(row).collect();
            let Some(augmentation) = &recipe.augmentation else {
                return plain;
            };
            let mut moved = vec![0.0; plain.len()];
            let sha256 = &self.manifest.rows[row].sha256;
            warp(augmentation, recipe.seed, epoch, sha256, repeat).apply(&plain, self.size, &mut moved);
            moved
        };
        let films: Vec<Vec<f32>> = batch.rows.par_iter().zip(&batch.repeats).map(one).collect();
        films.concat()
    }

    /// The mask of a row, from 0 to 1.
    pub(super) fn mask(&self, row: usize) -> impl Iterator<Item = f32> + '_ {
        let levels = self.masks.get(&row).map_or(&[][..], Vec::as_slice);
        levels.iter().map(|&level| f32::from(level) / 255.0)
    }

    /// Grey levels of a row from 0 to 1.
    pub(super) fn grey(&self, row: usize) -> Result<Vec<f32>, Error> {
        let entry = &self.manifest.rows[row];
        let levels = self
            .cache
            .grey(&entry.sha256)
            .ok_or_else(|| pleura_data::Error::NotCached {
                film: entry.film.clone(),
                sha256: entry.sha256.clone(),
                cache: self.cache.folder().to_path_buf(),
            })?;
        Ok(levels.iter().map(|&level| f32::from(level) / 65535.0).collect())
    }
}

fn refuse_shared_patients(manifest: &Manifest) -> Result<(), String> {
    let mut splits: BTreeMap<&str, Split> = BTreeMap::new();
    for row in &manifest.rows {
        let Some(split) = row.split else { continue };
        let first = *splits.entry(&row.patient).or_insert(split);
        if first != split {
            return Err(format!(
                "patient {:?} has films in the splits {:?} and {:?}. Split again with `pleura data split --by patient`",
                row.patient,
                first.to_string(),
                split.to_string()
            ));
        }
    }
    Ok(())
}

/// One mask, 0 to 255.
fn one(manifest: &Manifest, row: usize, preparation: &Preparation) -> Result<Vec<u8>, String> {
    let entry = &manifest.rows[row];
    let path = manifest.locate(entry.masks.lung.as_deref().unwrap_or(Path::new("")));
    let refuse = |problem: String| {
        format!(
            "row {}, column lung_mask, film {:?}: {}: {problem}",
            row + 2,
            entry.film,
            path.display()
        )
    };
    let mask = open_mask(&path).map_err(|error| refuse(error.to_string()))?;
    let plain = Preparation {
        equalise: None,
        ..*preparation
    };
    let grey = prepare(&mask, &plain).grey;
    let levels: Vec<u8> = grey.iter().map(|&level| (level >> 8) as u8).collect();
    let inside = levels.iter().filter(|&&level| level > 127).count();
    if inside == 0 || inside == levels.len() {
        let what = if inside == 0 { "nothing" } else { "everything" };
        return Err(refuse(format!(
            "{what} is marked; expected an image with white lungs on black"
        )));
    }
    Ok(levels)
}
