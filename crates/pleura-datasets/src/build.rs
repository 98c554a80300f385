//! Datasets on disk to one manifest, with every film that is left out counted.

mod columns;
mod verify;

use std::path::{Path, PathBuf};

use pleura_manifest::{AGE_GROUP, FileRecord, Manifest, Remark, Sidecar, SourceRecord, years_of};

use crate::Error;
use crate::amend::Amendments;
use crate::classes::{ClassMap, Verdict};
use crate::sources::{OWN, Reading, Record, Source};

/// What a manifest is to be built from, and what is to go into it.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// The datasets, in order.
    pub sources: Vec<Dataset>,
    /// Tables of amendments, in order.
    pub amendments: Vec<PathBuf>,
    /// Which films go in.
    pub filters: Filters,
    /// The classes that the findings are turned into; `None` keeps the findings.
    pub classes: Option<ClassMap>,
    /// The columns of findings to write, in order; `None` writes all. Not together with classes.
    pub findings: Option<Vec<String>>,
    /// Leave out all but the first of films whose pixels are equal.
    pub drop_identical: bool,
}

/// A dataset on disk.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its kind.
    pub source: &'static Source,
    /// What the manifest shall call it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// Which films go in. The default lets all of them in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filters {
    /// Projections to keep, compared without regard to case; empty keeps all.
    pub views: Vec<String>,
    /// Youngest age in years.
    pub youngest: Option<f32>,
    /// Oldest age in years.
    pub oldest: Option<f32>,
    /// Leave out films whose patient's age is unknown, where a youngest or an oldest is given.
    pub known_age: bool,
    /// Keep only films with at least one of these findings; empty keeps all.
    pub with: Vec<String>,
    /// Leave out films with any of these findings.
    pub without: Vec<String>,
}

/// A manifest and the account of how it came about.
#[derive(Debug, Clone)]
pub struct Built {
    /// The manifest.
    pub manifest: Manifest,
    /// Its sidecar.
    pub sidecar: Sidecar,
}

impl Built {
    /// Writes the manifest and, beside it, its sidecar.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.manifest.write(path)?;
        Ok(self.sidecar.write(path)?)
    }
}

/// Reads the datasets, amends, filters and verifies their films, and puts them together.
///
/// Every film is read, digested and decoded, so that nothing unreadable gets into a manifest; `progress(done, of)` counts films. `out` is where the manifest will lie: films below its
/// folder get relative paths, others absolute ones.
///
/// # Errors
/// A dataset that is not laid out as it should be, a label that its dataset does not know, a rule that names a finding no dataset has. A missing or
/// unreadable film is no error: it is counted in the sidecar.
pub fn build(
    options: &BuildOptions,
    out: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Built, Error> {
    let amendments = options
        .amendments
        .iter()
        .map(|path| Amendments::read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut met: Vec<Vec<bool>> = amendments.iter().map(|table| vec![false; table.len()]).collect();
    let mut readings = Vec::new();
    for dataset in &options.sources {
        let mut reading = (dataset.source.read)(&dataset.path, &dataset.name)?;
        for (table, met) in amendments.iter().zip(&mut met) {
            table.apply(&mut reading, &dataset.name, met)?;
        }
        readings.push(reading);
    }
    verify::unique_names(&mut readings);
    columns::check_names(options, &readings)?;
    for reading in &mut readings {
        filter(reading, options);
    }
    let identical = verify::verify(&mut readings, options.drop_identical, progress)?;

    let manifest = columns::assemble(options, &readings, out)?;
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
    for (dataset, reading) in options.sources.iter().zip(readings) {
        let mut record = source_record(dataset);
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
        if dataset.source.name == OWN {
            record.made_of = Sidecar::read(&dataset.path)?
                .map(|sidecar| sidecar.sources)
                .unwrap_or_default();
        }
        sidecar.sources.push(record);
    }
    Ok(Built { manifest, sidecar })
}

/// The record of a dataset before its films are counted.
fn source_record(dataset: &Dataset) -> SourceRecord {
    let source = dataset.source;
    SourceRecord {
        dataset: dataset.name.clone(),
        kind: source.name.to_string(),
        title: source.title.to_string(),
        path: dataset.path.clone(),
        licence: source.licence.to_string(),
        citation: source.citation.to_string(),
        url: source.url.to_string(),
        overlaps: source.overlaps.iter().map(ToString::to_string).collect(),
        files: Vec::new(),
        listed: 0,
        brought_in: 0,
        steps: Vec::new(),
        remarks: Vec::new(),
        kept: 0,
        made_of: Vec::new(),
    }
}

/// The filters, in a fixed order, each with its own count.
fn filter(reading: &mut Reading, options: &BuildOptions) {
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
    let has = |record: &Record, names: &[String]| names.iter().any(|name| record.findings.has(name));
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
            (Verdict::Unmapped, "no class asks for its findings"),
            (Verdict::Conflict, "its findings belong to two classes"),
            (
                Verdict::Uncertain,
                "a finding that would decide its class is uncertain",
            ),
        ] {
            reading.exclude(reason, |record| classes.verdict(&record.findings) == verdict);
        }
    }
}

/// The least and the most years that a patient may have.
fn years(record: &Record) -> Option<(f32, f32)> {
    years_of(record.age, record.notes.get(AGE_GROUP).map(String::as_str))
}
