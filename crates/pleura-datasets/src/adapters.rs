//! Datasets as users have them on disk: one file an adapter, one table of all of them.

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
mod rsna;
mod siim;
mod tuberculosis;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Error;
use pleura_manifest::{EXAMPLES, Exclusion, Label, Masks, Remark, Sex, Split};

pub(crate) use films::{name as file_name, stem};
pub use own::NAME as OWN;
pub(crate) use person::{Age, age, sex};

/// A kind of dataset that can be read.
#[derive(Debug)]
pub struct Dataset {
    /// What it is called on the command line and, unless said otherwise, in the manifest.
    pub name: &'static str,
    /// Its name in the literature.
    pub title: &'static str,
    /// What is expected at the path that the user gives.
    pub expects: &'static str,
    /// The terms its publishers set; empty where they are the user's own.
    pub licence: &'static str,
    /// How to cite it.
    pub citation: &'static str,
    /// Where it is published.
    pub url: &'static str,
    /// Public sets that share films with it.
    pub overlaps: &'static [&'static str],
    /// Reads the dataset at a path under the name it shall have in the manifest.
    pub read: fn(&Path, &str) -> Result<DatasetContent, Error>,
}

/// Every kind of dataset, in the order of the documentation. A new adapter is a file and a line here.
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
    /// The kind of dataset of this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        DATASETS.iter().find(|source| source.name == name)
    }
}

/// What an adapter found.
#[derive(Debug, Default)]
pub struct DatasetContent {
    /// The findings that the dataset speaks of, in its own order.
    pub findings: Vec<String>,
    /// The films that can be used.
    pub records: Vec<FilmRecord>,
    /// How many films were listed (or, without a list, found).
    pub listed: usize,
    /// How many films came in that were not listed.
    pub brought_in: usize,
    /// What was left out, in order.
    pub steps: Vec<Exclusion>,
    /// What was noticed without leaving a film out.
    pub remarks: Vec<Remark>,
    /// Label files that were read.
    pub files: Vec<PathBuf>,
    /// Films on disk that no row speaks of.
    pub unlisted: Vec<PathBuf>,
}

/// One film as its dataset describes it.
#[derive(Debug, Clone, Default)]
pub struct FilmRecord {
    /// Its name in the manifest: `DATASET-NAME`, without folders or extension.
    pub film: String,
    /// Its file.
    pub file: PathBuf,
    /// Its digest, where a list gives it.
    pub sha256: Option<String>,
    /// The dataset, as the manifest calls it.
    pub dataset: String,
    /// The patient in the manifest: `DATASET-ID`.
    pub patient: String,
    /// The study, or nothing.
    pub study: String,
    /// The projection as the source writes it, or nothing.
    pub view: String,
    /// The patient's sex.
    pub sex: Option<Sex>,
    /// The patient's age in years.
    pub age: Option<f32>,
    /// The split that a manifest of ours already gave.
    pub split: Option<Split>,
    /// What the source says was found.
    pub findings: Findings,
    /// Masks, by paths that can be opened as they are.
    pub masks: Masks,
    /// Text to carry along, by column.
    pub notes: BTreeMap<String, String>,
}

/// How a source speaks of findings.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Findings {
    /// It does not.
    #[default]
    Unstated,
    /// It names what is there; what it does not name is absent. Each finding is a path from the general to the particular
    /// (`Pneumonia`, `Viral`, `COVID-19`), of one element where the source knows no hierarchy.
    Named(Vec<Vec<String>>),
    /// It says something of each finding by itself.
    Labelled(BTreeMap<String, Label>),
}

impl DatasetContent {
    /// Leaves out the records for which `reason` holds, and counts them.
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

    /// Notes what was seen, unless nothing was.
    pub(crate) fn remark(&mut self, what: impl Into<String>, cases: &[String]) {
        self.remarks.extend(Remark::of(what, cases));
    }

    /// Keeps the films that no row speaks of, and counts them.
    pub(crate) fn set_unlisted(&mut self, unlisted: Vec<PathBuf>) {
        let names: Vec<String> = unlisted.iter().map(|path| films::name(path)).collect();
        self.remark("film here, but not listed", &names);
        self.unlisted = unlisted;
    }

    /// Counts rows that never became records, right at the beginning.
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
    /// One finding a name, no hierarchy.
    pub(crate) fn flat<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Named(names.into_iter().map(|name| vec![name.to_string()]).collect())
    }

    /// Reads `A/B/C` paths joined by any of `separators`; blanks are left out.
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

    /// What the findings say are present, as paths.
    pub(crate) fn present(&self) -> Vec<Vec<String>> {
        match self {
            Self::Unstated => Vec::new(),
            Self::Named(paths) => paths.clone(),
            Self::Labelled(labels) => labels
                .iter()
                .filter(|&(_, &label)| label == Label::Positive)
                .map(|(name, _)| vec![name.clone()])
                .collect(),
        }
    }

    /// Whether a finding is named, at any place of a path.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Unstated => false,
            Self::Named(paths) => paths.iter().flatten().any(|element| element == name),
            Self::Labelled(labels) => labels.get(name) == Some(&Label::Positive),
        }
    }

    /// `No Finding` stands alone or not at all.
    pub(crate) fn contradicts_itself(&self) -> bool {
        let present = self.present();
        present.len() > 1
            && present
                .iter()
                .any(|path| path.iter().any(|element| element == pleura_manifest::NO_FINDING))
    }
}

/// The name of a film or patient in the manifest: the dataset's name in front, and nothing that a file name cannot hold.
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
