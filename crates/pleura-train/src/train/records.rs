//! What a step leaves in the log, the timings, the curves and before the observer's eyes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{StageRun, Step, Times};
use crate::{
    error::Error,
    observer::{Event, StepProgress},
};

impl StageRun<'_> {
    pub(super) fn record_step(&mut self, step: &Step, times: &Times) -> Result<(), Error> {
        let stage = &self.plan.stage;
        let epoch = self.position.epoch;
        self.log.line(&StepLine {
            stage: &stage.name,
            event: "step",
            step: step.number,
            epoch,
            loss: step.loss,
            parts: step.parts.map(|parts| parts.json()),
            lr: &step.rates,
            grad_norm: step.grad_norm,
        })?;
        self.timing.line(&serde_json::json!({
            "stage": stage.name, "event": "step", "step": step.number, "seconds": times.seconds, "waited": times.waited,
            "convolved": times.convolved,
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
            films_per_second: self.pace.films_per_second(),
            waiting: self.pace.waiting(),
            time_left: self.pace.left(self.position.step, epoch),
        };
        self.stop |= self.observer.notice(&Event::Step(progress)).is_break();
        Ok(())
    }
}

#[derive(Serialize)]
struct StepLine<'a> {
    stage: &'a str,
    event: &'a str,
    step: u64,
    epoch: usize,
    loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<serde_json::Value>,
    lr: &'a BTreeMap<String, f64>,
    grad_norm: f64,
}

/// `data.json`.
#[derive(Serialize)]
pub(super) struct DataRecord<'a> {
    pub(super) manifest: &'a str,
    pub(super) findings: &'a [String],
    pub(super) splits: &'a crate::plan::Counts,
    /// Films that it was allowed to learn from although copies of them are judged on.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) leaks: &'a [crate::leaks::Leak],
}
