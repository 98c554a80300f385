//! The films and labels of a stage, from the columns of its manifest.

use std::collections::BTreeMap;

use pleura_core::Task;
use pleura_eval::Truth;
use pleura_manifest::{Label, Manifest, Split};
use pleura_run::data::{Exclusion, FindingCount, SplitCounts};
use pleura_run::recipe::{Stage, Uncertain, Weighting, WeightingWord};

use crate::loss::Targets;

/// The label of each row of a manifest, for one stage.
#[derive(Clone, Debug)]
pub struct Labels {
    findings: Vec<String>,
    rows: Vec<Result<RowLabels, Exclusion>>,
    kind: Task,
}

#[derive(Clone, Debug)]
enum RowLabels {
    Class(usize),
    Findings(Vec<Option<bool>>),
}

impl Labels {
    /// Reads a stage's outputs from a manifest. An output is positive if any of its columns is; negative if
    /// all are.
    ///
    /// # Errors
    /// A missing column; the message lists the existing ones.
    pub fn new(stage: &Stage, findings: &[String], manifest: &Manifest) -> Result<Self, String> {
        let mut columns: Vec<Vec<usize>> = Vec::with_capacity(findings.len());
        for finding in findings {
            let own = std::slice::from_ref(finding);
            let names = stage.columns.get(finding).map_or(own, Vec::as_slice);
            let indices = names.iter().map(|name| {
                manifest.finding(name).ok_or_else(|| {
                    format!(
                        "the output {finding:?} reads the column {name:?}, which is not there; the findings are {}. Name the right \
                         ones in [stage.columns]",
                        manifest.findings.join(", ")
                    )
                })
            });
            columns.push(indices.collect::<Result<_, _>>()?);
        }
        let rows = manifest.rows.iter().map(|row| {
            if manifest.contrast_fault(row).is_some() {
                return Err(Exclusion::NoContrast);
            }
            let outputs = columns.iter().map(|columns| {
                combine(
                    columns
                        .iter()
                        .map(|&column| settle(row.labels[column], stage.uncertain)),
                )
            });
            row_labels(stage.kind, &outputs.collect::<Vec<Label>>())
        });
        Ok(Self {
            findings: findings.to_vec(),
            rows: rows.collect(),
            kind: stage.kind,
        })
    }

    /// Rows of one class each.
    pub(crate) fn of_classes(findings: &[String], classes: impl Iterator<Item = usize>) -> Self {
        Self {
            findings: findings.to_vec(),
            rows: classes.map(|class| Ok(RowLabels::Class(class))).collect(),
            kind: Task::Exclusive,
        }
    }

    /// Excludes rows that would otherwise take part.
    pub(crate) fn hold_out(&mut self, held_out: impl Fn(usize) -> bool) {
        for (index, row) in self.rows.iter_mut().enumerate() {
            if row.is_ok() && held_out(index) {
                *row = Err(Exclusion::HeldOut);
            }
        }
    }

    /// Names of the outputs.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// Rows of a split that take part, in the manifest's order.
    pub fn rows(&self, manifest: &Manifest, split: Split) -> Vec<usize> {
        manifest
            .split(split)
            .into_iter()
            .filter(|&row| self.rows[row].is_ok())
            .collect()
    }

    /// The targets of rows, for the loss. Rows that take no part are unknown.
    pub fn targets(&self, rows: &[usize]) -> Targets {
        match self.kind {
            Task::Exclusive => Targets::Classes(
                rows.iter()
                    .filter_map(|&row| match self.rows[row] {
                        Ok(RowLabels::Class(class)) => Some(class),
                        _ => None,
                    })
                    .collect(),
            ),
            Task::Independent => Targets::Findings(self.present(rows)),
        }
    }

    /// The class of a row, if it has one.
    pub(crate) fn class(&self, row: usize) -> Option<usize> {
        match self.rows[row] {
            Ok(RowLabels::Class(class)) => Some(class),
            _ => None,
        }
    }

    /// The truth of rows, for the evaluation.
    pub fn truth(&self, rows: &[usize]) -> Truth {
        match self.kind {
            Task::Exclusive => Truth::Exclusive(
                rows.iter()
                    .map(|&row| match self.rows[row] {
                        Ok(RowLabels::Class(class)) => Some(class),
                        _ => None,
                    })
                    .collect(),
            ),
            Task::Independent => Truth::Independent(self.present(rows)),
        }
    }

    /// `[rows, findings]`: present, absent, or unknown.
    fn present(&self, rows: &[usize]) -> Vec<Option<bool>> {
        let width = self.findings.len();
        rows.iter()
            .flat_map(|&row| match &self.rows[row] {
                Ok(RowLabels::Findings(present)) => present.clone(),
                Ok(RowLabels::Class(class)) => (0..width).map(|index| Some(index == *class)).collect(),
                Err(_) => vec![None; width],
            })
            .collect()
    }

    /// For each finding: the number of rows with it, and without it.
    fn tally(&self, rows: &[usize]) -> Vec<[usize; 2]> {
        let mut counts = vec![[0, 0]; self.findings.len()];
        let mut classed = 0;
        for &row in rows {
            match &self.rows[row] {
                // A row of a class is counted by its class alone: expanded rows of a thousand classes would
                // be slow.
                Ok(RowLabels::Class(class)) => {
                    classed += 1;
                    counts[*class][0] += 1;
                }
                Ok(RowLabels::Findings(present)) => {
                    for (count, present) in counts.iter_mut().zip(present) {
                        match present {
                            Some(true) => count[0] += 1,
                            Some(false) => count[1] += 1,
                            None => {}
                        }
                    }
                }
                Err(_) => {}
            }
        }
        if self.kind == Task::Exclusive {
            for count in &mut counts {
                count[1] = classed - count[0];
            }
        }
        counts
    }

    /// Counts the films of a split.
    pub fn count(&self, manifest: &Manifest, split: Split) -> SplitCounts {
        let rows = self.rows(manifest, split);
        let mut excluded = BTreeMap::new();
        for row in manifest.split(split) {
            if let Err(reason) = &self.rows[row] {
                *excluded.entry(*reason).or_insert(0) += 1;
            }
        }
        let mut patients: Vec<(&str, &str)> = rows
            .iter()
            .map(|&row| &manifest.rows[row])
            // A film without a patient counts as its own patient.
            .map(|row| {
                if row.patient.is_empty() {
                    ("", row.film.as_str())
                } else {
                    (row.patient.as_str(), "")
                }
            })
            .collect();
        patients.sort_unstable();
        patients.dedup();
        let findings = self
            .findings
            .iter()
            .zip(self.tally(&rows))
            .map(|(finding, count)| {
                let [positive, negative] = count;
                FindingCount {
                    finding: finding.clone(),
                    positive,
                    negative,
                    unknown: rows.len() - positive - negative,
                }
            });
        SplitCounts {
            films: rows.len(),
            patients: patients.len(),
            excluded,
            findings: findings.collect(),
        }
    }
}

fn settle(label: Label, policy: Uncertain) -> Label {
    match (label, policy) {
        (Label::Uncertain, Uncertain::Zeros) => Label::Negative,
        (Label::Uncertain, Uncertain::Ones) => Label::Positive,
        (other, _) => other,
    }
}

fn combine(labels: impl Iterator<Item = Label>) -> Label {
    let strength = |label: &Label| match label {
        Label::Positive => 3,
        Label::Uncertain => 2,
        Label::Unknown => 1,
        Label::Negative => 0,
    };
    labels.max_by_key(strength).unwrap_or_default()
}

fn row_labels(kind: Task, outputs: &[Label]) -> Result<RowLabels, Exclusion> {
    match kind {
        Task::Exclusive => {
            if outputs.contains(&Label::Uncertain) {
                return Err(Exclusion::UncertainClass);
            }
            let mut positive = (0..outputs.len()).filter(|&index| outputs[index] == Label::Positive);
            match (positive.next(), positive.next()) {
                (Some(class), None) => Ok(RowLabels::Class(class)),
                (Some(_), Some(_)) => Err(Exclusion::SeveralClasses),
                (None, _) => Err(Exclusion::NoClass),
            }
        }
        Task::Independent => {
            let known: Vec<Option<bool>> = outputs
                .iter()
                .map(|label| match label {
                    Label::Positive => Some(true),
                    Label::Negative => Some(false),
                    Label::Unknown | Label::Uncertain => None,
                })
                .collect();
            if known.iter().all(Option::is_none) {
                Err(Exclusion::NothingKnown)
            } else {
                Ok(RowLabels::Findings(known))
            }
        }
    }
}

/// Weights of the classes in the loss; balanced: films / (classes · films of the class), as in scikit-learn.
///
/// # Errors
/// A list of another length, or, if balanced, a class without training films.
pub(crate) fn class_weights(weighting: &Weighting, train: &SplitCounts) -> Result<Vec<f64>, String> {
    let findings = &train.findings;
    weights(weighting, findings, |count| {
        (train.films as f64) / (findings.len() * count.positive) as f64
    })
}

/// Weights of the positive films of each finding; balanced: negative / positive films.
///
/// # Errors
/// As [`class_weights`].
pub(crate) fn positive_weights(weighting: &Weighting, train: &SplitCounts) -> Result<Vec<f64>, String> {
    weights(weighting, &train.findings, |count| {
        count.negative as f64 / count.positive as f64
    })
}

fn weights(
    weighting: &Weighting,
    findings: &[FindingCount],
    balanced: impl Fn(&FindingCount) -> f64,
) -> Result<Vec<f64>, String> {
    match weighting {
        Weighting::Word(WeightingWord::None) => Ok(vec![1.0; findings.len()]),
        Weighting::List(list) if list.len() == findings.len() => Ok(list.clone()),
        Weighting::List(list) => Err(format!("{} weights for {} findings", list.len(), findings.len())),
        Weighting::Word(WeightingWord::Balanced) => findings
            .iter()
            .map(|count| {
                let weight = balanced(count);
                if weight.is_finite() && weight > 0.0 {
                    return Ok(weight);
                }
                Err(format!(
                    "cannot balance {:?}: {} training films have it and {} do not",
                    count.finding, count.positive, count.negative
                ))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
