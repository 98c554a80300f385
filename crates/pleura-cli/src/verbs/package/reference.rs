//! Statistics of the training films, and limits from the validation films.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use pleura::{Classifier, KnownLabels};
use pleura_data::FilmCache;
use pleura_manifest::{Manifest, Split, order::shuffled};
use pleura_nn::{Cpu, Network};
use pleura_package::{Limit, Reference, Seen};
use rayon::prelude::*;

use crate::console::Progress;

/// The films, and their number.
pub struct Films<'a> {
    pub manifest: &'a Manifest,
    pub path: &'a Path,
    /// Maximum number of training films.
    pub most: usize,
    pub seed: u64,
    pub cache: Option<&'a Path>,
    pub batch: usize,
}

/// Fewer validation films give unreliable limits.
const FEW: usize = 50;

/// Statistics of the training films, and limits that the share `keep` of the validation films pass.
pub fn of(
    model: &Classifier,
    network: &Network<Cpu>,
    films: &Films<'_>,
    keep: f64,
) -> Result<(Reference, Vec<Limit>)> {
    let known = KnownLabels::new(model, films.manifest, films.path, &[], None)?;
    let rows = |split| known.labelled(&films.manifest.split(split));
    let (mut train, validation) = (rows(Split::Train), rows(Split::Validation));
    for (rows, name) in [(&train, "train"), (&validation, "val")] {
        if rows.is_empty() {
            bail!(
                "{}: no film of the split {name:?} has a label for this model; a package says how far films may be from the training films, \
                 by training and validation films",
                films.path.display()
            );
        }
    }
    if train.len() > films.most {
        train = shuffled(&train, films.seed, 0);
        train.truncate(films.most);
        train.sort_unstable();
    }
    if validation.len() < FEW {
        crate::console::note(format_args!(
            "the limits of what is answered rest on {} validation films only",
            validation.len()
        ));
    }
    let folder = films
        .cache
        .map_or_else(|| films.manifest.folder.join(".pleura-cache"), Path::to_owned);
    let cache = FilmCache::open(&folder, model.preparation())?;
    let wanted: Vec<usize> = train.iter().chain(&validation).copied().collect();
    let decoding = Progress::new("films decoded", wanted.len());
    cache.fill(films.manifest, &wanted, &|done, of| decoding.at(done, of))?;
    drop(decoding);
    let looking = Progress::new("films looked at", wanted.len());
    let done = AtomicUsize::new(0);
    let see = |rows: &[usize], altered: bool| -> Result<Vec<Seen>> {
        let mut seen = Vec::with_capacity(rows.len());
        for batch in rows.chunks(films.batch) {
            seen.extend(look(network, &cache, films, batch, altered)?);
            let done = done.fetch_add(batch.len(), Ordering::Relaxed) + batch.len();
            looking.at(done, wanted.len());
        }
        Ok(seen)
    };
    let reference = Reference::fit(&see(&train, true)?)?;
    let limits = reference.limits(&see(&validation, false)?, keep)?;
    Ok((reference, limits))
}

fn look(
    network: &Network<Cpu>,
    cache: &FilmCache,
    films: &Films<'_>,
    rows: &[usize],
    altered: bool,
) -> Result<Vec<Seen>> {
    let size = cache.size();
    let grey = rows
        .iter()
        .map(|&row| {
            let row = &films.manifest.rows[row];
            let levels = cache
                .grey(&row.sha256)
                .with_context(|| format!("film {}: is not in the cache of decoded films", row.film))?;
            Ok(levels.iter().map(|&level| f32::from(level) / 65535.0).collect())
        })
        .collect::<Result<Vec<Vec<f32>>>>()?;
    let features = network.features(&grey.concat(), rows.len(), size)?;
    let width = features.len() / rows.len();
    // The seed of altered versions depends on the film, not on its row.
    let seed = |row: usize| {
        let digest = films.manifest.rows[row].sha256.get(..16).unwrap_or_default();
        films.seed ^ u64::from_str_radix(digest, 16).unwrap_or(row as u64)
    };
    Ok(rows
        .par_iter()
        .zip(&grey)
        .zip(features.par_chunks_exact(width))
        .map(|((&row, grey), features)| Seen::of(grey, size, features, altered.then(|| seed(row))))
        .collect())
}
