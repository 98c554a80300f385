//! The options that select films and masks.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Result;
use pleura::Classifier;
use pleura::explain::{Place, Subject};
use pleura_manifest::{Manifest, Split};

use crate::looks;
use crate::verbs::evaluate::SplitChoice;

/// Films, one by one or from a manifest, with masks.
#[derive(clap::Args)]
pub(super) struct FilmArgs {
    /// Films: PNG, JPEG, TIFF, BMP, WebP or DICOM; with --manifest, names of its films (all of the split if left out).
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

    /// True if films come with labels.
    pub(super) fn labelled(&self) -> bool {
        self.manifest.is_some()
    }

    pub(super) fn subjects(&self) -> Result<Vec<Subject>, pleura::Error> {
        let Some(manifest) = &self.manifest else {
            let masks = [
                (Place::Lungs, &self.lung_mask),
                (Place::Lesion, &self.lesion_mask),
                (Place::Text, &self.text_mask),
            ];
            let masks = masks.into_iter();
            let masks: Vec<_> = masks
                .filter_map(|(place, path)| Some((place, path.clone()?)))
                .collect();
            return Subject::of_paths(&self.films, &masks);
        };
        let split = match self.split {
            Some(SplitChoice::Train) => Some(Split::Train),
            Some(SplitChoice::Val) => Some(Split::Validation),
            Some(SplitChoice::Test) => Some(Split::Test),
            Some(SplitChoice::All) => None,
            // A film that is named is taken wherever it is.
            None => self.films.is_empty().then_some(Split::Test),
        };
        Subject::of_manifest(manifest, split, &self.films)
    }
}
