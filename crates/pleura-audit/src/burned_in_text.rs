//! Burned-in text: finding it, covering it, pasting it elsewhere, and a network's reliance on it.
//!
//! **Finding** ([`Text::find`]) needs no trained model. A film is shrunk to a short side of about 512 pixels.
//! A white and a black top hat (Serra 1982) keep structures narrower than a letter's stroke. At nine
//! thresholds of it, connected figures are measured: sharpness of the edge, height and evenness of the step
//! over it, evenness of stroke and grey level. Bones, vessels and tubes fail one of these. Each figure is
//! kept at the threshold where it is most like a letter. Nearby figures of one size, stroke and grey level
//! are words; words in a line need a lower score than a single figure. An even field behind them is their
//! plate.
//!
//! **The experiment** ([`run`]) shows a network the same films with text covered ([`cover`]), and with
//! patches of the same shape covered elsewhere ([`Text::elsewhere`]). It measures the relevance on text, and
//! pastes text of one class onto films of another ([`TextPieces`]). If text carries the answer, covering it
//! costs more than covering anything else, and pasting it moves answers. Bassi & Attux (2020) report that
//! words draw relevance and that masking them changed accuracy very little; this experiment measures both on
//! any model.

mod boxes;
mod experiment;
mod fill;
mod find;
mod glyph;
mod group;
mod paste;
mod plate;
mod raster;
mod score;
mod shape;
mod text;
mod verdict;

pub use boxes::{Boxes, COLUMNS};
pub use experiment::{Covering, Films, Outcome, Relevance, Settings, Swap, SwapPair, run};
pub use fill::cover;
pub use paste::TextPieces;
pub use pleura_eval::Mean;
pub use score::Agreement;
pub use text::{Bounds, Kind, Object, Text};
pub use verdict::{Judgement, Verdict};

use pleura_film::Geometry;

/// Tolerance for rounding of places, in prepared pixels.
const HAIR: f64 = 1e-6;

/// The mask on the network's input: a prepared pixel is masked if any masked film pixel lies under it.
///
/// `mask` is `[height, width]` and covers the whole film; it may have another size than the film.
pub fn prepared_mask(mask: &[bool], width: usize, height: usize, geometry: &Geometry) -> Vec<bool> {
    let size = geometry.size;
    let mut out = vec![false; size * size];
    let scale = [
        geometry.film_width as f64 / width as f64,
        geometry.film_height as f64 / height as f64,
    ];
    for (place, _) in mask.iter().enumerate().filter(|(_, masked)| **masked) {
        let (x, y) = ((place % width) as f64, (place / width) as f64);
        // Map both ends of the pixel: a thin stroke must not fall between prepared pixels.
        let from = geometry.to_prepared(x * scale[0], y * scale[1]);
        let to = geometry.to_prepared((x + 1.0) * scale[0], (y + 1.0) * scale[1]);
        // Ends that rounding moves slightly beyond a prepared pixel's edge are on it.
        let range = |axis: usize| {
            let end = ((to[axis] - HAIR).ceil().max(0.0) as usize).min(size);
            ((from[axis] + HAIR).floor().max(0.0) as usize).min(size)..end
        };
        for row in range(1) {
            for column in range(0) {
                out[row * size + column] = true;
            }
        }
    }
    out
}

/// Share of a heatmap's absolute values that lies under a mask; 0 for an empty heatmap.
pub fn share_inside(heatmap: &[f32], mask: &[bool]) -> f64 {
    let total: f64 = heatmap.iter().map(|value| f64::from(value.abs())).sum();
    let inside: f64 = heatmap
        .iter()
        .zip(mask)
        .filter(|(_, masked)| **masked)
        .map(|(v, _)| f64::from(v.abs()))
        .sum();
    if total > 0.0 { inside / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use pleura_film::Fit;

    use super::*;

    #[test]
    fn a_thin_stroke_survives_shrinking() {
        let geometry = Geometry::new(100, 100, 10, Fit::Stretch);
        let mut mask = vec![false; 100 * 100];
        (0..100).for_each(|x| mask[53 * 100 + x] = true);
        let small = prepared_mask(&mask, 100, 100, &geometry);
        assert_eq!(small.iter().filter(|m| **m).count(), 10);
        assert!(small[50..60].iter().all(|m| *m));
    }

    #[test]
    fn shares_are_shares() {
        assert_eq!(
            share_inside(&[1.0, -1.0, 2.0, 0.0], &[true, true, false, true]),
            0.5
        );
        assert_eq!(share_inside(&[0.0; 2], &[true; 2]), 0.0);
    }
}
