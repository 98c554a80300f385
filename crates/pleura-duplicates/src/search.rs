//! The search for duplicates in the films of manifests.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use pleura_core::Progress;
use pleura_film::{DecodeOptions, Film};
use pleura_manifest::{Manifest, MatchKind, Remark, Split, image_file};
use rayon::prelude::*;

use crate::counter::Counter;
use crate::report::{DuplicateReport, ImageRef, Pair, PatientInTwoSplits};
use crate::similar::{FilmSource, find_similar};
use crate::thumbnail::Thumbnail;

/// Options of [`find_duplicates`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DuplicateOptions {
    /// Minimum correlation of two films that are not equal.
    pub min_correlation: f32,
}

impl DuplicateOptions {
    /// A correlation that duplicates reach and other films do not; measured in docs/duplicates.md.
    pub const MIN_CORRELATION: f32 = 0.8;
}

impl Default for DuplicateOptions {
    fn default() -> Self {
        Self {
            min_correlation: Self::MIN_CORRELATION,
        }
    }
}

/// Finds the duplicates among all films of some manifests. Each manifest comes with its name for the report.
///
/// Every film is opened, digested and reduced to a thumbnail. Equal files and equal pixels are found by their
/// digests. Other duplicates are found by an index of hashes and confirmed by aligning the films. Besides the
/// manifests, the search needs about 2.6 kB of memory a film.
///
/// A film that cannot be read is counted and skipped. A file that differs from the manifest's digest is
/// counted and compared as it is. The result does not depend on the number of threads.
pub fn find_duplicates<S: AsRef<str> + Sync>(
    manifests: &[(S, &Manifest)],
    options: &DuplicateOptions,
    progress: &dyn Progress,
) -> DuplicateReport {
    let films: Vec<(usize, usize)> = manifests
        .iter()
        .enumerate()
        .flat_map(|(number, (_, manifest))| (0..manifest.rows.len()).map(move |row| (number, row)))
        .collect();
    let row = |film: usize| &manifests[films[film].0].1.rows[films[film].1];
    let default_splits = default_splits(manifests);
    let split = |film: usize| row(film).split.or(default_splits[films[film].0]);
    let file = |film: usize| manifests[films[film].0].1.file(row(film));
    let counter = Counter::new("films read", films.len(), progress);
    let scanned: Vec<ScannedFilm> = (0..films.len())
        .into_par_iter()
        .map(|film| {
            let scanned = ScannedFilm::new(&row(film).film, &file(film));
            counter.add(1);
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
        &names(&|film| scanned[film].digests.is_some() && scanned[film].thumbnail.is_none()),
    ));

    let mut equal = Vec::new();
    // Films in a split come first. A group that reaches over two splits then has a pair in two splits.
    let mut order: Vec<usize> = (0..films.len()).collect();
    order.sort_by_key(|&film| (split(film).is_none(), film));
    let digests: Vec<Option<&Digests>> = scanned.iter().map(|film| film.digests.as_ref()).collect();
    order = pair_equal(&order, &mut equal, MatchKind::File, |film| {
        Some(digests[film]?.file.as_str())
    });
    order = pair_equal(&order, &mut equal, MatchKind::Pixels, |film| {
        Some(&digests[film]?.pixels)
    });
    let mut thumbnails: Vec<Option<Thumbnail>> = vec![None; films.len()];
    let distinct: BTreeSet<usize> = order.into_iter().collect();
    for (film, scanned) in scanned.into_iter().enumerate() {
        if distinct.contains(&film) {
            thumbnails[film] = scanned.thumbnail;
        }
    }
    let files: Vec<PathBuf> = (0..films.len()).map(file).collect();
    let result = find_similar(
        &FilesOnDisk {
            files: &files,
            thumbnails,
        },
        options.min_correlation,
        progress,
    );

    let image = |film: usize| ImageRef {
        manifest: films[film].0,
        film: row(film).film.clone(),
        path: files[film].clone(),
        sha256: row(film).sha256.clone(),
        dataset: row(film).dataset.clone(),
        patient: row(film).patient.clone(),
        split: row(film).split,
    };
    let similar = result
        .matches
        .iter()
        .map(|found| (found.one, found.other, MatchKind::Similar(found.similarity)));
    let mut pairs: Vec<Pair> = equal
        .into_iter()
        .chain(similar)
        .map(|(one, other, kind)| {
            let same_patient = !row(one).patient.is_empty() && row(one).patient == row(other).patient;
            let splits = [split(one), split(other)];
            Pair {
                one: image(one),
                other: image(other),
                kind,
                same_patient,
                across: splits[0] != splits[1] && !splits.contains(&None),
            }
        })
        .collect();
    pairs.sort_by_key(|pair| !pair.across);
    DuplicateReport {
        manifests: manifests
            .iter()
            .map(|(name, _)| name.as_ref().to_string())
            .collect(),
        films: films.len(),
        unread: unreadable.len() + changed.len(),
        candidates: result.candidates,
        opened: result.opened,
        min_correlation: options.min_correlation,
        patients: patients_in_two_splits(manifests, &default_splits),
        pairs,
        remarks,
    }
}

/// The digests and the thumbnail of a film's file; both `None` if it cannot be read.
struct ScannedFilm {
    digests: Option<Digests>,
    thumbnail: Option<Thumbnail>,
}

struct Digests {
    file: String,
    pixels: [u8; 32],
}

impl ScannedFilm {
    fn new(name: &str, path: &Path) -> Self {
        match image_file::open(name, path, &DecodeOptions::default()) {
            Ok((file, film)) => Self {
                digests: Some(Digests {
                    file,
                    pixels: pleura_film::pixel_digest(&film),
                }),
                thumbnail: Some(Thumbnail::of(&film)).filter(|thumbnail| !thumbnail.is_empty()),
            },
            Err(_) => Self {
                digests: None,
                thumbnail: None,
            },
        }
    }
}

struct FilesOnDisk<'a> {
    files: &'a [PathBuf],
    thumbnails: Vec<Option<Thumbnail>>,
}

impl FilmSource for FilesOnDisk<'_> {
    fn thumbnails(&self) -> &[Option<Thumbnail>] {
        &self.thumbnails
    }

    fn film(&self, film: usize) -> Option<Film> {
        pleura_film::open(&self.files[film], &DecodeOptions::default()).ok()
    }
}

/// Pairs every film with the first earlier film of the same key. Returns the first film of each key, and the
/// films without a key.
fn pair_equal<K: std::hash::Hash + Eq>(
    order: &[usize],
    pairs: &mut Vec<(usize, usize, MatchKind)>,
    kind: MatchKind,
    key: impl Fn(usize) -> Option<K>,
) -> Vec<usize> {
    let mut first: HashMap<K, usize> = HashMap::new();
    let mut distinct = Vec::new();
    for &film in order {
        match key(film).map(|key| *first.entry(key).or_insert(film)) {
            Some(earlier) if earlier != film => pairs.push((earlier, film, kind)),
            _ => distinct.push(film),
        }
    }
    distinct
}

/// For each manifest, the split of its films that are in none: test, for an unsplit manifest beside a split
/// one.
fn default_splits<S>(manifests: &[(S, &Manifest)]) -> Vec<Option<Split>> {
    let unsplit: Vec<bool> = manifests
        .iter()
        .map(|(_, manifest)| manifest.rows.iter().all(|row| row.split.is_none()))
        .collect();
    let any_split = unsplit.contains(&false);
    let split = |unsplit: bool| (unsplit && any_split).then_some(Split::Test);
    unsplit.into_iter().map(split).collect()
}

/// Patients with films in two splits, over all manifests.
fn patients_in_two_splits<S>(
    manifests: &[(S, &Manifest)],
    default_splits: &[Option<Split>],
) -> Vec<PatientInTwoSplits> {
    let mut patients: BTreeMap<&str, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for ((_, manifest), default) in manifests.iter().zip(default_splits) {
        for row in &manifest.rows {
            if let Some(split) = row.split.or(*default) {
                let films = patients.entry(&row.patient).or_default();
                films.entry(split.to_string()).or_default().push(row.film.clone());
            }
        }
    }
    patients.retain(|patient, films| !patient.is_empty() && films.len() > 1);
    patients
        .into_iter()
        .map(|(patient, films)| PatientInTwoSplits {
            patient: patient.to_string(),
            films,
        })
        .collect()
}
