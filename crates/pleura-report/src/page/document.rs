//! The frame of a page: head, notice, contents, sections, footer. One stylesheet, nothing loaded from
//! elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use pleura_core::NOTICE;
use pleura_draw::plot::Plot;

const STYLE: &str = include_str!("style.css");

/// An HTML page and its plots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// One document without scripts or outside resources.
    pub html: String,
    /// The plots, in the order of the page.
    pub plots: Vec<Plot>,
}

/// A page about runs. Sections (id, title, body) without a body are left out.
pub(super) fn run_page<'a>(
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
        made_from: "the files of the run",
    };
    document(&head, &sections)
}

/// The text at the top and at the end of a page.
pub(super) struct Head<'a> {
    pub(super) title: &'a str,
    /// The kind of page.
    pub(super) kind: &'a str,
    /// Text after the kind; may be empty.
    pub(super) note: String,
    /// The sources of the page.
    pub(super) made_from: &'a str,
}

/// A page of sections: id, title and body of each.
pub(super) fn document(head: &Head<'_>, sections: &[(&str, &str, Markup)]) -> String {
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
                        "Written by pleura " (env!("CARGO_PKG_VERSION")) " from " (head.made_from) ". The page contains everything it shows, loads \
                         nothing and runs no scripts."
                    }
                }
            }
        }
    }
    .into_string()
}
