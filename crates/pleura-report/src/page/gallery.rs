//! Heatmaps over their films, right and wrong answers apart.

use maud::{Markup, html};

use super::figure::{drawing, image, missing, size};
use super::number::{percent, three};
use crate::input::{Gallery, GalleryItem};
use pleura_draw::plot::{self, Plot};

pub(super) fn section(gallery: &Gallery, plots: &mut Vec<Plot>) -> Markup {
    if gallery.items.is_empty() {
        return missing("This run has no heatmaps.");
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
            "A heatmap shows which pixels of a film are evidence for or against one output, by layer-wise relevance propagation"
            @if !gallery.composite.is_empty() { " (composite " code { (gallery.composite) } ")" }
            ". It shows which pixels the network used. It does not locate disease: a heatmap on the lungs proves nothing, and a heatmap on letters \
             or borders is a reason for doubt."
        }
        @if gallery.items.iter().any(|item| !item.ledger.is_empty()) {
            p.soft {
                "The numbers below a heatmap are its ledger: the network's output before the softmax or sigmoid, and the parts of it that reached the \
                 film, the biases and the numerical stabilisers."
            }
        }
        figure.legend { (drawing(plots, plot::relevance_legend())) }
        @if phantom { p { span.tag.phantom { "phantom" } " marks synthetic films: a program drew them, and they show no real patient." } }
        @for (title, right) in [("Wrong predictions", Some(false)), ("Correct predictions", Some(true)), ("Truth unknown", None)] {
            @let items = group(right);
            @if !items.is_empty() {
                h3 { (title) " (" (items.len()) ")" }
                div class=(columns(&items)) {
                    @for item in items { (film(item)) }
                }
            }
        }
        @if group(Some(false)).is_empty() { p.soft { "None of the predictions shown here is wrong." } }
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
        "{about} over the film {}; truth {truth}, prediction {} with probability {}",
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
                p { "Prediction: " strong { (item.prediction) } ", " (percent(item.probability)) }
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

/// The class of the columns: pictures with several maps need more width than one film.
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
