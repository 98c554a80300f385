//! Adapters: one file for each dataset, and one table of all of them.

mod bimcv;
mod boxes;
mod brixia;
mod chexpert;
mod cohen;
mod covidnet;
mod covidx;
mod dicom;
mod films;
mod folder;
mod hannover;
mod header;
mod kermany;
mod list;
mod mimic;
mod nih;
mod own;
mod padchest;
mod person;
pub(crate) mod repeated;
mod rsna;
mod siim;
mod tuberculosis;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_core::table::is_missing;

use crate::Error;
use pleura_manifest::{EXAMPLES, Exclusion, Label, Masks, Remark, Sex, Split};

pub(crate) use films::{name as file_name, stem};
pub use own::NAME as OWN;
pub(crate) use person::{Age, age, sex};

/// A published dataset, and how to read it.
#[derive(Debug)]
pub struct Dataset {
    /// Its name on the command line, and its default name in the manifest.
    pub name: &'static str,
    /// Its name in the literature.
    pub title: &'static str,
    /// The expected content of its path.
    pub expects: &'static str,
    /// The licence terms of its publishers; empty for a user's own data.
    pub licence: &'static str,
    /// How to cite it.
    pub citation: &'static str,
    /// Where it is published.
    pub url: &'static str,
    /// Public datasets that share films with it.
    pub overlaps: &'static [&'static str],
    /// Reads the dataset at a path, under its name in the manifest.
    pub read: fn(&Path, &str) -> Result<DatasetContent, Error>,
}

/// All datasets, in the order of the documentation. A new adapter is a file and a line here.
pub static DATASETS: &[Dataset] = &[
    nih::DATASET,
    cohen::DATASET,
    chexpert::DATASET,
    mimic::DATASET,
    padchest::DATASET,
    rsna::DATASET,
    siim::DATASET,
    bimcv::DATASET,
    brixia::DATASET,
    covidx::DATASET,
    kermany::DATASET,
    hannover::DATASET,
    covidnet::ACTUALMED,
    covidnet::FIGURE1,
    tuberculosis::MONTGOMERY,
    tuberculosis::SHENZHEN,
    folder::DATASET,
    dicom::DATASET,
    own::DATASET,
];

impl Dataset {
    /// The dataset with this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        DATASETS.iter().find(|source| source.name == name)
    }
}

/// The content of a dataset on disk.
#[derive(Debug, Default)]
pub struct DatasetContent {
    /// Its findings, in its own order.
    pub findings: Vec<String>,
    /// The usable films.
    pub records: Vec<FilmRecord>,
    /// Number of films listed (without a list: found).
    pub listed: usize,
    /// Number of films added that were not listed.
    pub brought_in: usize,
    /// Films left out, in order.
    pub steps: Vec<Exclusion>,
    /// Remarks that leave out no film.
    pub remarks: Vec<Remark>,
    /// Label files that were read.
    pub files: Vec<PathBuf>,
    /// Films on disk that are not listed.
    pub unlisted: Vec<PathBuf>,
}

/// One film of a dataset.
#[derive(Debug, Clone, Default)]
pub struct FilmRecord {
    /// Its name in the manifest: `DATASET-NAME`, without folders or extension.
    pub film: String,
    /// Its file.
    pub file: PathBuf,
    /// Its digest, if a list gives it.
    pub sha256: Option<String>,
    /// Its dataset's name in the manifest.
    pub dataset: String,
    /// The patient in the manifest: `DATASET-ID`.
    pub patient: String,
    /// The study, or empty.
    pub study: String,
    /// The projection as the source writes it, or empty.
    pub view: String,
    /// The patient's sex.
    pub sex: Option<Sex>,
    /// The patient's age in years.
    pub age: Option<f32>,
    /// Its split, if it comes from a manifest.
    pub split: Option<Split>,
    /// Its findings.
    pub findings: Findings,
    /// Paths of its masks.
    pub masks: Masks,
    /// Free text, by column.
    pub notes: BTreeMap<String, String>,
}

/// The findings of a film, as its dataset states them.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Findings {
    /// Not stated.
    #[default]
    Unstated,
    /// The findings that are present; all others are absent. Each is a path from general to specific
    /// (`Pneumonia`, `Viral`, `COVID-19`), with one element if the dataset has no hierarchy.
    Named(Vec<Vec<String>>),
    /// A label for each finding.
    Labelled(BTreeMap<String, Label>),
    /// A label for each finding, and the paths of those that are present.
    Hierarchical(BTreeMap<String, Label>, Vec<Vec<String>>),
}

impl DatasetContent {
    /// Leaves out the records that match, and counts them.
    pub(crate) fn exclude(&mut self, reason: impl Into<String>, out: impl Fn(&FilmRecord) -> bool) {
        let mut examples = Vec::new();
        let before = self.records.len();
        self.records.retain(|record| {
            let gone = out(record);
            if gone && examples.len() < EXAMPLES {
                examples.push(record.film.clone());
            }
            !gone
        });
        let left = self.records.len();
        self.steps.push(Exclusion {
            reason: reason.into(),
            excluded: before - left,
            left,
            examples,
        });
    }

    /// Adds a remark, if there are cases.
    pub(crate) fn remark(&mut self, what: impl Into<String>, cases: &[String]) {
        self.remarks.extend(Remark::of(what, cases));
    }

    /// Keeps the unlisted films, and counts them.
    pub(crate) fn set_unlisted(&mut self, unlisted: Vec<PathBuf>) {
        let names: Vec<String> = unlisted.iter().map(|path| films::name(path)).collect();
        self.remark("film here, but not listed", &names);
        self.unlisted = unlisted;
    }

    /// Counts the listed films that are not here, and joins the rows of films that are listed more than once.
    pub(crate) fn set_absent(&mut self, absent: &[String]) {
        let left = self.records.len();
        self.exclude_listed("listed, but no film here", absent, left);
        repeated::join(self);
    }

    /// Leaves out films whose view is stated and not frontal. Films without a view are kept, and counted.
    pub(crate) fn keep_frontal(&mut self, frontal: impl Fn(&str) -> bool) {
        for record in &mut self.records {
            if is_missing(&record.view) {
                record.view.clear();
            }
        }
        self.exclude("view is not frontal", |record| {
            !record.view.is_empty() && !frontal(&record.view)
        });
        let blank = self.records.iter().filter(|record| record.view.is_empty());
        let blank: Vec<String> = blank.map(|record| record.film.clone()).collect();
        self.remark("view not stated, taken as frontal", &blank);
    }

    /// Counts listed films that are left out before reading.
    pub(crate) fn exclude_listed(&mut self, reason: impl Into<String>, names: &[String], left: usize) {
        let examples = names.iter().take(EXAMPLES).cloned().collect();
        self.steps.push(Exclusion {
            reason: reason.into(),
            excluded: names.len(),
            left,
            examples,
        });
    }
}

impl Findings {
    /// Findings without a hierarchy.
    pub(crate) fn flat<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Named(names.into_iter().map(|name| vec![name.to_string()]).collect())
    }

    /// Parses paths `A/B/C` joined by any of `separators`. Empty elements are left out.
    pub(crate) fn parse(text: &str, separators: &[char]) -> Self {
        let path = |text: &str| -> Vec<String> {
            text.split('/')
                .map(str::trim)
                .filter(|element| !element.is_empty())
                .map(str::to_string)
                .collect()
        };
        Self::Named(
            text.split(separators)
                .map(path)
                .filter(|path| !path.is_empty())
                .collect(),
        )
    }

    /// The findings that are present, as paths.
    pub(crate) fn present(&self) -> Vec<Vec<String>> {
        match self {
            Self::Unstated => Vec::new(),
            Self::Named(paths) | Self::Hierarchical(_, paths) => paths.clone(),
            Self::Labelled(labels) => labels
                .iter()
                .filter(|&(_, &label)| label == Label::Positive)
                .map(|(name, _)| vec![name.clone()])
                .collect(),
        }
    }

    /// True if a finding occurs at any place of a path.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Unstated => false,
            Self::Named(paths) => paths.iter().flatten().any(|element| element == name),
            Self::Labelled(labels) | Self::Hierarchical(labels, _) => {
                labels.get(name) == Some(&Label::Positive)
            }
        }
    }

    /// The findings of a manifest's row. Columns have no hierarchy, so it comes from a note: [`PATHS`], or the
    /// publisher's own text, such as `Pneumonia/Viral/COVID-19`.
    pub(crate) fn of_row(labels: BTreeMap<String, Label>, notes: &BTreeMap<String, String>) -> Self {
        let note = |name: &str| notes.get(name).filter(|text| !text.is_empty());
        let paths = note(PATHS).map(|text| Self::parse(text, &['|']));
        let paths = paths.or_else(|| note(OWN_WORDS).map(|text| Self::parse(text, &[',', ';', '|'])));
        Self::with_paths(labels, paths.map_or_else(Vec::new, |paths| paths.present()))
    }

    /// Labels, and the paths of those that are present. Paths that the labels do not bear out are left out.
    fn with_paths(labels: BTreeMap<String, Label>, mut paths: Vec<Vec<String>>) -> Self {
        let positive = |name: &String| labels.get(name) == Some(&Label::Positive);
        for path in &mut paths {
            path.retain(positive);
        }
        paths.retain(|path| path.len() > 1);
        if paths.is_empty() {
            return Self::Labelled(labels);
        }
        let alone = labels
            .keys()
            .filter(|name| positive(name) && !paths.iter().flatten().any(|element| element == *name));
        let alone: Vec<Vec<String>> = alone.map(|name| vec![name.clone()]).collect();
        paths.extend(alone);
        Self::Hierarchical(labels, paths)
    }

    /// The paths of a row's findings, for the note [`PATHS`], if its labels and notes do not yield them.
    pub(crate) fn paths_note(
        &self,
        labels: BTreeMap<String, Label>,
        notes: &BTreeMap<String, String>,
    ) -> Option<String> {
        let right = Self::with_paths(labels.clone(), self.present());
        if right == Self::of_row(labels, notes) {
            return None;
        }
        let paths = right.present().into_iter().map(|path| path.join("/"));
        Some(paths.collect::<Vec<_>>().join("|"))
    }

    /// True if `No Finding` occurs together with another finding.
    pub(crate) fn contradicts_itself(&self) -> bool {
        let present = self.present();
        present.len() > 1
            && present
                .iter()
                .any(|path| path.iter().any(|element| element == pleura_manifest::NO_FINDING))
    }
}

/// The note with the publisher's own words for a film's findings.
const OWN_WORDS: &str = "findings";

/// The note with the paths of a film's findings, where the publisher's own words do not give them.
pub(crate) const PATHS: &str = "finding_paths";

/// True for the projections of DICOM headers that begin with PA or AP.
pub(crate) fn starts_frontal(view: &str) -> bool {
    let view = view.to_ascii_uppercase();
    view.starts_with("PA") || view.starts_with("AP")
}

/// The name of a film or patient in the manifest: the dataset's name as prefix, without characters that a
/// file name cannot have.
pub(crate) fn named(dataset: &str, name: &str) -> String {
    let safe: String = name
        .trim()
        .chars()
        .map(|c| {
            if matches!(c, '/' | '\\') || c.is_control() {
                '-'
            } else {
                c
            }
        })
        .collect();
    format!("{dataset}-{safe}")
}

#[cfg(test)]
mod tests {
    use super::DATASETS;

    #[test]
    fn sets_share_films_with_each_other_and_say_whose_they_are() {
        for source in DATASETS {
            for other in source.overlaps {
                let known = DATASETS.iter().find(|known| known.name == *other);
                assert!(
                    known.is_some_and(|known| known.overlaps.contains(&source.name)),
                    "{} names {other}, which does not name it",
                    source.name
                );
            }
            let public = !source.url.is_empty();
            assert_eq!(public, !source.licence.is_empty(), "{}", source.name);
            assert_eq!(public, !source.citation.is_empty(), "{}", source.name);
        }
    }
}
