//! Which films are explained, and what is known about them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pleura::Classifier;
use pleura_data::{Label, Manifest, Row};
use pleura_draw::picture::Outline;
use pleura_film::{Film, Geometry};

use super::file_name;
use crate::gallery::Mask;
use crate::looks;
use crate::verbs::evaluate::SplitChoice;

/// Films, one by one or from a manifest, with masks.
#[derive(clap::Args)]
pub(super) struct FilmArgs {
    /// Films: PNG, JPEG or DICOM; with --manifest, names of its films (all of the split if left out).
    #[arg(required_unless_present = "manifest", value_name = "FILM")]
    films: Vec<PathBuf>,
    /// Take films, their truth and their masks from this manifest.
    #[arg(long, value_name = "M.csv")]
    manifest: Option<PathBuf>,
    /// Which films of the manifest; test films if neither this nor a name is given.
    #[arg(long, value_enum, requires = "manifest")]
    split: Option<SplitChoice>,
    /// Outline the lungs by this mask, white inside; for one film.
    #[arg(long, value_name = "MASK.png", conflicts_with = "manifest")]
    lung_mask: Option<PathBuf>,
    /// Outline the lesion by this mask, white inside; for one film.
    #[arg(long, value_name = "MASK.png", conflicts_with = "manifest")]
    lesion_mask: Option<PathBuf>,
    /// Outline words and markers by this mask, white inside; for one film.
    #[arg(long, value_name = "MASK.png", conflicts_with = "manifest")]
    text_mask: Option<PathBuf>,
}

/// A film to explain.
pub(super) struct Subject {
    pub(super) path: PathBuf,
    /// As it stands on pictures.
    pub(super) title: String,
    /// What its files' names begin with, unique.
    pub(super) stem: String,
    /// What else is said on pictures.
    pub(super) notes: Vec<String>,
    /// What the manifest says is there.
    pub(super) labels: Vec<String>,
    /// What it says is not.
    pub(super) absent: Vec<String>,
    /// Who it is, for intervals; the film's own name where nobody is known.
    pub(super) patient: String,
    masks: Vec<(Kind, PathBuf)>,
}

#[derive(Clone, Copy)]
enum Kind {
    Lung,
    Lesion,
    Text,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Lung => "lungs",
            Self::Lesion => "lesion",
            Self::Text => "words and markers",
        }
    }

    /// In the names of scores.
    fn key(self) -> &'static str {
        match self {
            Self::Lung => "lungs",
            Self::Lesion => "lesion",
            Self::Text => "text",
        }
    }

    fn colour(self) -> [u8; 3] {
        match self {
            Self::Lung => Outline::WHITE,
            Self::Lesion => Outline::GREEN,
            Self::Text => Outline::YELLOW,
        }
    }
}

/// What the files of the mean over films begin with.
pub(super) const MEAN: &str = "mean";

/// The masks of a film, read.
pub(super) struct Masks(Vec<(Kind, Mask)>);

impl Masks {
    /// As the network sees them, by their names in scores.
    pub(super) fn prepared(&self, geometry: &Geometry) -> Vec<(String, Vec<bool>)> {
        let masks = self.0.iter();
        masks
            .map(|(kind, mask)| (kind.key().to_owned(), mask.prepared(geometry)))
            .collect()
    }

    pub(super) fn outlines(&self) -> Vec<Outline<'_>> {
        self.0
            .iter()
            .map(|(kind, mask)| Outline {
                width: mask.width,
                height: mask.height,
                mask: &mask.inside,
                colour: kind.colour(),
                label: kind.words().to_owned(),
            })
            .collect()
    }
}

impl FilmArgs {
    /// Writes down that test films of the manifest are looked at, where any are.
    pub(super) fn log_look(&self, subjects: &[Subject], model: &Classifier) -> Result<()> {
        let Some(path) = &self.manifest else {
            return Ok(());
        };
        let manifest = Manifest::read(path)?;
        let titles: HashSet<&str> = subjects.iter().map(|subject| subject.title.as_str()).collect();
        let shown = |row: &usize| titles.contains(manifest.rows[*row].film.as_str());
        let rows: Vec<usize> = (0..manifest.rows.len()).filter(shown).collect();
        looks::log(path, &manifest, &rows, model)
    }

    /// Whether films come with labels.
    pub(super) fn labelled(&self) -> bool {
        self.manifest.is_some()
    }

    pub(super) fn subjects(&self) -> Result<Vec<Subject>> {
        let mut subjects = match &self.manifest {
            Some(path) => self.of_manifest(path)?,
            None => self.of_paths()?,
        };
        // Films of one name from different folders must not overwrite each other, nor the mean of all.
        let mut taken = HashSet::from([MEAN.to_owned()]);
        for (number, subject) in subjects.iter_mut().enumerate() {
            let stem = subject.stem.clone();
            let mut more = number + 1;
            while !taken.insert(subject.stem.clone()) {
                subject.stem = format!("{stem}-{more}");
                more += 1;
            }
        }
        Ok(subjects)
    }

    fn of_paths(&self) -> Result<Vec<Subject>> {
        let masks = [
            (Kind::Lung, &self.lung_mask),
            (Kind::Lesion, &self.lesion_mask),
            (Kind::Text, &self.text_mask),
        ];
        let masks: Vec<(Kind, PathBuf)> = masks
            .into_iter()
            .filter_map(|(kind, path)| Some((kind, path.clone()?)))
            .collect();
        if !masks.is_empty() && self.films.len() > 1 {
            bail!(
                "masks were given for {} films: a mask belongs to one film; explain them one by one, or name the masks in a manifest's \
                 columns (lung_mask, lesion_mask, text_mask) and give --manifest",
                self.films.len()
            );
        }
        let subject = |path: &PathBuf| {
            let stem = path
                .file_stem()
                .map_or_else(|| "film".to_owned(), |stem| stem.to_string_lossy().into_owned());
            Subject {
                path: path.clone(),
                title: stem.clone(),
                patient: path.display().to_string(),
                stem,
                notes: Vec::new(),
                labels: Vec::new(),
                absent: Vec::new(),
                masks: masks.clone(),
            }
        };
        Ok(self.films.iter().map(subject).collect())
    }

    fn of_manifest(&self, path: &Path) -> Result<Vec<Subject>> {
        let manifest = Manifest::read(path)?;
        // A film that is named is taken wherever it is.
        let split = self.split.unwrap_or(if self.films.is_empty() {
            SplitChoice::Test
        } else {
            SplitChoice::All
        });
        let mut rows = split.rows(&manifest);
        if !self.films.is_empty() {
            let named = |name: &PathBuf| {
                let found = rows.iter().copied().find(|&row| {
                    let row = &manifest.rows[row];
                    Path::new(&row.film) == name || row.path == *name
                });
                found.with_context(|| {
                    format!(
                        "{}: no film of its split {:?} is called {:?}; the names stand in its column \"film\"",
                        path.display(),
                        split.name(),
                        name.display()
                    )
                })
            };
            rows = self.films.iter().map(named).collect::<Result<_>>()?;
        }
        if rows.is_empty() {
            bail!(
                "{}: none of its {} films is in the split {:?}; take another --split, or every film with --split all",
                path.display(),
                manifest.rows.len(),
                split.name()
            );
        }
        let phantoms = manifest.folder.join("phantoms.json").exists();
        Ok(rows
            .into_iter()
            .map(|row| Subject::of(&manifest, &manifest.rows[row], phantoms))
            .collect())
    }
}

impl Subject {
    fn of(manifest: &Manifest, row: &Row, phantom: bool) -> Self {
        let with = |wanted: Label| -> Vec<&str> {
            let labelled = manifest.findings.iter().zip(&row.labels);
            labelled
                .filter(|(_, label)| **label == wanted)
                .map(|(finding, _)| finding.as_str())
                .collect()
        };
        let (known, absent) = (with(Label::Positive), with(Label::Negative));
        let mut notes = Vec::new();
        if !known.is_empty() {
            notes.push(format!("Label: {}.", known.join(", ")));
        }
        if phantom {
            notes.push("Phantom: drawn by a program.".to_owned());
        }
        let masks = [
            (Kind::Lung, &row.masks.lung),
            (Kind::Lesion, &row.masks.lesion),
            (Kind::Text, &row.masks.text),
        ];
        let located = |(kind, path): (Kind, &Option<PathBuf>)| Some((kind, manifest.locate(path.as_ref()?)));
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
            labels: known.into_iter().map(str::to_owned).collect(),
            absent: absent.into_iter().map(str::to_owned).collect(),
            masks: masks.into_iter().filter_map(located).collect(),
        }
    }

    /// Reads the masks. Empty ones (a healthy film has no lesion) are left out.
    pub(super) fn masks(&self, film: &Film) -> Result<Masks> {
        let mut read = Vec::new();
        for (kind, path) in &self.masks {
            let mask = Mask::open(path)
                .with_context(|| format!("{}: cannot use its mask of the {}", self.title, kind.words()))?;
            // Both cover the whole film: sides may differ in number of pixels, not in proportion.
            let ratio = |width: usize, height: usize| width as f64 / height as f64;
            let off = ratio(mask.width, mask.height) / ratio(film.width, film.height);
            if !(0.97..=1.03).contains(&off) {
                bail!(
                    "{}: the mask is {} x {} pixels, the film {} is {} x {}: a mask covers the whole film, so their proportions must agree",
                    path.display(),
                    mask.width,
                    mask.height,
                    self.path.display(),
                    film.width,
                    film.height
                );
            }
            if mask.inside.contains(&true) {
                read.push((*kind, mask));
            }
        }
        Ok(Masks(read))
    }
}
