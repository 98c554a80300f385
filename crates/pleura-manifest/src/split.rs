//! Splits of a manifest into training, validation and test. No patient is in two splits.

mod balanced;
pub(crate) mod groups;
pub(crate) mod stratify;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;

use crate::sidecar::{Sidecar, SplitRecord};
use crate::{Error, Manifest, OFFICIAL_SPLIT, Split};
use groups::Group;

/// Options of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitOptions {
    /// The basis of the split.
    pub by: SplitBy,
    /// The seed. The same films and seed give the same split.
    pub seed: u64,
    /// Parts of training, validation and test. They need not add up to 1. A part of 0 leaves that split
    /// empty.
    pub fractions: [f64; 3],
    /// Make a test split of exactly this many films of each class, instead of a fraction. Findings must be
    /// exclusive.
    pub balanced_test: Option<usize>,
    /// Pairs of files, by digest, whose films stay together like those of one patient.
    pub keep_together: Vec<[String; 2]>,
}

/// The basis of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitBy {
    /// Random by patient, stratified by finding and dataset.
    Patient,
    /// The dataset's own lists (column `note:official_split`): `test`, `train` and `val` are the splits of
    /// these names. Validation films are taken by patient from `train_val`, or from `train` if the dataset
    /// has no `val`. Films on no list are split by patient.
    Official,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self {
            by: SplitBy::Patient,
            seed: 0,
            fractions: [0.70, 0.15, 0.15],
            balanced_test: None,
            keep_together: Vec::new(),
        }
    }
}

/// Counts of films and patients after a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitCounts {
    /// Films in each split.
    pub films: BTreeMap<String, usize>,
    /// Patients in each split.
    pub patients: BTreeMap<String, usize>,
    /// Number of films with each finding, by split and dataset.
    pub positives: BTreeMap<String, BTreeMap<String, BTreeMap<String, usize>>>,
    /// Films whose split changed.
    pub changed: usize,
}

/// Splits a manifest in place.
///
/// Films stay together if they have the same patient, the same file, the same pixels (column `note:pixels`)
/// or are in [`SplitOptions::keep_together`]. Groups are assigned finding by finding within each dataset, the
/// rarest first and larger groups first. A split is drawn in proportion to the films that it still needs
/// (Sechidis et al. 2011, extended to groups).
///
/// # Errors
/// [`Error::Split`] if fractions are invalid, a balanced test split cannot be made, or official lists have
/// one patient on both sides.
pub fn split(manifest: &mut Manifest, options: &SplitOptions) -> Result<SplitCounts, Error> {
    check_fractions(options.fractions)?;
    let groups = groups::of(manifest, &options.keep_together);
    let decided = match options.by {
        SplitBy::Patient => vec![Wish::Any; groups.len()],
        SplitBy::Official => official(manifest, &groups)?,
    };
    let mut splits: Vec<Option<Split>> = decided.iter().map(|wish| wish.decided()).collect();
    if let Some(films) = options.balanced_test {
        if options.by == SplitBy::Official {
            return Err(Error::Split(
                "the official test list cannot be combined with a balanced test split; choose one".into(),
            ));
        }
        for group in balanced::test(manifest, &groups, films, options.seed)? {
            splits[group] = Some(Split::Test);
        }
    }
    let [train, validation, test] = options.fractions;
    let no_test = options.balanced_test.is_some();
    let open = |wish: Wish, splits: &[Option<Split>]| -> Vec<usize> {
        (0..groups.len())
            .filter(|&group| splits[group].is_none() && decided[group] == wish)
            .collect()
    };
    let rest = open(Wish::Any, &splits);
    let fractions = if no_test {
        [train, validation, 0.0]
    } else {
        [train, validation, test]
    };
    stratify::assign(manifest, &groups, &rest, fractions, options.seed, &mut splits)?;
    let rest = open(Wish::NotTest, &splits);
    stratify::assign(
        manifest,
        &groups,
        &rest,
        [train, validation, 0.0],
        options.seed,
        &mut splits,
    )?;

    let mut changed = 0;
    for (group, split) in groups.iter().zip(&splits) {
        for &row in &group.rows {
            changed += usize::from(manifest.rows[row].split.is_some() && manifest.rows[row].split != *split);
            manifest.rows[row].split = *split;
        }
    }
    Ok(counts(manifest, changed))
}

/// Splits a manifest file and records it in the sidecar. Duplicates in the sidecar stay together.
pub fn split_file(path: &Path, out: &Path, options: &SplitOptions) -> Result<(Manifest, SplitCounts), Error> {
    let mut manifest = Manifest::read(path)?;
    let sidecar = Sidecar::read(path)?;
    let mut options = options.clone();
    options
        .keep_together
        .extend(sidecar.iter().flat_map(Sidecar::duplicate_files));
    let counts = split(&mut manifest, &options)?;
    let mut sidecar = sidecar.unwrap_or_else(|| Sidecar::bare(&manifest));
    sidecar.describe(&manifest);
    sidecar.split = Some(SplitRecord {
        by: match options.by {
            SplitBy::Patient => "patient".into(),
            SplitBy::Official => "official".into(),
        },
        seed: options.seed,
        fractions: options.fractions,
        balanced_test: options.balanced_test,
        films: counts.films.clone(),
        patients: counts.patients.clone(),
        test_digest: manifest.digest_of(&manifest.split(Split::Test)),
        test_films: Some(manifest.films_digest(&manifest.split(Split::Test))),
    });
    manifest.relocate(out)?;
    manifest.write(out)?;
    sidecar.write(out)?;
    Ok((manifest, counts))
}

/// The constraint of the official lists on a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Any,
    NotTest,
    Decided(Split),
}

impl Wish {
    fn decided(self) -> Option<Split> {
        match self {
            Self::Decided(split) => Some(split),
            Self::Any | Self::NotTest => None,
        }
    }

    /// The constraint of both; `None` if they contradict each other.
    fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, wish) | (wish, Self::Any) => Some(wish),
            (Self::NotTest, Self::Decided(split)) | (Self::Decided(split), Self::NotTest) => {
                (split != Split::Test).then_some(Self::Decided(split))
            }
            (one, other) => (one == other).then_some(one),
        }
    }
}

/// The constraint on each group; listed films decide for other films of the same patient.
fn official(manifest: &Manifest, groups: &[Group]) -> Result<Vec<Wish>, Error> {
    let nowhere = || {
        Error::Split(
            "no film is on an official list: the datasets came without them (for NIH train_val_list.txt and test_list.txt, \
             beside Data_Entry), or the manifest was not built from them; split by patient instead"
                .into(),
        )
    };
    let column = manifest.note(OFFICIAL_SPLIT).ok_or_else(nowhere)?;
    let word = |row: usize| manifest.rows[row].notes[column].as_str();
    if (0..manifest.rows.len()).all(|row| word(row).is_empty()) {
        return Err(nowhere());
    }
    // Lists differ by dataset: some have a validation list, others do not.
    let with_validation: HashSet<&str> = (0..manifest.rows.len())
        .filter(|&row| word(row) == "val")
        .map(|row| manifest.rows[row].dataset.as_str())
        .collect();
    groups
        .iter()
        .map(|group| {
            let mut wish = Wish::Any;
            for &row in &group.rows {
                let this = match word(row) {
                    "" => continue,
                    "test" => Wish::Decided(Split::Test),
                    "val" => Wish::Decided(Split::Validation),
                    "train" if with_validation.contains(manifest.rows[row].dataset.as_str()) => Wish::Decided(Split::Train),
                    "train" | "train_val" => Wish::NotTest,
                    other => {
                        let film = &manifest.rows[row].film;
                        return Err(Error::Split(format!(
                            "film {film}: {OFFICIAL_SPLIT} is {other:?}, expected train, val, test or train_val"
                        )));
                    }
                };
                let Some(both) = wish.and(this) else {
                    let row = &manifest.rows[row];
                    return Err(Error::Split(format!(
                        "the official lists put films of patient {} (or films identical to them) in two splits, {} among them; \
                         split by patient instead",
                        row.patient, row.film
                    )));
                };
                wish = both;
            }
            Ok(wish)
        })
        .collect()
}

fn check_fractions(fractions: [f64; 3]) -> Result<(), Error> {
    let sound = fractions.iter().all(|part| part.is_finite() && *part >= 0.0) && fractions[0] > 0.0;
    if sound {
        return Ok(());
    }
    let [train, validation, test] = fractions;
    Err(Error::Split(format!(
        "the parts {train}, {validation}, {test} (training, validation, test) must be 0 or more, and training more than 0"
    )))
}

fn counts(manifest: &Manifest, changed: usize) -> SplitCounts {
    let mut counts = SplitCounts {
        films: BTreeMap::new(),
        patients: BTreeMap::new(),
        positives: BTreeMap::new(),
        changed,
    };
    for split in Split::ALL {
        let rows = manifest.split(split);
        let patients: HashSet<&str> = rows
            .iter()
            .map(|&row| manifest.rows[row].patient.as_str())
            .collect();
        counts.films.insert(split.to_string(), rows.len());
        counts.patients.insert(split.to_string(), patients.len());
        let positives = counts.positives.entry(split.to_string()).or_default();
        for row in rows.iter().map(|&row| &manifest.rows[row]) {
            let findings = positives.entry(row.dataset.clone()).or_default();
            for (finding, label) in manifest.findings.iter().zip(&row.labels) {
                *findings.entry(finding.clone()).or_default() +=
                    usize::from(*label == crate::Label::Positive);
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests;
