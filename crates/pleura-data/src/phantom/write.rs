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

use pleura_film::picture::grey_png_8;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::film::render;
use super::options::{PhantomOptions, PhantomSet};
use super::plan::{Planned, Subject, plan};
use super::pretext;
use crate::manifest::hexadecimal;
use crate::{Error, Label, Manifest, Masks, Row, Sidecar};

/// Name of the manifest in a set's folder.
pub const MANIFEST: &str = "manifest.csv";

/// Draws a set and writes it into `folder`, which must not exist or be empty; it appears whole or not at all.
///
/// The same options give the same files, bit for bit, whatever the number of threads. `progress(done, films)` is called
/// from many threads.
///
/// # Errors
/// [`Error::Phantom`] for options that cannot be met and a folder that is not empty; [`Error::Io`].
pub fn write(
    options: &PhantomOptions,
    folder: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Manifest, Error> {
    let planned = plan(options)?;
    refuse_full(folder)?;
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(Error::io("cannot create the folder", parent))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".phantoms-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let workshop = builder
        .tempdir_in(parent)
        .map_err(Error::io("cannot write into the folder", parent))?;

    let mut manifest = fill(options, &planned, workshop.path(), progress)?;
    if folder.exists() {
        // Empty, as was checked: a rename onto it would fail on some systems.
        fs::remove_dir(folder).map_err(Error::io("cannot replace the folder", folder))?;
    }
    let made = workshop.keep();
    fs::rename(&made, folder).map_err(|error| {
        // The failed rename is the error to tell; what cannot be removed stays under its temporary name.
        let _ = fs::remove_dir_all(&made);
        Error::io("cannot create the folder", folder)(error)
    })?;
    manifest.folder = folder.to_path_buf();
    Ok(manifest)
}

fn refuse_full(folder: &Path) -> Result<(), Error> {
    let full = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io("cannot read the folder", folder)(error)),
    };
    if full {
        let place = folder.display();
        return Err(Error::Phantom(format!(
            "{place} is not empty: give a folder that does not exist yet"
        )));
    }
    Ok(())
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
        fs::create_dir_all(&part).map_err(Error::io("cannot create the folder", &part))?;
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
    let levels: Vec<u8> = grey
        .iter()
        .map(|level| (level.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect();
    row.sha256 = save(folder, &path, size, &levels)?;
    Ok(row)
}

/// Writes one picture and returns its file's digest. The folder around it is temporary still, so it is written plainly.
fn save(folder: &Path, path: &Path, size: usize, levels: &[u8]) -> Result<String, Error> {
    let file = folder.join(path);
    let bytes = grey_png_8(size, size, levels)
        .map_err(|error| Error::Phantom(format!("cannot write {}: {error}", file.display())))?;
    fs::write(&file, &bytes).map_err(Error::io("cannot write", &file))?;
    Ok(hexadecimal(&Sha256::digest(&bytes)))
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
    fs::write(path, text + "\n").map_err(Error::io("cannot write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

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
                assert_eq!(hexadecimal(&Sha256::digest(&bytes)), row.sha256);
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
        // Nothing is left of the workshop.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
