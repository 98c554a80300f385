//! The page that describes manifests.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use pleura_data::describe::{DECADES, Description, Group, Spread};

use super::document::{Head, Page, document};
use super::figure::figure;
use super::number::{counted, grouped, listed, percent, split};
use pleura_draw::plot::{self, Bar, Plot};

/// The most parts of a bar with distinct colours.
const PARTS: usize = 7;

/// Renders a description of manifests as one HTML document without scripts or outside resources. Equal input
/// gives equal bytes.
pub fn describe(description: &Description) -> Page {
    let mut plots = Vec::new();
    let names: Vec<String> = description
        .tables
        .iter()
        .map(|table| table.name.clone())
        .collect();
    let sections = [
        ("notice", "Observations", notice(description)),
        (
            "findings",
            "Findings and sources",
            findings(description, &mut plots),
        ),
        (
            "people",
            "People and projections",
            people(description, &mut plots),
        ),
        ("files", "Files", files(description, &mut plots)),
        ("sources", "Sources", sources(description)),
    ];
    let head = Head {
        title: &listed(&names),
        kind: "Description of films",
        note: format!(
            " · {} of {}",
            counted(description.all.films, "film"),
            counted(description.all.patients, "patient")
        ),
        made_from: "the manifests and films named",
    };
    Page {
        html: document(&head, &sections),
        plots,
    }
}

fn notice(description: &Description) -> Markup {
    html! {
        @if description.says.is_empty() { p { "No automatic observations." } }
        ul { @for sentence in &description.says { li { (sentence) } } }
        table {
            thead { tr { th scope="col" { "Table" } th.number scope="col" { "films" } th.number scope="col" { "patients" } th scope="col" { "SHA-256" } } }
            tbody { @for table in &description.tables { tr {
                th scope="row" { (table.name) } td.number { (grouped(table.films)) } td.number { (grouped(table.patients)) }
                td { code { (table.digest) } }
            } } }
        }
    }
}

/// The rows of the tables: each finding, then all films.
fn rows(description: &Description) -> impl Iterator<Item = (&str, &Group)> {
    let findings = description
        .findings
        .iter()
        .map(|group| (group.name.as_str(), group));
    findings.chain([("all films", &description.all)])
}

/// One stacked bar per finding; its parts are the keys of a count.
fn stacked(
    description: &Description,
    title: &str,
    counts: &dyn Fn(&Group) -> &BTreeMap<String, u64>,
    word: &dyn Fn(&str) -> String,
) -> Plot {
    let mut keys: Vec<&String> = counts(&description.all).keys().collect();
    keys.sort_by_key(|key| std::cmp::Reverse(counts(&description.all)[*key]));
    let rest: BTreeSet<&String> = keys.iter().skip(PARTS - 1).copied().collect();
    let more = keys.len() > PARTS;
    if more {
        keys.truncate(PARTS - 1);
    }
    let mut parts: Vec<String> = keys.iter().map(|key| word(key)).collect();
    if more {
        parts.push("others".to_owned());
    }
    let bars: Vec<Bar> = rows(description)
        .map(|(name, group)| {
            let of = |key: &String| counts(group).get(key).copied().unwrap_or(0);
            let mut films: Vec<u64> = keys.iter().map(|key| of(key)).collect();
            if more {
                films.push(rest.iter().map(|key| of(key)).sum());
            }
            Bar {
                label: name.to_owned(),
                parts: films,
            }
        })
        .collect();
    plot::bars(title, "films", &parts, &bars)
}

fn unknown(key: &str) -> String {
    if key.is_empty() {
        "unknown".to_owned()
    } else {
        key.to_owned()
    }
}

fn findings(description: &Description, plots: &mut Vec<Plot>) -> Markup {
    let several = if description.exclusive {
        ""
    } else {
        " A film with several findings counts for each of them."
    };
    let sources = stacked(
        description,
        "Films of each finding by source",
        &|group| &group.sources,
        &unknown,
    );
    let splits = stacked(
        description,
        "Films of each finding by split",
        &|group| &group.splits,
        &|key| split(key).to_owned(),
    );
    html! {
        (figure(plots, sources, &format!("The colour is the source of the films.{several}")))
        (figure(plots, splits, ""))
        div.scroll { table {
            caption { "Labels of each finding." }
            thead { tr {
                th scope="col" { "Finding" } th.number scope="col" { "present" } th.number scope="col" { "absent" }
                th.number scope="col" { "uncertain" } th.number scope="col" { "unknown" }
                th.number scope="col" { "patients" } th.number scope="col" { "most films per patient" }
            } }
            tbody { @for (count, group) in description.labels.iter().zip(&description.findings) { tr {
                th scope="row" { (count.finding) }
                @for films in [count.positive, count.negative, count.uncertain, count.unknown, group.patients, group.most_of_one] {
                    td.number { (grouped(films)) }
                }
            } } }
        } }
        @if description.without > 0 { p.soft { (counted(description.without, "film")) " without any finding of the table." } }
    }
}

fn people(description: &Description, plots: &mut Vec<Plot>) -> Markup {
    let ages = {
        let parts: Vec<&Group> = description.findings.iter().take(PARTS).collect();
        // The parts of a bar must sum to the number of films, so findings must not overlap.
        let apart = description.exclusive && description.without == 0 && description.findings.len() <= PARTS;
        let bars: Vec<Bar> = DECADES
            .iter()
            .enumerate()
            .map(|(place, decade)| Bar {
                label: (*decade).to_owned(),
                parts: if apart {
                    parts.iter().map(|group| group.ages.decades[place]).collect()
                } else {
                    vec![description.all.ages.decades[place]]
                },
            })
            .collect();
        let names = if apart {
            parts.iter().map(|group| group.name.clone()).collect()
        } else {
            vec!["all films".to_owned()]
        };
        plot::bars("Films by age of the patient", "films", &names, &bars)
    };
    let sexes = stacked(
        description,
        "Films of each finding by sex",
        &|group| &group.sexes,
        &unknown,
    );
    let views = stacked(
        description,
        "Films of each finding by projection",
        &|group| &group.views,
        &unknown,
    );
    let patients: Vec<Bar> = description
        .films_a_patient
        .iter()
        .fold(BTreeMap::<u64, u64>::new(), |mut counts, (films, patients)| {
            *counts.entry((*films).min(10)).or_default() += patients;
            counts
        })
        .into_iter()
        .map(|(films, patients)| Bar {
            label: if films == 10 {
                "10 and more".to_owned()
            } else {
                films.to_string()
            },
            parts: vec![patients],
        })
        .collect();
    html! {
        (figure(plots, ages, "By decade. Films without a known age are left out."))
        (figure(plots, sexes, ""))
        (figure(plots, views, "Projections as named by the sources."))
        (figure(plots, plot::bars("Patients by their number of films", "patients", &["patients".to_owned()], &patients), ""))
        div.scroll { table {
            caption { "Age of the patient in years, per film." }
            thead { tr {
                th scope="col" { "Finding" } th.number scope="col" { "median" } th.number scope="col" { "quartiles" }
                th.number scope="col" { "range" } th.number scope="col" { "under 18" } th.number scope="col" { "age unknown" }
                th.number scope="col" { "sex unknown" } th.number scope="col" { "projection unknown" }
            } }
            tbody { @for (name, group) in rows(description) { tr {
                th scope="row" { (name) }
                (spread(group.ages.years.as_ref()))
                td.number { (grouped(group.ages.children)) }
                @for missing in [group.ages.unknown, none(&group.sexes), none(&group.views)] {
                    td.number { (grouped(missing)) @if missing > 0 { " (" (percent(missing as f64 / group.films as f64)) ")" } }
                }
            } } }
        } }
    }
}

fn none(counts: &BTreeMap<String, u64>) -> u64 {
    counts.get("").copied().unwrap_or(0)
}

/// Median, quartiles and range as three cells.
fn spread(spread: Option<&Spread>) -> Markup {
    html! {
        @match spread {
            Some(of) => {
                td.number { (format!("{:.0}", of.median)) }
                td.number { (format!("{:.0} to {:.0}", of.lower, of.upper)) }
                td.number { (format!("{:.0} to {:.0}", of.least, of.most)) }
            }
            None => { td.number { "–" } td.number { "–" } td.number { "–" } }
        }
    }
}

fn files(description: &Description, plots: &mut Vec<Plot>) -> Markup {
    if !description.opened {
        return html! { p.missing { "The films were not opened." } };
    }
    let shapes = stacked(
        description,
        "Films of each finding by shape",
        &|group| &group.shapes,
        &|key| match key {
            "wide" => "wider than high".to_owned(),
            "high" => "higher than wide".to_owned(),
            other => other.to_owned(),
        },
    );
    let formats = stacked(
        description,
        "Films of each finding by format",
        &|group| &group.formats,
        &unknown,
    );
    html! {
        (figure(plots, shapes, "Square: the sides differ by at most 2 %."))
        (figure(plots, formats, ""))
        div.scroll { table {
            caption { "Short side in pixels." }
            thead { tr {
                th scope="col" { "Finding" } th.number scope="col" { "median" } th.number scope="col" { "quartiles" } th.number scope="col" { "range" }
            } }
            tbody { @for (name, group) in rows(description) { tr { th scope="row" { (name) } (spread(group.short_sides.as_ref())) } } }
        } }
        @if !description.unreadable.is_empty() {
            p { (counted(description.unreadable.len() as u64, "film")) " could not be opened:" }
            ul { @for reason in description.unreadable.iter().take(20) { li { (reason) } } }
        }
    }
}

fn sources(description: &Description) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Source" } th.number scope="col" { "films" } th.number scope="col" { "patients" }
                th scope="col" { "licence" } th scope="col" { "citation" } th scope="col" { "shares films with" }
            } }
            tbody { @for source in &description.sources { tr {
                th scope="row" { (source.name) }
                td.number { (grouped(source.films)) }
                td.number { (grouped(source.patients)) }
                td { @if source.licence.is_empty() { span.missing { "not recorded" } } @else { (source.licence) } }
                td { (source.citation) }
                td { (source.overlaps.join(", ")) }
            } } }
        } }
    }
}
