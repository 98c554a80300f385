//! An evaluation for a person.

use std::io::Write;

use anyhow::Result;
use pleura_eval::{Evaluation, Kind, Measured};

use super::Data;
use crate::console::NOTICE;
use crate::model::Model;
use crate::table::Table;

/// Writes what came out, with intervals, and what to beware of.
pub fn write(
    out: &mut impl Write,
    model: &Model,
    data: &Data,
    notes: &[String],
    evaluation: &Evaluation,
) -> Result<()> {
    let sources: Vec<String> = evaluation
        .sources
        .iter()
        .map(|source| {
            format!(
                "{} {}",
                if source.dataset.is_empty() {
                    "unknown"
                } else {
                    &source.dataset
                },
                source.films
            )
        })
        .collect();
    writeln!(out, "model  {}", model.line())?;
    writeln!(
        out,
        "films  {} of {} patients, {} (split {}, digest {}…); by dataset: {}",
        evaluation.films,
        evaluation.patients,
        data.manifest.display(),
        data.split,
        &data.digest[..12],
        sources.join(", ")
    )?;
    let level = 100.0 * evaluation.options.level;
    writeln!(out, "\nIn brackets: intervals of {level} %.\n")?;
    write!(out, "{}", overall(evaluation))?;
    writeln!(out)?;
    write!(out, "{}", findings(evaluation))?;
    if let Some(confusion) = &evaluation.confusion {
        writeln!(out, "\nFilms of each class, by answer:\n")?;
        let headings = std::iter::once("truth".to_owned())
            .chain(confusion.classes.iter().map(|class| format!(">{class}")));
        let mut table = Table::with_headings(headings);
        for (class, counts) in confusion.classes.iter().zip(&confusion.counts) {
            table.row(std::iter::once(class.clone()).chain(counts.iter().map(u64::to_string)));
        }
        write!(out, "{table}")?;
    }
    let beware: Vec<String> = evaluation
        .cautions()
        .into_iter()
        .chain(notes.iter().cloned())
        .collect();
    if !beware.is_empty() {
        writeln!(out, "\nBeware:")?;
        for line in beware {
            writeln!(out, "  · {line}")?;
        }
    }
    writeln!(out, "\n{NOTICE}")?;
    Ok(())
}

fn overall(evaluation: &Evaluation) -> Table {
    let overall = &evaluation.overall;
    let mut table = Table::with_headings(["over all", "value", "films", "interval by"]);
    let mut add = |name: &str, measured: &Measured| {
        if measured.value.is_some() {
            let method = serde_json::to_value(measured.method).ok();
            let method = method
                .as_ref()
                .and_then(|value| value.as_str())
                .unwrap_or_default();
            table.row([
                name.to_owned(),
                measured.cell(),
                measured.n.to_string(),
                method.to_owned(),
            ]);
        }
    };
    add("accuracy", &overall.accuracy);
    add("balanced accuracy", &overall.balanced_accuracy);
    add("mean specificity", &overall.macro_specificity);
    add("mean precision", &overall.macro_precision);
    add("mean F1", &overall.macro_f1);
    add("mean AUC", &overall.macro_auc);
    add("mean average precision", &overall.macro_average_precision);
    add("kappa", &overall.kappa);
    add("Brier score", &overall.brier);
    add("log loss", &overall.log_loss);
    table
}

fn findings(evaluation: &Evaluation) -> Table {
    let with_threshold = evaluation.kind == Kind::Independent;
    let mut headings = vec!["finding", ">with", ">without"];
    if with_threshold {
        headings.push(">called from");
    }
    headings.extend(["sensitivity", "specificity", "precision", "F1", "AUC"]);
    let mut table = Table::with_headings(headings);
    for finding in &evaluation.findings {
        let mut cells = vec![
            finding.name.clone(),
            finding.positives.to_string(),
            finding.negatives.to_string(),
        ];
        if with_threshold {
            cells.push(
                finding
                    .threshold
                    .map_or_else(String::new, |threshold| threshold.to_string()),
            );
        }
        let measured = [
            &finding.sensitivity,
            &finding.specificity,
            &finding.precision,
            &finding.f1,
            &finding.auc,
        ];
        cells.extend(measured.map(Measured::cell));
        table.row(cells);
    }
    table
}
