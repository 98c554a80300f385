//! Words covered, and patches of equal area covered elsewhere.
//!
//! If covering the words changes the answers more than covering as much of anything else, the words were used. Bassi & Attux (2020)
//! report that words draw relevance and that masking them changed accuracy very little; this measures both on any model.

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

/// Fills masked pixels of a film `[size, size]` from around them, ring by ring: each takes the mean of its known neighbours.
pub fn cover(grey: &mut [f32], size: usize, mask: &[bool]) {
    let mut unknown: Vec<bool> = mask.to_vec();
    loop {
        let ring: Vec<(usize, f32)> = (0..size * size)
            .filter(|&place| unknown[place])
            .filter_map(|place| {
                let (x, y) = (place % size, place / size);
                let mut sum = (0.0, 0.0);
                for row in y.saturating_sub(1)..(y + 2).min(size) {
                    for column in x.saturating_sub(1)..(x + 2).min(size) {
                        let neighbour = row * size + column;
                        if !unknown[neighbour] {
                            sum = (sum.0 + grey[neighbour], sum.1 + 1.0);
                        }
                    }
                }
                (sum.1 > 0.0).then_some((place, sum.0 / sum.1))
            })
            .collect();
        if ring.is_empty() {
            return;
        }
        for (place, value) in ring {
            grey[place] = value;
            unknown[place] = false;
        }
    }
}

/// A mask of the same shape elsewhere on the film: shifted around the film's edges (a torus) by a step drawn from `seed`, of some
/// hundred tried the one that meets the mask least.
pub fn elsewhere(mask: &[bool], size: usize, seed: u64) -> Vec<bool> {
    let mut state = seed ^ 0x9E37_79B9_7F4A_7C15;
    let mut draw = |limit: usize| {
        // SplitMix64 (Steele, Lea & Flood 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    };
    let places: Vec<usize> = (0..size * size).filter(|&place| mask[place]).collect();
    let moved = |down: usize, right: usize| {
        places
            .iter()
            .map(move |place| (place / size + down) % size * size + (place % size + right) % size)
    };
    let mut best = (usize::MAX, 0, 0);
    for _ in 0..100 {
        let (down, right) = (draw(size), draw(size));
        let meets = moved(down, right).filter(|&place| mask[place]).count();
        if meets < best.0 {
            best = (meets, down, right);
        }
        if meets == 0 {
            break;
        }
    }
    let mut out = vec![false; size * size];
    moved(best.1, best.2).for_each(|place| out[place] = true);
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
    fn covering_leaves_the_rest_and_fills_from_around() {
        let mut grey = vec![0.5; 100];
        let mut mask = vec![false; 100];
        for place in [44, 45, 46, 54, 55, 56] {
            grey[place] = 1.0;
            mask[place] = true;
        }
        cover(&mut grey, 10, &mask);
        assert!(grey.iter().all(|value| (value - 0.5).abs() < 1e-6), "{grey:?}");
        let mut all = vec![0.3; 4];
        cover(&mut all, 2, &[true; 4]);
        assert_eq!(all, [0.3; 4]);
    }

    #[test]
    fn a_mask_moves_as_a_whole_and_away() {
        let mut mask = vec![false; 400];
        (0..20).for_each(|i| mask[i / 10 * 20 + i % 10] = true);
        let moved = elsewhere(&mask, 20, 3);
        assert_eq!(moved.iter().filter(|m| **m).count(), 20);
        assert!(!moved.iter().zip(&mask).any(|(a, b)| *a && *b));
        assert_eq!(moved, elsewhere(&mask, 20, 3));
        assert_ne!(moved, elsewhere(&mask, 20, 4));
    }

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
