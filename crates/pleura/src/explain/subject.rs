//! The films that are explained, with the facts of their manifest.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use pleura_draw::picture::Outline;
use pleura_film::{Film, Geometry};
use pleura_manifest::{Label, Manifest, Row, Split};

use super::mask::Mask;
use crate::Error;

/// The files of the mean over films begin with this.
pub(super) const MEAN: &str = "mean";

/// A film to explain.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The film's file.
    pub path: PathBuf,
    /// The film's name on pictures.
    pub title: String,
    /// The names of the film's output files begin with this; it is unique among the films of one list.
    pub stem: String,
    /// Further lines on pictures.
    pub notes: Vec<String>,
    /// Findings that the manifest labels as present.
    pub present: Vec<String>,
    /// Findings that the manifest labels as absent.
    pub absent: Vec<String>,
    /// The patient, for intervals; the film's own name if the patient is unknown.
    pub patient: String,
    /// The files of its masks.
    pub masks: Vec<(Place, PathBuf)>,
}

/// A part of a film that a mask marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The lungs.
    Lungs,
    /// A lesion.
    Lesion,
    /// Burned-in text and markers.
    Text,
}

impl Place {
    fn words(self) -> &'static str {
        match self {
            Self::Lungs => "lungs",
            Self::Lesion => "lesion",
            Self::Text => "words and markers",
        }
    }

    /// The place in the names of scores.
    fn key(self) -> &'static str {
        match self {
            Self::Lungs => "lungs",
            Self::Lesion => "lesion",
            Self::Text => "text",
        }
    }

    fn colour(self) -> [u8; 3] {
        match self {
            Self::Lungs => Outline::WHITE,
            Self::Lesion => Outline::GREEN,
            Self::Text => Outline::YELLOW,
        }
    }
}

/// The masks of a film, without empty ones.
#[derive(Clone, Debug)]
pub struct Masks(Vec<(Place, Mask)>);

impl Masks {
    /// The masks on the network's input, by their names in scores.
    pub(super) fn prepared(&self, geometry: &Geometry) -> Vec<(String, Vec<bool>)> {
        let masks = self.0.iter();
        masks
            .map(|(place, mask)| (place.key().to_owned(), mask.prepared(geometry)))
            .collect()
    }

    pub(super) fn outlines(&self) -> Vec<Outline<'_>> {
        self.0
            .iter()
            .map(|(place, mask)| Outline {
                width: mask.width,
                height: mask.height,
                mask: &mask.inside,
                colour: place.colour(),
                label: place.words().to_owned(),
            })
            .collect()
    }
}

impl Subject {
    /// Films by path. Masks can be given for a single film only.
    ///
    /// # Errors
    /// [`Error::MasksOfFilms`].
    pub fn of_paths(films: &[PathBuf], masks: &[(Place, PathBuf)]) -> Result<Vec<Self>, Error> {
        if !masks.is_empty() && films.len() > 1 {
            return Err(Error::MasksOfFilms { films: films.len() });
        }
        let subject = |path: &PathBuf| {
            let stem = path
                .file_stem()
                .map_or_else(|| "film".to_owned(), |stem| stem.to_string_lossy().into_owned());
            Self {
                path: path.clone(),
                title: stem.clone(),
                patient: path.display().to_string(),
                stem,
                notes: Vec::new(),
                present: Vec::new(),
                absent: Vec::new(),
                masks: masks.to_vec(),
            }
        };
        Ok(with_unique_stems(films.iter().map(subject).collect()))
    }

    /// Films of a manifest: those with these names, or all of a split. `split` is `None` for all films.
    ///
    /// # Errors
    /// [`Error::Manifest`]; [`Error::FilmNotInSplit`], [`Error::EmptySplit`].
    pub fn of_manifest(path: &Path, split: Option<Split>, names: &[PathBuf]) -> Result<Vec<Self>, Error> {
        let manifest = Manifest::read(path)?;
        let mut rows = match split {
            Some(split) => manifest.split(split),
            None => (0..manifest.rows.len()).collect(),
        };
        let split = split.map_or("all", pleura_run::split_name);
        if !names.is_empty() {
            let named = |name: &PathBuf| {
                let found = rows.iter().copied().find(|&row| {
                    let row = &manifest.rows[row];
                    Path::new(&row.film) == name || row.path == *name
                });
                found.ok_or_else(|| Error::FilmNotInSplit {
                    manifest: path.to_owned(),
                    split,
                    film: name.clone(),
                })
            };
            rows = names.iter().map(named).collect::<Result<_, _>>()?;
        }
        if rows.is_empty() {
            return Err(Error::EmptySplit {
                manifest: path.to_owned(),
                films: manifest.rows.len(),
                split,
            });
        }
        let phantoms = are_phantoms(&manifest);
        let subjects = rows.into_iter();
        Ok(with_unique_stems(
            subjects
                .map(|row| Self::of_row(&manifest, &manifest.rows[row], phantoms))
                .collect(),
        ))
    }

    fn of_row(manifest: &Manifest, row: &Row, phantom: bool) -> Self {
        let with = |wanted: Label| -> Vec<&str> {
            let labelled = manifest.findings.iter().zip(&row.labels);
            labelled
                .filter(|(_, label)| **label == wanted)
                .map(|(finding, _)| finding.as_str())
                .collect()
        };
        let (present, absent) = (with(Label::Positive), with(Label::Negative));
        let mut notes = Vec::new();
        if !present.is_empty() {
            notes.push(format!("Label: {}.", present.join(", ")));
        }
        if phantom {
            notes.push("Phantom: drawn by a program.".to_owned());
        }
        let masks = [
            (Place::Lungs, &row.masks.lung),
            (Place::Lesion, &row.masks.lesion),
            (Place::Text, &row.masks.text),
        ];
        let located =
            |(place, path): (Place, &Option<PathBuf>)| Some((place, manifest.locate(path.as_ref()?)));
        Self {
            path: manifest.file(row),
            title: row.film.clone(),
            stem: file_name(&row.film),
            notes,
            patient: if row.patient.is_empty() {
                row.film.clone()
            } else {
                format!("{} {}", row.dataset, row.patient)
            },
            present: present.into_iter().map(str::to_owned).collect(),
            absent: absent.into_iter().map(str::to_owned).collect(),
            masks: masks.into_iter().filter_map(located).collect(),
        }
    }

    /// Reads the masks. Empty ones (a healthy film has no lesion) are left out.
    pub(super) fn read_masks(&self, film: &Film) -> Result<Masks, Error> {
        let mut read = Vec::new();
        for (place, path) in &self.masks {
            let mask = Mask::open(path).map_err(|source| Error::Mask {
                film: self.title.clone(),
                place: place.words(),
                source: Box::new(source),
            })?;
            // Both cover the whole film: their sizes may differ, their proportions may not.
            let ratio = |width: usize, height: usize| width as f64 / height as f64;
            let off = ratio(mask.width, mask.height) / ratio(film.width, film.height);
            if !(0.97..=1.03).contains(&off) {
                return Err(Error::MaskShape {
                    mask: path.clone(),
                    mask_size: [mask.width, mask.height],
                    film: self.path.clone(),
                    film_size: [film.width, film.height],
                });
            }
            if mask.inside.contains(&true) {
                read.push((*place, mask));
            }
        }
        Ok(Masks(read))
    }
}

/// True if the manifest's films were drawn by a program: `phantoms.json` lies beside it.
pub(crate) fn are_phantoms(manifest: &Manifest) -> bool {
    manifest.folder.join("phantoms.json").exists()
}

/// Films of one name from different folders must not overwrite each other's files, nor those of the mean.
fn with_unique_stems(mut subjects: Vec<Subject>) -> Vec<Subject> {
    let mut taken = HashSet::from([MEAN.to_owned()]);
    for (number, subject) in subjects.iter_mut().enumerate() {
        let stem = subject.stem.clone();
        let mut more = number + 1;
        while !taken.insert(subject.stem.clone()) {
            subject.stem = format!("{stem}-{more}");
            more += 1;
        }
    }
    subjects
}

/// Text as a part of a file's name.
pub(super) fn file_name(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' })
        .collect()
}
