//! Heatmaps over their films, right and wrong answers apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::number::{percent, three};
use super::{drawing, missing};
use crate::input::{Gallery, GalleryItem};
use pleura_draw::plot::{self, Plot};

pub(super) fn section(gallery: &Gallery, plots: &mut Vec<Plot>) -> Markup {
    if gallery.items.is_empty() {
        return missing("No heatmaps were made for this run.");
    }
    let group = |right: Option<bool>| {
        gallery
            .items
            .iter()
            .filter(|item| item.right == right)
            .collect::<Vec<_>>()
    };
    let phantom = gallery.items.iter().any(|item| item.phantom);
    html! {
        p {
            "A heatmap shows which places of a film spoke for or against one answer, by layer-wise relevance propagation"
            @if !gallery.composite.is_empty() { " (composite " code { (gallery.composite) } ")" }
            ". It shows what the network used, not where a disease is: a heatmap that lies on the lungs proves nothing, one that lies on \
             letters or borders is a reason for distrust."
        }
        @if gallery.items.iter().any(|item| !item.ledger.is_empty()) {
            p.soft {
                "The line of numbers below a heatmap is its account: what the network answered (before it became a probability) and how much of \
                 that reached the film, stayed with biases, and went to numerical stabilisers."
            }
        }
        figure.legend { (drawing(plots, plot::relevance_legend())) }
        @if phantom { p { span.tag.phantom { "phantom" } " marks films that a program drew; they show nobody." } }
        @for (title, right) in [("Wrong answers", Some(false)), ("Right answers", Some(true)), ("Truth unknown", None)] {
            @let items = group(right);
            @if !items.is_empty() {
                h3 { (title) " (" (items.len()) ")" }
                div class=(columns(&items)) {
                    @for item in items { (film(item)) }
                }
            }
        }
        @if group(Some(false)).is_empty() { p.soft { "None of the films shown here was answered wrongly." } }
    }
}

fn film(item: &GalleryItem) -> Markup {
    let about = if item.explained.is_empty() {
        "Heatmap".to_owned()
    } else {
        format!("Heatmap for {}", item.explained)
    };
    let truth = if item.truth.is_empty() {
        "unknown"
    } else {
        &item.truth
    };
    let alt = format!(
        "{about} over the film {}; truth {truth}, answer {} with probability {}",
        item.title,
        item.prediction,
        three(item.probability)
    );
    html! {
        figure class=(if item.right == Some(false) { "film wrong" } else { "film" }) {
            (image(&item.png, &alt))
            figcaption {
                p.title { (item.title) @if item.phantom { " " span.tag.phantom { "phantom" } } }
                p { "Truth: " strong { (truth) } }
                p { "Answer: " strong { (item.prediction) } ", " (percent(item.probability)) }
                @if !item.explained.is_empty() { p.soft { (about) } }
                @if !item.caption.is_empty() { p { (item.caption) } }
                @for line in &item.ledger {
                    p.small.soft {
                        (line.finding) ": " (three(line.start)) " = film " (three(line.input)) " + biases " (three(line.bias))
                        " + stabilisers " (three(line.epsilon))
                    }
                }
            }
        }
    }
}

/// A PNG file within the page.
pub(super) fn image(png: &[u8], alt: &str) -> Markup {
    let (width, height) = size(png).unzip();
    html! {
        img src=(format!("data:image/png;base64,{}", STANDARD.encode(png))) alt=(alt) width=[width] height=[height];
    }
}

/// Width and height in a PNG file's header.
fn size(png: &[u8]) -> Option<(u32, u32)> {
    let field = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    (png.get(12..16)? == b"IHDR").then_some(())?;
    Some((field(16)?, field(20)?))
}

/// How many pictures stand side by side: rows of several pictures need more room than one film.
fn columns(items: &[&GalleryItem]) -> &'static str {
    let ratios = items
        .iter()
        .filter_map(|item| size(&item.png))
        .map(|(width, height)| f64::from(width) / f64::from(height.max(1)));
    match ratios.fold(0.0, f64::max) {
        widest if widest > 2.0 => "films one",
        widest if widest > 1.2 => "films two",
        _ => "films",
    }
}
