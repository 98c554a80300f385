//! `timing.jsonl`: the time that steps and validations of a run took, one JSON object on each line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::json::number;

/// A line of the timings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimingLine {
    /// Name of the stage.
    pub stage: String,
    /// The event and its time.
    #[serde(flatten)]
    pub event: TimingEvent,
}

/// A timed event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum TimingEvent {
    /// A training step.
    Step(StepTiming),
    /// The validation after an epoch.
    Epoch(EpochTiming),
    /// An event of another version of this program.
    #[serde(other)]
    Other,
}

/// The time of one training step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTiming {
    /// Its number within the stage, from 0.
    pub step: u64,
    /// The whole step.
    pub seconds: f64,
    /// Of it, waiting for films.
    #[serde(default)]
    pub waited: f64,
    /// True if films went through the convolutions, not only through the head.
    #[serde(default)]
    pub convolved: bool,
}

/// The time of one validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochTiming {
    /// The epoch, from 0.
    pub epoch: usize,
    /// The validation.
    pub validation_seconds: f64,
    /// Training films a second since the stage began or was resumed.
    #[serde(with = "number", default = "number::nan")]
    pub films_per_second: f64,
    /// Share of the training time spent waiting for films.
    #[serde(with = "number", default = "number::nan")]
    pub waiting: f64,
}

/// Share of each stage's training time that was spent waiting for films, over all steps.
pub fn waiting_share(lines: &[TimingLine]) -> BTreeMap<String, f64> {
    let mut stages: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for line in lines {
        if let TimingEvent::Step(step) = line.event {
            let (waited, seconds) = stages.entry(line.stage.clone()).or_default();
            *waited += step.waited;
            *seconds += step.seconds;
        }
    }
    let share = |(waited, seconds)| if seconds > 0.0 { waited / seconds } else { 0.0 };
    stages
        .into_iter()
        .map(|(stage, sums)| (stage, share(sums)))
        .collect()
}

/// Seconds that each stage spent on steps and validations, in the order of their first lines.
pub fn seconds_by_stage(lines: &[TimingLine]) -> Vec<(String, f64)> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    for line in lines {
        let seconds = match line.event {
            TimingEvent::Step(step) => step.seconds,
            TimingEvent::Epoch(epoch) => epoch.validation_seconds,
            TimingEvent::Other => 0.0,
        };
        match sums.iter_mut().find(|(stage, _)| *stage == line.stage) {
            Some((_, sum)) => *sum += seconds,
            None => sums.push((line.stage.clone(), seconds)),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 4] = [
        r#"{"stage":"a","event":"step","step":0,"seconds":2.0,"waited":1.0,"convolved":true}"#,
        r#"{"stage":"a","event":"epoch","epoch":0,"validation_seconds":9.0,"films_per_second":1.0,"waiting":0.5}"#,
        r#"{"stage":"a","event":"step","step":1,"seconds":2.0,"waited":0.0,"convolved":true}"#,
        r#"{"stage":"b","event":"step","step":0,"seconds":1.0,"waited":0.0,"convolved":false}"#,
    ];

    #[test]
    fn times_are_added_up_by_stage() {
        let lines = LINES.map(|line| serde_json::from_str::<TimingLine>(line).unwrap());
        let again = lines.each_ref().map(|line| serde_json::to_string(line).unwrap());
        assert_eq!(again, LINES);
        let expected = [("a".to_owned(), 0.25), ("b".to_owned(), 0.0)];
        assert_eq!(waiting_share(&lines), BTreeMap::from(expected));
        let expected = [("a".to_owned(), 13.0), ("b".to_owned(), 1.0)];
        assert_eq!(seconds_by_stage(&lines), expected);
    }
}
