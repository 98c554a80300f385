//! A set of phantoms on disk.
//!
//! ```text
//! FOLDER/manifest.csv     one row a film, with its masks
//! FOLDER/manifest.json    the manifest's sidecar
//! FOLDER/phantoms.json    the options, and everything that determines each film
//! FOLDER/films/NAME.png   8-bit grey
//! FOLDER/masks/{lung,lesion,text}/NAME.png
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use pleura_manifest::{Label, Manifest, Masks, Row, Sidecar};
use rayon::prelude::*;
use serde::Serialize;

use super::film::render;
use super::options::{PhantomOptions, PhantomSet};
use super::plan::{Planned, Subject, plan};
use super::pretext;
use crate::{Error, synthetic_output};

/// Name of the manifest in a set's folder.
pub const MANIFEST: &str = "manifest.csv";

/// Draws a set into `folder`, which must be missing or empty. It is written as a whole or not at all.
///
/// The same options give the same files, bit for bit, for any number of threads. `progress(done, films)` is
/// called from many threads.
///
/// # Errors
/// [`Error::Phantom`] for invalid options and for a folder that is not empty; [`Error::File`].
pub fn write(
    options: &PhantomOptions,
    folder: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Manifest, Error> {
    let planned = plan(options)?;
    let mut manifest = synthetic_output::whole(folder, Error::Phantom, |workshop| {
        fill(options, &planned, workshop, progress)
    })?;
    manifest.folder = folder.to_path_buf();
    Ok(manifest)
}

const FILMS: &str = "films";
const MASKS: [&str; 3] = ["masks/lung", "masks/lesion", "masks/text"];

fn fill(
    options: &PhantomOptions,
    planned: &[Planned],
    folder: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Manifest, Error> {
    let masked = options.set != PhantomSet::Source;
    for part in std::iter::once(FILMS).chain(MASKS.into_iter().filter(|_| masked)) {
        let part = folder.join(part);
        fs::create_dir_all(&part).map_err(Error::io("create the folder", &part))?;
    }
    let labels = options.set.labels();
    let done = AtomicUsize::new(0);
    let rows: Vec<Row> = planned
        .par_iter()
        .map(|film| {
            let row = draw(film, &labels, options.size, folder)?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, planned.len());
            Ok(row)
        })
        .collect::<Result<_, Error>>()?;
    let mut manifest = Manifest::new(folder, labels);
    manifest.rows = rows;
    let path = folder.join(MANIFEST);
    manifest.write(&path)?;
    Sidecar::bare(&manifest).write(&path)?;
    record(options, planned, &folder.join("phantoms.json"))?;
    Ok(manifest)
}

fn draw(film: &Planned, labels: &[String], size: usize, folder: &Path) -> Result<Row, Error> {
    let name = format!("{}.png", film.film);
    let path = PathBuf::from(FILMS).join(&name);
    let mut row = Row {
        film: film.film.clone(),
        path: path.clone(),
        dataset: film.dataset.clone(),
        patient: film.patient.clone(),
        labels: labels
            .iter()
            .map(|label| {
                if film.labels.contains(label) {
                    Label::Positive
                } else {
                    Label::Negative
                }
            })
            .collect(),
        ..Row::default()
    };
    let grey = match &film.subject {
        Subject::Picture(spec) => pretext::render(spec, size),
        Subject::Film(spec) => {
            row.study.clone_from(&film.film);
            row.view = spec.view.name().to_string();
            row.sex = Some(spec.sex);
            row.age = Some(spec.age);
            let rendered = render(spec, size);
            let [lung, lesion, text] = MASKS.map(|part| PathBuf::from(part).join(&name));
            save(folder, &lung, size, &rendered.lung_mask)?;
            save(folder, &lesion, size, &rendered.lesion_mask)?;
            save(folder, &text, size, &rendered.text_mask)?;
            row.masks = Masks {
                lung: Some(lung),
                lesion: Some(lesion),
                text: Some(text),
            };
            rendered.grey
        }
    };
    row.sha256 = save(folder, &path, size, &synthetic_output::eight_bits(&grey))?;
    Ok(row)
}

fn save(folder: &Path, path: &Path, size: usize, levels: &[u8]) -> Result<String, Error> {
    synthetic_output::save(&folder.join(path), size, levels, Error::Phantom)
}

fn record(options: &PhantomOptions, planned: &[Planned], path: &Path) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Record<'a> {
        notice: &'static str,
        options: &'a PhantomOptions,
        films: &'a [Planned],
    }
    let record = Record {
        notice: "synthetic films for demonstration and tests",
        options,
        films: planned,
    };
    let text = serde_json::to_string_pretty(&record).map_err(|source| Error::Json {
        path: path.to_path_buf(),
        source,
    })?;
    fs::write(path, text + "\n").map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleura_core::sha256;

    fn options(set: PhantomSet) -> PhantomOptions {
        PhantomOptions {
            set,
            films: 10,
            size: 48,
            seed: 4,
            ..PhantomOptions::default()
        }
    }

    fn quiet(_: usize, _: usize) {}

    #[test]
    fn one_thread_and_three_write_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let at = folder.path().join(format!("{threads}"));
            let manifest = pool
                .install(|| write(&options(PhantomSet::Intermediate), &at, &quiet))
                .unwrap();
            let read = |path: &PathBuf| fs::read(at.join(path)).unwrap();
            let masks: Vec<Vec<u8>> = manifest
                .rows
                .iter()
                .flat_map(|row| [&row.masks.lung, &row.masks.lesion, &row.masks.text])
                .map(|mask| read(mask.as_ref().unwrap()))
                .collect();
            let records =
                ["manifest.csv", "manifest.json", "phantoms.json"].map(|name| read(&PathBuf::from(name)));
            (manifest.rows, masks, records)
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        for set in [PhantomSet::Source, PhantomSet::Intermediate, PhantomSet::Target] {
            let at = folder.path().join(format!("deep/{set:?}"));
            let seen = AtomicUsize::new(0);
            let manifest = write(&options(set), &at, &|_, films| {
                assert_eq!(films, 10);
                seen.fetch_add(1, Ordering::Relaxed);
            })
            .unwrap();
            assert_eq!(seen.load(Ordering::Relaxed), 10);
            let read = Manifest::read(&at.join(MANIFEST)).unwrap();
            assert_eq!(read, manifest);
            assert_eq!(read.findings, set.labels());
            for row in &read.rows {
                let bytes = fs::read(read.file(row)).unwrap();
                assert_eq!(sha256::hex(&bytes), row.sha256);
                let film =
                    pleura_film::decode(&bytes, &row.film, &pleura_film::DecodeOptions::default()).unwrap();
                assert_eq!((film.width, film.height), (48, 48));
                assert_eq!(row.masks.lung.is_some(), set != PhantomSet::Source);
            }
        }
    }

    #[test]
    fn a_full_folder_is_refused_and_an_empty_one_used() {
        let folder = tempfile::tempdir().unwrap();
        let full = folder.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("mine.txt"), "x").unwrap();
        let error = write(&options(PhantomSet::Source), &full, &quiet)
            .unwrap_err()
            .to_string();
        assert!(error.contains("not empty"), "{error}");
        assert_eq!(fs::read_dir(&full).unwrap().count(), 1);
        let empty = folder.path().join("empty");
        fs::create_dir(&empty).unwrap();
        write(&options(PhantomSet::Source), &empty, &quiet).unwrap();
        assert!(empty.join(MANIFEST).exists());
        // No temporary folder is left.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
