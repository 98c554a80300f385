//! External sources: other manifests, or datasets of the same manifest that the model was not trained on.

use std::collections::BTreeSet;
use std::path::Path;

use pleura_eval::{Options, Predictions, SourceComparison, by_source};
use pleura_manifest::Manifest;

use super::{AnswerSource, Answers, Caller, EvaluateOptions, FilmSelection};
use crate::training_history::TrainingHistory;
use crate::{AppliedCalibration, Error};

/// Evaluates each source separately; `None` without external films.
pub(super) fn sources(
    args: &EvaluateOptions,
    subject: &AnswerSource,
    applied: Option<&AppliedCalibration>,
    answers: &Answers,
    options: &Options,
    notes: &mut Vec<String>,
    caller: Caller<'_>,
) -> Result<Option<SourceComparison>, Error> {
    let history = subject.model().map(TrainingHistory::of).transpose()?.flatten();
    notes.extend(history.iter().flat_map(|history| history.missing.clone()));
    let inside: Option<BTreeSet<String>> = if args.internal.is_empty() {
        history.as_ref().and_then(|history| history.datasets.clone())
    } else {
        Some(args.internal.iter().cloned().collect())
    };
    let all = &answers.predictions;
    for name in &args.internal {
        if !all.datasets.contains(name) {
            let known: BTreeSet<&str> = all.datasets.iter().map(String::as_str).collect();
            let known: Vec<&str> = known.into_iter().collect();
            return Err(Error::value(
                "internal",
                format!(
                    "{name}: no evaluated film is from this dataset; they are from {}",
                    known.join(", ")
                ),
            ));
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
            return Err(Error::value(
                "external",
                format!(
                    "{}: another source is called {name:?}; give this one a name (NAME={})",
                    path.display(),
                    path.display()
                ),
            ));
        }
        external.push((
            name.clone(),
            outside(
                args,
                subject,
                applied,
                path,
                &name,
                history.as_ref(),
                notes,
                caller,
            )?,
        ));
    }
    if external.is_empty() {
        return Ok(None);
    }
    if internal.labelled().is_empty() {
        if !args.external.is_empty() {
            return Err(Error::missing(
                "internal",
                "no evaluated film is from a dataset of the model's training, so there is nothing to compare external films with",
            ));
        }
        notes.push("all films are external: none is from a dataset that the model was trained on".to_owned());
        return Ok(None);
    }
    Ok(Some(by_source(&internal, &external, options)?))
}

/// Answers for the films of an external manifest, or another table of answers.
fn outside(
    args: &EvaluateOptions,
    subject: &AnswerSource,
    applied: Option<&AppliedCalibration>,
    path: &Path,
    name: &str,
    history: Option<&TrainingHistory>,
    notes: &mut Vec<String>,
    caller: Caller<'_>,
) -> Result<Predictions, Error> {
    if subject.model().is_none() {
        let table = Predictions::read(path)?;
        return Ok(match applied {
            Some(applied) => applied.calibration.apply(&table)?,
            None => table,
        });
    }
    let manifest = Manifest::read(path)?;
    let split = if manifest.rows.iter().all(|row| row.split.is_none()) {
        FilmSelection::All
    } else {
        args.external_films
    };
    let found = subject.answers(args, Some(path), split, applied, caller)?;
    notes.extend(found.notes.iter().map(|note| format!("{name}: {note}")));
    let Some(history) = history else {
        return Ok(found.predictions);
    };
    let overlap = history.overlap(&manifest);
    let known: BTreeSet<&str> = overlap
        .rows
        .iter()
        .map(|&row| manifest.rows[row].film.as_str())
        .collect();
    let answers = &found.predictions;
    let rows: Vec<usize> = (0..answers.len())
        .filter(|&row| !known.contains(answers.films[row].as_str()))
        .collect();
    let left_out = answers.len() - rows.len();
    if left_out > 0 {
        notes.push(format!(
            "{name}: {left_out} films left out, because the model was trained on them or on other films of their patients"
        ));
    }
    let rest = answers.select(&rows);
    if rest.is_empty() {
        return Err(Error::request(format!(
            "{}: the model was trained on all of its films, or on other films of their patients: it is not an external source",
            path.display()
        )));
    }
    Ok(rest)
}
