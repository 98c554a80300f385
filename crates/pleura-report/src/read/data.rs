//! The manifests of a recipe, and the films that each stage used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pleura_manifest::access_log::{self, TestAccess, TestAccessLog};
use pleura_manifest::{Label, Manifest, Sidecar, Split};
use pleura_run::{
    Recipe, RunFolder,
    data::{self, Counts, StageData},
    recipe::Stage,
};

use super::split::split_name;
use crate::error::Error;
use crate::evidence::TestAccesses;
use crate::input::{DataTable, Exclusion, FindingCount, SourceTable, SplitCount, StageSplit};

/// The films of each split that is not empty.
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

/// The reason of an exclusion, as a phrase after a number.
fn in_words(reason: data::Exclusion) -> &'static str {
    match reason {
        data::Exclusion::NoClass => "without a class",
        data::Exclusion::SeveralClasses => "with several classes",
        data::Exclusion::UncertainClass => "with an uncertain class",
        data::Exclusion::NothingKnown => "without any known label",
        data::Exclusion::HeldOut => "held out",
        data::Exclusion::NoContrast => "without contrast",
    }
}

/// The manifests, each once, in the order of their use.
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
                "Stage {} was trained on duplicates of films that it or a later stage is evaluated on ({films}; for example {} \
                 of {}), because the user allowed it: results on these films are too good",
                stage.name, leak.film, leak.copy_of
            ));
        }
        if data.is_some_and(|data| data.manifest != table.digest) {
            warnings.push(format!(
                "The manifest {} has changed since stage {} was trained; this report describes its current content",
                table.name, stage.name
            ));
        }
    }
    Ok(tables.into_iter().map(|(_, table)| table).collect())
}

/// The description of a stage's own synthetic images, in place of a manifest.
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

/// One manifest with the facts of its sidecar; `None`, with a warning, if the file is missing.
fn table(run: &RunFolder, path: &Path, warnings: &mut Vec<String>) -> Result<Option<DataTable>, Error> {
    let name = short(path);
    if !path.exists() {
        let warning = format!("The manifest {name} is missing, so this report cannot describe its films");
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
        return Ok(None);
    }
    let manifest = Manifest::read(path)?;
    let mut table = counted(&manifest);
    let sidecar = Sidecar::read(path)?;
    table.test_accesses = looks_at(run, path, &manifest, sidecar.as_ref())?;
    if let Some(sidecar) = sidecar {
        if sidecar.manifest_digest != table.digest {
            warnings.push(format!("The sidecar of {name} belongs to another version of the manifest; sources and exclusions may be wrong"));
        }
        describe(&mut table, &sidecar);
        table.duplicates = sidecar
            .duplicates
            .as_ref()
            .map(|record| super::duplicates::of(record, &manifest));
    }
    table.name = name;
    // A set of phantoms has this list beside its manifest.
    table.phantom = path.with_file_name("phantoms.json").exists();
    Ok(Some(table))
}

/// The accesses to a manifest's test split, recorded beside the manifest or in the run.
fn looks_at(
    run: &RunFolder,
    path: &Path,
    manifest: &Manifest,
    sidecar: Option<&Sidecar>,
) -> Result<Option<TestAccesses>, Error> {
    let rows = manifest.split(Split::Test);
    let digest = manifest.films_digest(&rows);
    let mut all = TestAccessLog::default();
    for file in [access_log::file_of(path)?, run.test_access_log()] {
        let found = TestAccessLog::read(&file)?;
        all.entries.extend(found.entries);
        all.unreadable.extend(found.unreadable);
    }
    let at = all.of_test(&digest);
    if rows.is_empty() || (at.is_empty() && all.unreadable.is_empty()) {
        return Ok(None);
    }
    // The manifest of a fold shares its log with the other folds and has no earlier test split.
    let of_fold = sidecar.is_some_and(|sidecar| sidecar.made_from.is_some());
    let folds = sidecar.and_then(|sidecar| sidecar.folds.as_ref());
    let folds = folds.map_or(&[][..], |folds| folds.digests.as_slice());
    let other = |look: &&TestAccess| !of_fold && look.test != digest && !folds.contains(&look.test);
    let made = sidecar.and_then(|sidecar| sidecar.split.as_ref()?.test_films.as_ref());
    Ok(Some(TestAccesses {
        films: rows.len() as u64,
        models: TestAccessLog::models(&at),
        others: all.entries.iter().filter(other).count(),
        accesses: at.into_iter().cloned().collect(),
        unreadable: !all.unreadable.is_empty(),
        changed: made.is_some_and(|made| *made != digest),
        digest,
    }))
}

/// The file name with its folder, since many manifests are called `manifest.csv`.
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

/// Adds sources and exclusions from the sidecar.
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
            facts.push(("remark", format!("{} ({})", remark.what, remark.count)));
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
