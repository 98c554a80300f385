//! Thumbnails: small images that stay in memory for every film of a search.

use pleura_film::Film;

use crate::plane::Plane;

/// A film as a small square of 8-bit levels: the darkest is 0, the brightest 255. It takes 2,304 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail(Box<[u8; Self::BYTES]>);

/// Standard deviation of the levels below which a film has no content to compare.
const EMPTY: f32 = 4.0;

impl Thumbnail {
    /// Side in pixels.
    pub const SIDE: usize = 48;

    /// Size in memory.
    pub const BYTES: usize = Self::SIDE * Self::SIDE;

    /// The thumbnail of a film.
    pub fn of(film: &Film) -> Self {
        let plane = Plane::of_film(film, Self::SIDE);
        Self::from_levels(|at| (plane.values[at] * 255.0).round() as u8)
    }

    /// A thumbnail of the given levels, row-major.
    pub fn from_levels(level: impl Fn(usize) -> u8) -> Self {
        let mut levels = Box::new([0; Self::BYTES]);
        for (at, out) in levels.iter_mut().enumerate() {
            *out = level(at);
        }
        Self(levels)
    }

    /// True for a nearly uniform film, such as a blank page. It would resemble every film.
    pub fn is_empty(&self) -> bool {
        let count = self.0.len() as f32;
        let mean = self.0.iter().map(|&level| f32::from(level)).sum::<f32>() / count;
        let squares = self.0.iter().map(|&level| (f32::from(level) - mean).powi(2));
        (squares.sum::<f32>() / count).sqrt() < EMPTY
    }

    /// Its levels, from 0 to 1.
    pub(crate) fn plane(&self) -> Plane {
        Plane {
            side: Self::SIDE,
            values: self.0.iter().map(|&level| f32::from(level) / 255.0).collect(),
        }
    }
}
