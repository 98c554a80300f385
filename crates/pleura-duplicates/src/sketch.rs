//! What is kept of a film while a million others are looked at.

use pleura_film::Film;

use crate::plane::Plane;

/// Pixels a side.
pub(super) const SIDE: usize = 48;

/// A film as a small square of 8-bit levels, its darkest 0 and its brightest 255: 2,304 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch(Box<[u8; SIDE * SIDE]>);

/// Standard deviation of levels below which a film shows nothing that could be compared.
const EMPTY: f32 = 4.0;

impl Sketch {
    /// Bytes that one sketch takes.
    pub const BYTES: usize = SIDE * SIDE;

    /// Sketches a film.
    pub fn of(film: &Film) -> Self {
        let plane = Plane::of_film(film, SIDE);
        let mut levels = Box::new([0; SIDE * SIDE]);
        for (level, value) in levels.iter_mut().zip(&plane.values) {
            *level = (value * 255.0).round() as u8;
        }
        Self(levels)
    }

    /// Whether it is all but one even grey, such as a blank page: everything would look like it.
    pub(super) fn is_empty(&self) -> bool {
        let count = self.0.len() as f32;
        let mean = self.0.iter().map(|&level| f32::from(level)).sum::<f32>() / count;
        let squares = self.0.iter().map(|&level| (f32::from(level) - mean).powi(2));
        (squares.sum::<f32>() / count).sqrt() < EMPTY
    }

    /// Its levels, 0..=1.
    pub(super) fn plane(&self) -> Plane {
        Plane {
            side: SIDE,
            values: self.0.iter().map(|&level| f32::from(level) / 255.0).collect(),
        }
    }

    /// A sketch of given levels, for measurements without films.
    pub(super) fn from_levels(level: impl Fn(usize) -> u8) -> Self {
        let mut levels = Box::new([0; SIDE * SIDE]);
        for (at, out) in levels.iter_mut().enumerate() {
            *out = level(at);
        }
        Self(levels)
    }
}
