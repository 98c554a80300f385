//! Everything that can go wrong in this crate.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use pleura_run::data::Leak;

/// Says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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

    /// The threads for a run could not be started.
    #[error("could not start {threads} threads: {problem}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The system's word on it.
        problem: String,
    },

    /// From the run's folder and its recipe.
    #[error(transparent)]
    Run(#[from] pleura_run::Error),

    /// From writing a file.
    #[error(transparent)]
    Write(#[from] pleura_core::FileError),

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
