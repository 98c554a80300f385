//! The records of a step: log, timings, curves, and the observer's event.

use pleura_run::{
    log::{self, LogEvent, LogLine},
    timing::{StepTiming, TimingEvent, TimingLine},
};

use super::{StageRun, Step, Times};
use crate::{
    error::Error,
    observer::{Event, StepProgress},
};

impl StageRun<'_> {
    /// Appends an event of this stage to `log.jsonl`.
    pub(super) fn log_event(&mut self, event: LogEvent) -> Result<(), Error> {
        let stage = self.plan.stage.name.clone();
        self.log.line(&LogLine { stage, event })
    }

    /// Appends a time to `timing.jsonl`.
    pub(super) fn log_timing(&mut self, event: TimingEvent) -> Result<(), Error> {
        let stage = self.plan.stage.name.clone();
        self.timing.line(&TimingLine { stage, event })
    }

    pub(super) fn record_step(&mut self, step: &Step, times: &Times) -> Result<(), Error> {
        let stage = &self.plan.stage;
        let epoch = self.position.epoch;
        self.log_event(LogEvent::Step(log::Step {
            step: step.number,
            epoch,
            loss: step.loss,
            parts: step.parts,
            lr: step.rates.clone(),
            grad_norm: Some(step.grad_norm),
        }))?;
        self.log_timing(TimingEvent::Step(StepTiming {
            step: step.number,
            seconds: times.seconds,
            waited: times.waited,
            convolved: times.convolved,
        }))?;
        let mut scalars = vec![
            ("step/loss".to_owned(), step.loss),
            ("step/grad_norm".to_owned(), step.grad_norm),
        ];
        if let Some(parts) = step.parts {
            scalars.extend([
                ("step/cross_entropy".to_owned(), parts.cross_entropy),
                ("step/l1".to_owned(), parts.l1),
                ("step/l2".to_owned(), parts.l2),
            ]);
        }
        scalars.extend(
            step.rates
                .iter()
                .map(|(group, rate)| (format!("lr/{group}"), *rate)),
        );
        self.events.scalars(step.number, &scalars)?;
        let steps = self.plan.steps_per_epoch();
        let progress = StepProgress {
            stage: &stage.name,
            epoch,
            in_epoch: (self.position.batch, steps),
            in_stage: (self.position.step, (steps * stage.epochs) as u64),
            loss: step.loss,
            epoch_loss: self.position.epoch_loss(),
            films_per_second: self.throughput.films_per_second(),
            waiting: self.throughput.waiting(),
            time_left: self.throughput.left(self.position.step, epoch),
        };
        self.stop |= self.observer.notice(&Event::Step(progress)).is_break();
        Ok(())
    }
}
