//! A perceptual hash of 192 bits: nearly equal for duplicates, different for other films.
//!
//! Each bit compares one of the 192 lowest cosine coefficients of the locally normalized film with its median
//! over chest films ([`MEDIAN_COEFFICIENTS`]). Against zero, most bits would only encode "this is a chest
//! film". A mirrored film has its odd horizontal coefficients negated, an inverted film all of them. So the
//! hashes of both follow from the same coefficients.

use std::f32::consts::PI;
use std::sync::LazyLock;

use crate::align::Affine;
use crate::median_coefficients::MEDIAN_COEFFICIENTS;
use crate::plane::{LocalNormalization, Plane};
use crate::thumbnail::Thumbnail;

/// Bits of a hash.
pub const BITS: usize = 192;

/// A film's hash.
pub type Hash = [u64; BITS / 64];

/// The cosine coefficients, in the order of the bits.
pub(crate) type Coefficients = [f32; BITS];

/// Side of the square that is transformed, in pixels.
const GRID: usize = 32;

/// Number of frequencies per axis, from frequency 0.
const FREQUENCIES: usize = 18;

const NORMALIZATION: LocalNormalization = LocalNormalization {
    grain: 0.0,
    brightness: 3.0,
    contrast: 3.0,
    floor: 0.02,
};

/// The Hamming distance of two hashes.
pub(crate) fn distance(one: &Hash, other: &Hash) -> u32 {
    one.iter()
        .zip(other)
        .map(|(one, other)| (one ^ other).count_ones())
        .sum()
}

/// One way to duplicate a film: a window of it, perhaps mirrored or inverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variant {
    /// Number of the window in [`WINDOWS`].
    pub(crate) window: u8,
    pub(crate) mirrored: bool,
    pub(crate) inverted: bool,
}

/// A part of a film: side, left and upper edge in units of the film's side, and its rotation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    side: f32,
    left: f32,
    top: f32,
    degrees: f32,
}

/// The whole film; nine windows that a crop by 5 % may leave, nine for 10 %; the film rotated by 4 degrees
/// either way.
pub(crate) const WINDOWS: [Window; 21] = {
    let whole = Window {
        side: 1.0,
        left: 0.0,
        top: 0.0,
        degrees: 0.0,
    };
    let mut windows = [whole; 21];
    let mut at = 0;
    while at < 18 {
        let cut = if at < 9 { 0.05 } else { 0.1 };
        windows[1 + at] = Window {
            side: 1.0 - cut,
            left: cut * (at % 3) as f32 / 2.0,
            top: cut * (at % 9 / 3) as f32 / 2.0,
            degrees: 0.0,
        };
        at += 1;
    }
    windows[19].degrees = 4.0;
    windows[20].degrees = -4.0;
    windows
};

impl Window {
    /// Maps a point of the window to the point of the film, both with coordinates from -1 to 1.
    fn map(&self) -> Affine {
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let shift = |edge: f32| 2.0 * edge + self.side - 1.0;
        Affine([
            self.side * cos,
            -self.side * sin,
            shift(self.left),
            self.side * sin,
            self.side * cos,
            shift(self.top),
        ])
    }
}

impl Variant {
    /// Maps a point of the duplicate to the point of the film as [`Variant::applied`] returns it.
    pub(crate) fn map(self) -> Affine {
        let [a, b, c, d, e, f] = WINDOWS[usize::from(self.window)].map().0;
        if self.mirrored {
            Affine([a, -b, -c, -d, e, f])
        } else {
            Affine([a, b, c, d, e, f])
        }
    }

    /// The film's normalized levels, mirrored and inverted like the duplicate.
    pub(crate) fn applied(self, normalized: Plane) -> Plane {
        let plane = if self.mirrored {
            normalized.mirrored()
        } else {
            normalized
        };
        if self.inverted { plane.negative() } else { plane }
    }
}

/// The coefficients of a window of a film.
pub(crate) fn coefficients(film: &Plane, window: usize) -> Coefficients {
    let map = WINDOWS[window].map();
    let (middle, half) = ((Thumbnail::SIDE as f32 - 1.0) / 2.0, Thumbnail::SIDE as f32 / 2.0);
    let values = (0..GRID * GRID).map(|at| {
        let place = |index: usize| (2 * index + 1) as f32 / GRID as f32 - 1.0;
        let (x, y) = map.apply(place(at % GRID), place(at / GRID));
        film.sample(middle + half * x, middle + half * y)
    });
    let seen = Plane {
        side: GRID,
        values: values.collect(),
    };
    cosines(&seen.normalized(NORMALIZATION))
}

/// The coefficients of a whole film. Their medians over many films are `MEDIAN_COEFFICIENTS`.
pub fn dct_coefficients(thumbnail: &Thumbnail) -> [f32; BITS] {
    coefficients(&thumbnail.plane(), 0)
}

/// A hash to look up, with the certainty of each bit.
pub(crate) struct Query {
    pub(crate) hash: Hash,
    /// Distance of each coefficient from its median.
    pub(crate) margins: Coefficients,
}

impl Query {
    /// The hash of the film, or of its mirror image or negative.
    pub(crate) fn new(coefficients: &Coefficients, mirrored: bool, inverted: bool) -> Self {
        let mut query = Self {
            hash: [0; BITS / 64],
            margins: [0.0; BITS],
        };
        for (bit, (&coefficient, &median)) in coefficients.iter().zip(&MEDIAN_COEFFICIENTS).enumerate() {
            let negative = inverted ^ (mirrored && COSINES.waves[bit].1 % 2 == 1);
            let above = if negative { -coefficient } else { coefficient } - median;
            query.hash[bit / 64] |= u64::from(above > 0.0) << (bit % 64);
            query.margins[bit] = above.abs();
        }
        query
    }
}

/// A type-II cosine transform, restricted to the 192 lowest frequencies.
struct Cosines {
    /// `[FREQUENCIES][GRID]`, each of Euclidean length 1.
    values: Vec<[f32; GRID]>,
    /// Vertical and horizontal frequency of each bit.
    waves: Vec<(usize, usize)>,
}

static COSINES: LazyLock<Cosines> = LazyLock::new(|| {
    let wave = |wave: usize| {
        let length = if wave == 0 { 1.0 } else { 2.0 } / GRID as f32;
        std::array::from_fn(|at| {
            length.sqrt() * (PI * wave as f32 * (2 * at + 1) as f32 / (2 * GRID) as f32).cos()
        })
    };
    let mut waves: Vec<(usize, usize)> = (1..FREQUENCIES * FREQUENCIES)
        .map(|at| (at / FREQUENCIES, at % FREQUENCIES))
        .collect();
    waves.sort_by_key(|&(down, across)| (down * down + across * across, down));
    waves.truncate(BITS);
    Cosines {
        values: (0..FREQUENCIES).map(wave).collect(),
        waves,
    }
});

fn cosines(grid: &Plane) -> Coefficients {
    let cosines = &*COSINES;
    let mut rows = [[0.0; GRID]; FREQUENCIES];
    for (y, line) in grid.values.chunks_exact(GRID).enumerate() {
        for (across, wave) in cosines.values.iter().enumerate() {
            rows[across][y] = dot(line, wave);
        }
    }
    std::array::from_fn(|bit| {
        let (down, across) = cosines.waves[bit];
        dot(&rows[across], &cosines.values[down])
    })
}

fn dot(one: &[f32], other: &[f32; GRID]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = Thumbnail::SIDE;

    fn thumbnail() -> Thumbnail {
        Thumbnail::from_levels(|at| {
            let (x, y) = ((at % SIDE) as f32 / 48.0, (at / SIDE) as f32 / 48.0);
            let level = (9.0 * x + 3.0 * y * y).sin() + (7.0 * x * y + 11.0 * y).cos() + (23.0 * x).sin() * y;
            (128.0 + 40.0 * level) as u8
        })
    }

    fn mirrored(thumbnail: &Thumbnail) -> Thumbnail {
        let levels = thumbnail.plane();
        Thumbnail::from_levels(|at| {
            let mirrored = at / SIDE * SIDE + SIDE - 1 - at % SIDE;
            (levels.values[mirrored] * 255.0).round() as u8
        })
    }

    #[test]
    fn hashes_of_mirror_images_and_negatives_follow_from_one_film() {
        let film = thumbnail();
        let negative = {
            let levels = film.plane();
            Thumbnail::from_levels(|at| 255 - (levels.values[at] * 255.0).round() as u8)
        };
        let hash = |thumbnail: &Thumbnail| Query::new(&dct_coefficients(thumbnail), false, false).hash;
        let asked = |mirrored, inverted| Query::new(&dct_coefficients(&film), mirrored, inverted).hash;
        assert!(distance(&asked(true, false), &hash(&mirrored(&film))) <= 2);
        assert!(distance(&asked(false, true), &hash(&negative)) <= 2);
        assert!(distance(&asked(true, true), &hash(&mirrored(&negative))) <= 2);
        assert!(distance(&hash(&film), &hash(&mirrored(&film))) > 40);
    }

    #[test]
    fn variant_maps_the_duplicate_to_the_film() {
        let cut = Variant {
            window: 1,
            mirrored: false,
            inverted: false,
        };
        let near = |(x, y): (f32, f32), (u, v): (f32, f32)| (x - u).abs() < 1e-6 && (y - v).abs() < 1e-6;
        // The first window leaves out the right and the lower edge.
        assert!(near(cut.map().apply(-1.0, -1.0), (-1.0, -1.0)));
        assert!(near(cut.map().apply(1.0, 1.0), (0.9, 0.9)));
        let mirror = Variant {
            mirrored: true,
            ..cut
        };
        assert!(near(mirror.map().apply(-1.0, -1.0), (-0.9, -1.0)));
    }

    #[test]
    fn cosines_are_orthonormal() {
        let cosines = &*COSINES;
        assert_eq!(cosines.waves.len(), BITS);
        assert!(
            cosines
                .waves
                .iter()
                .all(|&(down, across)| down < FREQUENCIES && across < FREQUENCIES)
        );
        for (one, wave) in cosines.values.iter().enumerate() {
            for (other, against) in cosines.values.iter().enumerate() {
                let expected = f32::from(u8::from(one == other));
                assert!((dot(wave, against) - expected).abs() < 1e-5);
            }
        }
    }
}
