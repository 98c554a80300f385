//! The errors of this crate.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use pleura_run::data::Leak;

/// The cause of a failed training: what was found, what was expected, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The films and labels of a stage are not sufficient for training.
    #[error("stage {stage}: {}: {problem}", manifest.display())]
    Data {
        /// Name of the stage.
        stage: String,
        /// Its manifest.
        manifest: PathBuf,
        /// The problem and its remedy.
        problem: String,
    },

    /// Films to train on have duplicates in a held-out split.
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
        /// The starting weights.
        weights: PathBuf,
        /// The problem and its remedy.
        problem: String,
    },

    /// Kept output neurons have other logits in the new network.
    #[error("stage {stage}: the proof of kept output neurons failed: {problem}")]
    Keeping {
        /// Name of the stage.
        stage: String,
        /// The neuron, and its logits before and after.
        problem: String,
    },

    /// The loss or a gradient is not finite.
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
        /// Its value.
        value: f64,
    },

    /// A folder that already holds a run, without `--resume`.
    #[error("{}: already holds a run; continue it with --resume, or choose another folder", out.display())]
    Occupied {
        /// The run.
        out: PathBuf,
    },

    /// A run that began with other inputs.
    #[error(
        "{}: cannot resume: {}.\nA resumed run must have the inputs that it began with. Undo the change, or choose another folder",
        out.display(),
        changes.join("; ")
    )]
    Changed {
        /// The run.
        out: PathBuf,
        /// The differences, one sentence each.
        changes: Vec<String>,
    },

    /// An argument whose length does not fit its shape.
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
        /// Number of threads.
        threads: usize,
        /// The system's reason.
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
        "stage {stage}: {}: training or validation films with a duplicate in a held-out split of this or a later stage ({}):",
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
        + "\nSplit the manifest again (`pleura data split` keeps duplicates together), or train anyway with --allow-leaks"
}

/// The most leaks that a message names.
const LEAKS_TOLD: usize = 5;
