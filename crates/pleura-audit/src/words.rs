//! Words covered, and patches of equal area covered elsewhere.
//!
//! If covering the words changes the answers more than covering as much of anything else, the words were used. Bassi & Attux (2020)
//! report that words draw relevance and that masking them changed accuracy very little; this measures both on any model.

mod fill;
mod find;
mod glyph;
mod group;
mod plate;
mod random;
mod raster;
mod shape;
mod text;

pub use fill::cover;
pub use text::{Bounds, Kind, Object, Text};

use pleura_film::Geometry;

/// A mask of the film as the network sees it: a prepared pixel is masked if any masked film pixel lies under it.
///
/// `mask` is `[height, width]` and covers the whole film; its size need not be the film's.
pub fn prepared(mask: &[bool], width: usize, height: usize, geometry: &Geometry) -> Vec<bool> {
    let size = geometry.size;
    let mut out = vec![false; size * size];
    let scale = [
        geometry.film_width as f64 / width as f64,
        geometry.film_height as f64 / height as f64,
    ];
    for (place, _) in mask.iter().enumerate().filter(|(_, masked)| **masked) {
        let (x, y) = ((place % width) as f64, (place / width) as f64);
        // Both ends of the pixel: a thin stroke must not fall between prepared pixels.
        let from = geometry.to_prepared(x * scale[0], y * scale[1]);
        let to = geometry.to_prepared((x + 1.0) * scale[0], (y + 1.0) * scale[1]);
        let range = |axis: usize| {
            let end = (to[axis].ceil().max(0.0) as usize).min(size);
            (from[axis].floor().max(0.0) as usize).min(size)..end
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
pub fn share(heatmap: &[f32], mask: &[bool]) -> f64 {
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
        let small = prepared(&mask, 100, 100, &geometry);
        assert_eq!(small.iter().filter(|m| **m).count(), 10);
        assert!(small[50..60].iter().all(|m| *m));
    }

    #[test]
    fn shares_are_shares() {
        assert_eq!(share(&[1.0, -1.0, 2.0, 0.0], &[true, true, false, true]), 0.5);
        assert_eq!(share(&[0.0; 2], &[true; 2]), 0.0);
    }
}
