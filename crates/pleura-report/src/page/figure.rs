//! Plots and pictures within a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use pleura_draw::plot::Plot;

/// A plot with its caption.
pub(super) fn figure(plots: &mut Vec<Plot>, plot: Plot, caption: &str) -> Markup {
    html! {
        figure {
            (drawing(plots, plot))
            @if !caption.is_empty() { figcaption { (caption) } }
        }
    }
}

/// The drawing of a plot. Adds the plot to the plots of the page.
pub(super) fn drawing(plots: &mut Vec<Plot>, plot: Plot) -> Markup {
    let drawing = PreEscaped(plot.svg.clone());
    plots.push(plot);
    drawing
}

/// The note in place of content that a run does not have.
pub(super) fn missing(what: &str) -> Markup {
    html! { p.missing { (what) } }
}

/// A PNG file within the page.
pub(super) fn image(png: &[u8], alt: &str) -> Markup {
    let (width, height) = size(png).unzip();
    html! {
        img src=(format!("data:image/png;base64,{}", STANDARD.encode(png))) alt=(alt) width=[width] height=[height];
    }
}

/// Width and height in a PNG file's header.
pub(super) fn size(png: &[u8]) -> Option<(u32, u32)> {
    let field = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    (png.get(12..16)? == b"IHDR").then_some(())?;
    Some((field(16)?, field(20)?))
}
