//! Negative examples: films inverted, rotated, upside down, cropped, shuffled, and pictures without content.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::look::{CELLS, layout, normalised};

/// Crops of each film.
const PARTS: usize = 2;
/// Shuffled pieces per side.
const PIECES: usize = 4;

/// Layouts of altered versions of a prepared film, drawn from a seed.
pub(crate) fn layouts(grey: &[f32], size: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let own = layout(grey, size);
    let side = CELLS.min(size).max(1);
    let moved = |from: &dyn Fn(usize, usize) -> (usize, usize)| -> Vec<f32> {
        (0..side * side)
            .map(|cell| {
                let (down, across) = from(cell / side, cell % side);
                own[down * side + across]
            })
            .collect()
    };
    let last = side - 1;
    let negative = |layout: &[f32]| -> Vec<f32> { layout.iter().map(|value| -value).collect() };
    let left = moved(&|down, across| (across, last - down));
    let right = moved(&|down, across| (last - across, down));
    let over = moved(&|down, across| (last - down, across));
    let mut out = vec![
        negative(&own),
        negative(&left),
        negative(&over),
        left,
        right,
        over,
    ];
    for _ in 0..PARTS {
        out.push(part(grey, size, &mut random));
    }
    out.push(shuffled(&own, side, &mut random));
    out.push(clouds(side, &mut random));
    out
}

/// A random square of two fifths to two thirds of the side.
fn part(grey: &[f32], size: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let share = random.random_range(0.4..0.67);
    let part = ((share * size as f64) as usize).clamp(1, size);
    let (top, left) = (
        random.random_range(0..=size - part),
        random.random_range(0..=size - part),
    );
    let cut: Vec<f32> = (0..part * part)
        .map(|i| grey[(top + i / part) * size + left + i % part])
        .collect();
    let small = layout(&cut, part);
    let (side, own) = (CELLS.min(size).max(1), CELLS.min(part).max(1));
    (0..side * side)
        .map(|cell| small[(cell / side * own / side) * own + cell % side * own / side])
        .collect()
}

fn shuffled(layout: &[f32], side: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    use rand::seq::SliceRandom as _;
    let piece = side / PIECES;
    if piece == 0 {
        return layout.iter().rev().copied().collect();
    }
    let mut places: Vec<usize> = (0..PIECES * PIECES).collect();
    places.shuffle(random);
    let mut out = layout.to_vec();
    for (to, &from) in places.iter().enumerate() {
        for cell in 0..piece * piece {
            let at = |place: usize| {
                (place / PIECES * piece + cell / piece) * side + place % PIECES * piece + cell % piece
            };
            out[at(to)] = layout[at(from)];
        }
    }
    out
}

/// A slope with clouds of several sizes.
fn clouds(side: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let mut draw = || random.random_range(-1.0..1.0_f64);
    let (down, across, falling) = (draw(), draw(), 0.75 + 0.25 * draw());
    let mut sum: Vec<f64> = (0..side * side)
        .map(|cell| 2.0 * (down * (cell / side) as f64 + across * (cell % side) as f64) / side as f64)
        .collect();
    let (mut grid, mut weight) = (2, 1.0);
    while grid <= side {
        let values: Vec<f64> = (0..grid * grid).map(|_| draw()).collect();
        for (cell, sum) in sum.iter_mut().enumerate() {
            *sum += weight * values[(cell / side * grid / side) * grid + cell % side * grid / side];
        }
        grid *= 2;
        weight *= falling;
    }
    normalised(&sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_other_looks_of_the_same_length_and_follow_the_seed() {
        let size = 48;
        let film: Vec<f32> = (0..size * size)
            .map(|i| ((i / size) as f32 / 48.0).powi(2) + (i % size) as f32 / 200.0)
            .collect();
        let (a, b) = (layouts(&film, size, 1), layouts(&film, size, 1));
        assert_eq!(a, b);
        assert_eq!(a.len(), 10);
        assert!(
            a.iter()
                .all(|one| one.len() == 256 && *one != layout(&film, size))
        );
        assert_ne!(a[6..], layouts(&film, size, 2)[6..]);
        // Bright at the bottom; upside down it is bright at the top, like its negative.
        let slope: Vec<f32> = (0..size * size).map(|i| (i / size) as f32 / 48.0).collect();
        let of_slope = layouts(&slope, size, 1);
        assert!(
            of_slope[0]
                .iter()
                .zip(&of_slope[5])
                .all(|(negative, over)| (negative - over).abs() < 1e-4)
        );
    }

    #[test]
    fn films_smaller_than_the_cells_are_no_fault() {
        let film: Vec<f32> = (0..9).map(|i| i as f32 / 9.0).collect();
        assert!(layouts(&film, 3, 5).iter().all(|one| one.len() == 9));
    }
}
