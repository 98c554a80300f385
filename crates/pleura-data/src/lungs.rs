//! Lung masks of a manifest's films, found by the built-in model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use pleura_core::fs::write_atomic;
use pleura_eval::{FilmOverlap, Overlap, SourceOverlap};
use pleura_film::lungs::{Implausible, LungModel, Lungs, ModelId};
use pleura_film::{DecodeOptions, Film, grey_png_8};
use pleura_manifest::{LUNG_MODEL, Manifest, ManifestFolder, Row, Sidecar, image_file, open_mask};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Error;

/// The result of [`add_lung_masks`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LungMaskCounts {
    /// Films with a mask that was in the manifest before and is not a model's. They are kept.
    pub drawn: usize,
    /// Films whose mask was found by the model.
    pub found: usize,
    /// Films without a mask, by reason.
    pub not_found: BTreeMap<String, usize>,
    /// The model.
    pub model: ModelId,
}

/// Finds the lungs of the films in the manifest file `path` and writes the manifest `out` with their masks in
/// the column `lung_mask`. The note `lung_model` holds the model of each mask that was found; masks that people
/// have drawn have none and are kept. Films without a plausible mask get none, and the reason in the note
/// `lungs_not_found`.
///
/// Masks are PNG files of the films' sizes in the folder `masks`, named after the digests of the films' files.
///
/// # Errors
/// A manifest that cannot be read; a film that cannot be read or has changed since the manifest was built;
/// files that cannot be written.
pub fn add_lung_masks(
    path: &Path,
    out: &Path,
    masks: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<LungMaskCounts, Error> {
    let mut manifest = Manifest::read(path)?;
    let sidecar = Sidecar::read(path)?;
    let (model, reason) = (manifest.note_or_new(LUNG_MODEL), manifest.note_or_new(NOT_FOUND));
    std::fs::create_dir_all(masks).map_err(Error::io("create", masks))?;
    let wanted: Vec<usize> = (0..manifest.rows.len())
        .filter(|&number| !manifest.has_drawn_lung_mask(&manifest.rows[number]))
        .collect();
    let done = AtomicUsize::new(0);
    let found = wanted
        .par_iter()
        .map(|&number| {
            let found = one(&manifest, &manifest.rows[number], masks)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, wanted.len());
            Ok(found)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let mut counts = LungMaskCounts {
        drawn: manifest.rows.len() - wanted.len(),
        found: 0,
        not_found: BTreeMap::new(),
        model: ModelId::built_in(),
    };
    manifest.relocate(out)?;
    let place = ManifestFolder::of_file(out)?;
    for (&number, found) in wanted.iter().zip(found) {
        let row = &mut manifest.rows[number];
        match found {
            Ok(path) => {
                counts.found += 1;
                row.masks.lung = Some(place.path(&path)?);
                row.notes[model] = counts.model.to_string();
                row.notes[reason] = String::new();
            }
            Err(problem) => {
                let kind = problem.name();
                *counts.not_found.entry(kind.to_owned()).or_default() += 1;
                row.masks.lung = None;
                row.notes[model] = String::new();
                row.notes[reason] = format!("{kind}: {problem}");
            }
        }
    }
    let mut sidecar = sidecar.unwrap_or_else(|| Sidecar::bare(&manifest));
    sidecar.describe(&manifest);
    manifest.write(out)?;
    sidecar.write(out)?;
    Ok(counts)
}

/// The note with the reason why a film has no mask.
const NOT_FOUND: &str = "lungs_not_found";

/// Compares the lungs that a model finds with the masks that people have drawn, film by film at its own size.
/// Films without a drawn mask are left out.
///
/// # Errors
/// A film or mask that cannot be read, or a film that has changed since the manifest was built.
pub fn compare_lung_masks(
    manifest: &Manifest,
    model: &LungModel,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<SourceOverlap>, Error> {
    let drawn: Vec<&Row> = manifest
        .rows
        .iter()
        .filter(|row| manifest.has_drawn_lung_mask(row))
        .collect();
    let done = AtomicUsize::new(0);
    let judged = drawn
        .par_iter()
        .map(|row| {
            let film = open(manifest, row)?;
            let path = manifest.locate(row.masks.lung.as_deref().unwrap_or(Path::new("")));
            let unreadable = |source| pleura_manifest::Error::Film {
                film: row.film.clone(),
                path: path.clone(),
                source: Box::new(source),
            };
            let truth = open_mask(&path).map_err(unreadable)?;
            let lungs = Lungs::find_with(model, &film).ok();
            let overlap = lungs.map(|lungs| {
                let wanted: Vec<bool> = truth.grey.iter().map(|&level| level > 0.5).collect();
                Overlap::of(&lungs.mask(truth.width, truth.height), &wanted, truth.width)
            });
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, drawn.len());
            Ok(FilmOverlap {
                dataset: row.dataset.clone(),
                patient: row.patient.clone(),
                overlap,
                diagonal: (truth.width as f64).hypot(truth.height as f64),
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(SourceOverlap::of(&judged))
}

fn open(manifest: &Manifest, row: &Row) -> Result<Film, Error> {
    let file = manifest.file(row);
    let (sha256, film) = image_file::open(&row.film, &file, &DecodeOptions::default())?;
    if sha256 == row.sha256 {
        return Ok(film);
    }
    Err(pleura_manifest::Error::Changed {
        film: row.film.clone(),
        path: file,
        found: sha256,
        expected: row.sha256.clone(),
    }
    .into())
}

/// Finds and writes one mask. The inner error is the reason why there is none.
fn one(manifest: &Manifest, row: &Row, masks: &Path) -> Result<Result<PathBuf, Implausible>, Error> {
    let film = open(manifest, row)?;
    let lungs = match Lungs::find(&film) {
        Ok(lungs) => lungs,
        Err(problem) => return Ok(Err(problem)),
    };
    let grey: Vec<u8> = lungs
        .mask(film.width, film.height)
        .into_iter()
        .map(|inside| if inside { 255 } else { 0 })
        .collect();
    let path = masks.join(format!("{}.png", &row.sha256));
    let png = grey_png_8(film.width, film.height, &grey).map_err(|source| pleura_manifest::Error::Film {
        film: row.film.clone(),
        path: manifest.file(row),
        source: Box::new(source),
    })?;
    write_atomic(&path, &png)?;
    Ok(Ok(path))
}
