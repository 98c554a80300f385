//! The true labels of a model's findings, from a manifest's columns.

use std::collections::BTreeMap;
use std::path::Path;

use pleura_eval::Truth;
use pleura_manifest::Manifest;
use pleura_run::recipe::Stage;
use pleura_train::labels::Labels;
use serde_json::json;

use crate::{Classifier, Error};

/// The meaning of an uncertain label (−1).
pub use pleura_run::recipe::Uncertain;

/// The labels of a manifest for a model's findings.
pub struct KnownLabels {
    labels: Labels,
    /// `[labels]`: index of the model's finding.
    outputs: Vec<usize>,
    /// Number of the model's findings.
    width: usize,
    missing: Vec<String>,
}

impl KnownLabels {
    /// Matches the model's findings with the manifest's columns: by name, by the run's recipe, or by
    /// `columns` (finding, column). `uncertain` overrides the recipe's policy.
    ///
    /// # Errors
    /// No finding has a column; `columns` names an unknown finding or column.
    pub fn new(
        model: &Classifier,
        manifest: &Manifest,
        path: &Path,
        columns: &[(String, String)],
        uncertain: Option<Uncertain>,
    ) -> Result<Self, Error> {
        let asked = requested(model, manifest, path, columns)?;
        let mut wanted = model
            .stage()
            .as_ref()
            .map(|stage| stage.columns.clone())
            .unwrap_or_default();
        wanted.extend(asked);
        let columns_of = |finding: &String| {
            wanted
                .get(finding)
                .cloned()
                .unwrap_or_else(|| vec![finding.clone()])
        };
        let (mut outputs, mut missing) = (Vec::new(), Vec::new());
        for (output, finding) in model.findings().iter().enumerate() {
            if columns_of(finding)
                .iter()
                .all(|column| manifest.finding(column).is_some())
            {
                outputs.push(output);
            } else {
                missing.push(finding.clone());
            }
        }
        if outputs.is_empty() {
            return Err(Error::missing(
                "column",
                format!(
                    "{}: has no column for any of the model's findings\n  the model's findings: {}\n  the manifest's columns: \
                     {}",
                    path.display(),
                    model.findings().join(", "),
                    listed(&manifest.findings)
                ),
            ));
        }
        let matched: Vec<String> = outputs
            .iter()
            .map(|&output| model.findings()[output].clone())
            .collect();
        let stage = stage(model, &matched, &wanted, uncertain)?;
        let labels = Labels::new(&stage, &matched, manifest)
            .map_err(|problem| Error::request(format!("{}: {problem}", path.display())))?;
        Ok(Self {
            labels,
            outputs,
            width: model.findings().len(),
            missing,
        })
    }

    /// Findings without a column in the manifest.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The rows with a known label.
    pub fn labelled(&self, rows: &[usize]) -> Vec<usize> {
        let anything = |row: &usize| match self.labels.truth(&[*row]) {
            Truth::Exclusive(classes) => classes.iter().any(Option::is_some),
            Truth::Independent(present) => present.iter().any(Option::is_some),
        };
        rows.iter().copied().filter(anything).collect()
    }

    /// The true labels of the rows, for all findings of the model.
    pub fn truth(&self, rows: &[usize]) -> Truth {
        match self.labels.truth(rows) {
            Truth::Exclusive(classes) => Truth::Exclusive(
                classes
                    .into_iter()
                    .map(|class| class.map(|class| self.outputs[class]))
                    .collect(),
            ),
            Truth::Independent(present) => {
                let mut all = vec![None; rows.len() * self.width];
                for (film, known) in present.chunks_exact(self.outputs.len()).enumerate() {
                    for (&output, &label) in self.outputs.iter().zip(known) {
                        all[film * self.width + output] = label;
                    }
                }
                Truth::Independent(all)
            }
        }
    }
}

/// The requested columns, by finding.
fn requested(
    model: &Classifier,
    manifest: &Manifest,
    path: &Path,
    columns: &[(String, String)],
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (finding, column) in columns {
        if !model.findings().contains(finding) {
            return Err(Error::value(
                "column",
                format!(
                    "{finding}={column}: the model has no finding {finding:?}; it has {}",
                    model.findings().join(", ")
                ),
            ));
        }
        if manifest.finding(column).is_none() {
            return Err(Error::value(
                "column",
                format!(
                    "{finding}={column}: {} has no finding {column:?}; it has {}",
                    path.display(),
                    listed(&manifest.findings)
                ),
            ));
        }
        asked.entry(finding.clone()).or_default().push(column.clone());
    }
    Ok(asked)
}

/// A stage that reads labels as the run's own stage does, or as the weights and the request define them.
fn stage(
    model: &Classifier,
    matched: &[String],
    columns: &BTreeMap<String, Vec<String>>,
    uncertain: Option<Uncertain>,
) -> Result<Stage, Error> {
    let policy = uncertain
        .or_else(|| model.stage().map(|stage| stage.uncertain))
        .unwrap_or_default();
    let columns: BTreeMap<&String, &Vec<String>> = columns
        .iter()
        .filter(|(finding, _)| matched.contains(finding))
        .collect();
    let stage = json!({
        "name": "evaluation",
        "kind": model.task(),
        "manifest": "",
        "epochs": 0,
        "columns": columns,
        "uncertain": policy,
    });
    serde_json::from_value(stage).map_err(|error| Error::request(format!("cannot read labels: {error}")))
}

fn listed(findings: &[String]) -> String {
    if findings.is_empty() {
        "no findings at all".to_owned()
    } else {
        findings.join(", ")
    }
}
