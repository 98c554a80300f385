//! The trial: recall on altered films, and false alarms among different films.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use pleura_core::Progress;
use pleura_duplicates::Thumbnail;
use pleura_duplicates::similar::{FilmSource, find_similar};
use pleura_film::{DecodeOptions, Film};
use pleura_manifest::order::shuffled;
use pleura_manifest::{Manifest, Similarity, image_file};
use rayon::prelude::*;
use serde::Serialize;

use crate::alter::ALTERATIONS;

/// Options of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrialOptions {
    /// Number of films to alter, each in every way.
    pub(crate) films: usize,
    /// Seed of the choice of films and of their alterations.
    pub(crate) seed: u64,
    /// Minimum correlation of duplicates.
    pub(crate) min_correlation: f32,
}

/// The result of a trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Trial {
    /// Films of the manifest, all of which were searched.
    pub(crate) films: usize,
    /// Films that were altered.
    pub(crate) copied: usize,
    /// Minimum correlation of duplicates.
    pub(crate) min_correlation: f32,
    /// One line an alteration.
    pub(crate) lines: Vec<TrialLine>,
    /// Pairs of different films of the manifest.
    pub(crate) pairs: usize,
    /// Pairs of different films reported as duplicates, themselves or by any of their altered versions.
    pub(crate) alarms: Vec<Alarm>,
    /// Recall and false alarms at other minimum correlations.
    pub(crate) thresholds: Vec<Threshold>,
    /// Pairs that the index returned.
    pub(crate) candidates: usize,
    /// Pairs whose films were opened again.
    pub(crate) opened: usize,
}

/// The results of one alteration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TrialLine {
    /// Name of the alteration.
    pub(crate) alteration: &'static str,
    /// Altered films.
    pub(crate) copies: usize,
    /// Altered films that were found.
    pub(crate) found: usize,
    /// Tenth percentile of the correlation with the original, over the pairs that were opened.
    pub(crate) tenth: Option<f32>,
    /// Median of the same correlation.
    pub(crate) median: Option<f32>,
}

/// Two different films reported as duplicates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Alarm {
    /// The first film.
    pub(crate) one: String,
    /// The second film.
    pub(crate) other: String,
    /// True if both are of one patient.
    pub(crate) same_patient: bool,
    /// The similarity of the pair, or of its most similar altered versions.
    pub(crate) similarity: Similarity,
}

/// The results at another minimum correlation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Threshold {
    /// The minimum correlation.
    pub(crate) min_correlation: f32,
    /// Altered films found, over all alterations.
    pub(crate) found: usize,
    /// Reported pairs of films of different patients.
    pub(crate) different_patients: usize,
    /// Reported pairs of different films of one patient.
    pub(crate) same_patient: usize,
}

/// The other minimum correlations.
const THRESHOLDS: [f32; 7] = [0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9];

/// Alters some films of a manifest, and searches for duplicates among all films and all altered ones. Each
/// film is compared with all other films and with all altered ones.
///
/// # Errors
/// A film that cannot be read.
pub(crate) fn trial(manifest: &Manifest, options: &TrialOptions, progress: &dyn Progress) -> Result<Trial> {
    let trial = Altered::new(manifest, options)?;
    let lowest = THRESHOLDS[0].min(options.min_correlation);
    let found = find_similar(&trial, lowest, progress);
    let mut of_copies: Vec<Vec<f32>> = vec![Vec::new(); ALTERATIONS.len()];
    let mut alarms: BTreeMap<(usize, usize), Similarity> = BTreeMap::new();
    for found in &found.matches {
        let (one, other) = (trial.root(found.one), trial.root(found.other));
        if one != other {
            let best = alarms
                .entry((one.min(other), one.max(other)))
                .or_insert(found.similarity);
            if found.similarity.correlation > best.correlation {
                *best = found.similarity;
            }
        } else if let (None, Some((_, alteration))) = (trial.copy(found.one), trial.copy(found.other)) {
            of_copies[alteration].push(found.similarity.correlation);
        }
    }
    let rows = &manifest.rows;
    let mut alarms: Vec<Alarm> = alarms
        .into_iter()
        .map(|((one, other), similarity)| Alarm {
            one: rows[one].film.clone(),
            other: rows[other].film.clone(),
            same_patient: rows[one].patient == rows[other].patient,
            similarity,
        })
        .collect();
    let copies = trial.copied.len();
    let thresholds = THRESHOLDS.map(|min_correlation| {
        let count = |same| {
            let over = |alarm: &&Alarm| {
                alarm.same_patient == same && alarm.similarity.correlation >= min_correlation
            };
            alarms.iter().filter(over).count()
        };
        Threshold {
            min_correlation,
            found: of_copies
                .iter()
                .flatten()
                .filter(|&&value| value >= min_correlation)
                .count(),
            different_patients: count(false),
            same_patient: count(true),
        }
    });
    let lines = ALTERATIONS.iter().zip(of_copies).map(|(alteration, mut values)| {
        values.sort_by(f32::total_cmp);
        TrialLine {
            alteration: alteration.name,
            copies,
            found: values
                .iter()
                .filter(|&&value| value >= options.min_correlation)
                .count(),
            tenth: values.get(values.len() / 10).copied(),
            median: values.get(values.len() / 2).copied(),
        }
    });
    let lines = lines.collect();
    alarms.retain(|alarm| alarm.similarity.correlation >= options.min_correlation);
    alarms.sort_by(|one, other| {
        other
            .similarity
            .correlation
            .total_cmp(&one.similarity.correlation)
    });
    Ok(Trial {
        films: rows.len(),
        copied: copies,
        min_correlation: options.min_correlation,
        lines,
        pairs: rows.len() * rows.len().saturating_sub(1) / 2,
        alarms,
        thresholds: thresholds.to_vec(),
        candidates: found.candidates,
        opened: found.opened,
    })
}

/// The films of a manifest, followed by the altered films, which are computed when they are opened.
struct Altered<'a> {
    manifest: &'a Manifest,
    /// Rows that are altered.
    copied: Vec<usize>,
    seed: u64,
    thumbnails: Vec<Option<Thumbnail>>,
}

impl<'a> Altered<'a> {
    fn new(manifest: &'a Manifest, options: &TrialOptions) -> Result<Self> {
        let rows: Vec<usize> = (0..manifest.rows.len()).collect();
        let mut copied = shuffled(&rows, options.seed, 0);
        copied.truncate(options.films);
        copied.sort_unstable();
        let mut altered = Self {
            manifest,
            copied,
            seed: options.seed,
            thumbnails: Vec::new(),
        };
        let copied: BTreeSet<usize> = altered.copied.iter().copied().collect();
        let sketched: Vec<(Thumbnail, Vec<Thumbnail>)> = rows
            .par_iter()
            .map(|&row| {
                let film = altered.open(row)?;
                let kinds = if copied.contains(&row) {
                    ALTERATIONS.len()
                } else {
                    0
                };
                let copies = (0..kinds).map(|kind| Ok(Thumbnail::of(&altered.alter(&film, row, kind)?)));
                let copies = copies.collect::<Result<_>>()?;
                Ok((Thumbnail::of(&film), copies))
            })
            .collect::<Result<_>>()?;
        let (films, copies): (Vec<Thumbnail>, Vec<Vec<Thumbnail>>) = sketched.into_iter().unzip();
        let thumbnails = films.into_iter().chain(copies.into_iter().flatten());
        altered.thumbnails = thumbnails
            .map(|thumbnail| Some(thumbnail).filter(|thumbnail| !thumbnail.is_empty()))
            .collect();
        Ok(altered)
    }

    /// The row and the alteration of an altered film; `None` for a film of the manifest.
    fn copy(&self, film: usize) -> Option<(usize, usize)> {
        let copy = film.checked_sub(self.manifest.rows.len())?;
        let row = *self.copied.get(copy / ALTERATIONS.len())?;
        Some((row, copy % ALTERATIONS.len()))
    }

    /// The row of a film, altered or not.
    fn root(&self, film: usize) -> usize {
        self.copy(film).map_or(film, |(row, _)| row)
    }

    fn open(&self, row: usize) -> Result<Film> {
        let row = &self.manifest.rows[row];
        let (_, film) = image_file::open(&row.film, &self.manifest.file(row), &DecodeOptions::default())?;
        Ok(film)
    }

    fn alter(&self, film: &Film, row: usize, kind: usize) -> Result<Film> {
        let seed = self
            .seed
            .wrapping_mul(0x9e37_79b9)
            .wrapping_add((row * ALTERATIONS.len() + kind) as u64);
        Ok(ALTERATIONS[kind].apply(film, seed)?)
    }
}

impl FilmSource for Altered<'_> {
    fn thumbnails(&self) -> &[Option<Thumbnail>] {
        &self.thumbnails
    }

    fn film(&self, film: usize) -> Option<Film> {
        match self.copy(film) {
            None => self.open(film).ok(),
            Some((row, kind)) => self.alter(&self.open(row).ok()?, row, kind).ok(),
        }
    }

    /// Altered films are compared with films, not with each other.
    fn is_compared(&self, one: usize, other: usize) -> bool {
        self.copy(one).is_none() || self.copy(other).is_none()
    }
}
