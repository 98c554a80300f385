//! Descriptions of manifests: counts, patients, views, sizes and datasets of each finding, and observations
//! on them.

mod observations;

use std::collections::{BTreeMap, BTreeSet};

use pleura_film::DecodeOptions;
use rayon::prelude::*;
use serde::Serialize;

use pleura_datasets::adapters::{Dataset, OWN};
use pleura_manifest::{ADULT_AGE, Cell, Label, Manifest, Row, Sidecar, SourceRecord};

/// Age groups in years; the last is open.
pub const DECADES: [&str; 10] = [
    "0-9",
    "10-19",
    "20-29",
    "30-39",
    "40-49",
    "50-59",
    "60-69",
    "70-79",
    "80-89",
    "90 and over",
];

/// A manifest to describe.
#[derive(Debug)]
pub struct Described<'a> {
    /// Its name in the description.
    pub name: String,
    /// The manifest.
    pub manifest: &'a Manifest,
    /// Its sidecar.
    pub sidecar: Option<Sidecar>,
}

/// The description of some manifests together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// The manifests.
    pub tables: Vec<TableLine>,
    /// All films.
    pub all: Group,
    /// The films of each finding; a film with several findings counts for each.
    pub findings: Vec<Group>,
    /// True if no film has more than one finding.
    pub exclusive: bool,
    /// Films without a positive finding.
    pub without: u64,
    /// Labels of each finding.
    pub labels: Vec<LabelCount>,
    /// The datasets, the largest first.
    pub sources: Vec<SourceLine>,
    /// Number of patients by number of films.
    pub films_a_patient: BTreeMap<u64, u64>,
    /// Patients with films of more than one finding, if findings are exclusive.
    pub of_several: u64,
    /// Films that are in more than one manifest, by digest.
    pub repeated: u64,
    /// Films that could not be opened, with the reason.
    pub unreadable: Vec<String>,
    /// True if the films were opened.
    pub opened: bool,
    /// Observations, the most serious first.
    pub says: Vec<String>,
}

/// One manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableLine {
    /// Its name.
    pub name: String,
    /// [`Manifest::digest`].
    pub digest: String,
    /// Films.
    pub films: u64,
    /// Patients.
    pub patients: u64,
}

/// Films of one finding, or all films.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Group {
    /// The finding; empty for all films.
    pub name: String,
    /// Films.
    pub films: u64,
    /// Number of patients.
    pub patients: u64,
    /// The most films of one patient.
    pub most_of_one: u64,
    /// Films of each dataset.
    pub sources: BTreeMap<String, u64>,
    /// Films of each split; films in none under the empty name.
    pub splits: BTreeMap<String, u64>,
    /// Films of each projection; unknown under the empty name.
    pub views: BTreeMap<String, u64>,
    /// Films of each sex; unknown under the empty name.
    pub sexes: BTreeMap<String, u64>,
    /// Ages.
    pub ages: Ages,
    /// Films of each shape (`square`, `wide`, `high`), with a tolerance of one fiftieth.
    pub shapes: BTreeMap<String, u64>,
    /// Films of each format and depth.
    pub formats: BTreeMap<String, u64>,
    /// Short sides in pixels.
    pub short_sides: Option<Spread>,
}

/// Ages, counted by film.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Ages {
    /// Films of known age.
    pub known: u64,
    /// Films of unknown age.
    pub unknown: u64,
    /// Of these, films with an age group that decides whether the patient is under 18 (note `age_group`).
    pub grouped: u64,
    /// Films of patients under 18, by age or age group.
    pub children: u64,
    /// Films of each age group of [`DECADES`].
    pub decades: [u64; 10],
    /// Distribution of known ages.
    pub years: Option<Spread>,
}

/// Minimum, quartiles and maximum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The minimum.
    pub least: f64,
    /// The first quartile.
    pub lower: f64,
    /// The median.
    pub median: f64,
    /// The third quartile.
    pub upper: f64,
    /// The maximum.
    pub most: f64,
}

/// Labels of one finding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LabelCount {
    /// The finding.
    pub finding: String,
    /// Positive films.
    pub positive: u64,
    /// Negative films.
    pub negative: u64,
    /// Films with an uncertain label.
    pub uncertain: u64,
    /// Films without a label.
    pub unknown: u64,
}

/// One dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceLine {
    /// Its name in the manifests.
    pub name: String,
    /// Films.
    pub films: u64,
    /// Patients.
    pub patients: u64,
    /// The licence terms of its publishers; empty if not recorded.
    pub licence: String,
    /// How to cite it.
    pub citation: String,
    /// Public datasets that share films with it.
    pub overlaps: Vec<String>,
}

/// Properties of a film's file.
struct FilmFile {
    width: usize,
    height: usize,
    format: String,
}

/// A film and the properties of its file.
struct Film<'a> {
    row: &'a Row,
    /// Indices of its findings.
    has: Vec<usize>,
    /// True for a child, by age or age group; `None` if unknown.
    child: Option<bool>,
    file: Option<FilmFile>,
}

/// Describes manifests together. With `open`, the films are opened for their sizes and formats;
/// `progress(done, of)` counts them.
pub fn describe(
    tables: &[Described<'_>],
    open: bool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Description {
    let mut findings: Vec<String> = Vec::new();
    for table in tables {
        for finding in &table.manifest.findings {
            if !findings.contains(finding) {
                findings.push(finding.clone());
            }
        }
    }
    let mut unreadable = Vec::new();
    let films = films(tables, &findings, open, &mut unreadable, progress);
    let labels = findings.iter().map(|finding| labels(tables, finding)).collect();
    let of = |finding: usize| {
        group(
            &findings[finding],
            films.iter().filter(|film| film.has.contains(&finding)),
        )
    };
    let files: BTreeSet<&str> = films.iter().map(|film| film.row.sha256.as_str()).collect();
    let mut patients: BTreeMap<&str, (u64, BTreeSet<usize>)> = BTreeMap::new();
    for film in &films {
        let (count, has) = patients.entry(&film.row.patient).or_default();
        *count += 1;
        has.extend(&film.has);
    }
    let exclusive = films.iter().all(|film| film.has.len() <= 1);
    let mut films_a_patient = BTreeMap::new();
    for (count, _) in patients.values() {
        *films_a_patient.entry(*count).or_default() += 1;
    }
    let mut described = Description {
        tables: tables.iter().map(line).collect(),
        all: group("", films.iter()),
        findings: (0..findings.len()).map(of).collect(),
        exclusive,
        without: films.iter().filter(|film| film.has.is_empty()).count() as u64,
        labels,
        sources: sources(tables, &films),
        films_a_patient,
        of_several: if exclusive {
            patients.values().filter(|(_, has)| has.len() > 1).count() as u64
        } else {
            0
        },
        repeated: if tables.len() > 1 {
            (films.len() - files.len()) as u64
        } else {
            0
        },
        unreadable,
        opened: open,
        says: Vec::new(),
    };
    described.says = observations::all(&described, tables);
    described
}

fn line(table: &Described<'_>) -> TableLine {
    TableLine {
        name: table.name.clone(),
        digest: table.manifest.digest(),
        films: table.manifest.rows.len() as u64,
        patients: table.manifest.patients() as u64,
    }
}

fn films<'a>(
    tables: &[Described<'a>],
    findings: &[String],
    open: bool,
    unreadable: &mut Vec<String>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Film<'a>> {
    let rows: Vec<(&'a Manifest, &'a Row)> = tables
        .iter()
        .flat_map(|table| table.manifest.rows.iter().map(|row| (table.manifest, row)))
        .collect();
    let done = std::sync::Mutex::new(0);
    let files: Vec<Option<Result<FilmFile, String>>> = rows
        .par_iter()
        .map(|(manifest, row)| {
            if !open {
                return None;
            }
            let film = pleura_film::open(&manifest.file(row), &DecodeOptions::default());
            let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *done += 1;
            progress(*done, rows.len());
            Some(match film {
                Ok(film) => Ok(FilmFile {
                    width: film.source.width,
                    height: film.source.height,
                    format: format!("{}, {} bits", film.source.format, film.source.bit_depth),
                }),
                Err(error) => Err(format!("{}: {error}", row.film)),
            })
        })
        .collect();
    let mut films = Vec::with_capacity(rows.len());
    for ((manifest, row), file) in rows.into_iter().zip(files) {
        let positive = manifest
            .findings
            .iter()
            .zip(&row.labels)
            .filter(|(_, label)| **label == Label::Positive);
        let has = positive.filter_map(|(name, _)| findings.iter().position(|finding| finding == name));
        let file = match file {
            Some(Ok(file)) => Some(file),
            Some(Err(reason)) => {
                unreadable.push(reason);
                None
            }
            None => None,
        };
        films.push(Film {
            row,
            has: has.collect(),
            child: manifest.is_child(row),
            file,
        });
    }
    films
}

fn labels(tables: &[Described<'_>], finding: &str) -> LabelCount {
    let mut count = LabelCount {
        finding: finding.to_string(),
        ..LabelCount::default()
    };
    for table in tables {
        let place = table.manifest.finding(finding);
        for row in &table.manifest.rows {
            match place.map_or(Label::Unknown, |place| row.labels[place]) {
                Label::Positive => count.positive += 1,
                Label::Negative => count.negative += 1,
                Label::Uncertain => count.uncertain += 1,
                Label::Unknown => count.unknown += 1,
            }
        }
    }
    count
}

fn group<'a>(name: &str, films: impl Iterator<Item = &'a Film<'a>>) -> Group {
    let mut group = Group {
        name: name.to_string(),
        ..Group::default()
    };
    let mut patients: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut years, mut sides) = (Vec::new(), Vec::new());
    for film in films {
        let row = film.row;
        group.films += 1;
        *patients.entry(&row.patient).or_default() += 1;
        for (counts, key) in [
            (&mut group.sources, row.dataset.as_str()),
            (&mut group.splits, row.split.map_or("", Cell::cell)),
            (&mut group.views, row.view.as_str()),
            (&mut group.sexes, row.sex.map_or("", Cell::cell)),
        ] {
            *counts.entry(key.to_string()).or_default() += 1;
        }
        match row.age {
            Some(age) => {
                group.ages.known += 1;
                group.ages.children += u64::from(age < ADULT_AGE);
                group.ages.decades[((age / 10.0) as usize).min(9)] += 1;
                years.push(f64::from(age));
            }
            None => {
                group.ages.unknown += 1;
                group.ages.grouped += u64::from(film.child.is_some());
                group.ages.children += u64::from(film.child == Some(true));
            }
        }
        if let Some(file) = &film.file {
            let ratio = file.width as f64 / file.height.max(1) as f64;
            let shape = match ratio {
                ratio if ratio > 1.02 => "wide",
                ratio if ratio < 1.0 / 1.02 => "high",
                _ => "square",
            };
            *group.shapes.entry(shape.to_string()).or_default() += 1;
            *group.formats.entry(file.format.clone()).or_default() += 1;
            sides.push(file.width.min(file.height) as f64);
        }
    }
    group.patients = patients.len() as u64;
    group.most_of_one = patients.values().copied().max().unwrap_or(0);
    group.ages.years = Spread::of(years);
    group.short_sides = Spread::of(sides);
    group
}

/// The records of the manifests' datasets.
fn records<'a>(tables: &'a [Described<'_>]) -> impl Iterator<Item = &'a SourceRecord> {
    let sidecars = tables.iter().filter_map(|table| table.sidecar.as_ref());
    sidecars
        .flat_map(|sidecar| &sidecar.sources)
        .flat_map(|record| std::iter::once(record).chain(&record.made_of))
}

/// The adapter of a dataset, whatever its name in the manifests; without a record, its name.
fn kind<'a>(tables: &'a [Described<'_>], name: &'a str) -> &'a str {
    let record = records(tables).find(|record| record.dataset == name && record.kind != OWN);
    record.map_or(name, |record| &record.kind)
}

fn sources(tables: &[Described<'_>], films: &[Film<'_>]) -> Vec<SourceLine> {
    let mut found: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for film in films {
        let (count, patients) = found.entry(&film.row.dataset).or_default();
        *count += 1;
        patients.insert(&film.row.patient);
    }
    let mut lines: Vec<SourceLine> = found
        .into_iter()
        .map(|(name, (films, patients))| {
            // A known name identifies the dataset without a sidecar too.
            let known = [kind(tables, name), name]
                .into_iter()
                .filter_map(Dataset::by_name)
                .find(|source| !source.url.is_empty());
            let text = |of: &dyn Fn(&SourceRecord) -> String, known: Option<&str>| {
                let mut recorded = records(tables).filter(|record| record.dataset == name).map(of);
                recorded
                    .find(|text| !text.is_empty())
                    .or(known.map(str::to_string))
                    .unwrap_or_default()
            };
            SourceLine {
                name: name.to_string(),
                films,
                patients: patients.len() as u64,
                licence: text(
                    &|record| record.licence.clone(),
                    known.map(|source| source.licence),
                ),
                citation: text(
                    &|record| record.citation.clone(),
                    known.map(|source| source.citation),
                ),
                overlaps: known.map_or_else(Vec::new, |source| {
                    source.overlaps.iter().map(ToString::to_string).collect()
                }),
            }
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.films));
    lines
}

impl Spread {
    /// `None` without values. Quartiles are interpolated (definition 7 of Hyndman and Fan).
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| {
            let place = share * last as f64;
            let below = place.floor();
            let [low, high] = [below, place.ceil()].map(|place| values[place as usize]);
            low + (place - below) * (high - low)
        };
        Some(Self {
            least: values[0],
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
            most: values[last],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_values() {
        assert_eq!(Spread::of(Vec::new()), None);
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(
            (
                spread.least,
                spread.lower,
                spread.median,
                spread.upper,
                spread.most
            ),
            (1.0, 1.75, 2.5, 3.25, 4.0)
        );
    }
}
