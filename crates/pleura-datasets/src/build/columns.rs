//! The finding columns of a manifest, and its rows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{BuildOptions, ClassAssignment};
use crate::Error;
use crate::adapters::{DatasetContent, FilmRecord, OWN, PATHS};
use crate::labels::Vocabulary;
use pleura_manifest::{
    COLUMNS, Label, MASK_COLUMNS, Manifest, ManifestFolder, Masks, NOTE_PREFIX, Row, each,
};

/// Refuses rules with a finding that no dataset has, most likely a typing error.
pub(super) fn check_names(options: &BuildOptions, readings: &[DatasetContent]) -> Result<(), Error> {
    if options.classes.is_some() && options.findings.is_some() {
        return Err(Error::Rule {
            what: "choice of findings",
            text: options.findings.clone().unwrap_or_default().join(","),
            problem: "with a class map the classes are the columns; leave the choice of findings out".into(),
        });
    }
    for (number, input) in options.inputs.iter().enumerate() {
        // Rows of an input manifest keep their dataset's name.
        if input.dataset.name != OWN
            && options.inputs[..number].iter().any(|other| {
                other.name == input.name && ![OWN, input.dataset.name].contains(&other.dataset.name)
            })
        {
            return Err(Error::Rule {
                what: "dataset",
                text: input.name.clone(),
                problem: "two datasets have this name; give one of them another".into(),
            });
        }
    }
    let mut known = BTreeSet::new();
    for reading in readings {
        known.extend(reading.findings.iter().cloned());
        known.extend(
            reading
                .records
                .iter()
                .flat_map(|record| record.findings.present())
                .flatten(),
        );
    }
    let asked: Vec<(&'static str, &str)> = options
        .classes
        .iter()
        .flat_map(|classes| classes.findings().map(|name| ("class map", name)))
        .chain(
            options
                .findings
                .iter()
                .flatten()
                .map(|name| ("choice of findings", name.as_str())),
        )
        .chain(
            options
                .filters
                .with
                .iter()
                .chain(&options.filters.without)
                .map(|name| ("filter", name.as_str())),
        )
        .collect();
    for (what, name) in asked {
        if !known.contains(name) {
            let known: Vec<String> = known.into_iter().collect();
            let problem = format!(
                "no film here has this finding; the findings are {}",
                known.join(", ")
            );
            return Err(Error::Rule {
                what,
                text: name.to_string(),
                problem,
            });
        }
    }
    Ok(())
}

/// Joins the films of all datasets in one table.
pub(super) fn assemble(
    options: &BuildOptions,
    readings: &mut [DatasetContent],
    out: &Path,
) -> Result<Manifest, Error> {
    let vocabularies: Vec<Vocabulary> = readings
        .iter()
        .map(|reading| Vocabulary::new(&reading.findings, &reading.records))
        .collect();
    let findings = match (&options.classes, &options.findings) {
        (Some(classes), _) => classes.names(),
        (None, Some(chosen)) => chosen.clone(),
        (None, None) => {
            let mut all: Vec<String> = Vec::new();
            for (reading, vocabulary) in readings.iter().zip(&vocabularies) {
                for finding in reading
                    .findings
                    .iter()
                    .chain(vocabulary.beside(&reading.findings))
                {
                    if !all.contains(finding) {
                        all.push(finding.clone());
                    }
                }
            }
            all
        }
    };
    for finding in &findings {
        let taken = COLUMNS.contains(&finding.as_str()) || MASK_COLUMNS.contains(&finding.as_str());
        if taken || finding.starts_with(NOTE_PREFIX) || finding.trim() != finding || finding.is_empty() {
            let problem = "a manifest has a column of this name for something else; give it another name by a class map";
            return Err(Error::Rule {
                what: "finding",
                text: finding.clone(),
                problem: problem.into(),
            });
        }
    }
    if options.classes.is_none() {
        note_paths(readings, &vocabularies, &findings, options);
    }
    let notes: BTreeSet<&String> = readings
        .iter()
        .flat_map(|reading| &reading.records)
        .flat_map(|record| record.notes.keys())
        .collect();
    let mut manifest = Manifest::new(out.parent().unwrap_or(Path::new("")), findings);
    manifest.notes = notes.into_iter().cloned().collect();
    let place = ManifestFolder::of_file(out)?;
    for (reading, vocabulary) in readings.iter().zip(&vocabularies) {
        for record in &reading.records {
            let labels = labels(options, vocabulary, record, &manifest.findings);
            manifest.rows.push(row(record, labels, &manifest.notes, &place)?);
        }
    }
    // Datasets keep their order. Within one, films are sorted by name.
    let mut order: Vec<&str> = Vec::new();
    for dataset in readings
        .iter()
        .flat_map(|reading| &reading.records)
        .map(|record| record.dataset.as_str())
    {
        if !order.contains(&dataset) {
            order.push(dataset);
        }
    }
    let rank = |row: &Row| order.iter().position(|&dataset| dataset == row.dataset);
    manifest
        .rows
        .sort_by(|a, b| (rank(a), &a.film).cmp(&(rank(b), &b.film)));
    Ok(manifest)
}

/// Keeps the hierarchy of findings in a note where the columns and the publisher's own words do not have it, so
/// that classes made from this manifest are those made from its sources.
fn note_paths(
    readings: &mut [DatasetContent],
    vocabularies: &[Vocabulary],
    findings: &[String],
    options: &BuildOptions,
) {
    for (reading, vocabulary) in readings.iter_mut().zip(vocabularies) {
        for record in &mut reading.records {
            if record.findings.present().iter().all(|path| path.len() < 2) {
                continue;
            }
            let labels = labels(options, vocabulary, record, findings);
            let labels = findings.iter().cloned().zip(labels).collect();
            if let Some(paths) = record.findings.paths_note(labels, &record.notes) {
                record.notes.insert(PATHS.into(), paths);
            }
        }
    }
}

fn labels(
    options: &BuildOptions,
    vocabulary: &Vocabulary,
    record: &FilmRecord,
    findings: &[String],
) -> Vec<Label> {
    match &options.classes {
        None => findings
            .iter()
            .map(|finding| vocabulary.label(&record.findings, finding))
            .collect(),
        Some(classes) => {
            let class = classes.assign(&record.findings);
            let label = |number| {
                if class == ClassAssignment::Class(number) {
                    Label::Positive
                } else {
                    Label::Negative
                }
            };
            (0..findings.len()).map(label).collect()
        }
    }
}

fn row(
    record: &FilmRecord,
    labels: Vec<Label>,
    notes: &[String],
    place: &ManifestFolder,
) -> Result<Row, Error> {
    let mask = |mask: &Option<PathBuf>| {
        let placed = mask.as_deref().map(|mask| each(mask, |file| place.path(file)));
        placed.transpose()
    };
    Ok(Row {
        film: record.film.clone(),
        path: place.path(&record.file)?,
        sha256: record.sha256.clone().unwrap_or_default(),
        dataset: record.dataset.clone(),
        patient: record.patient.clone(),
        study: record.study.clone(),
        view: record.view.clone(),
        sex: record.sex,
        age: record.age,
        split: record.split,
        labels,
        masks: Masks {
            lung: mask(&record.masks.lung)?,
            lesion: mask(&record.masks.lesion)?,
            text: mask(&record.masks.text)?,
        },
        notes: notes
            .iter()
            .map(|note| record.notes.get(note).cloned().unwrap_or_default())
            .collect(),
    })
}
