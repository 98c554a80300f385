//! The lung masks of a stage's films.

use std::{collections::HashMap, path::Path};

use pleura_core::sha256::Hasher;
use pleura_data::warp;
use pleura_film::{Augmentation, DecodeOptions, Preparation, prepare, prepare_beside};
use pleura_manifest::{Manifest, open_mask};
use rayon::prelude::*;

use crate::{error::Error, plan::StagePlan};

/// Masks at the network's input size, one bit for each pixel, by row of the manifest.
pub(crate) struct Masks {
    size: usize,
    films: HashMap<usize, Vec<u64>>,
    /// Digest of all masks in the order of the rows.
    pub(crate) digest: String,
}

impl Masks {
    /// Reads the masks of the training and validation films.
    pub(crate) fn read(plan: &StagePlan, preparation: &Preparation) -> Result<Self, Error> {
        // A mask is prepared like its film, but has no grey levels to equalise.
        let preparation = Preparation {
            equalise: None,
            ..*preparation
        };
        let mut rows: Vec<usize> = plan.train.iter().chain(&plan.validation).copied().collect();
        rows.sort_unstable();
        let masks = rows
            .par_iter()
            .map(|&row| one(plan, row, &preparation))
            .collect::<Result<Vec<_>, Error>>()?;
        let mut digest = Hasher::new();
        for word in masks.iter().flatten() {
            digest.update(word.to_le_bytes());
        }
        Ok(Self {
            size: preparation.size,
            films: rows.into_iter().zip(masks).collect(),
            digest: digest.hex(),
        })
    }

    /// Pixels of a map.
    pub(crate) fn pixels(&self) -> usize {
        self.size * self.size
    }

    /// The masks of rows and their numbers of earlier draws, `[size, size]` each, transformed by the augmentation of that epoch like the films.
    pub(crate) fn of(
        &self,
        manifest: &Manifest,
        (rows, repeats): (&[usize], &[u32]),
        moved: Option<(&Augmentation, u64, u64)>,
    ) -> Vec<Vec<bool>> {
        let one = |(row, &repeat): (&usize, &u32)| {
            let bits = self.films.get(row).map_or(&[][..], Vec::as_slice);
            let plain = |pixel: usize| {
                bits.get(pixel / 64)
                    .is_some_and(|word| word >> (pixel % 64) & 1 == 1)
            };
            let Some((augmentation, seed, epoch)) = moved else {
                return (0..self.pixels()).map(plain).collect();
            };
            let levels: Vec<f32> = (0..self.pixels())
                .map(|pixel| f32::from(u8::from(plain(pixel))))
                .collect();
            let mut out = vec![0.0; levels.len()];
            warp(augmentation, seed, epoch, &manifest.rows[*row].sha256, repeat)
                .apply(&levels, self.size, &mut out);
            out.into_iter().map(|level| level >= 0.5).collect()
        };
        rows.par_iter().zip(repeats).map(one).collect()
    }
}

/// Digest of the lung masks of a stage's training and validation films.
///
/// # Errors
/// A mask that is missing or cannot be used.
pub fn mask_digest(plan: &StagePlan, preparation: &Preparation) -> Result<String, Error> {
    Ok(Masks::read(plan, preparation)?.digest)
}

/// One mask's bits.
fn one(plan: &StagePlan, row: usize, preparation: &Preparation) -> Result<Vec<u64>, Error> {
    let entry = &plan.manifest.rows[row];
    let path = entry.masks.lung.as_deref().unwrap_or(Path::new(""));
    let path = plan.manifest.locate(path);
    let refuse = |problem: String| {
        let (line, film) = (StagePlan::line(row), &entry.film);
        let problem = format!(
            "row {line}, column lung_mask, film {film:?}: {}: {problem}",
            path.display()
        );
        plan.data_error(problem)
    };
    let mask = open_mask(&path).map_err(|error| refuse(error.to_string()))?;
    let grey = if preparation.lungs.is_some() {
        // The film's lungs decide which part of both is kept.
        let film = pleura_film::open(&plan.manifest.file(entry), &DecodeOptions::default())
            .map_err(|error| refuse(error.to_string()))?;
        prepare_beside(&mask, &prepare(&film, preparation), preparation).grey
    } else {
        prepare(&mask, preparation).grey
    };
    let mut words = vec![0_u64; grey.len().div_ceil(64)];
    for (pixel, _) in grey.iter().enumerate().filter(|&(_, &grey)| grey > u16::MAX / 2) {
        words[pixel / 64] |= 1 << (pixel % 64);
    }
    let inside: u32 = words.iter().map(|word| word.count_ones()).sum();
    if inside == 0 || inside as usize == grey.len() {
        let what = if inside == 0 { "nothing" } else { "everything" };
        return Err(refuse(format!(
            "{what} is marked; expected an image with white lungs on black"
        )));
    }
    Ok(words)
}
