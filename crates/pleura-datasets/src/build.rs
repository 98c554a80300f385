//! Builds one manifest from datasets on disk, and counts every film that is left out.

mod columns;
mod folders;
mod verify;

use std::path::{Path, PathBuf};

use pleura_manifest::{AGE_GROUP, FileRecord, Manifest, Remark, Sidecar, SourceRecord, age_range};

use crate::Error;
use crate::adapters::{Dataset, DatasetContent, FilmRecord, OWN};
use crate::amend::{AmendedFilms, Amendments};
use crate::classes::{ClassAssignment, ClassMap};

/// Inputs and rules of a build.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// The datasets, in order.
    pub inputs: Vec<BuildInput>,
    /// Tables of amendments, in order.
    pub amendments: Vec<PathBuf>,
    /// The films to include.
    pub filters: Filters,
    /// The class map; `None` keeps the datasets' findings.
    pub classes: Option<ClassMap>,
    /// Findings to write, in order; `None` writes all. Cannot be combined with classes.
    pub findings: Option<Vec<String>>,
    /// Keep only the first of films with equal pixels.
    pub drop_identical: bool,
}

/// A dataset on disk, as an input of a build.
#[derive(Debug, Clone)]
pub struct BuildInput {
    /// The dataset.
    pub dataset: &'static Dataset,
    /// Its name in the manifest.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
}

/// The films to include. The default includes all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filters {
    /// Projections to include, ignoring case; empty includes all.
    pub views: Vec<String>,
    /// Minimum age in years.
    pub youngest: Option<f32>,
    /// Maximum age in years.
    pub oldest: Option<f32>,
    /// Leave out films of unknown age, if a minimum or maximum age is given.
    pub known_age: bool,
    /// Include only films with at least one of these findings; empty includes all.
    pub with: Vec<String>,
    /// Leave out films with any of these findings.
    pub without: Vec<String>,
}

/// A manifest with its sidecar.
#[derive(Debug, Clone)]
pub struct BuiltManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// Its sidecar.
    pub sidecar: Sidecar,
}

impl BuiltManifest {
    /// Writes the manifest and its sidecar.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.manifest.write(path)?;
        Ok(self.sidecar.write(path)?)
    }
}

/// Reads, amends, filters and verifies the films of the inputs, and joins them.
///
/// Every film is read, digested and decoded, so that a manifest has no unreadable film. `progress(done, of)`
/// counts films. `out` is the future path of the manifest: files below its folder get relative paths, others
/// absolute ones.
///
/// # Errors
/// A dataset with an unexpected layout, a label that the dataset does not define, a rule with a finding that
/// no dataset has. Missing and unreadable films are not errors: the sidecar counts them.
pub fn build(
    options: &BuildOptions,
    out: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<BuiltManifest, Error> {
    let amendments = options
        .amendments
        .iter()
        .map(|path| Amendments::read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut met: Vec<Vec<bool>> = amendments.iter().map(|table| vec![false; table.len()]).collect();
    let mut readings = Vec::new();
    for input in &options.inputs {
        let mut reading = (input.dataset.read)(&input.path, &input.name)?;
        let mut amended = AmendedFilms::new();
        for (table, met) in amendments.iter().zip(&mut met) {
            table.apply(&mut reading, &input.name, met, &mut amended)?;
        }
        readings.push(reading);
    }
    folders::join(&options.inputs, &mut readings);
    verify::unique_names(&mut readings);
    columns::check_names(options, &readings)?;
    for reading in &mut readings {
        filter(reading, options);
    }
    let identical = verify::verify(&mut readings, options.drop_identical, out, progress)?;

    let manifest = columns::assemble(options, &mut readings, out)?;
    let mut sidecar = Sidecar::bare(&manifest);
    sidecar.classes = options.classes.as_ref().map(ToString::to_string);
    sidecar.steps.extend(identical.step);
    sidecar.remarks.extend(identical.remarks);
    for ((path, table), met) in options.amendments.iter().zip(&amendments).zip(&met) {
        sidecar.amendments.push(FileRecord::of(path)?);
        sidecar
            .remarks
            .extend(Remark::of("amendment that met no film", &table.unmet(met)));
    }
    for (input, reading) in options.inputs.iter().zip(readings) {
        let mut record = source_record(input);
        record.files = reading
            .files
            .iter()
            .map(|path| FileRecord::of(path))
            .collect::<Result<_, _>>()?;
        record.listed = reading.listed;
        record.brought_in = reading.brought_in;
        record.kept = reading.records.len();
        record.steps = reading.steps;
        record.remarks = reading.remarks;
        if input.dataset.name == OWN {
            record.made_of = Sidecar::read(&input.path)?
                .map(|sidecar| sidecar.sources)
                .unwrap_or_default();
        }
        sidecar.sources.push(record);
    }
    Ok(BuiltManifest { manifest, sidecar })
}

/// The record of a dataset before its films are counted.
fn source_record(input: &BuildInput) -> SourceRecord {
    let dataset = input.dataset;
    SourceRecord {
        dataset: input.name.clone(),
        kind: dataset.name.to_string(),
        title: dataset.title.to_string(),
        path: input.path.clone(),
        licence: dataset.licence.to_string(),
        citation: dataset.citation.to_string(),
        url: dataset.url.to_string(),
        overlaps: dataset.overlaps.iter().map(ToString::to_string).collect(),
        files: Vec::new(),
        listed: 0,
        brought_in: 0,
        steps: Vec::new(),
        remarks: Vec::new(),
        kept: 0,
        made_of: Vec::new(),
    }
}

/// Applies the filters in a fixed order and counts each.
fn filter(reading: &mut DatasetContent, options: &BuildOptions) {
    let filters = &options.filters;
    if !filters.views.is_empty() {
        let views = filters.views.join(", ");
        reading.exclude(format!("view is none of {views}"), |record| {
            !filters
                .views
                .iter()
                .any(|view| record.view.eq_ignore_ascii_case(view))
        });
    }
    if let Some(youngest) = filters.youngest {
        reading.exclude(format!("younger than {youngest}"), |record| {
            years(record).is_some_and(|(_, most)| most < youngest)
        });
    }
    if let Some(oldest) = filters.oldest {
        reading.exclude(format!("older than {oldest}"), |record| {
            years(record).is_some_and(|(least, _)| least > oldest)
        });
    }
    if filters.known_age {
        reading.exclude("age unknown", |record| record.age.is_none());
    }
    let has = |record: &FilmRecord, names: &[String]| names.iter().any(|name| record.findings.has(name));
    if !filters.with.is_empty() {
        reading.exclude(format!("without any of {}", filters.with.join(", ")), |record| {
            !has(record, &filters.with)
        });
    }
    if !filters.without.is_empty() {
        reading.exclude(format!("with any of {}", filters.without.join(", ")), |record| {
            has(record, &filters.without)
        });
    }
    if let Some(classes) = &options.classes {
        for (verdict, reason) in [
            (ClassAssignment::Unmapped, "no class asks for its findings"),
            (ClassAssignment::Conflict, "its findings belong to two classes"),
            (
                ClassAssignment::Uncertain,
                "a finding that would decide its class is uncertain",
            ),
        ] {
            reading.exclude(reason, |record| classes.assign(&record.findings) == verdict);
        }
    }
}

/// The minimum and maximum age of the patient.
fn years(record: &FilmRecord) -> Option<(f32, f32)> {
    age_range(record.age, record.notes.get(AGE_GROUP).map(String::as_str))
}
