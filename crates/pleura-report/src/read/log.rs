//! What training logged: one JSON object a line.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::files;
use crate::input::{EpochPoint, StepPoint};

/// Everything logged, in order.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Line>);

#[derive(Debug, Deserialize)]
struct Line {
    stage: String,
    #[serde(flatten)]
    event: Event,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    Step(Step),
    /// Validation before the first step: epoch 0.
    Before(Before),
    Epoch(Epoch),
    /// Events that a report has no use for.
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Step {
    epoch: usize,
    loss: Option<f64>,
    #[serde(default)]
    lr: serde_json::Map<String, serde_json::Value>,
    grad_norm: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Before {
    validation_loss: Option<f64>,
    #[serde(default)]
    validation: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Epoch {
    #[serde(rename = "epoch")]
    number: usize,
    train_loss: Option<f64>,
    validation_loss: Option<f64>,
    #[serde(default)]
    validation: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    best: bool,
}

/// Reads `log.jsonl`; a run that has not begun to train has none.
pub(super) fn read(path: &Path) -> Result<Log, Error> {
    Ok(Log(lines(path)?))
}

impl Log {
    fn events<'a>(&'a self, stage: &'a str) -> impl Iterator<Item = &'a Event> {
        self.0
            .iter()
            .filter(move |line| line.stage == stage)
            .map(|line| &line.event)
    }

    /// The best epoch of a stage so far, counted from 1.
    pub(super) fn best_epoch(&self, stage: &str) -> Option<usize> {
        let best = self.events(stage).filter_map(|event| match event {
            Event::Epoch(epoch) if epoch.best => Some(epoch.number + 1),
            _ => None,
        });
        best.last()
    }

    /// Steps and epochs of one stage.
    pub(super) fn stage(&self, name: &str) -> (Vec<StepPoint>, Vec<EpochPoint>) {
        let events = || self.events(name);
        let logged: Vec<&Step> = events()
            .filter_map(|event| {
                if let Event::Step(step) = event {
                    Some(step)
                } else {
                    None
                }
            })
            .collect();
        let mut in_epoch: BTreeMap<usize, usize> = BTreeMap::new();
        for step in &logged {
            *in_epoch.entry(step.epoch).or_default() += 1;
        }
        // An epoch that was cut off has fewer steps than it would have had; the longest tells.
        let per_epoch = in_epoch.values().copied().max().unwrap_or(1) as f64;
        let mut done: BTreeMap<usize, usize> = BTreeMap::new();
        let steps = logged
            .into_iter()
            .map(|step| {
                let nth = done.entry(step.epoch).or_default();
                *nth += 1;
                StepPoint {
                    epochs: step.epoch as f64 + *nth as f64 / per_epoch,
                    // JSON has no NaN: a loss that was none is null.
                    loss: step.loss.unwrap_or(f64::NAN),
                    learning_rates: numbers(&step.lr),
                    gradient_norm: step.grad_norm,
                }
            })
            .collect();
        let epochs = events().filter_map(|event| match event {
            Event::Before(before) => Some(EpochPoint {
                epoch: 0,
                train_loss: None,
                validation_loss: before.validation_loss,
                validation: numbers(&before.validation),
            }),
            Event::Epoch(epoch) => Some(EpochPoint {
                epoch: epoch.number + 1,
                train_loss: epoch.train_loss,
                validation_loss: epoch.validation_loss,
                validation: numbers(&epoch.validation),
            }),
            _ => None,
        });
        (steps, epochs.collect())
    }
}

/// The entries that are numbers, names as the page writes them.
fn numbers(map: &serde_json::Map<String, serde_json::Value>) -> Vec<(String, f64)> {
    map.iter()
        .filter_map(|(name, value)| Some((readable(name), value.as_f64()?)))
        .collect()
}

/// `macro_auc` → `macro AUC`
fn readable(name: &str) -> String {
    let words = name.split('_').map(|word| match word {
        "auc" => "AUC",
        "f1" => "F1",
        other => other,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Every line of a JSON-lines file; none if there is no file. A last line without its end is one that a kill cut off.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let Some(text) = files::text_if_there(path)? else {
        return Ok(Vec::new());
    };
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let parse = |(i, line): (usize, &str)| {
        let wrong = |error: serde_json::Error| Error::Line {
            path: path.to_owned(),
            line: i + 1,
            problem: error.to_string(),
        };
        serde_json::from_str(line).map_err(wrong)
    };
    whole
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(parse)
        .collect()
}

#[derive(Debug, Deserialize)]
struct Timing {
    stage: String,
    /// One step.
    seconds: Option<f64>,
    /// Validation after one epoch.
    validation_seconds: Option<f64>,
}

/// Seconds that each stage spent on its steps and validations, added up over resumptions, in the order of their first lines.
pub(super) fn timings(path: &Path) -> Result<Vec<(String, f64)>, Error> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    for Timing {
        stage,
        seconds,
        validation_seconds,
    } in lines::<Timing>(path)?
    {
        let name = format!("stage {stage}, steps and validation");
        let seconds = seconds.unwrap_or(0.0) + validation_seconds.unwrap_or(0.0);
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += seconds,
            None => sums.push((name, seconds)),
        }
    }
    sums.retain(|(_, seconds)| *seconds > 0.0);
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"stage":"target","event":"before","step":0,"validation_loss":1.6,"validation":{"accuracy":0.25}}
{"stage":"target","event":"step","step":1,"epoch":0,"loss":1.5,"lr":{"head":0.01},"grad_norm":2.0}
{"stage":"target","event":"step","step":2,"epoch":0,"loss":null,"lr":{"head":0.01},"grad_norm":2.0}
{"stage":"target","event":"epoch","epoch":0,"train_loss":1.2,"validation_loss":1.1,"validation":{"accuracy":0.5,"macro_auc":null},"best":true}
{"stage":"other","event":"step","step":1,"epoch":0,"loss":9.0,"lr":{},"grad_norm":1.0}
{"stage":"target","event":"resumed"}
{"stage":"target","event":"step","step":3,"epoch":1,"loss":1.0,"lr":{"hea"#;

    fn log(text: &str) -> Result<Log, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn stages_are_told_apart_and_steps_lie_within_their_epoch() {
        let (steps, epochs) = log(LOG).unwrap().stage("target");
        assert_eq!(steps.iter().map(|s| s.epochs).collect::<Vec<_>>(), [0.5, 1.0]);
        assert_eq!(steps[0].learning_rates, [("head".to_owned(), 0.01)]);
        assert!(steps[1].loss.is_nan());
        assert_eq!(
            (
                log(LOG).unwrap().best_epoch("target"),
                log(LOG).unwrap().best_epoch("other")
            ),
            (Some(1), None)
        );
        assert_eq!(epochs.iter().map(|e| e.epoch).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(epochs[1].validation, [("accuracy".to_owned(), 0.5)]);
    }

    #[test]
    fn errors_name_file_and_line() {
        let error = log("{\"stage\":\"a\",\"event\":\"step\",\"epoch\":0,\"loss\":1}\n{\"stage\":1}\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("log.jsonl, line 2"), "{error}");
    }
}
