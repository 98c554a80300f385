//! The document of `pleura evaluate --json`.

use std::path::Path;

use pleura_eval::{Comparison, Evaluation, SourceComparison};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Calibration, Model, shown};
use crate::{AnswerSource, EvaluatedFilms, EvaluationReport, NOTICE, Task};

/// An evaluation with the model and films behind it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<'a> {
    /// The notice that goes with every result.
    pub notice: &'static str,
    /// The model, or the table of answers.
    pub model: Source,
    /// The films.
    pub data: &'a EvaluatedFilms,
    /// The calibration that was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Limits of the results, as sentences.
    pub notes: &'a [String],
    /// Another model on the same films.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Paired<'a>>,
    /// Each source separately; `sources` of the evaluation counts films.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<&'a SourceComparison>,
    /// Metrics with intervals.
    #[serde(flatten)]
    pub evaluation: &'a Evaluation,
}

/// A model, or a table of answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Source {
    /// A model.
    Model(Model),
    /// A table of answers.
    Table {
        /// The file.
        answers: String,
        /// Whether findings exclude each other.
        kind: Task,
        /// The findings.
        findings: Vec<String>,
    },
}

/// A paired comparison; `after` is the other model.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Paired<'a> {
    /// The other model, or table of answers.
    pub with: Source,
    /// Differences and tests.
    #[serde(flatten)]
    pub comparison: &'a Comparison,
}

impl Source {
    fn of(source: &AnswerSource) -> Self {
        match source {
            AnswerSource::Model(model) => Self::Model(Model::of(model)),
            AnswerSource::Table(path, table) => Self::Table {
                answers: shown(Path::new(path)),
                kind: table.kind(),
                findings: table.findings.clone(),
            },
        }
    }
}

impl<'a> Document<'a> {
    /// The document of an evaluation.
    pub fn of(subject: &AnswerSource, report: &'a EvaluationReport) -> Self {
        Self {
            notice: NOTICE,
            model: Source::of(subject),
            data: &report.answers.films,
            calibration: report.calibration.as_ref().map(Calibration::of),
            notes: &report.answers.notes,
            comparison: report.comparison.as_ref().map(|(other, comparison)| Paired {
                with: Source::of(other),
                comparison,
            }),
            elsewhere: report.sources.as_ref(),
            evaluation: &report.evaluation,
        }
    }
}
