//! Events of a run, for a program that shows them and may stop the run.

use std::{ops::ControlFlow, time::Duration};

use pleura_run::{
    Neurons, StageSummary,
    data::{SamplingEffect, SplitCounts},
};

/// Receives the events of a run. `Break` stops the run: it writes a checkpoint and can be resumed.
pub trait Observer: Send {
    /// Called in order, from the thread that trains. Parallel runs call one after the other.
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()>;
}

/// Ignores all events and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn notice(&mut self, _: &Event<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// An event of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Films are decoded into the cache.
    Decoding {
        /// Name of the stage whose films these are.
        stage: &'a str,
        /// Films finished.
        done: usize,
        /// Films that were missing.
        of: usize,
    },
    /// Iterated function systems of fractals are searched.
    Searching {
        /// Name of the stage whose classes they are.
        stage: &'a str,
        /// Classes found.
        done: usize,
        /// Classes in all.
        of: usize,
    },
    /// A run of a series begins, is resumed, or is found finished.
    Run {
        /// Its name, which is also the name of its folder.
        name: &'a str,
        /// Its number, from 0, and the number of runs.
        number: (usize, usize),
        /// The run whose first stages it copies, and how many.
        shared: Option<(&'a str, usize)>,
    },
    /// A stage begins, or is resumed from a checkpoint.
    Stage(StageStart<'a>),
    /// A training step is done.
    Step(StepProgress<'a>),
    /// Predictions of films of a split are made.
    Answering {
        /// Name of the stage.
        stage: &'a str,
        /// `validation` or `test`.
        split: &'a str,
        /// Films finished.
        done: usize,
        /// Films in all.
        of: usize,
    },
    /// An epoch is done and validated.
    Epoch(EpochEnd<'a>),
    /// A stage is done and evaluated.
    StageEnd(&'a StageSummary),
    /// A stage was finished before this run was resumed.
    StageSkipped(&'a StageSummary),
    /// An event of one of several parallel runs.
    Member {
        /// The run's name.
        name: &'a str,
        /// The event.
        event: &'a Event<'a>,
    },
    /// A note, such as a damaged checkpoint that was ignored.
    Note(String),
}

/// The start of a stage.
#[derive(Clone, Debug)]
pub struct StageStart<'a> {
    /// Its name.
    pub stage: &'a str,
    /// Its number, from 0, and the number of stages.
    pub number: (usize, usize),
    /// Epochs it may take.
    pub epochs: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: usize,
    /// Films to train on.
    pub train: &'a SplitCounts,
    /// Films to validate on.
    pub validation: &'a SplitCounts,
    /// The effect of the recipe's `sampling`.
    pub sampling: Option<&'a SamplingEffect>,
    /// The origin of the output neurons.
    pub neurons: &'a Neurons,
    /// The step at which it is resumed.
    pub resumed_at: Option<u64>,
}

/// A training step.
#[derive(Clone, Debug)]
pub struct StepProgress<'a> {
    /// Name of the stage.
    pub stage: &'a str,
    /// Epoch, from 0.
    pub epoch: usize,
    /// Steps done in this epoch, and steps of an epoch.
    pub in_epoch: (usize, usize),
    /// Steps done in the stage, and the most it may take.
    pub in_stage: (u64, u64),
    /// Loss of this batch.
    pub loss: f64,
    /// Mean loss of the epoch so far.
    pub epoch_loss: f64,
    /// Films per second since the stage began or was resumed.
    pub films_per_second: f64,
    /// Share of the time spent waiting for films.
    pub waiting: f64,
    /// Estimate of the time to the stage's last step. It includes validations once the first is measured.
    pub time_left: Duration,
}

/// An epoch.
#[derive(Clone, Debug)]
pub struct EpochEnd<'a> {
    /// Name of the stage.
    pub stage: &'a str,
    /// Epoch, from 0, and the most there may be.
    pub epoch: (usize, usize),
    /// Mean training loss.
    pub train_loss: f64,
    /// Mean validation loss.
    pub validation_loss: f64,
    /// Share of correct predictions, exclusive classes only.
    pub accuracy: Option<f64>,
    /// Mean area under the ROC curves.
    pub macro_auc: Option<f64>,
    /// True if no earlier epoch was better.
    pub best: bool,
}
