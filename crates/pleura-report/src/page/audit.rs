//! What the audit found.

use maud::{Markup, html};
use pleura_run::audit::{AuditRecord, Check, Verdict};

use pleura_draw::plot::Plot;

use super::figure;
use super::number::{counted, listed};
use crate::audit::check_plot;

/// The audit of a run.
pub(super) fn section(audit: &AuditRecord, plots: &mut Vec<Plot>) -> Markup {
    let loud = |check: &&Check| check.verdict >= Verdict::Note;
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
            @if !blocks.is_empty() { strong { "The results mean nothing until this is mended: " (listed(&blocks)) ". " } }
            @if !alarms.is_empty() { strong { "The network may well answer by something other than disease: " (listed(&alarms)) ". " } }
            @if blocks.is_empty() && alarms.is_empty() { "None raised an alarm. That does not say that there is no shortcut. " }
        }
        div.scroll { table {
            thead { tr { th scope="col" { "Verdict" } th scope="col" { "Question" } th scope="col" { "What was found" } } }
            tbody { @for check in &audit.checks { tr {
                th scope="row" { (check.verdict) }
                td { (check.asks) }
                td { (check.says) }
            } } }
        } }
        @for check in audit.checks.iter().filter(loud) {
            h3 { (check.asks) }
            p { strong { (check.verdict) ": " } (check.says) "." }
            @if let Some(plot) = check_plot(check) { (figure(plots, plot, "")) }
            @if !check.remedy.is_empty() { p { "What can be done: " (check.remedy) "." } }
            @if !check.literature.is_empty() { ul { @for work in &check.literature { li.soft { (work) } } } }
        }
    }
}
