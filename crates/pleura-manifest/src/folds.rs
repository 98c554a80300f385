//! Folds of a cross-validation: every film is tested once, by a model that was trained without films of its
//! patient.
//!
//! Folds are a column of the manifest (`note:fold`, numbers from 1). [`Folds::manifest`] makes the manifest
//! with three splits for training one fold.

use std::collections::HashSet;
use std::path::Path;

use crate::sidecar::{FoldsRecord, Sidecar};
use crate::split::groups::{self, Group};
use crate::split::stratify;
use crate::{Error, Manifest, Split};
use pleura_core::rng::{Scheme, stream};

/// The free-text column with a film's fold.
pub const COLUMN: &str = "fold";

/// The default validation part of a fold's training films.
pub const VALIDATION: f64 = 0.15;

/// The assignment of films to folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    count: usize,
    /// Fold of each row, from 0; `None` for rows in no fold.
    of_row: Vec<Option<usize>>,
    /// Pairs of duplicate files, by digest; they stay together like films of one patient.
    together: Vec<[String; 2]>,
}

impl Folds {
    /// Assigns films to `count` folds of equal size, in the same way as [`split`](crate::split()): whole
    /// patients, stratified by finding and dataset. `together` holds pairs of duplicate files. With
    /// `keep_test`, films of the split `test` keep it and are in no fold.
    ///
    /// # Errors
    /// Fewer than two folds, or fewer groups of patients than folds.
    pub fn assign(
        manifest: &Manifest,
        count: usize,
        seed: u64,
        keep_test: bool,
        together: &[[String; 2]],
    ) -> Result<Self, Error> {
        let groups = groups::of(manifest, together);
        let kept = |group: &Group| {
            let tested = |&row: &usize| manifest.rows[row].split == Some(Split::Test);
            keep_test && group.rows.iter().any(tested)
        };
        let open: Vec<usize> = (0..groups.len()).filter(|&group| !kept(&groups[group])).collect();
        if count < 2 || count > open.len() {
            return Err(Error::Split(format!(
                "{count} folds of {} patients (or groups of patients who share films); expected at least 2 folds, and at most one a patient",
                open.len()
            )));
        }
        let rng = stream(Scheme::Sha256, seed, &[b"folds of groups"]);
        let parts = stratify::parts(manifest, &groups, &open, &vec![1.0; count], rng)?;
        let mut of_row = vec![None; manifest.rows.len()];
        for (&group, part) in open.iter().zip(parts) {
            for &row in &groups[group].rows {
                of_row[row] = Some(part);
            }
        }
        let folds = Self {
            count,
            of_row,
            together: together.to_vec(),
        };
        if let Some(empty) = (0..count).find(|&fold| folds.rows(fold).is_empty()) {
            return Err(Error::Split(format!(
                "fold {} of {count} would be empty: too few patients; ask for fewer folds",
                empty + 1
            )));
        }
        Ok(folds)
    }

    /// The folds in a manifest's column; `None` if the column is missing or empty.
    ///
    /// # Errors
    /// Invalid cells, a missing fold number, a patient (or one film under two names) in two folds.
    pub fn of(manifest: &Manifest, together: &[[String; 2]]) -> Result<Option<Self>, Error> {
        let Some(column) = manifest.note(COLUMN) else {
            return Ok(None);
        };
        let mut of_row = Vec::with_capacity(manifest.rows.len());
        for row in &manifest.rows {
            of_row.push(match row.notes[column].trim() {
                "" => None,
                cell => Some(cell.parse::<usize>().ok().filter(|fold| *fold > 0).ok_or_else(|| {
                    Error::Split(format!(
                        "film {}: note:{COLUMN} is {cell:?}, expected a whole number from 1, or nothing",
                        row.film
                    ))
                })? - 1),
            });
        }
        let Some(last) = of_row.iter().flatten().max() else {
            return Ok(None);
        };
        let folds = Self {
            count: last + 1,
            of_row,
            together: together.to_vec(),
        };
        if let Some(empty) = (0..folds.count).find(|&fold| folds.rows(fold).is_empty()) {
            return Err(Error::Split(format!(
                "note:{COLUMN} has fold numbers up to {}, but no film is in fold {}; assign folds with `pleura data split --folds`",
                folds.count,
                empty + 1
            )));
        }
        for group in groups::of(manifest, together) {
            let first = folds.of_row[group.rows[0]];
            if let Some(&other) = group.rows.iter().find(|&&row| folds.of_row[row] != first) {
                let name = |row: usize| &manifest.rows[row].film;
                return Err(Error::Split(format!(
                    "films {} and {} have the same patient, or are the same film, but are in two folds; assign folds with `pleura data split --folds`",
                    name(group.rows[0]),
                    name(other)
                )));
            }
        }
        Ok(Some(folds))
    }

    /// Number of folds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Rows of a fold (from 0), in the manifest's order.
    pub fn rows(&self, fold: usize) -> Vec<usize> {
        (0..self.of_row.len())
            .filter(|&row| self.of_row[row] == Some(fold))
            .collect()
    }

    /// Writes the folds into the manifest's column.
    pub fn write(&self, manifest: &mut Manifest) {
        let column = manifest.note(COLUMN).unwrap_or_else(|| {
            manifest.notes.push(COLUMN.to_owned());
            manifest
                .rows
                .iter_mut()
                .for_each(|row| row.notes.push(String::new()));
            manifest.notes.len() - 1
        });
        for (row, fold) in manifest.rows.iter_mut().zip(&self.of_row) {
            row.notes[column] = fold.map_or_else(String::new, |fold| (fold + 1).to_string());
        }
    }

    /// The manifest for training one fold. The fold is the split `test`. Of the other folds, the part
    /// `validation` is `val`, chosen by patient and stratified; the rest is `train`. Films in no fold are in
    /// no split.
    ///
    /// # Errors
    /// A validation part that is not above 0 and below 1.
    pub fn manifest(
        &self,
        manifest: &Manifest,
        fold: usize,
        validation: f64,
        seed: u64,
    ) -> Result<Manifest, Error> {
        if !(validation > 0.0 && validation < 1.0) {
            return Err(Error::Split(format!(
                "validation part {validation}: expected more than 0 (the epoch is chosen on it) and less than 1"
            )));
        }
        let groups = groups::of(manifest, &self.together);
        let other = |group: &usize| {
            let of = self.of_row[groups[*group].rows[0]];
            of.is_some_and(|of| of != fold)
        };
        let open: Vec<usize> = (0..groups.len()).filter(other).collect();
        let name: [&[u8]; 2] = [b"validation of a fold", &(fold as u64).to_le_bytes()];
        let rng = stream(Scheme::Sha256, seed, &name);
        let parts = stratify::parts(manifest, &groups, &open, &[1.0 - validation, validation], rng)?;
        let mut made = manifest.clone();
        for (row, of) in made.rows.iter_mut().zip(&self.of_row) {
            row.split = (*of == Some(fold)).then_some(Split::Test);
        }
        for (&group, part) in open.iter().zip(parts) {
            for &row in &groups[group].rows {
                made.rows[row].split = Some([Split::Train, Split::Validation][part]);
            }
        }
        Ok(made)
    }

    /// The record for the sidecar.
    pub fn record(&self, manifest: &Manifest, seed: u64) -> FoldsRecord {
        let each =
            |of: &dyn Fn(&[usize]) -> usize| (0..self.count).map(|fold| of(&self.rows(fold))).collect();
        FoldsRecord {
            count: self.count,
            seed,
            films: each(&|rows| rows.len()),
            patients: each(&|rows| {
                let patients = rows.iter().map(|&row| manifest.rows[row].patient.as_str());
                patients.collect::<HashSet<_>>().len()
            }),
            outside: self.of_row.iter().filter(|of| of.is_none()).count(),
            digests: (0..self.count)
                .map(|fold| manifest.films_digest(&self.rows(fold)))
                .collect(),
        }
    }
}

/// Assigns the films of a manifest file to folds and records it in the sidecar. Films lose their splits,
/// except a test split that is kept.
///
/// # Errors
/// As [`Folds::assign`], and errors of reading and writing.
pub fn assign_folds(
    path: &Path,
    out: &Path,
    count: usize,
    seed: u64,
    keep_test: bool,
) -> Result<(Manifest, FoldsRecord), Error> {
    let mut manifest = Manifest::read(path)?;
    let sidecar = Sidecar::read(path)?;
    let together = sidecar.as_ref().map(Sidecar::duplicate_files).unwrap_or_default();
    let folds = Folds::assign(&manifest, count, seed, keep_test, &together)?;
    folds.write(&mut manifest);
    for (row, of) in manifest.rows.iter_mut().zip(&folds.of_row) {
        row.split = row.split.filter(|_| of.is_none());
    }
    let mut sidecar = sidecar.unwrap_or_else(|| Sidecar::bare(&manifest));
    sidecar.describe(&manifest);
    if !keep_test {
        sidecar.split = None;
    }
    let record = folds.record(&manifest, seed);
    sidecar.folds = Some(record.clone());
    manifest.relocate(out)?;
    manifest.write(out)?;
    sidecar.write(out)?;
    Ok((manifest, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Row};

    /// `patients` patients with one to three films each; three patients in ten are sick.
    fn films(patients: usize) -> Manifest {
        let mut manifest = Manifest::new("", vec!["sick".into(), "well".into()]);
        for patient in 0..patients {
            for film in 0..=patient % 3 {
                let sick = patient % 10 < 3;
                manifest.rows.push(Row {
                    film: format!("{patient}-{film}"),
                    path: format!("{patient}-{film}.png").into(),
                    sha256: format!("{patient:032}{film:032}"),
                    dataset: "made".into(),
                    patient: format!("p{patient}"),
                    labels: [sick, !sick]
                        .map(|yes| if yes { Label::Positive } else { Label::Negative })
                        .to_vec(),
                    ..Row::default()
                });
            }
        }
        manifest
    }

    #[test]
    fn folds_are_equal_in_size_and_mix_and_whole_in_patients() {
        let manifest = films(200);
        let folds = Folds::assign(&manifest, 5, 1, false, &[]).unwrap();
        let total = manifest.rows.len();
        let mut seen = HashSet::new();
        for fold in 0..5 {
            let rows = folds.rows(fold);
            assert!(rows.len().abs_diff(total / 5) <= 3, "{} of {total}", rows.len());
            let sick = rows
                .iter()
                .filter(|&&row| manifest.rows[row].labels[0] == Label::Positive)
                .count();
            let of_all = manifest
                .rows
                .iter()
                .filter(|row| row.labels[0] == Label::Positive)
                .count();
            assert!(sick.abs_diff(of_all / 5) <= 3, "{sick} of {of_all}");
            let patients: HashSet<&str> = rows
                .iter()
                .map(|&row| manifest.rows[row].patient.as_str())
                .collect();
            assert!(
                patients.into_iter().all(|patient| seen.insert(patient)),
                "a patient in two folds"
            );
        }
        assert_eq!(folds, Folds::assign(&manifest, 5, 1, false, &[]).unwrap());
        assert_ne!(folds, Folds::assign(&manifest, 5, 2, false, &[]).unwrap());
    }

    #[test]
    fn a_fold_is_a_manifest_of_three_splits() {
        let mut manifest = films(60);
        manifest.rows[0].split = Some(Split::Test);
        let folds = Folds::assign(&manifest, 3, 1, true, &[]).unwrap();
        let tested: Vec<usize> = (0..3)
            .flat_map(|fold| {
                let made = folds.manifest(&manifest, fold, 0.2, 1).unwrap();
                let report = crate::split::groups::of(&made, &[]);
                for group in report {
                    let first = made.rows[group.rows[0]].split;
                    assert!(group.rows.iter().all(|&row| made.rows[row].split == first));
                }
                assert_eq!(
                    made.rows[0].split, None,
                    "the test split that was kept out stays out"
                );
                let validation = made.split(Split::Validation).len() as f64;
                let rest = validation + made.split(Split::Train).len() as f64;
                assert!((validation / rest - 0.2).abs() < 0.06, "{validation} of {rest}");
                made.split(Split::Test)
            })
            .collect();
        let unique: HashSet<&usize> = tested.iter().collect();
        assert_eq!(
            (unique.len(), tested.len()),
            (manifest.rows.len() - 1, manifest.rows.len() - 1)
        );
        assert!(folds.manifest(&manifest, 0, 0.0, 1).is_err());
    }

    #[test]
    fn the_column_reads_back_and_is_checked() {
        let mut manifest = films(30);
        assert_eq!(Folds::of(&manifest, &[]).unwrap(), None);
        let folds = Folds::assign(&manifest, 4, 1, false, &[]).unwrap();
        folds.write(&mut manifest);
        assert_eq!(Folds::of(&manifest, &[]).unwrap(), Some(folds));
        let refuse = |change: fn(&mut Manifest, usize)| {
            let mut changed = manifest.clone();
            let column = changed.note(COLUMN).unwrap();
            change(&mut changed, column);
            Folds::of(&changed, &[]).unwrap_err().to_string()
        };
        assert!(refuse(|m, c| m.rows[0].notes[c] = "first".into()).contains("\"first\""));
        assert!(refuse(|m, c| m.rows[0].notes[c] = "9".into()).contains("no film is in fold 5"));
        let apart = refuse(|m, c| {
            let (a, b) = (m.rows[1].notes[c].clone(), m.rows[2].notes[c].clone());
            assert_eq!((m.rows[1].patient.as_str(), &a), ("p1", &b));
            m.rows[2].notes[c] = if a == "1" { "2".into() } else { "1".into() };
        });
        assert!(apart.contains("films 1-0 and 1-1"), "{apart}");
    }

    #[test]
    fn a_file_remembers_its_folds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        films(40).write(&path).unwrap();
        let (_, record) = assign_folds(&path, &path, 4, 7, false).unwrap();
        let sidecar = Sidecar::read(&path).unwrap().unwrap();
        assert_eq!(sidecar.folds.as_ref(), Some(&record));
        assert_eq!(
            (
                record.films.iter().sum::<usize>(),
                record.patients.iter().sum::<usize>()
            ),
            (79, 40)
        );
        let read = Manifest::read(&path).unwrap();
        let folds = Folds::of(&read, &[]).unwrap().unwrap();
        assert_eq!(read.films_digest(&folds.rows(2)), record.digests[2]);
        assert!(
            assign_folds(&path, &path, 41, 7, false)
                .unwrap_err()
                .to_string()
                .contains("41 folds of 40 patients")
        );
    }
}
