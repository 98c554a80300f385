//! Scaling of films for pictures.

use crate::film::Film;
use crate::levels::Rows;
use crate::resize::{Axis, resize};

/// Scales a film's long side to `side` pixels. Returns width, height and grey levels `[height, width]`.
pub fn scaled(film: &Film, side: usize) -> (usize, usize, Vec<f32>) {
    let (width, height) = fitted(film.width, film.height, side);
    let axis = |length: usize, out: usize| Axis {
        start: 0.0,
        length: length as f64,
        out,
    };
    let grey = resize(
        Rows::Unit(&film.grey),
        film.width,
        film.height,
        axis(film.width, width),
        axis(film.height, height),
    );
    (width, height, grey)
}

/// Width and height with the long side scaled to `side`.
fn fitted(width: usize, height: usize, side: usize) -> (usize, usize) {
    let scale = side.max(1) as f64 / width.max(height).max(1) as f64;
    let scaled = |length: usize| ((length as f64 * scale).round() as usize).max(1);
    (scaled(width), scaled(height))
}
