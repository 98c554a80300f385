//! How many copies are found, and how many films are taken for copies that are none.

use std::collections::{BTreeMap, BTreeSet};

use pleura_film::{DecodeOptions, Film};
use rayon::prelude::*;
use serde::Serialize;

use crate::Progress;
use crate::alter::ALTERATIONS;
use crate::find::{Films, alike};
use crate::look::LookOptions;
use crate::sketch::Sketch;
use crate::tally::Tally;
use pleura_manifest::order::shuffled;
use pleura_manifest::{Error, Likeness, Manifest, image_file};

/// How a trial is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialOptions {
    /// Films of which copies are made, one of each kind.
    pub films: usize,
    /// Chooses the films, and where they are cut.
    pub seed: u64,
    /// Correlation from which films count as alike.
    pub least: f32,
}

impl Default for TrialOptions {
    fn default() -> Self {
        Self {
            films: 200,
            seed: 0,
            least: LookOptions::LEAST,
        }
    }
}

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Films of the manifest, all of which the copies were sought among.
    pub films: usize,
    /// Films of which copies were made.
    pub copied: usize,
    /// Correlation from which films count as alike.
    pub least: f32,
    /// One a kind of copy.
    pub lines: Vec<TrialLine>,
    /// Pairs of different films of the manifest.
    pub pairs: usize,
    /// Pairs of different films that count as alike, by themselves or by any of their copies.
    pub alarms: Vec<Alarm>,
    /// Recall and alarms had the correlation been set elsewhere.
    pub thresholds: Vec<Threshold>,
    /// Pairs that the index gave.
    pub candidates: usize,
    /// Pairs whose films were opened again.
    pub opened: usize,
}

/// How one kind of copy fared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrialLine {
    /// What was done to the films.
    pub alteration: &'static str,
    /// Copies.
    pub copies: usize,
    /// Copies that were found.
    pub found: usize,
    /// Correlation with the film that a tenth of the copies that were laid over it stay below.
    pub tenth: Option<f32>,
    /// The median of it.
    pub median: Option<f32>,
}

/// Two different films that count as alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// One film.
    pub one: String,
    /// The other.
    pub other: String,
    /// Whether both are of one patient.
    pub same_patient: bool,
    /// The likeness of the pair, or of the likest of their copies.
    pub likeness: Likeness,
}

/// What another least correlation would have given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The least correlation.
    pub least: f32,
    /// Copies found, of all kinds.
    pub found: usize,
    /// Pairs of films of different patients that count as alike.
    pub different_patients: usize,
    /// Pairs of different films of one patient that count as alike.
    pub same_patient: usize,
}

/// The correlations that are tried beside the one that was asked for.
const THRESHOLDS: [f32; 7] = [0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9];

impl Trial {
    /// Copies that were made.
    pub fn copies(&self) -> usize {
        self.lines.iter().map(|line| line.copies).sum()
    }

    /// Copies that were found.
    pub fn found(&self) -> usize {
        self.lines.iter().map(|line| line.found).sum()
    }
}

/// Alters some films of a manifest on purpose, and looks for copies among all films and all altered ones. Each film is compared with all others and
/// with all copies.
///
/// # Errors
/// A film that cannot be read.
pub fn trial(manifest: &Manifest, options: &TrialOptions, progress: Progress<'_>) -> Result<Trial, Error> {
    let trial = Altered::new(manifest, options, progress)?;
    let lowest = THRESHOLDS[0].min(options.least);
    let found = alike(&trial, lowest, progress);
    let mut of_copies: Vec<Vec<f32>> = vec![Vec::new(); ALTERATIONS.len()];
    let mut alarms: BTreeMap<(usize, usize), Likeness> = BTreeMap::new();
    for found in &found.matches {
        let (one, other) = (trial.root(found.one), trial.root(found.other));
        if one != other {
            let best = alarms
                .entry((one.min(other), one.max(other)))
                .or_insert(found.likeness);
            if found.likeness.correlation > best.correlation {
                *best = found.likeness;
            }
        } else if let (None, Some((_, alteration))) = (trial.copy(found.one), trial.copy(found.other)) {
            of_copies[alteration].push(found.likeness.correlation);
        }
    }
    let rows = &manifest.rows;
    let mut alarms: Vec<Alarm> = alarms
        .into_iter()
        .map(|((one, other), likeness)| Alarm {
            one: rows[one].film.clone(),
            other: rows[other].film.clone(),
            same_patient: rows[one].patient == rows[other].patient,
            likeness,
        })
        .collect();
    let copies = trial.copied.len();
    let thresholds = THRESHOLDS.map(|least| {
        let count = |same| {
            let over = |alarm: &&Alarm| alarm.same_patient == same && alarm.likeness.correlation >= least;
            alarms.iter().filter(over).count()
        };
        Threshold {
            least,
            found: of_copies
                .iter()
                .flatten()
                .filter(|&&value| value >= least)
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
            found: values.iter().filter(|&&value| value >= options.least).count(),
            tenth: values.get(values.len() / 10).copied(),
            median: values.get(values.len() / 2).copied(),
        }
    });
    let lines = lines.collect();
    alarms.retain(|alarm| alarm.likeness.correlation >= options.least);
    alarms.sort_by(|one, other| other.likeness.correlation.total_cmp(&one.likeness.correlation));
    Ok(Trial {
        films: rows.len(),
        copied: copies,
        least: options.least,
        lines,
        pairs: rows.len() * rows.len().saturating_sub(1) / 2,
        alarms,
        thresholds: thresholds.to_vec(),
        candidates: found.candidates,
        opened: found.opened,
    })
}

/// The films of a manifest, and behind them the copies, which are made whenever they are asked for.
struct Altered<'a> {
    manifest: &'a Manifest,
    /// Rows of which copies are made.
    copied: Vec<usize>,
    seed: u64,
    sketches: Vec<Option<Sketch>>,
}

impl<'a> Altered<'a> {
    fn new(manifest: &'a Manifest, options: &TrialOptions, progress: Progress<'_>) -> Result<Self, Error> {
        let rows: Vec<usize> = (0..manifest.rows.len()).collect();
        let mut copied = shuffled(&rows, options.seed, 0);
        copied.truncate(options.films);
        copied.sort_unstable();
        let mut altered = Self {
            manifest,
            copied,
            seed: options.seed,
            sketches: Vec::new(),
        };
        let copied: BTreeSet<usize> = altered.copied.iter().copied().collect();
        let tally = Tally::new("films altered", rows.len(), progress);
        let sketched: Vec<(Sketch, Vec<Sketch>)> = rows
            .par_iter()
            .map(|&row| {
                let film = altered.open(row)?;
                let kinds = if copied.contains(&row) {
                    ALTERATIONS.len()
                } else {
                    0
                };
                let copies = (0..kinds).map(|kind| Ok(Sketch::of(&altered.alter(&film, row, kind)?)));
                let copies = copies.collect::<Result<_, Error>>()?;
                tally.add(1);
                Ok((Sketch::of(&film), copies))
            })
            .collect::<Result<_, Error>>()?;
        let (films, copies): (Vec<Sketch>, Vec<Vec<Sketch>>) = sketched.into_iter().unzip();
        let sketches = films.into_iter().chain(copies.into_iter().flatten());
        altered.sketches = sketches
            .map(|sketch| Some(sketch).filter(|sketch| !sketch.is_empty()))
            .collect();
        Ok(altered)
    }

    /// Of a copy the row it was made of and how.
    fn copy(&self, film: usize) -> Option<(usize, usize)> {
        let copy = film.checked_sub(self.manifest.rows.len())?;
        let row = *self.copied.get(copy / ALTERATIONS.len())?;
        Some((row, copy % ALTERATIONS.len()))
    }

    /// The row that a film is, or was made of.
    fn root(&self, film: usize) -> usize {
        self.copy(film).map_or(film, |(row, _)| row)
    }

    fn open(&self, row: usize) -> Result<Film, Error> {
        let row = &self.manifest.rows[row];
        let (_, film) = image_file::open(&row.film, &self.manifest.file(row), &DecodeOptions::default())?;
        Ok(film)
    }

    fn alter(&self, film: &Film, row: usize, kind: usize) -> Result<Film, Error> {
        let seed = self
            .seed
            .wrapping_mul(0x9e37_79b9)
            .wrapping_add((row * ALTERATIONS.len() + kind) as u64);
        ALTERATIONS[kind].apply(film, seed).map_err(|source| {
            let row = &self.manifest.rows[row];
            Error::Film {
                film: row.film.clone(),
                path: self.manifest.file(row),
                source: Box::new(source),
            }
        })
    }
}

impl Films for Altered<'_> {
    fn sketches(&self) -> &[Option<Sketch>] {
        &self.sketches
    }

    fn film(&self, film: usize) -> Option<Film> {
        match self.copy(film) {
            None => self.open(film).ok(),
            Some((row, kind)) => self.alter(&self.open(row).ok()?, row, kind).ok(),
        }
    }

    /// Copies are compared with films, not with each other.
    fn is_asked(&self, one: usize, other: usize) -> bool {
        self.copy(one).is_none() || self.copy(other).is_none()
    }
}
