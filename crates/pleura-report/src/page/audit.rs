//! The audit: an overview of its checks, and each noteworthy check with its numbers.

use maud::{Markup, html};
use pleura_draw::plot::Plot;
use pleura_run::audit::{AuditRecord, Check, Figure, Verdict};

use super::figure::figure;
use super::number::{counted, grouped, listed, sentence, three};
use crate::audit::{check_plot, permuted};

/// The audit of a run.
pub(super) fn section(audit: &AuditRecord, plots: &mut Vec<Plot>) -> Markup {
    let names = |verdict: Verdict| -> Vec<String> {
        let checks = audit.checks.iter().filter(|check| check.verdict == verdict);
        checks.map(|check| check.name.clone()).collect()
    };
    let (blocks, alarms) = (names(Verdict::Block), names(Verdict::Alarm));
    html! {
        p {
            (counted(audit.checks.len() as u64, "check")) " of " (counted(audit.films as u64, "film"))
            @if let Some(stage) = &audit.stage { ", and of the network of stage " (stage) }
            ". "
            @if !blocks.is_empty() { strong { "The results are void until this is corrected: " (listed(&blocks)) ". " } }
            @if !alarms.is_empty() { strong { "The network may use cues other than disease: " (listed(&alarms)) ". " } }
            @if blocks.is_empty() && alarms.is_empty() { "No check raised an alarm. This does not prove that there is no shortcut. " }
        }
        (overview(&audit.checks))
        @for check in audit.checks.iter().filter(|check| check.verdict >= Verdict::Note) {
            h3 { (check.asks) }
            p { strong { (meaning(check.verdict)) } " " (sentence(&check.says)) }
            @if let Some(numbers) = &check.figure { (table(numbers, check.p)) }
            @if let Some(plot) = check_plot(check) { (figure(plots, plot, "")) }
            @if !check.remedy.is_empty() { p { "Remedy: " (sentence(&check.remedy)) } }
            @if !check.literature.is_empty() { ul { @for work in &check.literature { li.soft { (work) } } } }
        }
    }
}

/// One row per check, with the value that decides it.
fn overview(checks: &[Check]) -> Markup {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), three);
    html! {
        div.scroll { table {
            caption { "An alarm needs a value of at least the limit. p is the probability of such a value with permuted labels." }
            thead { tr {
                th scope="col" { "Result" } th scope="col" { "Question" }
                th.number scope="col" { "value" } th.number scope="col" { "limit" } th.number scope="col" { "p" }
            } }
            tbody { @for check in checks { tr {
                th scope="row" { (check.verdict) }
                td { (check.asks) @if check.verdict == Verdict::NotPossible { br; span.small.soft { (sentence(&check.says)) } } }
                @for value in [check.value, check.threshold, check.p] { td.number { (number(value)) } }
            } } }
        } }
    }
}

/// The meaning of a verdict for the reader of the results.
fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Block => "The results are void until this is corrected.",
        Verdict::Alarm => "A shortcut is likely. Report this with every result.",
        Verdict::Note => "This affects how the results should be read.",
        Verdict::Pass => "No problem was found.",
        Verdict::NotPossible => "The check was not possible.",
    }
}

/// The numbers of a check's figure.
fn table(numbers: &Figure, p: Option<f64>) -> Markup {
    let range = |(low, high): (f64, f64)| format!("{} to {}", three(low), three(high));
    match numbers {
        Figure::Null {
            axis,
            observed,
            interval,
            chance,
            null,
        } => {
            let (median, middle) = permuted(null, *chance);
            html! {
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "" } th.number scope="col" { "value" } th scope="col" { "95 % interval" }
                        th.number scope="col" { "chance level" }
                        th.number scope="col" { "permuted labels: median" } th scope="col" { "95 % range" }
                        @if p.is_some() { th.number scope="col" { "p" } }
                    } }
                    tbody { tr {
                        th scope="row" { (axis) }
                        td.number { (three(*observed)) } td { (range(*interval)) } td.number { (three(*chance)) }
                        td.number { (three(median)) } td { (range(middle)) }
                        @if let Some(p) = p { td.number { (three(p)) } }
                    } }
                } }
            }
        }
        Figure::Intervals { axis, lines } => html! {
            div.scroll { table {
                caption { (axis) }
                thead { tr { th scope="col" { "" } th.number scope="col" { "value" } th scope="col" { "95 % interval" } } }
                tbody { @for (name, value, interval) in lines { tr {
                    th scope="row" { (name) } td.number { (three(*value)) } td { (range(*interval)) }
                } } }
            } }
        },
        Figure::Counts {
            axis,
            rows,
            columns,
            counts,
        } => html! {
            div.scroll { table {
                caption { "Films by class" @if !axis.is_empty() { " and " (axis) } }
                thead { tr { th scope="col" { "Class" } @for column in columns { th.number scope="col" { (column) } } } }
                tbody { @for (row, films) in rows.iter().zip(counts) { tr {
                    th scope="row" { (row) } @for &films in films { td.number { (grouped(films as u64)) } }
                } } }
            } }
        },
    }
}
