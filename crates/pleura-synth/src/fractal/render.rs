//! Images of a system.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::options::Rendering;
use super::system::{SEARCH_POINTS, SEARCH_SIDE, System, Walk, place};

/// Grey level of points and patches.
const GREY: f32 = 127.0 / 255.0;

/// Draws one image, `[size, size]` row-major, from 0 black to 1 white. It is drawn at twice the side; each
/// pixel is the mean of four.
pub(super) fn render(
    system: &System,
    size: usize,
    rendering: Rendering,
    rng: &mut ChaCha8Rng,
    out: &mut [f32],
) {
    let side = 2 * size;
    let symmetry = rng.next_u32() >> 29;
    let wanted = SEARCH_POINTS * side * side / (SEARCH_SIDE * SEARCH_SIDE);
    let mut points = Vec::with_capacity(wanted + 8);
    Walk::begin(system, rng).go(wanted, rng, &mut points);
    let mut canvas = vec![0.0_f32; side * side];
    match rendering {
        Rendering::Point => place(&points, side, |x, y| canvas[y * side + x] = GREY),
        Rendering::Patch => place(&points, side, |x, y| patch(&mut canvas, side, (x, y), rng)),
        Rendering::Density => {
            place(&points, side, |x, y| canvas[y * side + x] += 1.0);
            let most = canvas.iter().copied().fold(1.0, f32::max);
            // A square root has the same bits on every machine; a logarithm does not.
            for level in &mut canvas {
                *level = (*level / most).sqrt().sqrt();
            }
        }
    }
    for (row, line) in out.chunks_exact_mut(size.max(1)).take(size).enumerate() {
        for (column, level) in line.iter_mut().enumerate() {
            let (x, y) = turned(symmetry, column, row, size);
            let corner = 2 * (y * side + x);
            let four =
                canvas[corner] + canvas[corner + 1] + canvas[corner + side] + canvas[corner + side + 1];
            *level = 0.25 * four;
        }
    }
}

/// Draws one of the 3 × 3 patterns that are not empty, over the existing pixels.
fn patch(canvas: &mut [f32], side: usize, (x, y): (usize, usize), rng: &mut ChaCha8Rng) {
    let pattern = loop {
        let bits = rng.next_u32() >> 23;
        if bits != 0 {
            break bits;
        }
    };
    for row in 0..3 {
        let begin = (y + row - 1) * side + x - 1;
        for (column, level) in canvas[begin..begin + 3].iter_mut().enumerate() {
            let lit = pattern >> (3 * row + column) & 1 == 1;
            *level = if lit { GREY } else { 0.0 };
        }
    }
}

/// The source pixel under one of the square's eight symmetries.
fn turned(symmetry: u32, x: usize, y: usize, size: usize) -> (usize, usize) {
    let x = if symmetry & 1 == 0 { x } else { size - 1 - x };
    let y = if symmetry & 2 == 0 { y } else { size - 1 - y };
    if symmetry & 4 == 0 { (x, y) } else { (y, x) }
}
