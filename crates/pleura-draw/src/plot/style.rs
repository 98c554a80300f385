//! Colours, dashes, markers, text and the frame of an SVG document.
//!
//! Colours are Okabe and Ito's, which are safe for the common colour-vision deficiencies. A series also has
//! its own dash and marker, so lines stay distinct in greyscale print.

use maud::{Markup, html};

/// The colour of titles and values.
pub(super) const INK: &str = "#1c2430";
/// The colour of axis labels and notes.
pub(super) const SOFT: &str = "#55606e";
/// Grid lines.
pub(super) const GRID: &str = "#e2e6eb";
/// Axis lines and ticks.
pub(super) const AXIS: &str = "#8b95a1";

/// The font size in pixels.
pub(super) const FONT: f64 = 12.0;

/// The style of one series.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeriesStyle {
    /// The colour of lines and markers.
    pub(super) colour: &'static str,
    /// The same hue, dark enough for text on white (contrast at least 4.5 : 1).
    pub(super) text: &'static str,
    /// `stroke-dasharray`; empty is a solid line.
    pub(super) dash: &'static str,
    marker: Marker,
}

#[derive(Debug, Clone, Copy)]
enum Marker {
    Disc,
    Square,
    Triangle,
    Diamond,
    Ring,
}

/// Okabe–Ito without its yellow, which is invisible on white paper.
const STYLES: [SeriesStyle; 7] = [
    SeriesStyle {
        colour: "#0072B2",
        text: "#00619a",
        dash: "",
        marker: Marker::Disc,
    },
    SeriesStyle {
        colour: "#D55E00",
        text: "#a84a00",
        dash: "7 3",
        marker: Marker::Square,
    },
    SeriesStyle {
        colour: "#009E73",
        text: "#00724f",
        dash: "2 3",
        marker: Marker::Triangle,
    },
    SeriesStyle {
        colour: "#CC79A7",
        text: "#9a3f72",
        dash: "9 3 2 3",
        marker: Marker::Diamond,
    },
    SeriesStyle {
        colour: "#E69F00",
        text: "#8a5f00",
        dash: "12 4",
        marker: Marker::Ring,
    },
    SeriesStyle {
        colour: "#56B4E9",
        text: "#1d6f9f",
        dash: "5 2 1 2 1 2",
        marker: Marker::Square,
    },
    SeriesStyle {
        colour: "#333333",
        text: "#333333",
        dash: "1 2",
        marker: Marker::Disc,
    },
];

/// The style of the `index`-th series; styles repeat after seven.
pub(super) fn series_style(index: usize) -> SeriesStyle {
    STYLES[index % STYLES.len()]
}

impl SeriesStyle {
    /// The series' marker centred at (x, y).
    pub(super) fn marker(self, x: f64, y: f64, radius: f64) -> Markup {
        let r = radius;
        match self.marker {
            Marker::Disc => html! { circle cx=(px(x)) cy=(px(y)) r=(px(r)) fill=(self.colour) {} },
            Marker::Ring => html! {
                circle cx=(px(x)) cy=(px(y)) r=(px(r)) fill="#fff" stroke=(self.colour) stroke-width="1.6" {}
            },
            Marker::Square => html! {
                rect x=(px(x - 0.9 * r)) y=(px(y - 0.9 * r)) width=(px(1.8 * r)) height=(px(1.8 * r)) fill=(self.colour) {}
            },
            Marker::Triangle => polygon(
                &[
                    (x, y - 1.25 * r),
                    (x + 1.15 * r, y + 0.85 * r),
                    (x - 1.15 * r, y + 0.85 * r),
                ],
                self.colour,
            ),
            Marker::Diamond => polygon(
                &[
                    (x, y - 1.3 * r),
                    (x + 1.3 * r, y),
                    (x, y + 1.3 * r),
                    (x - 1.3 * r, y),
                ],
                self.colour,
            ),
        }
    }

    /// A sample of the series' line and marker, for a legend.
    pub(super) fn sample(self, x: f64, y: f64, marker: bool) -> Markup {
        html! {
            line x1=(px(x)) y1=(px(y)) x2=(px(x + 26.0)) y2=(px(y)) stroke=(self.colour) stroke-width="2" stroke-dasharray=[dash(self.dash)] {}
            @if marker { (self.marker(x + 13.0, y, 3.4)) }
        }
    }
}

/// `stroke-dasharray`; `None` for a solid line.
pub(super) fn dash(pattern: &'static str) -> Option<&'static str> {
    (!pattern.is_empty()).then_some(pattern)
}

fn polygon(corners: &[(f64, f64)], colour: &str) -> Markup {
    let points: Vec<String> = corners
        .iter()
        .map(|&(x, y)| format!("{},{}", px(x), px(y)))
        .collect();
    html! { polygon points=(points.join(" ")) fill=(colour) {} }
}

/// A coordinate with at most two decimals, finer than any printer.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// The approximate width of a sans-serif text in pixels, to reserve room for labels.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let em: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '['
            | ']' | '(' | ')' => 0.34,
            'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.90,
            c if c.is_ascii_uppercase() => 0.70,
            c if c.is_ascii() => 0.57,
            '⁰'..='⁹' | '¹' | '²' | '³' | '⁻' => 0.38,
            c if (c as u32) < 0x1100 => 0.60,
            _ => 1.0,
        })
        .sum();
    em * size
}

/// Cuts a text to at most `limit` characters; an ellipsis marks the cut.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Text with its baseline at (x, y), anchored `start`, `middle` or `end`.
pub(super) fn text(x: f64, y: f64, anchor: &str, fill: &str, content: &str) -> Markup {
    html! { text x=(px(x)) y=(px(y)) text-anchor=(anchor) fill=(fill) { (content) } }
}

/// The positions of legend entries in a row from `start`, each with `sign` pixels for its symbol, and the
/// row's end.
pub(super) fn in_a_row<'a>(start: f64, sign: f64, names: impl Iterator<Item = &'a str>) -> (Vec<f64>, f64) {
    let mut end = start;
    let begins = names
        .map(|name| {
            let begin = end;
            end += sign + text_width(name, FONT) + 22.0;
            begin
        })
        .collect();
    (begins, end)
}
