//! A package's description for a terminal, and as one HTML page without external resources.

use maud::{DOCTYPE, PreEscaped, html as markup};

use super::sections::{Block, Section, sections};
use crate::{NOTICE, Package};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1rem;color:#1c1c1c;background:#fff}\
    h1,h2{line-height:1.2}.notice{background:#7a1f1f;color:#fff;padding:.5rem 1rem;font-weight:600}\
    table{border-collapse:collapse;margin:.75rem 0;width:100%}th,td{border:1px solid #bbb;padding:.3rem .5rem;text-align:left;vertical-align:top;\
    overflow-wrap:anywhere}th{background:#eee}td{white-space:pre-line}@media print{h2{break-after:avoid}tr{break-inside:avoid}}";

/// An HTML document without scripts or external resources. Equal packages give equal bytes.
pub fn html(package: &Package) -> String {
    let name = package
        .parts
        .card
        .name
        .clone()
        .unwrap_or_else(|| "A model".to_owned());
    markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="pleura";
                title { (name) " – model card" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                p.notice role="note" { (NOTICE) }
                h1 { (name) }
                @for Section { title, blocks } in &sections(package) {
                    section {
                        h2 { (title) }
                        @for block in blocks {
                            @match block {
                                Block::Text(text) => p { (text) },
                                Block::Table { head, rows } => table {
                                    @if head.iter().any(|cell| !cell.is_empty()) {
                                        thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                                    }
                                    tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
                                },
                            }
                        }
                    }
                }
                p.notice role="note" { (NOTICE) }
            }
        }
    }
    .into_string()
}

/// Longest cell shown in a column; tables with longer cells are shown as paragraphs.
const NARROW: usize = 44;

/// The description for a terminal.
pub fn text(package: &Package) -> String {
    let mut out = String::new();
    for Section { title, blocks } in sections(package) {
        out += &format!("\n{title}\n{}\n", "─".repeat(title.chars().count()));
        for block in blocks {
            match block {
                Block::Text(text) => out += &format!("{text}\n"),
                Block::Table { head, rows } => out += &columns(&head, &rows),
            }
        }
    }
    out
}

/// A table with aligned columns; with long cells, one paragraph per row.
fn columns(head: &[String], rows: &[Vec<String>]) -> String {
    let length = |cell: &String| cell.chars().count();
    let long = rows
        .iter()
        .any(|row| row.iter().rev().skip(1).any(|cell| length(cell) > NARROW));
    let mut out = String::new();
    if long {
        for row in rows {
            for (number, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let label = head.get(number).filter(|label| number > 0 && !label.is_empty());
                let label = label.map_or_else(String::new, |label| format!("{label}: "));
                let indent = if number == 0 { "  · " } else { "      " };
                out += &format!("{indent}{label}{}\n", cell.replace('\n', "\n      "));
            }
        }
        return out;
    }
    let lines: Vec<&[String]> = std::iter::once(head)
        .filter(|head| head.iter().any(|cell| !cell.is_empty()))
        .chain(rows.iter().map(Vec::as_slice))
        .collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            lines
                .iter()
                .filter_map(|row| row.get(column))
                .map(length)
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in lines {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        out += &format!("  {}\n", cells.join("  ").trim_end());
    }
    out
}
