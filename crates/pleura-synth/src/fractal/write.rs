//! Fractals on disk, to look at or to use in other programs.
//!
//! ```text
//! FOLDER/manifest.csv     one row an image, one column a class; held-out instances are the split val
//! FOLDER/manifest.json    the manifest's sidecar
//! FOLDER/fractals.json    the options, and each class's system
//! FOLDER/sheet.png        a few instances of the first classes, a row a class
//! FOLDER/films/NAME.png   8-bit grey, as drawn in epoch 0
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use pleura_draw::picture::{Picture, Sheet};
use pleura_manifest::{Label, Manifest, Row, Sidecar};
use rayon::prelude::*;
use serde::Serialize;

use super::{FractalOptions, Fractals, System};
use crate::{Error, synthetic_output};

/// Name of the manifest in a set's folder.
pub const MANIFEST: &str = "manifest.csv";

/// Name of the sheet in a set's folder.
pub const SHEET: &str = "sheet.png";

const FILMS: &str = "films";

/// Classes and instances on the sheet.
const SHEET_CLASSES: usize = 12;
const SHEET_INSTANCES: usize = 8;

/// Maximum number of cells of the manifest, which has a column a class.
const MOST_CELLS: usize = 20_000_000;

/// Draws fractals into `folder`, which must be missing or empty. It is written as a whole or not at all.
///
/// The same fractals give the same files, bit for bit, for any number of threads. `progress(done, of)` is
/// called from many threads.
///
/// # Errors
/// [`Error::Fractal`] for a folder that is not empty and for too many images; [`Error::File`].
pub fn write(
    fractals: &Fractals,
    folder: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Manifest, Error> {
    let options = fractals.options();
    let cells = options.pictures() * options.classes;
    if cells > MOST_CELLS {
        return Err(Error::Fractal(format!(
            "{} pictures of {} classes make a table of {cells} cells, expected at most {MOST_CELLS}; a recipe's [stage.fractals] needs no files",
            options.pictures(),
            options.classes
        )));
    }
    let mut manifest = synthetic_output::whole(folder, Error::Fractal, |workshop| {
        fill(fractals, workshop, progress)
    })?;
    manifest.folder = folder.to_path_buf();
    Ok(manifest)
}

fn fill(
    fractals: &Fractals,
    folder: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Manifest, Error> {
    let films = folder.join(FILMS);
    fs::create_dir_all(&films).map_err(Error::io("create the folder", &films))?;
    let options = fractals.options();
    let done = AtomicUsize::new(0);
    let rows: Vec<Row> = options
        .manifest()
        .rows
        .into_par_iter()
        .enumerate()
        .map(|(number, mut row)| {
            row.path = PathBuf::from(FILMS).join(format!("{}.png", row.film));
            let levels = synthetic_output::eight_bits(&picture(fractals, number)?);
            row.sha256 =
                synthetic_output::save(&folder.join(&row.path), fractals.size(), &levels, Error::Fractal)?;
            row.labels = vec![Label::Negative; options.classes];
            if let Some(label) = row.labels.get_mut(options.class(number)) {
                *label = Label::Positive;
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, options.pictures());
            Ok(row)
        })
        .collect::<Result<_, Error>>()?;
    let mut manifest = Manifest::new(folder, options.names());
    manifest.rows = rows;
    let path = folder.join(MANIFEST);
    manifest.write(&path)?;
    Sidecar::bare(&manifest).write(&path)?;
    record(fractals, &folder.join("fractals.json"))?;
    sheet(fractals, &folder.join(SHEET))?;
    Ok(manifest)
}

fn picture(fractals: &Fractals, row: usize) -> Result<Vec<f32>, Error> {
    let mut grey = vec![0.0; fractals.size() * fractals.size()];
    fractals.draw(row, 0, &mut grey)?;
    Ok(grey)
}

/// The first classes, a row each.
fn sheet(fractals: &Fractals, path: &Path) -> Result<(), Error> {
    let options = fractals.options();
    let each = options.instances + options.held_out;
    let columns = each.min(SHEET_INSTANCES);
    let undrawn =
        |error: pleura_draw::Error| Error::Fractal(format!("cannot write {}: {error}", path.display()));
    let mut panels = Vec::new();
    for class in 0..options.classes.min(SHEET_CLASSES) {
        for instance in 0..columns {
            let grey = picture(fractals, class * each + instance)?;
            let size = fractals.size();
            panels.push(Picture::from_grey(size, size, &grey).map_err(undrawn)?.into());
        }
    }
    let laid_out = Sheet {
        columns,
        gap: 4,
        title: String::new(),
    };
    laid_out.draw(&panels).save(path).map_err(undrawn)
}

fn record(fractals: &Fractals, path: &Path) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Record<'a> {
        notice: &'static str,
        options: &'a FractalOptions,
        size: usize,
        systems: Vec<&'a System>,
    }
    let record = Record {
        notice: "drawings by formula: no film, no patient",
        options: fractals.options(),
        size: fractals.size(),
        systems: fractals.systems().collect(),
    };
    let text = serde_json::to_string_pretty(&record).map_err(|source| Error::Json {
        path: path.to_path_buf(),
        source,
    })?;
    fs::write(path, text + "\n").map_err(Error::io("write", path))
}
