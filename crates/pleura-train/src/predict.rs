//! Predictions of a network for rows of a manifest.

use std::{ops::ControlFlow, sync::Arc};

use pleura_data::{ImageSource, Loader};
use pleura_eval::{Predictions, Truth};
use pleura_manifest::Manifest;
use pleura_nn::{cpu::Cpu, network::Network};

use crate::error::Error;

/// Logits `[rows, outputs]` of films, without augmentation and with running statistics.
///
/// Films must be in the cache of `pictures`. An image that is drawn in each epoch is that of the first.
/// `progress(done)` is called after each batch; if it breaks, the result is `None`.
///
/// # Errors
/// Films that are not in the cache, and errors of the network.
pub fn logits(
    network: &Network<Cpu>,
    manifest: &Arc<Manifest>,
    pictures: impl Into<ImageSource>,
    rows: &[usize],
    batch: usize,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<Vec<f32>>, Error> {
    let pictures = pictures.into();
    let find = |grey: &[f32], films| network.infer(grey, films, pictures.size());
    each_batch(manifest, &pictures, rows, batch, progress, find)
}

/// Pooled features `[rows, features]` of films, like [`logits`].
///
/// # Errors
/// As [`logits`].
pub(crate) fn features(
    network: &Network<Cpu>,
    manifest: &Arc<Manifest>,
    pictures: &ImageSource,
    rows: &[usize],
    batch: usize,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<Vec<f32>>, Error> {
    let find = |grey: &[f32], films| network.features(grey, films, pictures.size());
    each_batch(manifest, pictures, rows, batch, progress, find)
}

/// The concatenated results of all batches.
fn each_batch(
    manifest: &Arc<Manifest>,
    pictures: &ImageSource,
    rows: &[usize],
    batch: usize,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    find: impl Fn(&[f32], usize) -> Result<Vec<f32>, pleura_nn::Error>,
) -> Result<Option<Vec<f32>>, Error> {
    let mut found = Vec::new();
    let mut done = 0;
    for films in Loader::epoch(
        Arc::clone(manifest),
        pictures,
        rows.to_vec(),
        batch,
        0,
        None,
        0,
        0,
    ) {
        let films = films?;
        found.extend(find(&films.grey, films.rows.len())?);
        done += films.rows.len();
        if progress(done).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// Predictions with films, patients and truth, for the evaluation and for a table.
///
/// # Errors
/// Logits that are not finite.
pub fn predictions(
    manifest: &Manifest,
    rows: &[usize],
    findings: &[String],
    truth: Truth,
    logits: &[f32],
) -> Result<Predictions, Error> {
    let column = |of: fn(&pleura_manifest::Row) -> &String| {
        rows.iter().map(|&row| of(&manifest.rows[row]).clone()).collect()
    };
    Ok(Predictions::from_logits(
        findings.to_vec(),
        column(|row| &row.film),
        column(|row| &row.patient),
        column(|row| &row.dataset),
        truth,
        logits,
    )?)
}
