//! `COVIDx`, a collection of other public datasets.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Dataset, DatasetContent, FilmRecord, Findings, films, named};
use crate::Error;
use pleura_manifest::OFFICIAL_SPLIT;
use pleura_manifest::{Label, NO_FINDING};

pub(super) const DATASET: Dataset = Dataset {
    name: "covidx",
    title: "COVIDx CXR",
    expects: "the folder of one train_….txt and one test_….txt (or train.txt, val.txt, test.txt) with train/, val/ and test/",
    licence: "that of each set it is made of; see https://github.com/lindawangg/COVID-Net/blob/master/docs/COVIDx.md",
    citation: "Pavlova M, Tuinstra T, Aboutalebi H, Zhao A, Gunraj H, Wong A. COVIDx CXR-3: A Large-Scale, Open-Source Benchmark Dataset of \
               Chest X-ray Images for Computer-Aided COVID-19 Diagnostics. 2022.",
    url: "https://github.com/lindawangg/COVID-Net/blob/master/docs/COVIDx.md",
    overlaps: &[
        "cohen",
        "hannover",
        "figure1",
        "actualmed",
        "rsna",
        "nih",
        "bimcv",
        "siim",
    ],
    read,
};

const COVID: &str = "COVID-19";
const PNEUMONIA: &str = "Pneumonia";

/// The labels, with their findings: COVID-19, pneumonia of other causes, no finding.
const LABELS: [(&str, [Label; 3]); 7] = {
    use Label::{Negative, Positive, Unknown};
    [
        ("normal", [Negative, Negative, Positive]),
        ("pneumonia", [Negative, Positive, Negative]),
        ("COVID-19", [Positive, Unknown, Negative]),
        ("positive", [Positive, Unknown, Negative]),
        ("negative", [Negative, Unknown, Unknown]),
        ("level1", [Positive, Unknown, Negative]),
        ("level2", [Positive, Unknown, Negative]),
    ]
};

/// The lists, the folders of their films, and their splits in the manifest.
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Misspelt source names of a list.
const MISSPELT: [(&str, &str); 1] = [("rnsa", "rsna")];

/// Patient numbers are unique only within each source, so a patient's name has both. Films of the RSNA
/// challenge are numbered by film; their patients are unknown.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let lists = lists(folder)?;
    let mut reading = DatasetContent {
        findings: [COVID, PNEUMONIA, NO_FINDING].map(String::from).to_vec(),
        ..DatasetContent::default()
    };
    let (mut absent, mut unlisted, mut misspelt, mut numbered) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut folders = HashSet::new();
    for (split, list) in lists {
        let text = films::list(&list)?;
        let images = folder.join(split);
        let images = if images.is_dir() {
            images
        } else {
            folder.to_path_buf()
        };
        let found = films::find(std::slice::from_ref(&images))?;
        let present: HashSet<String> = found.iter().map(|film| films::name(film)).collect();
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                lines.push(Line::read(line, &present).ok_or_else(|| Error::Cell {
                    file: list.clone(),
                    row: number as u64 + 1,
                    column: "label".into(),
                    found: line.to_string(),
                    expected: "PATIENT FILM LABEL [DATASET], the label one of normal, pneumonia, COVID-19, positive, negative, level1, level2"
                        .into(),
                })?);
            }
        }
        reading.listed += lines.len();
        let names: Vec<&str> = lines.iter().map(|line| line.film.as_str()).collect();
        let matched = films::match_names(&names, &found);
        for (line, file) in lines.iter().zip(matched.files) {
            let Some(file) = file else {
                absent.push(line.film.clone());
                continue;
            };
            let record = line.record(dataset, split, file);
            if line.misspelt {
                misspelt.push(record.film.clone());
            }
            if line.source == "rsna" {
                numbered.push(record.film.clone());
            }
            reading.records.push(record);
        }
        // Lists without folders of their own share their films: a film that one list leaves over may be on
        // another.
        if folders.insert(images) {
            unlisted.extend(matched.unlisted);
        }
        reading.files.push(list);
    }
    let claimed: HashSet<&PathBuf> = reading.records.iter().map(|record| &record.file).collect();
    unlisted.retain(|film| !claimed.contains(film));
    for level in ["level1", "level2"] {
        if reading.records.iter().any(|record| record.findings.has(level)) {
            reading.findings.push(level.to_string());
        }
    }
    reading.set_absent(&absent);
    reading.remark("source rnsa read as rsna", &misspelt);
    reading.remark(
        "patient unknown: RSNA's challenge numbers films, and ChestX-ray14, where they come from, has several of a patient",
        &numbered,
    );
    reading.set_unlisted(unlisted);
    Ok(reading)
}

/// The only list of each split.
fn lists(folder: &Path) -> Result<Vec<(&'static str, PathBuf)>, Error> {
    let mut lists: Vec<(&str, PathBuf)> = Vec::new();
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        entries.push(entry.map_err(Error::io("list", folder))?.path());
    }
    entries.sort();
    let fault = |problem: String| Error::Layout {
        dataset: DATASET.title,
        folder: folder.to_path_buf(),
        problem,
    };
    for path in entries {
        let name = films::name(&path);
        let split = SPLITS.into_iter().find(|split| {
            let rest = name
                .strip_prefix(split)
                .and_then(|rest| rest.strip_suffix(".txt"));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        });
        let Some(split) = split else { continue };
        if let Some((_, other)) = lists.iter().find(|(known, _)| *known == split) {
            let problem = format!(
                "{} and {name} are both lists of {split}; keep those of one release",
                films::name(other)
            );
            return Err(fault(problem));
        }
        lists.push((split, path));
    }
    if lists.is_empty() {
        return Err(fault("no train_….txt or test_….txt is in it".into()));
    }
    Ok(lists)
}

/// One film of a list.
#[derive(Debug, PartialEq)]
struct Line {
    patient: String,
    film: String,
    label: &'static str,
    /// The source dataset, or empty.
    source: String,
    misspelt: bool,
}

impl Line {
    /// Parses a line from the right: source and label have no spaces, but patient and file name may. If the
    /// split is ambiguous, an existing film decides; otherwise the patient is the first word.
    fn read(line: &str, present: &HashSet<String>) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (at, label) = words.iter().enumerate().rev().find_map(|(at, word)| {
            LABELS
                .iter()
                .find(|(label, _)| label == word)
                .map(|(label, _)| (at, *label))
        })?;
        if at < 2 {
            return None;
        }
        let ends = 1..at;
        let end = ends
            .clone()
            .find(|&end| present.contains(&words[end..at].join(" ")))
            .unwrap_or(ends.start);
        let source = words[at + 1..].join(" ");
        let meant = MISSPELT.iter().find(|(wrong, _)| *wrong == source);
        Some(Self {
            patient: words[..end].join(" "),
            film: words[end..at].join(" "),
            label,
            misspelt: meant.is_some(),
            source: meant.map_or(source, |(_, right)| (*right).to_string()),
        })
    }

    fn record(&self, dataset: &str, split: &str, file: PathBuf) -> FilmRecord {
        let said = LABELS.iter().find(|(label, _)| *label == self.label);
        let mut labels: BTreeMap<String, Label> = [COVID, PNEUMONIA, NO_FINDING]
            .into_iter()
            .zip(said.map_or([Label::Unknown; 3], |(_, says)| *says))
            .map(|(finding, label)| (finding.to_string(), label))
            .collect();
        if self.label.starts_with("level") {
            for level in ["level1", "level2"] {
                let label = if level == self.label {
                    Label::Positive
                } else {
                    Label::Negative
                };
                labels.insert(level.to_string(), label);
            }
        }
        let patient = match self.source.as_str() {
            "" => self.patient.clone(),
            source => format!("{source}-{}", self.patient),
        };
        let mut record = FilmRecord {
            film: named(dataset, films::stem(&self.film)),
            file,
            dataset: dataset.to_string(),
            patient: named(dataset, &patient),
            findings: Findings::Labelled(labels),
            ..FilmRecord::default()
        };
        record.notes.insert(OFFICIAL_SPLIT.into(), split.into());
        record.notes.insert("source".into(), self.source.clone());
        record
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str, present: &[&str]) -> Option<(String, String, &'static str, String)> {
        let present = present.iter().map(ToString::to_string).collect();
        Line::read(line, &present).map(|line| (line.patient, line.film, line.label, line.source))
    }

    #[test]
    fn lines_of_three_four_and_five_words_are_read_from_the_right() {
        let expect = |patient: &str, film: &str, label: &'static str, source: &str| {
            Some((patient.to_string(), film.to_string(), label, source.to_string()))
        };
        assert_eq!(read("3 a.png normal", &[]), expect("3", "a.png", "normal", ""));
        assert_eq!(
            read("3 a.png COVID-19 cohen", &[]),
            expect("3", "a.png", "COVID-19", "cohen")
        );
        assert_eq!(
            read("sub 3 a.png positive bimcv", &["a.png"]),
            expect("sub 3", "a.png", "positive", "bimcv")
        );
        assert_eq!(
            read("3 a b.png positive rnsa", &["a b.png"]),
            expect("3", "a b.png", "positive", "rsna")
        );
        assert_eq!(
            read("3 a b.png positive", &[]),
            expect("3", "a b.png", "positive", "")
        );
        assert_eq!(read("a.png normal", &[]), None);
        assert_eq!(read("3 a.png sick cohen", &[]), None);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(line in "([a-z .]|normal|positive){0,40}") {
            let _ = Line::read(&line, &HashSet::new());
        }
    }
}
