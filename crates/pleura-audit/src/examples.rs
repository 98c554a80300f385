//! The films of an audit, with their small images and table data.

use std::path::Path;

use pleura_film::{Colour, DecodeOptions, Film, Fit, Format, Preparation, prepare};
use pleura_manifest::open_mask;
use pleura_manifest::{Manifest, Sex};
use rayon::prelude::*;

use crate::Error;
use crate::burned_in_text::{Kind, Text};

/// Side of the small images for probes of regions.
pub(crate) const SIDE: usize = 32;
/// Side of the map of burned-in text.
const GRID: usize = 16;

/// A film of an audit.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its name in the manifest.
    pub film: String,
    /// The patient.
    pub patient: String,
    /// The source (dataset).
    pub source: String,
    /// Index of its class in [`Films::classes`].
    pub class: usize,
    /// Projection, as in the manifest.
    pub view: String,
    /// Sex, if known.
    pub sex: Option<Sex>,
    /// Age in years, if known.
    pub age: Option<f32>,
    /// True for a patient under 18, if the age or age group is known.
    pub child: Option<bool>,
    /// True if the film has no contrast.
    pub flat: bool,
    /// File properties: columns, rows, aspect ratio, bits, grey or colour, and one flag per format.
    pub file: Vec<f32>,
    /// Grey levels in [0, 1], `[32, 32]`: the whole film stretched to a square.
    pub picture: Vec<f32>,
    /// True for small pixels that hold lung; `None` without a mask.
    pub lungs: Option<Vec<bool>>,
    /// Burned-in text: number of objects of each kind, area, and a map of places.
    pub lettering: Vec<f32>,
}

/// The films of an audit.
#[derive(Clone, Debug)]
pub struct Films {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The films with a class that could be read.
    pub examples: Vec<Example>,
    /// Films that could not be read, with the reason.
    pub unreadable: Vec<(String, String)>,
}

impl Films {
    /// Reads films of a manifest. `rows` are pairs of row and class; `progress(done, of)` counts.
    ///
    /// Unreadable files are listed, not refused: a class that lacks many films is a finding too.
    pub fn read(
        manifest: &Manifest,
        classes: Vec<String>,
        rows: &[(usize, usize)],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Self {
        let done = std::sync::atomic::AtomicUsize::new(0);
        let read = |&(row, class): &(usize, usize)| {
            let row = &manifest.rows[row];
            let child = manifest.is_child(row);
            let mask = row.masks.lung.as_ref().map(|mask| manifest.locate(mask));
            let example = read(&manifest.file(row), mask.as_deref()).map(|parts| Example {
                film: row.film.clone(),
                patient: row.patient.clone(),
                source: row.dataset.clone(),
                class,
                view: row.view.clone(),
                sex: row.sex,
                age: row.age,
                child,
                ..parts
            });
            progress(
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1,
                rows.len(),
            );
            example.map_err(|reason| (row.film.clone(), reason.to_string()))
        };
        let all: Vec<Result<Example, (String, String)>> = rows.par_iter().map(read).collect();
        let (mut examples, mut unreadable) = (Vec::new(), Vec::new());
        for one in all {
            match one {
                Ok(example) => examples.push(example),
                Err(reason) => unreadable.push(reason),
            }
        }
        Self {
            classes,
            examples,
            unreadable,
        }
    }

    /// The class of each example.
    pub fn labels(&self) -> Vec<usize> {
        self.examples.iter().map(|example| example.class).collect()
    }

    /// Names of the sources in alphabetical order, and the source index of each example.
    pub fn sources(&self) -> (Vec<String>, Vec<usize>) {
        let of = |example: &Example| example.source.clone();
        let names: std::collections::BTreeSet<String> = self.examples.iter().map(of).collect();
        let names: Vec<String> = names.into_iter().collect();
        let place = |example: &Example| names.binary_search(&example.source).unwrap_or(0);
        let places = self.examples.iter().map(place).collect();
        (names, places)
    }

    /// Patient of each example, prefixed by its source: two sources may use one name.
    pub fn patients(&self) -> Vec<String> {
        self.examples
            .iter()
            .map(|example| format!("{}/{}", example.source, example.patient))
            .collect()
    }
}

fn read(path: &Path, mask: Option<&Path>) -> Result<Example, pleura_film::Error> {
    let film = pleura_film::open(path, &DecodeOptions::default())?;
    let lungs = mask.map(open_mask).transpose()?;
    Ok(of_film(&film, lungs.as_ref()))
}

fn small(film: &Film) -> Vec<f32> {
    let preparation = Preparation {
        size: SIDE,
        fit: Fit::Stretch,
        ..Preparation::default()
    };
    prepare(film, &preparation).unit_grey()
}

/// Attributes read from the image file; patient, source and table data are left empty.
fn of_film(film: &Film, lungs: Option<&Film>) -> Example {
    let source = &film.source;
    let (width, height) = (source.width as f32, source.height as f32);
    let flag = |is: bool| f32::from(u8::from(is));
    Example {
        film: String::new(),
        patient: String::new(),
        source: String::new(),
        class: 0,
        view: String::new(),
        sex: None,
        age: None,
        child: None,
        flat: source.contrast.fault().is_some(),
        file: vec![
            width.ln(),
            height.ln(),
            (width / height).ln(),
            flag(source.width == source.height),
            f32::from(source.bit_depth),
            flag(source.colour != Colour::Grey),
            flag(source.format == Format::Png),
            flag(source.format == Format::Jpeg),
            flag(source.format == Format::Dicom),
        ],
        picture: small(film),
        lungs: lungs.map(|mask| small(mask).iter().map(|level| *level > 0.0).collect()),
        lettering: lettering(film),
    }
}

fn lettering(film: &Film) -> Vec<f32> {
    let text = Text::find(film);
    let of = |kind: Kind| text.objects.iter().filter(|object| object.kind == kind).count() as f32;
    let mut numbers = vec![
        of(Kind::Words),
        of(Kind::Letter),
        of(Kind::Arrow),
        text.area() as f32,
    ];
    let mut grid = vec![0f32; GRID * GRID];
    for object in &text.objects {
        for &place in &object.places {
            let (x, y) = (place % film.width, place / film.width);
            grid[y * GRID / film.height * GRID + x * GRID / film.width] += 1.0;
        }
    }
    let cell = (film.width * film.height) as f32 / (GRID * GRID) as f32;
    numbers.extend(grid.iter().map(|count| (count / cell).sqrt()));
    numbers
}

/// Fails if there are no films.
///
/// # Errors
/// None of the films could be read.
pub(crate) fn any(films: &Films) -> Result<(), Error> {
    match (films.examples.is_empty(), films.unreadable.first()) {
        (true, Some((film, reason))) => Err(Error::Film {
            film: film.clone(),
            source: reason.clone().into(),
        }),
        (true, None) => Err(Error::Setting {
            name: "films",
            found: "none with a class".to_owned(),
            expected: "a table whose films have one class each",
        }),
        _ => Ok(()),
    }
}
