//! Checks of a manifest: no test film may be used in training, under any name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pleura_core::sha256;
use pleura_film::DecodeOptions;
use rayon::prelude::*;
use serde::Serialize;

use pleura_manifest::{Cell, DuplicateRecord, Error, Manifest, MatchKind, Remark, Split, image_file};

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// Films in the manifest.
    pub films: usize,
    /// Patients in the manifest.
    pub patients: usize,
    /// Films in each split; films in none under the empty name.
    pub splits: BTreeMap<String, usize>,
    /// Reasons not to train or test with the manifest.
    pub faults: Vec<Fault>,
    /// Remarks.
    pub remarks: Vec<Remark>,
}

impl CheckReport {
    /// True if there are no faults.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }

    /// Adds the recorded duplicates that are in two splits. Equal files and equal pixels are faults already.
    pub fn add_duplicates(&mut self, record: &DuplicateRecord, manifest: &Manifest) {
        for (one, other, pair) in record.rows(manifest) {
            let rows = [one, other].map(|row| &manifest.rows[row]);
            if let ([Some(first), Some(second)], MatchKind::Similar(_) | MatchKind::Linked) =
                (rows.map(|row| row.split), pair.kind)
                && first != second
            {
                let films = rows.iter().zip([first, second]).map(|(row, split)| FilmInSplit {
                    film: row.film.clone(),
                    split,
                });
                self.faults.push(Fault::Duplicate {
                    kind: pair.kind,
                    films: films.collect(),
                });
            }
        }
        if !record.covers(manifest) {
            let what =
                "films have changed since the search for duplicates: run `pleura data duplicates` again";
            self.remarks.extend(Remark::of(what, &[String::new()]));
        }
    }
}

/// A film and the split it is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FilmInSplit {
    /// The film.
    pub film: String,
    /// Its split.
    pub split: Split,
}

/// One fault of a manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Films of one patient are in more than one split.
    Patient {
        /// The patient.
        patient: String,
        /// The films.
        films: Vec<FilmInSplit>,
    },
    /// One file is in more than one split under different names.
    File {
        /// Its digest.
        sha256: String,
        /// The films.
        films: Vec<FilmInSplit>,
    },
    /// Files with equal pixels are in more than one split.
    Pixels {
        /// Digest of the pixels.
        pixels: String,
        /// The films.
        films: Vec<FilmInSplit>,
    },
    /// Duplicates are in more than one split.
    #[serde(rename = "copy")]
    Duplicate {
        /// How they match.
        #[serde(rename = "how")]
        kind: MatchKind,
        /// The films.
        films: Vec<FilmInSplit>,
    },
    /// A film's file does not match the manifest's digest.
    Changed {
        /// The film.
        film: String,
        /// Its file.
        path: PathBuf,
    },
    /// A film's file is missing or cannot be decoded.
    Unreadable {
        /// The film.
        film: String,
        /// The reason.
        reason: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |films: &[FilmInSplit]| {
            films
                .iter()
                .map(|place| format!("{} ({})", place.film, place.split))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::Patient { patient, films } => {
                write!(formatter, "patient {patient} is in two splits: {}", list(films))
            }
            Self::File { sha256, films } => {
                write!(
                    formatter,
                    "the same file (sha256 {}…) is in two splits: {}",
                    &sha256[..12.min(sha256.len())],
                    list(films)
                )
            }
            Self::Pixels { films, .. } => write!(
                formatter,
                "films with equal pixels are in two splits: {}",
                list(films)
            ),
            Self::Duplicate { kind, films } => write!(
                formatter,
                "duplicates ({kind}) are in two splits: {}",
                list(films)
            ),
            Self::Changed { film, path } => {
                write!(
                    formatter,
                    "film {film}: {} is not the file that the manifest describes",
                    path.display()
                )
            }
            Self::Unreadable { film, reason } => write!(formatter, "film {film}: {reason}"),
        }
    }
}

/// Reads and decodes every film, and finds patients, files and pixels in two splits.
///
/// Pixels are compared after decoding, so an image saved in two formats is found. Digests of pixels in the
/// manifest are not used. `progress(done, of)` counts films.
pub fn check(manifest: &Manifest, progress: &(dyn Fn(usize, usize) + Sync)) -> CheckReport {
    let mut report = CheckReport {
        films: manifest.rows.len(),
        patients: manifest.patients(),
        splits: BTreeMap::new(),
        faults: Vec::new(),
        remarks: Vec::new(),
    };
    for row in &manifest.rows {
        *report
            .splits
            .entry(row.split.map_or("", Cell::cell).to_string())
            .or_default() += 1;
    }
    let unsplit: Vec<String> = manifest
        .rows
        .iter()
        .filter(|row| row.split.is_none())
        .map(|row| row.film.clone())
        .collect();
    report.remarks.extend(Remark::of("film in no split", &unsplit));

    for (patient, films) in astride(manifest, |row| Some(manifest.rows[row].patient.as_str())) {
        report.faults.push(Fault::Patient { patient, films });
    }
    for (sha256, films) in astride(manifest, |row| Some(manifest.rows[row].sha256.as_str())) {
        report.faults.push(Fault::File { sha256, films });
    }
    let pixels = look(manifest, &mut report, progress);
    let mut files: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (row, pixels) in manifest.rows.iter().zip(&pixels) {
        if let Some(pixels) = pixels {
            files.entry(pixels).or_default().insert(&row.sha256);
        }
    }
    for (digest, films) in astride(manifest, |row| pixels[row].as_deref()) {
        // Equal files are reported above.
        if files.get(digest.as_str()).is_some_and(|files| files.len() > 1) {
            report.faults.push(Fault::Pixels {
                pixels: digest,
                films,
            });
        }
    }
    report.remarks.extend(Remark::of(
        "films with equal pixels in one split",
        &together(manifest, &pixels),
    ));
    report
}

/// Opens every film. Returns the digests of the pixels, and reports files that do not match the manifest.
fn look(
    manifest: &Manifest,
    report: &mut CheckReport,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Option<String>> {
    let total = manifest.rows.len();
    let done = Mutex::new(0);
    let seen: Vec<(Option<String>, Option<Fault>, Option<String>)> = manifest
        .rows
        .par_iter()
        .map(|row| {
            let path = manifest.file(row);
            let found = match image_file::open(&row.film, &path, &DecodeOptions::default()) {
                Ok((sha256, film)) => {
                    let fault = (sha256 != row.sha256).then(|| Fault::Changed {
                        film: row.film.clone(),
                        path,
                    });
                    let contrast = film.source.contrast.fault();
                    let contrast = contrast.map(|contrast| format!("{}: {contrast}", row.film));
                    (
                        Some(sha256::to_hex(&pleura_film::pixel_digest(&film))),
                        fault,
                        contrast,
                    )
                }
                Err(error) => (
                    None,
                    Some(Fault::Unreadable {
                        film: row.film.clone(),
                        reason: reason(&error),
                    }),
                    None,
                ),
            };
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            *done += 1;
            progress(*done, total);
            found
        })
        .collect();
    let (mut pixels, mut without_contrast) = (Vec::with_capacity(seen.len()), Vec::new());
    for (digest, fault, contrast) in seen {
        pixels.push(digest);
        report.faults.extend(fault);
        without_contrast.extend(contrast);
    }
    report
        .remarks
        .extend(Remark::of("films without contrast", &without_contrast));
    pixels
}

/// The error without the film's name, which the fault contains.
fn reason(error: &Error) -> String {
    match error {
        Error::Film { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// Keys with films in more than one split, sorted.
fn astride<'a>(
    manifest: &Manifest,
    key: impl Fn(usize) -> Option<&'a str>,
) -> Vec<(String, Vec<FilmInSplit>)> {
    let mut places: BTreeMap<&str, Vec<FilmInSplit>> = BTreeMap::new();
    for (number, row) in manifest.rows.iter().enumerate() {
        if let (Some(key), Some(split)) = (key(number), row.split) {
            places.entry(key).or_default().push(FilmInSplit {
                film: row.film.clone(),
                split,
            });
        }
    }
    places.retain(|_, films| films.iter().any(|place| place.split != films[0].split));
    places
        .into_iter()
        .map(|(key, films)| (key.to_string(), films))
        .collect()
}

/// Films with equal pixels in one split.
fn together(manifest: &Manifest, pixels: &[Option<String>]) -> Vec<String> {
    let mut films: HashMap<(&str, Option<Split>), Vec<&str>> = HashMap::new();
    for (row, pixels) in manifest.rows.iter().zip(pixels) {
        if let Some(pixels) = pixels {
            films.entry((pixels, row.split)).or_default().push(&row.film);
        }
    }
    let mut groups: Vec<String> = films
        .into_values()
        .filter(|films| films.len() > 1)
        .map(|films| films.join(" = "))
        .collect();
    groups.sort();
    groups
}
