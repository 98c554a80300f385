//! The colour legend of heatmaps.

use maud::html;

use super::style::{INK, SOFT, px, text};
use super::svg::{Plot, document};
use crate::picture::Diverging;

/// A medium grey of a film.
const FILM: f32 = 120.0;

/// Draws the relevance scale from blue (against) over the bare film (none) to red (for).
pub fn relevance_legend() -> Plot {
    const STRIPS: usize = 61;
    let (left, width, top, height) = (150.0, 244.0, 6.0, 16.0);
    let strip = width / STRIPS as f64;
    let body = html! {
        @for i in 0..STRIPS {
            rect x=(px(left + strip * i as f64)) y=(px(top)) width=(px(strip + 0.3)) height=(px(height))
                fill=(colour(2.0 * i as f64 / (STRIPS - 1) as f64 - 1.0)) {}
        }
        rect x=(px(left)) y=(px(top)) width=(px(width)) height=(px(height)) fill="none" stroke="#8b95a1" {}
        (text(left - 12.0, top + 12.5, "end", INK, "blue: evidence against"))
        (text(left + width + 12.0, top + 12.5, "start", INK, "red: evidence for"))
        (text(left + 0.5 * width, top + height + 15.0, "middle", SOFT, "bare film: no relevance"))
    };
    document(
        530.0,
        42.0,
        "Legend of the heatmaps",
        "Blue is evidence against the output, red is evidence for it. Where the film shows through, there is none.",
        &body,
    )
}

/// The colour of a relevance in [−1, 1] over a grey film, as in heatmaps.
fn colour(relevance: f64) -> String {
    let (colour, cover) = Diverging::default().colour(relevance as f32);
    let mixed = colour.map(|channel| (FILM + cover * (f32::from(channel) - FILM)).round() as u8);
    mixed
        .iter()
        .map(|channel| format!("{channel:02x}"))
        .fold("#".to_owned(), |all, one| all + &one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_grey_and_the_ends_are_blue_and_red() {
        assert_eq!(colour(0.0), "#787878");
        let channels = |text: String| [1, 3, 5].map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
        let (against, towards) = (channels(colour(-1.0)), channels(colour(1.0)));
        assert!(
            against[2] > against[0] + 80 && towards[0] > towards[2] + 80,
            "{against:?} {towards:?}"
        );
    }
}
