//! The films of a run: sources, splits and exclusions.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::figure::{figure, missing};
use super::number::{grouped, listed, split};
use crate::input::{DataTable, FindingCount};
use pleura_draw::plot::{self, Bar, Plot};

/// The most findings for separate bars per split.
const APART: usize = 6;

pub(super) fn section(tables: &[DataTable], plots: &mut Vec<Plot>) -> Markup {
    html! {
        @if tables.is_empty() { (missing("No manifest of this run can be read.")) }
        @for table in tables { (one(table, plots)) }
    }
}

fn one(table: &DataTable, plots: &mut Vec<Plot>) -> Markup {
    let parts = splits(table);
    html! {
        h3 { (table.name) @if table.phantom { " " span.tag.phantom { "phantoms" } } }
        p {
            @if !table.stages.is_empty() {
                "Used by " @if table.stages.len() == 1 { "stage " } @else { "the stages " } (listed(&table.stages)) ". "
            }
            @if table.phantom { "Its films are synthetic (phantoms): a program drew them, and they show no real patient. " }
            @if !table.digest.is_empty() { "SHA-256 of the manifest: " code { (table.digest) } }
        }
        @if !table.counts.is_empty() { (figure(plots, bars(table, &parts), &caption(table))) }
        (counts(table, &parts))
        (sources(table))
        (exclusions(table))
    }
}

fn caption(table: &DataTable) -> String {
    let several =
        table.splits.iter().map(|s| s.films).sum::<u64>() < table.counts.iter().map(|c| c.films).sum::<u64>();
    let of = if table.findings.len() > APART {
        "Films of each finding, all splits together"
    } else {
        "Films of each split and finding"
    };
    let mut text = format!("{of}; the colour is the source.");
    if several {
        text.push_str(" A film with several findings counts for each of them.");
    }
    text
}

/// The splits that occur, in the order of their use.
fn splits(table: &DataTable) -> Vec<String> {
    let mut found: Vec<String> = ["train", "val", "test"]
        .map(str::to_owned)
        .into_iter()
        .filter(|s| table.splits.iter().any(|c| c.split == *s))
        .collect();
    for count in &table.splits {
        if !found.contains(&count.split) {
            found.push(count.split.clone());
        }
    }
    found
}

fn sources_of(table: &DataTable) -> Vec<String> {
    let mut names: Vec<String> = table.sources.iter().map(|s| s.name.clone()).collect();
    for count in &table.counts {
        if !names.contains(&count.source) {
            names.push(count.source.clone());
        }
    }
    names
}

fn films(counts: &[FindingCount], finding: &str, of_split: Option<&str>, source: Option<&str>) -> u64 {
    let matching = counts.iter().filter(|c| {
        c.finding == finding && of_split.is_none_or(|s| c.split == s) && source.is_none_or(|s| c.source == s)
    });
    matching.map(|c| c.films).sum()
}

fn bars(table: &DataTable, parts: &[String]) -> Plot {
    let sources = sources_of(table);
    let bar = |finding: &String, split: Option<&str>| Bar {
        label: finding.clone(),
        parts: sources
            .iter()
            .map(|source| films(&table.counts, finding, split, Some(source)))
            .collect(),
    };
    let mut rows = Vec::new();
    if table.findings.len() > APART {
        rows.extend(table.findings.iter().map(|finding| bar(finding, None)));
    } else {
        for part in parts {
            rows.push(Bar {
                label: split(part).to_owned(),
                parts: Vec::new(),
            });
            rows.extend(table.findings.iter().map(|finding| bar(finding, Some(part))));
        }
    }
    plot::bars(
        &format!("Films of {} by split, finding and source", table.name),
        "films",
        &sources,
        &rows,
    )
}

fn counts(table: &DataTable, parts: &[String]) -> Markup {
    let total = |finding: &str| {
        parts
            .iter()
            .map(|part| films(&table.counts, finding, Some(part), None))
            .sum::<u64>()
    };
    html! {
        div.scroll { table {
            caption { "Films with each finding." }
            thead { tr {
                th scope="col" { "Finding" }
                @for part in parts { th.number scope="col" { (split(part)) } }
                th.number scope="col" { "all" }
            } }
            tbody {
                @for finding in &table.findings { tr {
                    th scope="row" { (finding) }
                    @for part in parts { td.number { (grouped(films(&table.counts, finding, Some(part), None))) } }
                    td.number { (grouped(total(finding))) }
                } }
                tr.total {
                    th scope="row" { "different films" }
                    @for part in parts { td.number { (grouped(of_split(table, part).0)) } }
                    td.number { (grouped(table.splits.iter().map(|s| s.films).sum())) }
                }
                tr {
                    th scope="row" { "different patients" }
                    @for part in parts { td.number { (grouped(of_split(table, part).1)) } }
                    td.number { "" }
                }
            }
        } }
    }
}

fn of_split(table: &DataTable, part: &str) -> (u64, u64) {
    table
        .splits
        .iter()
        .find(|s| s.split == part)
        .map_or((0, 0), |s| (s.films, s.patients))
}

fn sources(table: &DataTable) -> Markup {
    html! {
        @if !table.sources.is_empty() {
            div.scroll { table {
                caption { "Sources of the films." }
                thead { tr {
                    th scope="col" { "Source" } th.number scope="col" { "films" } th.number scope="col" { "patients" }
                    th scope="col" { "licence" } th scope="col" { "as recorded" }
                } }
                tbody { @for source in &table.sources { tr {
                    th scope="row" { (source.name) }
                    td.number { (grouped(source.films)) }
                    td.number { (grouped(source.patients)) }
                    td {
                        @if !source.licence.is_empty() { (source.licence) }
                        @else if table.phantom { "drawn by a program" }
                        @else { span.missing { "not recorded" } }
                    }
                    td { @for (name, value) in &source.facts { div { span.soft { (name) ": " } (value) } } }
                } } }
            } }
        }
    }
}

fn exclusions(table: &DataTable) -> Markup {
    if table.exclusions.is_empty() {
        return html! { p.soft { "No exclusions are recorded for this manifest." } };
    }
    let with_rest = table.exclusions.iter().any(|e| e.left.is_some());
    let by_source: BTreeMap<&str, u64> = table.exclusions.iter().fold(BTreeMap::new(), |mut sums, e| {
        *sums.entry(e.source.as_str()).or_default() += e.films;
        sums
    });
    html! {
        div.scroll { table {
            caption { "Excluded films, step by step (" (grouped(by_source.values().sum())) " in total)." }
            thead { tr {
                th scope="col" { "Source" } th scope="col" { "Reason" } th.number scope="col" { "excluded" }
                @if with_rest { th.number scope="col" { "remaining" } }
            } }
            tbody { @for step in &table.exclusions { tr {
                td { (step.source) }
                td { (step.reason) }
                td.number { (grouped(step.films)) }
                @if with_rest { td.number { @if let Some(left) = step.left { (grouped(left)) } } }
            } } }
        } }
    }
}
