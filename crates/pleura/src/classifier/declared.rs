//! Task and preparation: as the weight file declares them, or as they were set.

use std::path::Path;

use pleura_film::Preparation;
use pleura_nn::Weights;

use crate::{Error, OpenOptions, Task};

/// Key of the task in a weight file's metadata.
pub(crate) const TASK: &str = "kind";
/// Key of the preparation (JSON) in a weight file's metadata.
pub(crate) const PREPARATION: &str = "preparation";

/// Refuses weights that lack both facts, in one message.
pub(super) fn check(path: &Path, weights: &Weights, options: &OpenOptions) -> Result<(), Error> {
    let no_task = options.task.is_none() && !weights.metadata.contains_key(TASK);
    let no_preparation =
        (options.size.is_none() || options.fit.is_none()) && !weights.metadata.contains_key(PREPARATION);
    if no_task && no_preparation {
        return Err(Error::FactsUnknown {
            path: path.to_owned(),
        });
    }
    Ok(())
}

pub(super) fn task(path: &Path, weights: &Weights, options: &OpenOptions) -> Result<Task, Error> {
    let path = || path.to_owned();
    let Some(found) = weights.metadata.get(TASK) else {
        return options.task.ok_or_else(|| Error::TaskUnknown { path: path() });
    };
    let stored = Task::by_name(found).ok_or_else(|| Error::TaskInvalid {
        path: path(),
        found: found.clone(),
    })?;
    match options.task {
        Some(set) if set != stored => Err(Error::TaskContradicts {
            path: path(),
            set,
            stored,
        }),
        _ => Ok(stored),
    }
}

pub(super) fn preparation(
    path: &Path,
    weights: &Weights,
    options: &OpenOptions,
) -> Result<Preparation, Error> {
    let path = || path.to_owned();
    let (size, fit) = (options.size, options.fit);
    let Some(stored) = weights.metadata.get(PREPARATION) else {
        let (Some(size), Some(fit)) = (size, fit) else {
            return Err(Error::PreparationUnknown { path: path() });
        };
        return Ok(Preparation {
            size,
            fit,
            ..Preparation::default()
        });
    };
    let stored: Preparation = serde_json::from_str(stored).map_err(|source| Error::PreparationInvalid {
        path: path(),
        stored: stored.clone(),
        source,
    })?;
    if size.is_some_and(|size| size != stored.size) || fit.is_some_and(|fit| fit != stored.fit) {
        return Err(Error::PreparationContradicts { path: path(), stored });
    }
    Ok(stored)
}
