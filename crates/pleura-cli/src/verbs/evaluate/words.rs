//! An evaluation as text.

use std::io::Write;

use anyhow::Result;
use pleura_eval::{Estimate, Evaluation, ExternalSource, Task};

use pleura::{AnswerSource, Answers, EvaluationReport};

use crate::console::NOTICE;
use crate::table::Table;
use pleura::digest::short;

/// Writes the results with intervals and caveats.
pub fn write(out: &mut impl Write, subject: &AnswerSource, found: &EvaluationReport) -> Result<()> {
    let EvaluationReport {
        answers: Answers {
            films: data, notes, ..
        },
        calibration: applied,
        evaluation,
        comparison,
        sources,
    } = found;
    let by_dataset: Vec<String> = evaluation
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
    writeln!(out, "model  {}", subject.line())?;
    if let Some(applied) = applied {
        writeln!(out, "calibration  {}", applied.line())?;
    }
    let digest = data
        .digest
        .as_ref()
        .map_or_else(String::new, |digest| format!(", digest {}…", short(digest)));
    writeln!(
        out,
        "films  {} of {} patients, {} (split {}{digest}); by dataset: {}",
        evaluation.films,
        evaluation.patients,
        data.manifest.display(),
        data.split,
        by_dataset.join(", ")
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
    if !evaluation.operating.is_empty() {
        writeln!(out, "\nEach class by itself, called from its threshold on:\n")?;
        write!(out, "{}", operating(evaluation))?;
    }
    if !evaluation.predictive.is_empty() {
        writeln!(out, "\nPredictive values at the prevalences given:\n")?;
        write!(out, "{}", predictive(evaluation))?;
    }
    if let Some((other, comparison)) = comparison {
        writeln!(out, "\nBefore: this model. After: {}.\n", other.line())?;
        for line in comparison.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    if let Some(sources) = sources {
        writeln!(out, "\nElsewhere, each source apart:\n")?;
        for line in sources.lines() {
            writeln!(out, "  {line}")?;
        }
        for source in &sources.external {
            writeln!(out, "\n{}:\n", source.name)?;
            write!(out, "{}", drops(source))?;
        }
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

fn operating(evaluation: &Evaluation) -> Table {
    let headings = [
        "class",
        ">called from",
        "sensitivity",
        "specificity",
        "precision",
        "NPV",
    ];
    let mut table = Table::with_headings(headings);
    for point in &evaluation.operating {
        let measured = [
            &point.sensitivity,
            &point.specificity,
            &point.precision,
            &point.negative_predictive_value,
        ];
        let first = [point.finding.clone(), format!("{:.3}", point.threshold)];
        table.row(first.into_iter().chain(measured.map(Estimate::cell)));
    }
    table
}

fn predictive(evaluation: &Evaluation) -> Table {
    let mut table = Table::with_headings(["finding", ">prevalence", "called", "PPV", "NPV"]);
    for one in &evaluation.predictive {
        let called = one
            .threshold
            .map_or_else(|| "if most probable".to_owned(), |from| format!("from {from:.3}"));
        table.row([
            one.finding.clone(),
            one.prevalence.to_string(),
            called,
            one.positive.cell(),
            one.negative.cell(),
        ]);
    }
    table
}

fn drops(source: &ExternalSource) -> Table {
    let points = |share: f64| format!("{:.1}", 100.0 * share).replace('-', "−");
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let mut table = Table::with_headings(["metric", ">inside", ">outside", ">points lost", "interval"]);
    for one in &source.drops {
        let name = match &one.finding {
            Some(finding) => format!("{finding}: {}", one.metric),
            None => one.metric.clone(),
        };
        let ends = one.drop.low.zip(one.drop.high);
        table.row([
            name,
            number(one.internal),
            number(one.external),
            one.drop.value.map_or_else(|| "–".to_owned(), points),
            ends.map_or_else(String::new, |(low, high)| {
                format!("{} to {}", points(low), points(high))
            }),
        ]);
    }
    table
}

fn overall(evaluation: &Evaluation) -> Table {
    let overall = &evaluation.overall;
    let mut table = Table::with_headings(["over all", "value", "films", "interval by"]);
    let mut add = |name: &str, measured: &Estimate| {
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
    add(evaluation.kind.mean_sensitivity(), &overall.balanced_accuracy);
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
    let with_threshold = evaluation.kind == Task::Independent;
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
        cells.extend(measured.map(Estimate::cell));
        table.row(cells);
    }
    table
}
