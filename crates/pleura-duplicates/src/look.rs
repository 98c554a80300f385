//! All films of some manifests, looked at for copies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use pleura_film::{DecodeOptions, Film};
use rayon::prelude::*;
use serde::Serialize;

use crate::Progress;
use crate::find::{Films, alike};
use crate::sketch::Sketch;
use crate::tally::Tally;
use pleura_manifest::{How, Manifest, Remark, Split, image_file};

/// What counts as a copy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookOptions {
    /// Least correlation of two films that are not equal.
    pub least: f32,
}

impl LookOptions {
    /// The correlation that copies have and different films do not: docs/leaks.md has the measurement.
    pub const LEAST: f32 = 0.8;
}

impl Default for LookOptions {
    fn default() -> Self {
        Self { least: Self::LEAST }
    }
}

/// What was found in some manifests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Look {
    /// The manifests, as they were named.
    pub manifests: Vec<String>,
    /// Films in them.
    pub films: usize,
    /// Of these, films that cannot be read, or whose file is not the one that the manifest describes: what is found says nothing of them.
    pub unread: usize,
    /// Pairs that the index gave, and of them those whose films were opened again.
    pub candidates: usize,
    /// See `candidates`.
    pub opened: usize,
    /// Correlation from which films count as alike.
    pub least: f32,
    /// Patients with films in two splits, whichever the manifests; a manifest that is not split counts as in [`Pair::across`].
    pub patients: Vec<Twice>,
    /// Films that are one radiograph, those in two splits first.
    pub pairs: Vec<Pair>,
    /// What should be known.
    pub remarks: Vec<Remark>,
}

/// A patient in two splits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Twice {
    /// The patient.
    pub patient: String,
    /// Films in each split.
    pub films: BTreeMap<String, Vec<String>>,
}

/// A film where it was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Number of its manifest in [`Look::manifests`].
    pub manifest: usize,
    /// Its name.
    pub film: String,
    /// Its file.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: String,
    /// The dataset it came from.
    pub dataset: String,
    /// Its patient.
    pub patient: String,
    /// Its split.
    pub split: Option<Split>,
}

/// Two films that are one radiograph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// One film.
    pub one: Looked,
    /// The other.
    pub other: Looked,
    /// Why.
    pub how: How,
    /// Whether both are said to be of one patient.
    pub same_patient: bool,
    /// Whether they are in two splits. Beside a manifest that is split, one that is not split at all counts as test films.
    pub across: bool,
}

impl Look {
    /// Whether every film could be looked at, and nothing is in two splits.
    pub fn passed(&self) -> bool {
        self.unread == 0 && self.patients.is_empty() && !self.pairs.iter().any(|pair| pair.across)
    }

    /// Pairs in two splits.
    pub fn across(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.across).count()
    }
}

/// Looks at every film of some manifests, each under the name that it shall have in what is said.
///
/// Films are opened, digested and sketched; equal files and equal pixels are found by their digests, other copies by an index of hashes and by
/// laying films over each other. Beside the manifests themselves it keeps some 2.6 kB a film in memory. A film that cannot be read is counted and
/// passed over; a file that is not the one the manifest describes is counted too, and compared as it is. The result does not depend on the number
/// of threads.
pub fn look(manifests: &[(String, &Manifest)], options: &LookOptions, progress: Progress<'_>) -> Look {
    let films: Vec<(usize, usize)> = manifests
        .iter()
        .enumerate()
        .flat_map(|(number, (_, manifest))| (0..manifest.rows.len()).map(move |row| (number, row)))
        .collect();
    let row = |film: usize| &manifests[films[film].0].1.rows[films[film].1];
    let external = external(manifests);
    let split = |film: usize| row(film).split.or(external[films[film].0]);
    let file = |film: usize| manifests[films[film].0].1.file(row(film));
    let tally = Tally::new("films read", films.len(), progress);
    let scanned: Vec<Scanned> = (0..films.len())
        .into_par_iter()
        .map(|film| {
            let scanned = Scanned::new(&row(film).film, &file(film));
            tally.add(1);
            scanned
        })
        .collect();

    let mut remarks = Vec::new();
    let names = |keep: &dyn Fn(usize) -> bool| -> Vec<String> {
        let kept = (0..films.len()).filter(|&film| keep(film));
        kept.map(|film| row(film).film.clone()).collect()
    };
    let unreadable = names(&|film| scanned[film].digests.is_none());
    let changed = names(&|film| {
        let digests = scanned[film].digests.as_ref();
        digests.is_some_and(|digests| digests.file != row(film).sha256)
    });
    remarks.extend(Remark::of("film that cannot be read, not compared", &unreadable));
    remarks.extend(Remark::of(
        "file is not the one that the manifest describes",
        &changed,
    ));
    remarks.extend(Remark::of(
        "film without content, compared by its digests alone",
        &names(&|film| scanned[film].digests.is_some() && scanned[film].sketch.is_none()),
    ));

    let mut equal = Vec::new();
    // Films in a split come first, so that each group's pairs show it where it lies astride.
    let mut order: Vec<usize> = (0..films.len()).collect();
    order.sort_by_key(|&film| (split(film).is_none(), film));
    let digests: Vec<Option<&Digests>> = scanned.iter().map(|film| film.digests.as_ref()).collect();
    order = first_of_each(&order, &mut equal, How::File, |film| {
        Some(digests[film]?.file.as_str())
    });
    order = first_of_each(&order, &mut equal, How::Pixels, |film| {
        Some(&digests[film]?.pixels)
    });
    let mut sketches: Vec<Option<Sketch>> = vec![None; films.len()];
    let firsts: BTreeSet<usize> = order.into_iter().collect();
    for (film, scanned) in scanned.into_iter().enumerate() {
        if firsts.contains(&film) {
            sketches[film] = scanned.sketch;
        }
    }
    let files: Vec<PathBuf> = (0..films.len()).map(file).collect();
    let found = alike(
        &OnDisk {
            files: &files,
            sketches,
        },
        options.least,
        progress,
    );

    let looked = |film: usize| Looked {
        manifest: films[film].0,
        film: row(film).film.clone(),
        path: files[film].clone(),
        sha256: row(film).sha256.clone(),
        dataset: row(film).dataset.clone(),
        patient: row(film).patient.clone(),
        split: row(film).split,
    };
    let likes = found
        .matches
        .iter()
        .map(|found| (found.one, found.other, How::Alike(found.likeness)));
    let mut pairs: Vec<Pair> = equal
        .into_iter()
        .chain(likes)
        .map(|(one, other, how)| {
            let same_patient = !row(one).patient.is_empty() && row(one).patient == row(other).patient;
            let splits = [split(one), split(other)];
            Pair {
                one: looked(one),
                other: looked(other),
                how,
                same_patient,
                across: splits[0] != splits[1] && !splits.contains(&None),
            }
        })
        .collect();
    pairs.sort_by_key(|pair| !pair.across);
    Look {
        manifests: manifests.iter().map(|(name, _)| name.clone()).collect(),
        films: films.len(),
        unread: unreadable.len() + changed.len(),
        candidates: found.candidates,
        opened: found.opened,
        least: options.least,
        patients: patients(manifests, &external),
        pairs,
        remarks,
    }
}

/// What one look at a film's file gives.
struct Scanned {
    digests: Option<Digests>,
    sketch: Option<Sketch>,
}

struct Digests {
    file: String,
    pixels: [u8; 32],
}

impl Scanned {
    fn new(name: &str, path: &Path) -> Self {
        match image_file::open(name, path, &DecodeOptions::default()) {
            Ok((file, film)) => Self {
                digests: Some(Digests {
                    file,
                    pixels: pleura_film::pixel_digest(&film),
                }),
                sketch: Some(Sketch::of(&film)).filter(|sketch| !sketch.is_empty()),
            },
            Err(_) => Self {
                digests: None,
                sketch: None,
            },
        }
    }
}

struct OnDisk<'a> {
    files: &'a [PathBuf],
    sketches: Vec<Option<Sketch>>,
}

impl Films for OnDisk<'_> {
    fn sketches(&self) -> &[Option<Sketch>] {
        &self.sketches
    }

    fn film(&self, film: usize) -> Option<Film> {
        pleura_film::open(&self.files[film], &DecodeOptions::default()).ok()
    }
}

/// Pairs every film with the first before it of the same key; gives the first of each, and those without a key.
fn first_of_each<K: std::hash::Hash + Eq>(
    order: &[usize],
    pairs: &mut Vec<(usize, usize, How)>,
    how: How,
    key: impl Fn(usize) -> Option<K>,
) -> Vec<usize> {
    let mut first: HashMap<K, usize> = HashMap::new();
    let mut firsts = Vec::new();
    for &film in order {
        match key(film).map(|key| *first.entry(key).or_insert(film)) {
            Some(earlier) if earlier != film => pairs.push((earlier, film, how)),
            _ => firsts.push(film),
        }
    }
    firsts
}

/// The split that the films of each manifest count for where they are in none: a set that is not split at all is one to test on, if there is another
/// that is split.
fn external(manifests: &[(String, &Manifest)]) -> Vec<Option<Split>> {
    let unsplit: Vec<bool> = manifests
        .iter()
        .map(|(_, manifest)| manifest.rows.iter().all(|row| row.split.is_none()))
        .collect();
    let any_split = unsplit.contains(&false);
    let of = |unsplit: bool| (unsplit && any_split).then_some(Split::Test);
    unsplit.into_iter().map(of).collect()
}

/// Patients with films in two splits, all manifests together.
fn patients(manifests: &[(String, &Manifest)], external: &[Option<Split>]) -> Vec<Twice> {
    let mut patients: BTreeMap<&str, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for ((_, manifest), external) in manifests.iter().zip(external) {
        for row in &manifest.rows {
            if let Some(split) = row.split.or(*external) {
                let films = patients.entry(&row.patient).or_default();
                films.entry(split.to_string()).or_default().push(row.film.clone());
            }
        }
    }
    patients.retain(|patient, films| !patient.is_empty() && films.len() > 1);
    patients
        .into_iter()
        .map(|(patient, films)| Twice {
            patient: patient.to_string(),
            films,
        })
        .collect()
}
