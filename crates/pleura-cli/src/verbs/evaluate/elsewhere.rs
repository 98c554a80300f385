//! Films from elsewhere: other manifests, or datasets of the same one that the model was not trained on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pleura::AppliedCalibration;
use pleura_eval::{Options, Predictions, SourceComparison, by_source};
use pleura_manifest::Manifest;

use super::answers::{Answers, Subject};
use super::learnt::{Learnt, unknown};
use super::{Args, SplitChoice};

/// `[NAME=]FILE`.
pub fn parse(text: &str) -> Result<(Option<String>, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.trim().is_empty() && !path.is_empty() => {
            Ok((Some(name.trim().to_owned()), path.into()))
        }
        Some(_) => Err("expected NAME=M.csv, or M.csv alone".to_owned()),
        None => Ok((None, text.into())),
    }
}

/// Measures each source apart. `None` where there is nothing from elsewhere.
pub fn sources(
    args: &Args,
    subject: &Subject,
    applied: Option<&AppliedCalibration>,
    answers: &Answers,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Option<SourceComparison>> {
    let learnt = subject.model().map(Learnt::of).transpose()?.flatten();
    notes.extend(learnt.iter().flat_map(|learnt| learnt.missing.clone()));
    let inside: Option<BTreeSet<String>> = if args.internal.is_empty() {
        learnt.as_ref().and_then(|learnt| learnt.datasets.clone())
    } else {
        Some(args.internal.iter().cloned().collect())
    };
    let all = &answers.predictions;
    for name in &args.internal {
        if !all.datasets.contains(name) {
            let known: BTreeSet<&str> = all.datasets.iter().map(String::as_str).collect();
            let known: Vec<&str> = known.into_iter().collect();
            bail!(
                "--internal {name}: none of the films evaluated is from there; they are from {}",
                known.join(", ")
            );
        }
    }
    let (mut internal, mut external) = (all.clone(), Vec::new());
    if let Some(inside) = &inside {
        let of = |keep: &dyn Fn(&str) -> bool| -> Predictions {
            let rows: Vec<usize> = (0..all.len()).filter(|&row| keep(&all.datasets[row])).collect();
            all.select(&rows)
        };
        let others: BTreeSet<&String> = all
            .datasets
            .iter()
            .filter(|name| !inside.contains(*name))
            .collect();
        internal = of(&|name| inside.contains(name));
        for name in others {
            external.push((name.clone(), of(&|other| other == name)));
        }
    }
    for (name, path) in &args.external {
        let name = name.clone().unwrap_or_else(|| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        });
        if external.iter().any(|(other, _)| *other == name) {
            bail!(
                "--external {}: there is a source {name:?} already; name this one with --external NAME={}",
                path.display(),
                path.display()
            );
        }
        external.push((
            name.clone(),
            outside(args, subject, applied, path, &name, learnt.as_ref(), notes)?,
        ));
    }
    if external.is_empty() {
        return Ok(None);
    }
    if internal.labelled().is_empty() {
        if !args.external.is_empty() {
            bail!(
                "none of the films evaluated is from where the model was trained, so nothing can be lost elsewhere; say with --internal which datasets are inside"
            );
        }
        notes.push(
            "none of these films is from a dataset that the model was trained on: they are all from elsewhere".to_owned(),
        );
        return Ok(None);
    }
    Ok(Some(by_source(&internal, &external, options)?))
}

/// The answers to another manifest's films, or another table of answers.
fn outside(
    args: &Args,
    subject: &Subject,
    applied: Option<&AppliedCalibration>,
    path: &Path,
    name: &str,
    learnt: Option<&Learnt>,
    notes: &mut Vec<String>,
) -> Result<Predictions> {
    if subject.model().is_none() {
        let table = Predictions::read(path)?;
        return Ok(match applied {
            Some(applied) => applied.calibration.apply(&table)?,
            None => table,
        });
    }
    let split = if Manifest::read(path)?.rows.iter().all(|row| row.split.is_none()) {
        SplitChoice::All
    } else {
        args.external_split
    };
    let found = subject.answers(args, Some(path), split, applied)?;
    notes.extend(found.notes.iter().map(|note| format!("{name}: {note}")));
    let Some(learnt) = learnt else {
        return Ok(found.predictions);
    };
    let (rest, known) = unknown(&found.predictions, path, learnt)?;
    if known > 0 {
        notes.push(format!(
            "{name}: {known} films left out, because the model has learnt from them or from others of their patients"
        ));
    }
    if rest.is_empty() {
        bail!(
            "{}: the model has learnt from all of its films, or from others of their patients: this is no other source",
            path.display()
        );
    }
    Ok(rest)
}
