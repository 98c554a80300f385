//! The page around the script: controls with labels, tables, and the content security policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use pleura_core::NOTICE;
use pleura_core::sha256;

use super::content::Viewer;

const STYLE: &str = include_str!("viewer.css");
const SCRIPT: &str = concat!(
    include_str!("values.js"),
    include_str!("draw.js"),
    include_str!("controls.js")
);

const VIEWS: [(&str, &str); 5] = [
    ("overlay", "Over the film"),
    ("side", "Film and overlay"),
    ("all", "All outputs"),
    ("map", "Map alone"),
    ("film", "Film alone"),
];

const KEYS: [(&str, &str); 11] = [
    ("1 to 9", "output"),
    ("m", "next method"),
    ("v", "next view"),
    ("c", "lines of equal relevance"),
    ("l", "outlines"),
    ("i", "invert the film"),
    ("+ and -", "opacity"),
    ("[ and ]", "scale limit"),
    (
        "arrows",
        "move the point on a focused picture (with shift: by ten)",
    ),
    ("shift and drag", "window and level"),
    ("r", "reset"),
];

/// A policy source that allows exactly this text.
fn exactly(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(sha256::digest(text)))
}

pub(super) fn page(viewer: &Viewer<'_>, data: &str) -> String {
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        exactly(SCRIPT),
        exactly(STYLE)
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="pleura";
                meta name="referrer" content="no-referrer";
                title { (viewer.title) " – heatmaps" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div.notice role="note" { (NOTICE) }
                header {
                    h1 { (viewer.title) }
                    @for note in viewer.notes { p { (note) } }
                }
                noscript { p.notice {
                    "This page needs JavaScript, which the browser does not run. The PNG pictures beside it show the same."
                } }
                main {
                    (controls(viewer))
                    div {
                        div #stage {}
                        template #pane { figure {
                            canvas tabindex="0" role="img" {}
                            span.cross hidden {}
                            button type="button" title="Save this picture as PNG" { "Save" }
                        } }
                        p #reading role="status" aria-live="polite" {}
                        (tables(viewer))
                    }
                }
                script #data type="application/json" { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn controls(viewer: &Viewer<'_>) -> Markup {
    let mut methods: Vec<&str> = Vec::new();
    let mut questions: Vec<(&str, Option<f64>)> = Vec::new();
    for map in viewer.maps {
        if !methods.contains(&map.method.as_str()) {
            methods.push(&map.method);
        }
        if !questions.iter().any(|(question, _)| *question == map.question) {
            questions.push((&map.question, map.probability));
        }
    }
    html! {
        form autocomplete="off" aria-label="Display options" {
            fieldset {
                legend { "Output" }
                @for (question, probability) in questions {
                    label {
                        input type="radio" name="question" value=(question);
                        span { (question) }
                        @if let Some(probability) = probability { span.probability { (format!("{:.1} %", 100.0 * probability)) } }
                    }
                }
            }
            fieldset {
                legend { "Method" }
                @for method in methods { label { input type="radio" name="method" value=(method); span { (method) } } }
            }
            fieldset {
                legend { "View" }
                @for (value, words) in VIEWS { label { input type="radio" name="view" value=(value); span { (words) } } }
            }
            fieldset {
                legend { "Colours" }
                (slider("opacity", "Opacity", ["0", "100", "1"], false))
                (slider("reach", "Scale limit", ["-5", "5", "0.25"], true))
                (tick("shared", "One scale for all outputs"))
                (slider("smoothing", "Smoothing", ["0", "12", "0.5"], false))
                (tick("squares", "Map pixels as squares"))
            }
            fieldset {
                legend { "Lines" }
                (tick("contours", "Equal relevance"))
                @for (index, outline) in viewer.outlines.iter().enumerate() {
                    label { input #(format!("outline-{index}")) type="checkbox"; span { (outline.label) } }
                }
            }
            fieldset {
                legend { "Film" }
                (slider("level", "Level", ["0", "100", "1"], false))
                (slider("window", "Window", ["2", "100", "1"], false))
                (tick("invert", "Invert"))
            }
            div.row { button #reset type="button" { "Reset" } button #print type="button" { "Print" } }
            details {
                summary { "Keys" }
                dl.keys { @for (key, what) in KEYS { dt { kbd { (key) } } dd { (what) } } }
            }
        }
    }
}

fn slider(id: &str, words: &str, [least, most, step]: [&str; 3], tall: bool) -> Markup {
    html! {
        label.slide.tall[tall] for=(id) {
            span { (words) " " output #(format!("{id}-out")) for=(id) {} }
            input #(id) type="range" min=(least) max=(most) step=(step);
        }
    }
}

fn tick(id: &str, words: &str) -> Markup {
    html! { label { input #(id) type="checkbox"; span { (words) } } }
}

fn tables(viewer: &Viewer<'_>) -> Markup {
    html! {
        div.tables {
            section aria-labelledby="account-title" {
                h2 #account-title { "Relevance ledger" }
                p #account-of {}
                table { tbody #account {} }
            }
            section aria-labelledby="about-title" {
                h2 #about-title { "About" }
                table.about { tbody {
                    @for (name, value) in viewer.about { tr { th scope="row" { (name) } td { (value) } } }
                    tr { th scope="row" { "written by" } td { "pleura " (env!("CARGO_PKG_VERSION")) } }
                    tr { th scope="row" { "use" } td { (NOTICE) } }
                } }
            }
        }
        section.long {
            details #layers {
                summary { "The ledger, layer by layer" }
                div.scroll { table {
                    thead { tr { @for head in ["Layer", "received", "passed", "biases", "stabilisers"] { th scope="col" { (head) } } } }
                    tbody #layer-rows {}
                } }
            }
        }
        section {
            h2 { "How to read it" }
            p {
                "Red pixels are evidence for the output, blue pixels are evidence against it. Where the film shows through, the relevance is \
                 near zero. The stronger the relevance, the darker the colour and the less of the film is visible, equally for both signs. A heatmap \
                 shows which pixels the network used. It does not locate disease: a heatmap on the lungs proves nothing, and a heatmap on letters or \
                 borders is a reason for doubt. Each map has its own scale unless one scale for all outputs is chosen."
            }
        }
    }
}
