//! The audit of a run, as `pleura audit` wrote it: `audit/audit.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use pleura_draw::plot::{self, Axis, Bar, IntervalRow, Plot};

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Audit {
    /// Films looked at.
    pub films: usize,
    /// The stage whose network was asked, if one was.
    pub stage: Option<String>,
    /// The worst of the checks' verdicts: `block`, `alarm`, `note`, `quiet` or `not_possible`.
    pub verdict: String,
    /// Worst first.
    pub checks: Vec<AuditCheck>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditCheck {
    /// Its name.
    pub name: String,
    /// The question.
    pub asks: String,
    /// As in [`Audit::verdict`].
    pub verdict: String,
    /// The answer, or why there is none.
    pub says: String,
    /// What can be done; empty where nothing need be.
    #[serde(default)]
    pub remedy: String,
    /// Who described it.
    #[serde(default)]
    pub literature: Vec<String>,
    /// To draw.
    #[serde(default)]
    pub figure: Option<AuditFigure>,
}

/// The numbers of a check's figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditFigure {
    /// What was observed beside what chance gives.
    Null {
        /// Name of the axis.
        axis: String,
        /// Observed, and its interval.
        observed: f64,
        /// Lower and upper end.
        interval: (f64, f64),
        /// Expected by chance.
        chance: f64,
        /// With classes dealt out at random, sorted.
        null: Vec<f64>,
    },
    /// Films by class and something else.
    Counts {
        /// Classes.
        rows: Vec<String>,
        /// Names of the columns.
        columns: Vec<String>,
        /// `[rows, columns]`
        counts: Vec<Vec<u64>>,
    },
    /// Values with intervals.
    Intervals {
        /// Name of the axis.
        axis: String,
        /// Name, value and interval.
        lines: Vec<(String, f64, (f64, f64))>,
    },
}

impl Audit {
    /// Reads `audit/audit.json` of a run, if it is there.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn read(run: &Path) -> Result<Option<Self>, Error> {
        files::json_if_there(&run.join("audit").join("audit.json"))
    }
}

impl AuditCheck {
    /// The plot of its figure, if it has one.
    pub fn plot(&self) -> Option<Plot> {
        let plot = match self.figure.as_ref()? {
            AuditFigure::Null {
                axis,
                observed,
                interval,
                chance,
                null,
            } => {
                let at = |share: f64| {
                    null.get((share * null.len() as f64) as usize)
                        .copied()
                        .unwrap_or(*chance)
                };
                let rows = [
                    row("observed", *observed, *interval, 0),
                    row("classes dealt out at random", at(0.5), (at(0.025), at(0.975)), 1),
                ];
                let axis = Axis::new(axis.as_str()).range(0.0, 1.0);
                plot::intervals(&self.asks, &axis, &rows, Some(*chance), &[])
            }
            AuditFigure::Counts {
                rows,
                columns,
                counts,
            } => {
                let bars: Vec<Bar> = rows
                    .iter()
                    .zip(counts)
                    .map(|(label, parts)| Bar {
                        label: label.clone(),
                        parts: parts.clone(),
                    })
                    .collect();
                plot::bars(&self.asks, "films", columns, &bars)
            }
            AuditFigure::Intervals { axis, lines } => {
                let rows: Vec<IntervalRow> = lines
                    .iter()
                    .map(|(label, value, interval)| row(label, *value, *interval, 0))
                    .collect();
                let axis = Axis::new(axis.as_str()).range(0.0, 1.0);
                plot::intervals(&self.asks, &axis, &rows, None, &[])
            }
        };
        Some(plot)
    }
}

fn row(label: &str, value: f64, interval: (f64, f64), style: usize) -> IntervalRow {
    IntervalRow {
        label: label.to_owned(),
        value: Some(value),
        interval: Some(interval),
        text: format!("{value:.3} ({:.3} to {:.3})", interval.0, interval.1),
        style,
    }
}
