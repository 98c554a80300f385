//! Films into the cache before a stage begins.

use std::{
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
};

use pleura_data::FilmCache;

use crate::{
    error::Error,
    observer::{Event, Observer},
    plan::StagePlan,
};

/// Films decoded between two looks at whether to stop.
const DECODED_AT_ONCE: usize = 512;

/// Puts the stage's films into the cache; true if the observer broke off.
pub(super) fn decode(
    plan: &StagePlan,
    cache: &FilmCache,
    observer: &mut dyn Observer,
) -> Result<bool, Error> {
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
