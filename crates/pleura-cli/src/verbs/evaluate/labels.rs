//! From a manifest's columns to what is true of a model's findings.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::ValueEnum;
use pleura::Classifier;
use pleura_eval::Truth;
use pleura_manifest::Manifest;
use pleura_run::recipe::Stage;
use pleura_train::labels::Labels;
use serde_json::json;

/// What an uncertain label counts as.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UncertainChoice {
    /// Unknown.
    Ignore,
    /// Absent.
    Zeros,
    /// Present.
    Ones,
}

/// `FINDING=COLUMN`.
pub fn parse_column(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((finding, column)) if !finding.trim().is_empty() && !column.trim().is_empty() => {
            Ok((finding.trim().to_owned(), column.trim().to_owned()))
        }
        _ => Err("expected FINDING=COLUMN, such as \"normal=No Finding\"".to_owned()),
    }
}

/// What a manifest knows about a model's findings.
pub struct Known {
    labels: Labels,
    /// By position in `labels`: the model's finding.
    outputs: Vec<usize>,
    /// Number of the model's findings.
    width: usize,
    missing: Vec<String>,
}

impl Known {
    /// Matches the model's findings with the manifest's columns, by name or as the user or the run's recipe says.
    ///
    /// # Errors
    /// No finding has its column; `--column` names a finding that the model does not have, or a column that is not there.
    pub fn new(
        model: &Classifier,
        manifest: &Manifest,
        path: &Path,
        columns: &[(String, String)],
        uncertain: Option<UncertainChoice>,
    ) -> Result<Self> {
        let asked = asked(model, manifest, path, columns)?;
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
            bail!(
                "{}: has a column for none of the model's findings\n  the model answers: {}\n  the manifest knows: {}\n  \
                 say which is which with --column FINDING=COLUMN",
                path.display(),
                model.findings().join(", "),
                listed(&manifest.findings)
            );
        }
        let matched: Vec<String> = outputs
            .iter()
            .map(|&output| model.findings()[output].clone())
            .collect();
        let stage = stage(model, &matched, &wanted, uncertain)?;
        let labels = Labels::new(&stage, &matched, manifest)
            .map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
        Ok(Self {
            labels,
            outputs,
            width: model.findings().len(),
            missing,
        })
    }

    /// Findings that the manifest has no column for.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Those of the rows of which anything is known.
    pub fn labelled(&self, rows: &[usize]) -> Vec<usize> {
        let anything = |row: &usize| match self.labels.truth(&[*row]) {
            Truth::Exclusive(classes) => classes.iter().any(Option::is_some),
            Truth::Independent(present) => present.iter().any(Option::is_some),
        };
        rows.iter().copied().filter(anything).collect()
    }

    /// What is true of the rows, over all findings of the model.
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

/// `--column`, by finding.
fn asked(
    model: &Classifier,
    manifest: &Manifest,
    path: &Path,
    columns: &[(String, String)],
) -> Result<BTreeMap<String, Vec<String>>> {
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (finding, column) in columns {
        if !model.findings().contains(finding) {
            bail!(
                "--column {finding}={column}: the model has no finding {finding:?}; it has {}",
                model.findings().join(", ")
            );
        }
        if manifest.finding(column).is_none() {
            bail!(
                "--column {finding}={column}: {} has no finding {column:?}; it has {}",
                path.display(),
                listed(&manifest.findings)
            );
        }
        asked.entry(finding.clone()).or_default().push(column.clone());
    }
    Ok(asked)
}

/// The stage whose labels to read: the run's own, or one that says nothing but what the weights and the user say.
fn stage(
    model: &Classifier,
    matched: &[String],
    columns: &BTreeMap<String, Vec<String>>,
    uncertain: Option<UncertainChoice>,
) -> Result<Stage> {
    let policy = match uncertain {
        Some(choice) => choice.to_possible_value().map(|value| json!(value.get_name())),
        None => model
            .stage()
            .as_ref()
            .map(|stage| serde_json::to_value(stage.uncertain))
            .transpose()?,
    };
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
        "uncertain": policy.unwrap_or_else(|| json!("ignore")),
    });
    serde_json::from_value(stage).context("cannot read labels")
}

fn listed(findings: &[String]) -> String {
    if findings.is_empty() {
        "no findings at all".to_owned()
    } else {
        findings.join(", ")
    }
}
