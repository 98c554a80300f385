//! The facts needed to repeat a run.

use maud::{Markup, html};

use super::figure::missing;
use super::number::duration;
use crate::input::ReportInput;

pub(super) fn section(input: &ReportInput) -> Markup {
    let p = &input.provenance;
    let nothing = p.command.is_empty()
        && p.seed.is_none()
        && p.versions.is_empty()
        && p.machine.is_empty()
        && p.digests.is_empty();
    html! {
        p { "On the same kind of processor, the same recipe, films, seed and version give the same weights bit for bit, with any number of threads." }
        @if nothing { (missing("The run has no record of command and versions.")) }
        @if !p.command.is_empty() { h3 { "Command" } pre { code { (p.command) } } }
        @if let Some(seed) = p.seed { p { "Seed: " code { (seed) } } }
        (pairs("Versions", ["Program", "Version"], &p.versions, false))
        (pairs("Machine", ["Property", "Value"], &p.machine, false))
        (pairs("Digests (SHA-256)", ["File", "Digest"], &p.digests, true))
        @if !p.timings.is_empty() {
            h3 { "Duration" }
            div.scroll { table {
                thead { tr { th scope="col" { "Part" } th.number scope="col" { "wall-clock time" } } }
                tbody { @for (name, seconds) in &p.timings { tr { th scope="row" { (name) } td.number { (duration(*seconds)) } } } }
            } }
        }
    }
}

fn pairs(title: &str, headings: [&str; 2], rows: &[(String, String)], code: bool) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    html! {
        h3 { (title) }
        div.scroll { table {
            thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
            tbody { @for (name, value) in rows { tr {
                th scope="row" { (name) }
                td { @if code { code { (value) } } @else { (value) } }
            } } }
        } }
    }
}
