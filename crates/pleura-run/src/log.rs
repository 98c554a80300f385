//! `log.jsonl`: every step and epoch of a run, one JSON object on each line, without times: equal for equal
//! runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error,
    json::{is_missing, number},
};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Name of the stage.
    pub stage: String,
    /// The event.
    #[serde(flatten)]
    pub event: LogEvent,
}

/// An event of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum LogEvent {
    /// The stage begins.
    Stage(StageBegin),
    /// The validation before the first step.
    Before(InitialValidation),
    /// A training step.
    Step(Step),
    /// The end of an epoch.
    Epoch(Epoch),
    /// The end of the stage.
    End(StageEnd),
    /// An event of another version of this program.
    #[serde(other)]
    Other,
}

/// The size of a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageBegin {
    /// Epochs it may take.
    pub epochs: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: usize,
    /// Films to train on.
    pub train: usize,
    /// Films to validate on.
    pub validation: usize,
    /// Films to test on.
    pub test: usize,
    /// Output neurons that were kept.
    pub kept: usize,
}

/// The validation of starting weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InitialValidation {
    /// Mean loss; NaN if undefined.
    #[serde(with = "number", default = "number::nan")]
    pub validation_loss: f64,
    /// Metrics.
    #[serde(default)]
    pub validation: ValidationMetrics,
    /// The parts of the loss, if the stage has a heatmap loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_parts: Option<LossParts>,
}

/// A training step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number within the stage, from 0.
    pub step: u64,
    /// Its epoch, from 0.
    pub epoch: usize,
    /// Mean loss of the batch; NaN if undefined.
    #[serde(with = "number", default = "number::nan")]
    pub loss: f64,
    /// The parts of the loss, if the stage has a heatmap loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<LossParts>,
    /// Learning rate of each group of parameters that is trained.
    #[serde(default)]
    pub lr: BTreeMap<String, f64>,
    /// L2 norm of the gradient.
    pub grad_norm: Option<f64>,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 0.
    pub epoch: usize,
    /// Steps done in the stage.
    #[serde(default)]
    pub step: u64,
    /// Mean training loss; NaN if undefined.
    #[serde(with = "number", default = "number::nan")]
    pub train_loss: f64,
    /// Mean validation loss; NaN if undefined.
    #[serde(with = "number", default = "number::nan")]
    pub validation_loss: f64,
    /// Metrics on the validation split.
    #[serde(default)]
    pub validation: ValidationMetrics,
    /// True if no earlier epoch was better.
    #[serde(default)]
    pub best: bool,
    /// The parts of the validation loss, if the stage has a heatmap loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_parts: Option<LossParts>,
}

/// Metrics on the validation split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValidationMetrics {
    /// Share of correct predictions, exclusive classes only.
    pub accuracy: Option<f64>,
    /// Mean area under the ROC curves.
    pub macro_auc: Option<f64>,
}

/// The parts of a loss that includes a heatmap loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LossParts {
    /// The classification loss.
    #[serde(with = "number")]
    pub cross_entropy: f64,
    /// L1: relevance outside the lungs.
    #[serde(with = "number")]
    pub l1: f64,
    /// L2: distance of the relevance inside from its range.
    #[serde(with = "number")]
    pub l2: f64,
}

/// The result of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageEnd {
    /// Epochs trained.
    pub epochs: usize,
    /// Steps taken.
    pub steps: u64,
    /// The epoch of the best weights, from 0.
    pub best_epoch: usize,
    /// Digest of the best weights.
    pub best_weights: String,
    /// Digest of the weights after the last step.
    pub last_weights: String,
    /// The test split.
    pub test: TestMetrics,
}

/// The result on the test split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestMetrics {
    /// Films of the split.
    pub films: usize,
    /// Share of correct predictions, exclusive classes only.
    pub accuracy: Option<f64>,
    /// Mean area under the ROC curves.
    pub macro_auc: Option<f64>,
}

/// Reads a file of JSON lines; no lines if there is no file. A last line without its end was cut off by a
/// kill and is left out.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::file(path, "read")(error)),
    };
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let lines = whole.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| Error::Line {
                path: path.to_owned(),
                line: number + 1,
                problem: error.to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_form() {
        for line in [
            r#"{"stage":"a","event":"stage","epochs":2,"steps_per_epoch":3,"train":5,"validation":2,"test":1,"kept":0}"#,
            r#"{"stage":"a","event":"before","validation_loss":1.5,"validation":{"accuracy":null,"macro_auc":0.5}}"#,
            r#"{"stage":"a","event":"step","step":7,"epoch":1,"loss":0.1,"lr":{"head":0.001,"stem":0.0001},"grad_norm":2.5}"#,
            r#"{"stage":"a","event":"step","step":7,"epoch":1,"loss":0.1,"parts":{"cross_entropy":1.0,"l1":0.2,"l2":0.3},"lr":{"head":0.001},"grad_norm":2.5}"#,
            r#"{"stage":"a","event":"epoch","epoch":1,"step":8,"train_loss":0.1,"validation_loss":0.2,"validation":{"accuracy":0.5,"macro_auc":0.5},"best":true}"#,
            r#"{"stage":"a","event":"end","epochs":2,"steps":8,"best_epoch":1,"best_weights":"ab","last_weights":"cd","test":{"films":1,"accuracy":null,"macro_auc":null}}"#,
        ] {
            let read: LogLine = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), line);
        }
    }

    #[test]
    fn undefined_losses_and_other_events_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        assert_eq!(read_lines::<LogLine>(&path).unwrap(), []);
        let lines = [
            r#"{"stage":"a","event":"step","step":1,"epoch":0,"loss":null,"lr":{},"grad_norm":null}"#,
            r#"{"stage":"a","event":"resumed"}"#,
            r#"{"stage":"a","event":"st"#,
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let read = read_lines::<LogLine>(&path).unwrap();
        assert!(matches!(&read[0].event, LogEvent::Step(step) if step.loss.is_nan()));
        assert_eq!((read.len(), &read[1].event), (2, &LogEvent::Other));
        std::fs::write(&path, "{}\n").unwrap();
        let error = read_lines::<LogLine>(&path).unwrap_err().to_string();
        assert!(error.contains("log.jsonl, line 1"), "{error}");
    }
}
