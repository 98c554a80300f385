//! Covers text by a smooth fill.

use super::raster::around;

/// Maximum sweeps over the covered pixels.
const SWEEPS: usize = 400;

/// Largest change in a sweep at which the fill has converged: a quarter of an 8-bit grey level.
const SETTLED: f32 = 1e-3;

/// Over-relaxation, between 1 (Gauss and Seidel) and 2.
const RELAXATION: f32 = 1.7;

/// Fills the masked pixels of a film `[height, width]` with the harmonic function of their surroundings:
/// every covered pixel is the mean of its four neighbours (Laplace's equation, with the surrounding film as
/// boundary; at the film's edge the derivative is 0). The fill has no edges, no texture, and no value beyond
/// its surroundings. A fully masked film is unchanged.
pub fn cover(grey: &mut [f32], width: usize, height: usize, mask: &[bool]) {
    first_guess(grey, width, height, mask);
    let places: Vec<usize> = (0..grey.len()).filter(|&place| mask[place]).collect();
    if places.len() == grey.len() {
        return;
    }
    for _ in 0..SWEEPS {
        let mut most: f32 = 0.0;
        for &place in &places {
            let (x, y) = (place % width, place / width);
            let (mut sum, mut count) = (0.0, 0.0);
            let mut add = |is_there: bool, neighbour: usize| {
                if is_there {
                    sum += grey[neighbour];
                    count += 1.0;
                }
            };
            add(x > 0, place.wrapping_sub(1));
            add(x + 1 < width, place + 1);
            add(y > 0, place.wrapping_sub(width));
            add(y + 1 < height, place + width);
            if count > 0.0 {
                let change = RELAXATION * (sum / count - grey[place]);
                grey[place] += change;
                most = most.max(change.abs());
            }
        }
        if most < SETTLED {
            break;
        }
    }
    for place in places {
        grey[place] = grey[place].clamp(0.0, 1.0);
    }
}

/// From the border inwards: each pixel takes the mean of its known neighbours.
fn first_guess(grey: &mut [f32], width: usize, height: usize, mask: &[bool]) {
    let mut unknown = mask.to_vec();
    let mut left: Vec<usize> = (0..grey.len()).filter(|&place| mask[place]).collect();
    while !left.is_empty() {
        let ring: Vec<(usize, f32)> = left
            .iter()
            .filter_map(|&place| {
                let known = around(width, height, place, 1).filter(|&other| !unknown[other]);
                let (sum, count) =
                    known.fold((0.0, 0.0), |(sum, count), other| (sum + grey[other], count + 1.0));
                (count > 0.0).then_some((place, sum / count))
            })
            .collect();
        if ring.is_empty() {
            return;
        }
        for (place, value) in ring {
            grey[place] = value;
            unknown[place] = false;
        }
        left.retain(|&place| unknown[place]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_continued_and_the_rest_left() {
        let slope: Vec<f32> = (0..40 * 30)
            .map(|i| 0.01 * (i % 40) as f32 + 0.012 * (i / 40) as f32)
            .collect();
        let mask: Vec<bool> = (0..40 * 30)
            .map(|i| (8..25).contains(&(i % 40)) && (10..20).contains(&(i / 40)))
            .collect();
        let mut grey = slope.clone();
        grey.iter_mut()
            .zip(&mask)
            .filter(|(_, masked)| **masked)
            .for_each(|(value, _)| *value = 1.0);
        cover(&mut grey, 40, 30, &mask);
        for (place, (now, was)) in grey.iter().zip(&slope).enumerate() {
            assert!(
                (now - was).abs() < if mask[place] { 0.01 } else { 1e-9 },
                "{place}: {now} {was}"
            );
        }
    }

    #[test]
    fn corners_and_whole_films_are_no_trouble() {
        let mut grey = vec![0.5; 100];
        let mut mask = vec![false; 100];
        for place in [0, 1, 10, 11] {
            (grey[place], mask[place]) = (1.0, true);
        }
        cover(&mut grey, 10, 10, &mask);
        assert!(grey.iter().all(|value| (value - 0.5).abs() < 1e-3), "{grey:?}");
        let mut all = vec![0.3; 4];
        cover(&mut all, 2, 2, &[true; 4]);
        assert_eq!(all, [0.3; 4]);
    }
}
