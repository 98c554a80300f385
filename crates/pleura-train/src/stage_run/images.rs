//! Prepares the images of a stage before it begins: decodes films into the cache, and searches the systems
//! of fractals.

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use pleura_data::{FilmCache, ImageSource};
use pleura_film::{Contrast, ContrastFault, Preparation};
use pleura_synth::fractal::{FractalOptions, Fractals};
use rayon::prelude::*;

use crate::{
    error::Error,
    observer::{Event, Observer},
    plan::StagePlan,
};

/// Films decoded between two checks whether to stop.
const DECODED_AT_ONCE: usize = 512;

/// The stage's images, and true if the observer stopped the run. `cache` is the folder of decoded films, if
/// not beside their manifest.
pub(super) fn ready(
    plan: &StagePlan,
    preparation: &Preparation,
    cache: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<(ImageSource, bool), Error> {
    if let Some(options) = &plan.stage.fractals {
        return search(plan, options, preparation.size, observer);
    }
    let folder = cache.map_or_else(|| plan.manifest.folder.join(".pleura-cache"), Path::to_owned);
    let cache = Arc::new(FilmCache::open(&folder, preparation)?);
    let stop = decode(plan, &cache, observer)?;
    if !stop {
        refuse_without_contrast(plan, &cache)?;
    }
    Ok((cache.into(), stop))
}

/// Refuses films that show the network nothing, although the manifest does not mark them: a manifest of an
/// older program, or made by hand.
fn refuse_without_contrast(plan: &StagePlan, cache: &FilmCache) -> Result<(), Error> {
    let fault = |&row: &usize| {
        let grey = cache.grey(&plan.manifest.rows[row].sha256)?;
        Some((row, Contrast::of_prepared(grey, cache.size()).fault()?))
    };
    let rows: Vec<usize> = [&plan.train, &plan.validation, &plan.test]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let found: Vec<(usize, ContrastFault)> = rows.par_iter().filter_map(fault).collect();
    let Some(&(row, fault)) = found.first() else {
        return Ok(());
    };
    Err(plan.data_error(format!(
        "{} of {} films have no contrast; the first is film {:?} in row {}: {fault}. Build the manifest again with `pleura data \
         build`, which marks such films so that training leaves them out, or take them out of the table",
        found.len(),
        rows.len(),
        plan.manifest.rows[row].film,
        StagePlan::line(row)
    )))
}

/// Searches the systems of a stage's fractals. It takes seconds, so it is not interrupted.
fn search(
    plan: &StagePlan,
    options: &FractalOptions,
    size: usize,
    observer: &mut dyn Observer,
) -> Result<(ImageSource, bool), Error> {
    let watched = Mutex::new((observer, false));
    let fractals = Fractals::search(options, size, &|done, of| {
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event::Searching {
            stage: &plan.stage.name,
            done,
            of,
        };
        watched.1 |= watched.0.notice(&event) == ControlFlow::Break(());
    })?;
    let (_, stop) = watched.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((ImageSource::Fractals(Arc::new(fractals)), stop))
}

/// Decodes the stage's films into the cache; true if the observer stopped the run.
fn decode(plan: &StagePlan, cache: &FilmCache, observer: &mut dyn Observer) -> Result<bool, Error> {
    let rows: Vec<usize> = [&plan.train, &plan.validation, &plan.test]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let missing: Vec<usize> = rows
        .into_iter()
        .filter(|&row| cache.grey(&plan.manifest.rows[row].sha256).is_none())
        .collect();
    let watched = Mutex::new((observer, false));
    for (number, chunk) in missing.chunks(DECODED_AT_ONCE).enumerate() {
        let before = number * DECODED_AT_ONCE;
        cache.fill(&plan.manifest, chunk, &|done, _| {
            let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
            let event = Event::Decoding {
                stage: &plan.stage.name,
                done: before + done,
                of: missing.len(),
            };
            watched.1 |= watched.0.notice(&event) == ControlFlow::Break(());
        })?;
        if watched.lock().unwrap_or_else(PoisonError::into_inner).1 {
            return Ok(true);
        }
    }
    Ok(false)
}
