//! What a run tells whoever watches, and the one thing the watcher can answer: stop.

use std::{ops::ControlFlow, time::Duration};

use pleura_run::{Neurons, StageSummary, data::SplitCounts};

/// Watches a run. Breaking off ends it cleanly: a checkpoint is written and the run can be resumed.
pub trait Observer: Send {
    /// Called in order, from the thread that trains; of runs at the same time, from one after the other.
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()>;
}

/// Watches nothing and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn notice(&mut self, _: &Event<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Films are decoded into the cache: `done` of `of`.
    Decoding {
        /// Name of the stage whose films these are.
        stage: &'a str,
        /// Films finished.
        done: usize,
        /// Films that were missing.
        of: usize,
    },
    /// Systems of fractals are searched: `done` of `of` classes.
    Searching {
        /// Name of the stage whose classes they are.
        stage: &'a str,
        /// Classes found.
        done: usize,
        /// Classes in all.
        of: usize,
    },
    /// A run of a series begins, goes on, or is found finished.
    Run {
        /// Its name, which is its folder's.
        name: &'a str,
        /// Its number, from 0, and how many there are.
        number: (usize, usize),
        /// The run whose first stages it takes over, being equal, and how many.
        shared: Option<(&'a str, usize)>,
    },
    /// A stage begins, or goes on after a checkpoint.
    Stage(StageStart<'a>),
    /// A training step is done.
    Step(StepProgress<'a>),
    /// Films of a split are being answered: `done` of `of`.
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
    /// Something happened in one of several runs that are carried out at the same time.
    Member {
        /// The run's name.
        name: &'a str,
        /// What happened.
        event: &'a Event<'a>,
    },
    /// Something worth a line, such as a damaged checkpoint that was passed over.
    Note(String),
}

/// What a stage starts from.
#[derive(Clone, Debug)]
pub struct StageStart<'a> {
    /// Its name.
    pub stage: &'a str,
    /// Its number, from 0, and how many there are.
    pub number: (usize, usize),
    /// Epochs it may take.
    pub epochs: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: usize,
    /// Films to train on.
    pub train: &'a SplitCounts,
    /// Films to validate on.
    pub validation: &'a SplitCounts,
    /// Where the output neurons come from.
    pub neurons: &'a Neurons,
    /// Step at which it goes on, where it was resumed.
    pub resumed_at: Option<u64>,
}

/// One training step.
#[derive(Clone, Debug)]
pub struct StepProgress<'a> {
    /// Name of the stage.
    pub stage: &'a str,
    /// Epoch, from 0.
    pub epoch: usize,
    /// Steps done in this epoch, and how many it has.
    pub in_epoch: (usize, usize),
    /// Steps done in the stage, and how many it may take.
    pub in_stage: (u64, u64),
    /// Loss of this batch.
    pub loss: f64,
    /// Mean loss of the epoch so far.
    pub epoch_loss: f64,
    /// Films a second since the stage began or went on.
    pub films_per_second: f64,
    /// Share of the time that was spent waiting for films.
    pub waiting: f64,
    /// Until the stage's last step, at the present pace; validation counted in once one was measured.
    pub time_left: Duration,
}

/// One epoch.
#[derive(Clone, Debug)]
pub struct EpochEnd<'a> {
    /// Name of the stage.
    pub stage: &'a str,
    /// Epoch, from 0, and how many there may be.
    pub epoch: (usize, usize),
    /// Mean training loss.
    pub train_loss: f64,
    /// Mean validation loss.
    pub validation_loss: f64,
    /// Share of right answers, exclusive classes only.
    pub accuracy: Option<f64>,
    /// Mean area under the ROC curves.
    pub macro_auc: Option<f64>,
    /// True if this is the best epoch so far.
    pub best: bool,
}
