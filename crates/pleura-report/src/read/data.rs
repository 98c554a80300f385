//! The tables of films that a recipe names, counted; and the films that each stage used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pleura_data::looks::{self, Look, Looks};
use pleura_data::{Label, Manifest, Sidecar, Split};
use pleura_run::{
    Recipe, RunFolder,
    data::{self, Counts, StageData},
    recipe::Stage,
};

use crate::error::Error;
use crate::evidence::TestLooks;
use crate::input::{DataTable, Exclusion, FindingCount, SourceTable, SplitCount, StageSplit};

/// The films of each split that has any.
pub(super) fn films(splits: &Counts) -> Vec<StageSplit> {
    let splits = [
        ("train", &splits.train),
        ("val", &splits.validation),
        ("test", &splits.test),
    ];
    let splits = splits.map(|(split, used)| StageSplit {
        split: split.to_owned(),
        films: used.films as u64,
        patients: used.patients as u64,
        excluded: used
            .excluded
            .iter()
            .map(|(reason, films)| (in_words(*reason).to_owned(), *films as u64))
            .collect(),
    });
    splits
        .into_iter()
        .filter(|split| split.films > 0 || !split.excluded.is_empty())
        .collect()
}

/// Why a stage could not use a film, as a phrase after its number.
fn in_words(reason: data::Exclusion) -> &'static str {
    match reason {
        data::Exclusion::NoClass => "without a class",
        data::Exclusion::SeveralClasses => "with several classes",
        data::Exclusion::UncertainClass => "with an uncertain class",
        data::Exclusion::NothingKnown => "without any known label",
        data::Exclusion::HeldOut => "held out",
    }
}

/// Each table once, in the order in which stages use them.
pub(super) fn tables(
    run: &RunFolder,
    recipe: &Recipe,
    warnings: &mut Vec<String>,
) -> Result<Vec<DataTable>, Error> {
    let mut tables: Vec<(PathBuf, DataTable)> = Vec::new();
    for stage in &recipe.stages {
        if let Some(fractals) = &stage.fractals {
            if let Some(data) = run.stage(&stage.name).read_data()? {
                tables.push((PathBuf::new(), drawn(stage, fractals.classes, &data)));
            }
            continue;
        }
        let path = recipe.resolve_path(&stage.manifest);
        let known = tables.iter().position(|(known, _)| *known == path);
        let at = match known {
            Some(at) => at,
            None => match table(run, &path, warnings)? {
                Some(table) => {
                    tables.push((path, table));
                    tables.len() - 1
                }
                None => continue,
            },
        };
        let table = &mut tables[at].1;
        table.stages.push(stage.name.clone());
        let data = run.stage(&stage.name).read_data()?;
        if let Some(leak) = data.as_ref().and_then(|data| data.leaks.first()) {
            let films = data.iter().map(|data| data.leaks.len()).sum::<usize>();
            warnings.push(format!(
                "Stage {} learnt from copies of films that it or a later stage is judged on ({films}; {} of {}, for one): its user allowed \
                 it, and what it gets on those is too good",
                stage.name, leak.film, leak.copy_of
            ));
        }
        if data.is_some_and(|data| data.manifest != table.digest) {
            warnings.push(format!(
                "The table of films {} has changed since stage {} was trained; this report describes it as it is now",
                table.name, stage.name
            ));
        }
    }
    Ok(tables.into_iter().map(|(_, table)| table).collect())
}

/// What stands for a table where the stage drew its pictures itself.
fn drawn(stage: &Stage, classes: usize, data: &StageData) -> DataTable {
    let splits = films(&data.splits).into_iter().map(|split| SplitCount {
        split: split.split,
        films: split.films,
        patients: split.patients,
    });
    DataTable {
        name: format!("Fractals of {classes} classes, drawn by formula"),
        stages: vec![stage.name.clone()],
        digest: data.manifest.clone(),
        phantom: true,
        splits: splits.collect(),
        ..DataTable::default()
    }
}

/// One table with what its sidecar says; `None`, with a warning, if it is no longer there.
fn table(run: &RunFolder, path: &Path, warnings: &mut Vec<String>) -> Result<Option<DataTable>, Error> {
    let name = short(path);
    if !path.exists() {
        let warning = format!(
            "The table of films {name} is no longer where the recipe says, so this report cannot describe its films"
        );
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
        return Ok(None);
    }
    let manifest = Manifest::read(path)?;
    let mut table = counted(&manifest);
    let sidecar = Sidecar::read(path)?;
    table.test = looks_at(run, path, &manifest, sidecar.as_ref())?;
    if let Some(sidecar) = sidecar {
        if sidecar.manifest_digest != table.digest {
            warnings.push(format!("The sidecar of {name} belongs to another version of the table; its sources and exclusions may not fit"));
        }
        describe(&mut table, &sidecar);
        table.copies = sidecar
            .duplicates
            .as_ref()
            .map(|record| super::copies::of(record, &manifest));
    }
    table.name = name;
    // What draws a set of phantoms leaves the list of what it drew beside their table.
    table.phantom = path.with_file_name("phantoms.json").exists();
    Ok(Some(table))
}

/// The looks at a table's test split that are written down with the table's, or in the run.
fn looks_at(
    run: &RunFolder,
    path: &Path,
    manifest: &Manifest,
    sidecar: Option<&Sidecar>,
) -> Result<Option<TestLooks>, Error> {
    let rows = manifest.split(Split::Test);
    let digest = manifest.films_digest(&rows);
    let mut all = Looks::default();
    for file in [looks::file_of(path)?, run.test_access_log()] {
        let found = Looks::read(&file)?;
        all.looks.extend(found.looks);
        all.altered.extend(found.altered);
    }
    let at = all.at(&digest);
    if rows.is_empty() || (at.is_empty() && all.altered.is_empty()) {
        return Ok(None);
    }
    // What a fold's table shares its looks with are other folds and their table, and no test split that it had before.
    let of_fold = sidecar.is_some_and(|sidecar| sidecar.made_from.is_some());
    let folds = sidecar.and_then(|sidecar| sidecar.folds.as_ref());
    let folds = folds.map_or(&[][..], |folds| folds.digests.as_slice());
    let other = |look: &&Look| !of_fold && look.test != digest && !folds.contains(&look.test);
    let made = sidecar.and_then(|sidecar| sidecar.split.as_ref()?.test_films.as_ref());
    Ok(Some(TestLooks {
        films: rows.len() as u64,
        models: Looks::models(&at),
        others: all.looks.iter().filter(other).count(),
        looks: at.into_iter().cloned().collect(),
        altered: !all.altered.is_empty(),
        changed: made.is_some_and(|made| *made != digest),
        digest,
    }))
}

/// The table's file name with its folder's: tables are often all called `manifest.csv`.
fn short(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .rev()
        .take(2)
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts
        .into_iter()
        .rev()
        .filter(|part| part != "/")
        .collect::<Vec<_>>()
        .join("/")
}

fn counted(manifest: &Manifest) -> DataTable {
    #[derive(Default)]
    struct Tally<'a> {
        films: u64,
        patients: BTreeSet<&'a str>,
    }
    let mut splits: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    let mut sources: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    let mut counts: BTreeMap<(&str, usize, &str), u64> = BTreeMap::new();
    for row in &manifest.rows {
        let split = split_name(row.split);
        for tally in [
            splits.entry(split).or_default(),
            sources.entry(&row.dataset).or_default(),
        ] {
            tally.films += 1;
            tally.patients.insert(&row.patient);
        }
        for (finding, _) in row
            .labels
            .iter()
            .enumerate()
            .filter(|(_, label)| **label == Label::Positive)
        {
            *counts.entry((split, finding, &row.dataset)).or_default() += 1;
        }
    }
    DataTable {
        digest: manifest.digest(),
        findings: manifest.findings.clone(),
        splits: splits
            .into_iter()
            .map(|(split, t)| SplitCount {
                split: split.to_owned(),
                films: t.films,
                patients: t.patients.len() as u64,
            })
            .collect(),
        sources: sources
            .into_iter()
            .map(|(name, t)| SourceTable {
                name: name.to_owned(),
                films: t.films,
                patients: t.patients.len() as u64,
                ..SourceTable::default()
            })
            .collect(),
        counts: counts
            .into_iter()
            .map(|((split, finding, source), films)| FindingCount {
                split: split.to_owned(),
                finding: manifest.findings[finding].clone(),
                source: source.to_owned(),
                films,
            })
            .collect(),
        ..DataTable::default()
    }
}

pub(super) fn split_name(split: Option<Split>) -> &'static str {
    match split {
        Some(Split::Train) => "train",
        Some(Split::Validation) => "val",
        Some(Split::Test) => "test",
        None => "",
    }
}

/// Adds what the sidecar knows of sources and exclusions.
fn describe(table: &mut DataTable, sidecar: &Sidecar) {
    for record in &sidecar.sources {
        let known = table
            .sources
            .iter()
            .position(|source| source.name == record.dataset);
        let at = known.unwrap_or_else(|| {
            table.sources.push(SourceTable {
                name: record.dataset.clone(),
                ..SourceTable::default()
            });
            table.sources.len() - 1
        });
        let source = &mut table.sources[at];
        source.licence.clone_from(&record.licence);
        let mut facts = vec![
            ("title", record.title.clone()),
            ("citation", record.citation.clone()),
            ("published at", record.url.clone()),
        ];
        if !record.overlaps.is_empty() {
            facts.push(("shares films with", record.overlaps.join(", ")));
        }
        for file in &record.files {
            let name = file
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            facts.push(("label file", format!("{name}, SHA-256 {}", file.sha256)));
        }
        for remark in &record.remarks {
            facts.push(("noticed", format!("{} ({})", remark.what, remark.count)));
        }
        source.facts.extend(
            facts
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value)),
        );
    }
    let of_sources = sidecar.sources.iter().flat_map(|record| {
        record
            .steps
            .iter()
            .map(move |step| (record.dataset.as_str(), step))
    });
    let of_all = sidecar.steps.iter().map(|step| ("", step));
    table
        .exclusions
        .extend(of_sources.chain(of_all).map(|(source, step)| Exclusion {
            source: source.to_owned(),
            reason: step.reason.clone(),
            films: step.excluded as u64,
            left: Some(step.left as u64),
        }));
}
