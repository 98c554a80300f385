//! The page: sections in order, one stylesheet, nothing loaded from elsewhere.

mod audit;
mod cautions;
mod copies;
mod data;
mod described;
mod evidence;
mod experiments;
mod gallery;
mod neurons;
mod number;
mod provenance;
mod results;
mod series;
mod study;
mod summary;
mod training;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use pleura_draw::plot::Plot;

use crate::input::{DataTable, ReportInput, SplitEvaluation, StageResult};

/// What every page says at its top, at its end and below each printed page.
pub(crate) use pleura_core::NOTICE;

pub use described::describe;
pub(crate) use series::{curve_plots, table as curve_table};
pub(crate) use study::{render as render_study, study_plots};

const STYLE: &str = include_str!("page/style.css");

/// An HTML page and its plots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// One document without scripts or outside resources.
    pub html: String,
    /// The plots, in the order of the page.
    pub plots: Vec<Plot>,
}

/// Renders the report: one HTML document without scripts or outside resources. Equal input gives equal bytes.
pub fn render(input: &ReportInput) -> Page {
    let mut plots = Vec::new();
    let sections = [
        ("summary", "Summary", Some(summary::section(input))),
        ("results", "Results", Some(results::section(input, &mut plots))),
        (
            "series",
            "Several runs together",
            series::section(input.series.as_ref(), &mut plots),
        ),
        ("evidence", "Evidence", evidence::section(input, &mut plots)),
        (
            "heatmaps",
            "Heatmaps",
            Some(gallery::section(&input.gallery, &mut plots)),
        ),
        (
            "experiments",
            "Experiments",
            experiments::section(input, &mut plots),
        ),
        (
            "audit",
            "Audit",
            input
                .audit
                .as_ref()
                .map(|audit| audit::section(audit, &mut plots)),
        ),
        ("copies", "Copies", copies::section(&input.data)),
        ("data", "Data", Some(data::section(&input.data, &mut plots))),
        ("training", "Training", Some(training::section(input, &mut plots))),
        (
            "reproducibility",
            "Reproducibility",
            Some(provenance::section(input)),
        ),
    ];
    let html = run_page(
        &input.title,
        "Training report",
        &input.provenance.started,
        sections,
    );
    Page { html, plots }
}

/// A page about runs, of those of its sections (id, title, body) that there are.
fn run_page<'a>(
    title: &str,
    kind: &str,
    started: &str,
    sections: impl IntoIterator<Item = (&'a str, &'a str, Option<Markup>)>,
) -> String {
    let sections: Vec<(&str, &str, Markup)> = sections
        .into_iter()
        .filter_map(|(id, title, body)| Some((id, title, body?)))
        .collect();
    let note = match started {
        "" => String::new(),
        started => format!(" · run started {started}"),
    };
    let head = Head {
        title,
        kind,
        note,
        made_from: "the files of the run alone",
    };
    document(&head, &sections)
}

/// What stands at the top of a page and at its end.
struct Head<'a> {
    title: &'a str,
    /// What the page is.
    kind: &'a str,
    /// What follows that, or nothing.
    note: String,
    /// What it was written from.
    made_from: &'a str,
}

/// A page of sections: id, title and body of each.
fn document(head: &Head<'_>, sections: &[(&str, &str, Markup)]) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="pleura";
                title { (head.title) " – " (head.kind.to_lowercase()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div.notice role="note" { (NOTICE) }
                header {
                    h1 { (head.title) }
                    p.soft { (head.kind) (head.note) }
                }
                nav aria-label="Contents" {
                    ul { @for (id, title, _) in sections { li { a href=(format!("#{id}")) { (title) } } } }
                }
                main {
                    @for (id, title, body) in sections {
                        section id=(id) aria-labelledby=(format!("{id}-title")) {
                            h2 id=(format!("{id}-title")) { (title) }
                            (body)
                        }
                    }
                }
                footer {
                    p { strong { (NOTICE) } }
                    p {
                        "Written by pleura " (env!("CARGO_PKG_VERSION")) " from " (head.made_from) ". The page holds everything it shows; it loads \
                         nothing and runs no scripts."
                    }
                }
            }
        }
    }
    .into_string()
}

/// A plot with its caption.
fn figure(plots: &mut Vec<Plot>, plot: Plot, caption: &str) -> Markup {
    html! {
        figure {
            (drawing(plots, plot))
            @if !caption.is_empty() { figcaption { (caption) } }
        }
    }
}

/// A plot's drawing. The plot itself goes to the plots of the page.
fn drawing(plots: &mut Vec<Plot>, plot: Plot) -> Markup {
    let drawing = PreEscaped(plot.svg.clone());
    plots.push(plot);
    drawing
}

/// What stands where a run has nothing to show.
fn missing(what: &str) -> Markup {
    html! { p.missing { (what) } }
}

/// The stage whose result is the run's.
fn lead_stage(input: &ReportInput) -> Option<&StageResult> {
    let named = input
        .lead
        .as_ref()
        .and_then(|name| input.stages.iter().find(|stage| stage.name == *name));
    named.or(input.stages.last())
}

/// The stages that led to a stage, the first one first.
fn way_to<'a>(input: &'a ReportInput, stage: &'a StageResult) -> Vec<&'a StageResult> {
    let mut way: Vec<&StageResult> = Vec::new();
    let mut at = stage;
    while let Some(before) = at
        .from
        .as_ref()
        .and_then(|name| input.stages.iter().find(|s| s.name == *name))
    {
        // Names that run in a circle must not hang the report.
        if before.name == stage.name || way.iter().any(|known| known.name == before.name) {
            break;
        }
        way.insert(0, before);
        at = before;
    }
    way
}

/// What that stage got: on the test split, or on another where there is no test split.
fn headline(stage: &StageResult) -> Option<&SplitEvaluation> {
    let of = |split: &str| stage.evaluations.iter().find(|e| e.split == split);
    of("test")
        .or_else(|| of("val"))
        .or_else(|| stage.evaluations.first())
}

/// The table of films that a stage was trained on.
fn table_of<'a>(input: &'a ReportInput, stage: &StageResult) -> Option<&'a DataTable> {
    input.data.iter().find(|table| table.stages.contains(&stage.name))
}
