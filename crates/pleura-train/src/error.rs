//! Everything that can go wrong in this crate.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use crate::leaks::Leak;

/// Says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe that cannot be read as one, or that says something impossible.
    #[error("{}", recipe_message(path, *line, key, problem))]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// Line in the recipe, counted from 1, where one is known.
        line: Option<usize>,
        /// The entry at fault, as `stage.target.freeze`; empty where the message names it.
        key: String,
        /// What was found, and what would be right.
        problem: String,
    },

    /// The films and labels of a stage do not allow to train it.
    #[error("stage {stage}: {}: {problem}", manifest.display())]
    Data {
        /// Name of the stage.
        stage: String,
        /// Its manifest.
        manifest: PathBuf,
        /// What was found, what was expected, what to do.
        problem: String,
    },

    /// Films that would be learnt from are copies of films that are judged on.
    #[error("{}", leak_message(stage, manifest, leaks))]
    Leaks {
        /// Name of the stage.
        stage: String,
        /// Its manifest.
        manifest: PathBuf,
        /// The films.
        leaks: Vec<Leak>,
    },

    /// Starting weights that do not fit the recipe.
    #[error("stage {stage}: {}: {problem}", weights.display())]
    Start {
        /// Name of the stage.
        stage: String,
        /// The weights it should start from.
        weights: PathBuf,
        /// What was found, what was expected, what to do.
        problem: String,
    },

    /// Output neurons that should have been kept answer differently in the new network.
    #[error("stage {stage}: keeping output neurons failed its proof: {problem}")]
    Keeping {
        /// Name of the stage.
        stage: String,
        /// Which neuron, and what it answered before and after.
        problem: String,
    },

    /// The loss or a gradient is no number any more.
    #[error(
        "stage {stage}, epoch {epoch}, step {step}: the {what} is {value}; lower the learning rate, warm up, or clip the gradient"
    )]
    Diverged {
        /// Name of the stage.
        stage: String,
        /// Epoch, counted from 0.
        epoch: usize,
        /// Step within the stage, counted from 0.
        step: u64,
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// What it was.
        value: f64,
    },

    /// Another process writes this run.
    #[error("{}: another process is training in this run; wait for it, or choose another folder", out.display())]
    Locked {
        /// The run.
        out: PathBuf,
    },

    /// A folder that already holds a run, without `--resume`.
    #[error("{}: already holds a run; continue it with --resume, or choose another folder", out.display())]
    Occupied {
        /// The run.
        out: PathBuf,
    },

    /// A run that was begun with something else.
    #[error(
        "{}: cannot resume: {}.\nA resumed run must be the run that was begun. Undo the change, or choose another folder",
        out.display(),
        changes.join("; ")
    )]
    Changed {
        /// The run.
        out: PathBuf,
        /// What differs, one sentence each.
        changes: Vec<String>,
    },

    /// A file of the run whose contents are not what this program wrote.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found and what to do.
        problem: String,
    },

    /// Numbers handed to a function of this crate do not have the length its shapes say.
    #[error("{operation}: {what} has {found} numbers, expected {expected}")]
    Length {
        /// The function.
        operation: &'static str,
        /// The argument.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },

    /// A file could not be read or written.
    #[error("{}: could not {action}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read`, `write`, …
        action: &'static str,
        /// The system's word on it.
        source: io::Error,
    },

    /// The threads for a run could not be started.
    #[error("could not start {threads} threads: {problem}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The system's word on it.
        problem: String,
    },

    /// From film caches and batches.
    #[error(transparent)]
    Films(#[from] pleura_data::Error),

    /// From manifests.
    #[error(transparent)]
    Manifest(#[from] pleura_manifest::Error),

    /// From fractals.
    #[error(transparent)]
    Synthetic(#[from] pleura_synth::Error),

    /// From the network and its weights.
    #[error(transparent)]
    Network(#[from] pleura_nn::Error),

    /// From the evaluation.
    #[error(transparent)]
    Evaluation(#[from] pleura_eval::Error),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, action, source }
    }
}

fn leak_message(stage: &str, manifest: &Path, leaks: &[Leak]) -> String {
    let mut message = format!(
        "stage {stage}: {}: films to learn from that are copies of films this or a later stage is judged on ({}):",
        manifest.display(),
        leaks.len()
    );
    for leak in leaks.iter().take(LEAKS_TOLD) {
        let _ = write!(message, "\n  {leak}");
    }
    if leaks.len() > LEAKS_TOLD {
        let _ = write!(message, "\n  and {} more", leaks.len() - LEAKS_TOLD);
    }
    message
        + "\nSplit the manifest again (`pleura data split` keeps such films together), or train all the same with --allow-leaks"
}

/// Leaks that a message names.
const LEAKS_TOLD: usize = 5;

fn recipe_message(path: &std::path::Path, line: Option<usize>, key: &str, problem: &str) -> String {
    let mut message = path.display().to_string();
    if let Some(line) = line {
        let _ = write!(message, ":{line}");
    }
    if !key.is_empty() {
        let _ = write!(message, ": {key}");
    }
    let _ = write!(message, ": {problem}");
    message
}
