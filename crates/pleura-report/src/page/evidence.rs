//! Recorded evaluations, calibration, and accesses to test films.

use maud::{Markup, html};
use pleura_eval::calibration::{Calibration, Outcome};
use pleura_eval::{Comparison, Estimate, Evaluation, McNemar, Reliability, SourceComparison, SourceDrop};
use pleura_run::Evidence;

use super::figure::figure;
use super::number::{counted, grouped, interval, level, listed, method, points, three, value, with_interval};
use crate::evidence::TestAccesses;
use crate::input::{DataTable, ReportInput};
use pleura_draw::plot::{self, Axis, Curves, IntervalRow, Plot, Series};

/// The most accesses that a report lists.
const LISTED: usize = 20;

/// The evidence of a run; `None` without any.
pub(super) fn section(input: &ReportInput, plots: &mut Vec<Plot>) -> Option<Markup> {
    let logged: Vec<(&DataTable, &TestAccesses)> = input
        .data
        .iter()
        .filter_map(|table| Some((table, table.test_accesses.as_ref()?)))
        .collect();
    let calibrated = input
        .stages
        .iter()
        .filter_map(|stage| Some((&stage.name, stage.calibration.as_ref()?)));
    let calibrated: Vec<(&String, &Calibration)> = calibrated.collect();
    if logged.is_empty() && calibrated.is_empty() && input.evidence.is_empty() {
        return None;
    }
    Some(html! {
        @for one in &input.evidence { (recorded(one, plots)) }
        @for (stage, calibration) in calibrated { (temperatures(stage, calibration)) }
        @for (table, log) in logged { (test_accesses(table, log)) }
    })
}

/// "The test films were used 3 times by 2 models."
pub(super) fn accesses_in_words(log: &TestAccesses) -> String {
    let times = match log.accesses.len() {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{} times", grouped(n as u64)),
    };
    let by = counted(log.models as u64, "model");
    format!("The test films were used {times} by {by}.")
}

fn test_accesses(table: &DataTable, log: &TestAccesses) -> Markup {
    let hidden = log.accesses.len().saturating_sub(LISTED);
    html! {
        h3 { "Test access log of " (table.name) }
        p {
            (accesses_in_words(log)) " The test split has " (counted(log.films, "film")) " (SHA-256 " code { (log.digest) } "). "
            @if log.others > 0 {
                "Before the manifest was split again, other test films were used " (counted(log.others as u64, "time")) ". "
            }
            @if log.changed { strong { "The test split was changed after it was made: films were added, removed or exchanged. " } }
            @if log.unreadable { strong { "Some lines of the test access log cannot be read. " } }
            "If several models are tried on a test set and the best is kept, its result is too good."
        }
        @let named = log.accesses.iter().any(|access| !access.who.is_empty());
        @if hidden > 0 { p.small.soft { "The latest " (LISTED) ":" } }
        div.scroll { table.tight {
            thead { tr {
                th scope="col" { "Time" } @if named { th scope="col" { "user" } } th.number scope="col" { "films" }
                th scope="col" { "model" } th scope="col" { "command" }
            } }
            tbody { @for access in log.accesses.iter().skip(hidden) { tr {
                th scope="row" { (access.when) }
                @if named { td { (access.who) } } td.number { (grouped(access.films as u64)) }
                td { code { (access.model.chars().take(12).collect::<String>()) "…" } }
                td { (access.command) }
            } } }
        } }
    }
}

fn temperatures(stage: &str, calibration: &Calibration) -> Markup {
    let on = &calibration.fitted_on;
    let names = if calibration.temperatures.len() == 1 {
        vec!["all classes".to_owned()]
    } else {
        calibration.findings.clone()
    };
    html! {
        h3 { "Calibration of stage " (stage) }
        p {
            "Fitted only on " (counted(on.films as u64, "film")) " of " (counted(on.patients as u64, "patient")) " of the validation split (SHA-256 of their rows: "
            code { (on.digest) } "). The errors below are on these same films and therefore too small."
        }
        div.scroll { table {
            thead { tr { th scope="col" { "Error on the validation films" } th.number scope="col" { "before" } th.number scope="col" { "after" } } }
            tbody {
                tr { th scope="row" { "log-loss" } td.number { (value(&calibration.before.log_loss)) } td.number { (value(&calibration.after.log_loss)) } }
                tr {
                    th scope="row" { "expected calibration error" }
                    td.number { (value(&calibration.before.expected_error)) } td.number { (value(&calibration.after.expected_error)) }
                }
            }
        } }
        div.scroll { table {
            thead { tr { th scope="col" { "Finding" } th scope="col" { "temperature" } } }
            tbody { @for (name, one) in names.iter().zip(&calibration.temperatures) { tr {
                th scope="row" { (name) }
                td { @match one.outcome {
                    Outcome::Fitted => (with_interval(&one.measured)),
                    Outcome::NotAsked => "1 (not fitted)",
                    Outcome::TooFewFilms => "1 (too few films to fit one)",
                    Outcome::NoBest => "1 (the validation films do not determine a temperature)",
                } }
            } } }
        } }
        @if !calibration.thresholds.is_empty() {
            div.scroll { table {
                caption { "Thresholds, with sensitivity and specificity on the validation films on which they were chosen." }
                thead { tr { th scope="col" { "Finding" } th.number scope="col" { "threshold" } th scope="col" { "chosen for" } th scope="col" { "sensitivity" } th scope="col" { "specificity" } } }
                tbody { @for (name, one) in &calibration.thresholds { tr {
                    th scope="row" { (name) } td.number { (three(one.threshold)) } td { (one.rule) }
                    td { (with_interval(&one.sensitivity)) } td { (with_interval(&one.specificity)) }
                } } }
            } }
        }
    }
}

fn recorded(one: &Evidence, plots: &mut Vec<Plot>) -> Markup {
    let evaluation = &one.evaluation;
    html! {
        h3 { "Evaluation " (one.name) }
        p { (one.model) ". " (one.films) ". " @if let Some(on) = &one.calibrated { "Probabilities were calibrated on " (on) "." } }
        p.small.soft { (one.when) ": " code { (one.command) } }
        (figure(plots, plot::intervals(
            &format!("Evaluation {}", one.name), &Axis::new("value").range(0.0, 1.0), &rows(evaluation), None, &[],
        ), &format!("Values with their {} intervals.", level(&Estimate::undefined(evaluation.options.level)))))
        (operating(evaluation))
        (predictive(evaluation))
        (reliability(&one.name, &evaluation.reliability, plots))
        @if let Some((other, comparison)) = &one.comparison { (compared(other, comparison)) }
        @if let Some(sources) = &one.sources { (by_source(&one.name, sources, plots)) }
        @let beware: Vec<String> = evaluation.cautions().into_iter().chain(one.notes.iter().cloned()).collect();
        @if !beware.is_empty() { p { "Limitations:" } ul { @for line in &beware { li { (line) } } } }
    }
}

fn rows(evaluation: &Evaluation) -> Vec<IntervalRow> {
    let overall = &evaluation.overall;
    let mut shown = vec![
        ("accuracy".to_owned(), &overall.accuracy),
        (
            evaluation.kind.mean_sensitivity().to_owned(),
            &overall.balanced_accuracy,
        ),
        ("macro AUC".to_owned(), &overall.macro_auc),
    ];
    for finding in &evaluation.findings {
        shown.extend([
            (format!("{}: sensitivity", finding.name), &finding.sensitivity),
            (format!("{}: specificity", finding.name), &finding.specificity),
            (format!("{}: AUC", finding.name), &finding.auc),
        ]);
    }
    shown
        .into_iter()
        .filter(|(_, measured)| measured.value.is_some())
        .map(|(label, measured)| IntervalRow {
            label,
            value: measured.value,
            interval: measured.low.zip(measured.high),
            text: with_interval(measured),
            style: 0,
        })
        .collect()
}

fn operating(evaluation: &Evaluation) -> Markup {
    if evaluation.operating.is_empty() {
        return html! {};
    }
    html! {
        div.scroll { table {
            caption { "Each class predicted separately by a threshold, not by the largest probability." }
            thead { tr {
                th scope="col" { "Class" } th.number scope="col" { "threshold" } th scope="col" { "sensitivity" } th scope="col" { "specificity" }
                th scope="col" { "precision" } th scope="col" { "NPV" }
            } }
            tbody { @for point in &evaluation.operating { tr {
                th scope="row" { (point.finding) } td.number { (three(point.threshold)) }
                @for measured in [&point.sensitivity, &point.specificity, &point.precision, &point.negative_predictive_value] { td { (with_interval(measured)) } }
            } } }
        } }
    }
}

fn predictive(evaluation: &Evaluation) -> Markup {
    if evaluation.predictive.is_empty() {
        return html! {};
    }
    html! {
        div.scroll { table {
            caption {
                "Predictive values at a given prevalence, from sensitivity and specificity on these films. Intervals include the uncertainty of both ("
                (method(pleura_eval::Method::ClopperPearsonOfBoth)) ")."
            }
            thead { tr {
                th scope="col" { "Finding" } th.number scope="col" { "prevalence" } th scope="col" { "predicted positive" }
                th scope="col" { "positive predictive value" } th scope="col" { "negative predictive value" }
            } }
            tbody { @for one in &evaluation.predictive { tr {
                th scope="row" { (one.finding) } td.number { (three(one.prevalence)) }
                td { @match one.threshold { Some(threshold) => { "from " (three(threshold)) } None => "if the most probable class" } }
                td { (with_interval(&one.positive)) } td { (with_interval(&one.negative)) }
            } } }
        } }
    }
}

fn reliability(name: &str, all: &[Reliability], plots: &mut Vec<Plot>) -> Markup {
    let Some(one) = all.first() else {
        return html! {};
    };
    let mut plot = Curves::new(
        format!("Reliability of {name}"),
        Axis::new("probability").range(0.0, 1.0),
        Axis::new("observed share").range(0.0, 1.0),
    );
    plot.series
        .push(Series::new("", vec![(0.0, 0.0), (1.0, 1.0)], 6).faint());
    let line = |pick: fn(&Estimate) -> Option<f64>| -> Vec<(f64, f64)> {
        one.bins
            .iter()
            .filter_map(|bin| Some((bin.mean, pick(&bin.share)?)))
            .collect()
    };
    for pick in [|m: &Estimate| m.low, |m: &Estimate| m.high] {
        plot.series.push(Series::new("", line(pick), 0).faint());
    }
    plot.series.push(Series::new("", line(|m| m.value), 0));
    let what = one
        .finding
        .clone()
        .unwrap_or_else(|| "the predicted class".to_owned());
    html! {
        (figure(plots, plot::curves(&plot), &format!(
            "Films in bins by the probability of {what}: mean probability and observed share (pale lines: its interval). The diagonal is perfect calibration."
        )))
        div.scroll { table {
            thead { tr { th scope="col" { "Probability of" } th scope="col" { "expected calibration error" } th.number scope="col" { "largest error of a bin" } } }
            tbody { @for one in all { tr {
                th scope="row" { (one.finding.as_deref().unwrap_or("the predicted class")) }
                td { (with_interval(&one.expected_error)) } td.number { (one.largest_error.map_or_else(|| "–".to_owned(), three)) }
            } } }
        } }
    }
}

fn p_of(table: &McNemar) -> String {
    three(table.quoted())
}

fn compared(other: &str, comparison: &Comparison) -> Markup {
    html! {
        h4 { "Against " (other) }
        p {
            "The same " (counted(comparison.films as u64, "film")) " of " (counted(comparison.patients as u64, "patient")) ". "
            @if let Some(table) = &comparison.mcnemar {
                "Correct by this model only: " (table.only_before) "; by the other model only: " (table.only_after) " (exact McNemar test over patients, p = " (p_of(table)) ")."
            }
        }
        div.scroll { table {
            caption { "Difference: the other model minus this one." }
            thead { tr { th scope="col" { "Metric" } th.number scope="col" { "this model" } th.number scope="col" { "other model" } th.number scope="col" { "difference" } th scope="col" { "interval" } } }
            tbody { @for one in &comparison.differences { tr {
                th scope="row" { @if let Some(finding) = &one.finding { (finding) ": " } (one.metric) }
                @for number in [one.before, one.after] { td.number { (number.map_or_else(|| "–".to_owned(), three)) } }
                td.number { (value(&one.difference)) } td { (interval(&one.difference)) }
            } } }
        } }
        div.scroll { table {
            caption { "Tests per finding: AUC by DeLong, sensitivity and specificity by exact McNemar over patients. No correction for multiple tests." }
            thead { tr { th scope="col" { "Finding" } th scope="col" { "difference of AUC (DeLong)" } th.number scope="col" { "p" } th.number scope="col" { "sensitivity: p" } th.number scope="col" { "specificity: p" } } }
            tbody { @for one in &comparison.findings { tr {
                th scope="row" { (one.finding) }
                @match &one.auc {
                    Some(auc) => { td { (with_interval(&auc.difference)) } td.number { (auc.p.map_or_else(|| "–".to_owned(), three)) } }
                    None => { td { "–" } td.number { "–" } }
                }
                td.number { (p_of(&one.sensitivity)) } td.number { (p_of(&one.specificity)) }
            } } }
        } }
    }
}

fn by_source(name: &str, sources: &SourceComparison, plots: &mut Vec<Plot>) -> Markup {
    let mut shown: Vec<(String, &Evaluation)> = vec![("internal".to_owned(), &sources.internal)];
    shown.extend(
        sources
            .external
            .iter()
            .map(|one| (one.name.clone(), &one.evaluation)),
    );
    let mut rows = Vec::new();
    for (source, evaluation) in &shown {
        rows.push(IntervalRow::heading(format!(
            "{source} ({} films)",
            evaluation.films
        )));
        for (label, measured) in [
            ("accuracy", &evaluation.overall.accuracy),
            (
                evaluation.kind.mean_sensitivity(),
                &evaluation.overall.balanced_accuracy,
            ),
            ("macro AUC", &evaluation.overall.macro_auc),
        ] {
            if measured.value.is_some() {
                rows.push(IntervalRow {
                    label: label.to_owned(),
                    value: measured.value,
                    interval: measured.low.zip(measured.high),
                    text: with_interval(measured),
                    style: 0,
                });
            }
        }
    }
    html! {
        h4 { "By source" }
        (figure(plots, plot::intervals(&format!("Sources of {name}"), &Axis::new("value").range(0.0, 1.0), &rows, None, &[]),
            "Where the model was trained, and each other source by itself; they are not mixed."))
        @for source in &sources.external {
            div.scroll { table {
                caption { (source.name) ", " (counted(source.evaluation.films as u64, "film")) " of " (counted(source.evaluation.patients as u64, "patient")) ": what is lost there, in percentage points." }
                thead { tr { th scope="col" { "Metric" } th.number scope="col" { "inside" } th.number scope="col" { "outside" } th.number scope="col" { "points lost" } th scope="col" { "interval" } th scope="col" { "by" } } }
                tbody { @for one in &source.drops { (lost(one)) } }
            } }
            @if !source.missing.is_empty() {
                p { "It has no films of " (listed(&source.missing)) ": its accuracy is of another mix of films, and means over findings leave them out on both sides." }
            }
        }
    }
}

fn lost(one: &SourceDrop) -> Markup {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), three);
    html! { tr {
        th scope="row" { @if let Some(finding) = &one.finding { (finding) ": " } (one.metric) }
        td.number { (number(one.internal)) } td.number { (number(one.external)) }
        td.number { (one.drop.value.map_or_else(|| "–".to_owned(), points)) }
        td { @if let (Some(low), Some(high)) = (one.drop.low, one.drop.high) { "[" (points(low)) ", " (points(high)) "]" } }
        td { (method(one.drop.method)) }
    } }
}
