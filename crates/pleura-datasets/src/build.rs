//! Datasets on disk to one manifest, with every film that is left out counted.

mod columns;
mod verify;

use std::path::{Path, PathBuf};

use pleura_manifest::{AGE_GROUP, FileRecord, Manifest, Remark, Sidecar, SourceRecord, age_range};

use crate::Error;
use crate::adapters::{Dataset, DatasetContent, FilmRecord, OWN};
use crate::amend::Amendments;
use crate::classes::{ClassAssignment, ClassMap};

/// What a manifest is to be built from, and what is to go into it.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// The datasets, in order.
    pub inputs: Vec<BuildInput>,
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
pub struct BuildInput {
    /// The dataset.
    pub dataset: &'static Dataset,
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
pub struct BuiltManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// Its sidecar.
    pub sidecar: Sidecar,
}

impl BuiltManifest {
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
        for (table, met) in amendments.iter().zip(&mut met) {
            table.apply(&mut reading, &input.name, met)?;
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

/// The filters, in a fixed order, each with its own count.
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

/// The least and the most years that a patient may have.
fn years(record: &FilmRecord) -> Option<(f32, f32)> {
    age_range(record.age, record.notes.get(AGE_GROUP).map(String::as_str))
}
