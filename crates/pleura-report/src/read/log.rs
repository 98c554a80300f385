//! The curves of a stage, from the log of its run.

use std::collections::BTreeMap;

use pleura_run::log::{Epoch, LogEvent, LogLine, Step, ValidationMetrics};

use crate::input::{EpochPoint, StepPoint};

fn events<'a>(log: &'a [LogLine], stage: &'a str) -> impl Iterator<Item = &'a LogEvent> {
    log.iter()
        .filter(move |line| line.stage == stage)
        .map(|line| &line.event)
}

/// The best epoch of a stage so far, counted from 1.
pub(super) fn best_epoch(log: &[LogLine], stage: &str) -> Option<usize> {
    let best = events(log, stage).filter_map(|event| match event {
        LogEvent::Epoch(Epoch {
            epoch, best: true, ..
        }) => Some(epoch + 1),
        _ => None,
    });
    best.last()
}

/// The steps of a stage.
pub(super) fn steps(log: &[LogLine], stage: &str) -> Vec<StepPoint> {
    let steps: Vec<&Step> = events(log, stage)
        .filter_map(|event| match event {
            LogEvent::Step(step) => Some(step),
            _ => None,
        })
        .collect();
    let mut in_epoch: BTreeMap<usize, usize> = BTreeMap::new();
    for step in &steps {
        *in_epoch.entry(step.epoch).or_default() += 1;
    }
    // An epoch that was cut off has fewer steps than the others.
    let per_epoch = in_epoch.values().copied().max().unwrap_or(1) as f64;
    let mut done: BTreeMap<usize, usize> = BTreeMap::new();
    let point = |step: &Step| {
        let nth = done.entry(step.epoch).or_default();
        *nth += 1;
        StepPoint {
            epochs: step.epoch as f64 + *nth as f64 / per_epoch,
            loss: step.loss,
            learning_rates: step
                .lr
                .iter()
                .map(|(group, rate)| (group.replace('_', " "), *rate))
                .collect(),
            gradient_norm: step.grad_norm,
        }
    };
    steps.into_iter().map(point).collect()
}

/// The epochs of a stage; epoch 0 is the validation before the first step.
pub(super) fn epochs(log: &[LogLine], stage: &str) -> Vec<EpochPoint> {
    let defined = |value: f64| Some(value).filter(|value| !value.is_nan());
    let points = events(log, stage).filter_map(|event| match event {
        LogEvent::Before(before) => Some(EpochPoint {
            epoch: 0,
            train_loss: None,
            validation_loss: defined(before.validation_loss),
            validation: named(before.validation),
        }),
        LogEvent::Epoch(epoch) => Some(EpochPoint {
            epoch: epoch.epoch + 1,
            train_loss: defined(epoch.train_loss),
            validation_loss: defined(epoch.validation_loss),
            validation: named(epoch.validation),
        }),
        _ => None,
    });
    points.collect()
}

/// The metrics that are defined, with their names.
fn named(metrics: ValidationMetrics) -> Vec<(String, f64)> {
    let all = [("accuracy", metrics.accuracy), ("macro AUC", metrics.macro_auc)];
    all.into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lie_within_their_epoch_and_stages_are_told_apart() {
        let log = [
            r#"{"stage":"target","event":"before","step":0,"validation_loss":1.6,"validation":{"accuracy":0.25}}"#,
            r#"{"stage":"target","event":"step","step":1,"epoch":0,"loss":1.5,"lr":{"head":0.01},"grad_norm":2.0}"#,
            r#"{"stage":"target","event":"step","step":2,"epoch":0,"loss":null,"lr":{"head":0.01},"grad_norm":2.0}"#,
            r#"{"stage":"target","event":"epoch","epoch":0,"train_loss":1.2,"validation_loss":1.1,"validation":{"accuracy":0.5,"macro_auc":null},"best":true}"#,
            r#"{"stage":"other","event":"step","step":1,"epoch":0,"loss":9.0,"lr":{},"grad_norm":1.0}"#,
        ]
        .map(|line| serde_json::from_str::<LogLine>(line).unwrap());
        let points = steps(&log, "target");
        assert_eq!(
            points.iter().map(|step| step.epochs).collect::<Vec<_>>(),
            [0.5, 1.0]
        );
        assert_eq!(points[0].learning_rates, [("head".to_owned(), 0.01)]);
        assert!(points[1].loss.is_nan());
        assert_eq!(
            (best_epoch(&log, "target"), best_epoch(&log, "other")),
            (Some(1), None)
        );
        let points = epochs(&log, "target");
        assert_eq!(points.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(points[1].validation, [("accuracy".to_owned(), 0.5)]);
    }
}
