//! 192 bits that stay nearly the same when a film is saved again, and differ between films.
//!
//! A film's evened levels are written as a sum of cosines; each bit says whether the share of one of the 192 lowest is above what it is on
//! a usual chest film ([`CENTRE`]). Without that centre most bits would say "this is a chest film". A mirrored film has the odd shares across
//! negative, an inverted one all of them, so that both are asked for without another look at the film.

use std::f32::consts::PI;
use std::sync::LazyLock;

use crate::align::Affine;
use crate::centre::CENTRE;
use crate::plane::{Evening, Plane};
use crate::sketch::{SIDE, Sketch};

/// Bits of a hash.
pub(super) const BITS: usize = 192;

/// A film's hash.
pub(super) type Hash = [u64; BITS / 64];

/// The shares of the cosines, in the order of the bits.
pub(super) type Shares = [f32; BITS];

/// Pixels a side of the square that shares are taken of.
const GRID: usize = 32;

/// Cosines across and down that any bit speaks of, from the even one.
const WAVES: usize = 18;

const EVENING: Evening = Evening {
    grain: 0.0,
    brightness: 3.0,
    contrast: 3.0,
    floor: 0.02,
};

/// How many places two hashes differ in.
pub(super) fn distance(one: &Hash, other: &Hash) -> u32 {
    one.iter()
        .zip(other)
        .map(|(one, other)| (one ^ other).count_ones())
        .sum()
}

/// One way in which a film may lie in its copy: a window of the film, by chance mirrored or inverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    /// Number of the window in [`WINDOWS`].
    pub(super) window: u8,
    pub(super) mirrored: bool,
    pub(super) inverted: bool,
}

/// A part of a film: its side, its left and upper edge, all in sides of the film, and by how many degrees it is turned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    side: f32,
    left: f32,
    top: f32,
    degrees: f32,
}

/// The whole film; nine windows that a cut of 5 % may leave, nine of 10 %; the film turned to the left and to the right.
pub(super) const WINDOWS: [Window; 21] = {
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
    /// From a place in the window to the place on the film, in squares whose sides run from -1 to 1.
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
    /// From a place on the copy to the place on the film as [`Variant::laid`] lays it.
    pub(super) fn map(self) -> Affine {
        let [a, b, c, d, e, f] = WINDOWS[usize::from(self.window)].map().0;
        if self.mirrored {
            Affine([a, -b, -c, -d, e, f])
        } else {
            Affine([a, b, c, d, e, f])
        }
    }

    /// The film's evened levels, mirrored and inverted as the copy is.
    pub(super) fn laid(self, evened: Plane) -> Plane {
        let laid = if self.mirrored { evened.mirrored() } else { evened };
        if self.inverted { laid.negative() } else { laid }
    }
}

/// The shares of a film seen through a window.
pub(super) fn shares(film: &Plane, window: usize) -> Shares {
    let map = WINDOWS[window].map();
    let (middle, half) = ((SIDE as f32 - 1.0) / 2.0, SIDE as f32 / 2.0);
    let values = (0..GRID * GRID).map(|at| {
        let place = |index: usize| (2 * index + 1) as f32 / GRID as f32 - 1.0;
        let (x, y) = map.apply(place(at % GRID), place(at / GRID));
        film.sample(middle + half * x, middle + half * y)
    });
    let seen = Plane {
        side: GRID,
        values: values.collect(),
    };
    cosines(&seen.evened(EVENING))
}

/// The shares of a whole film; their medians over many films are the centre that hashes are taken from.
pub fn shares_of(sketch: &Sketch) -> [f32; BITS] {
    shares(&sketch.plane(), 0)
}

/// A hash to ask with, and how sure each of its bits is.
pub(super) struct Query {
    pub(super) hash: Hash,
    /// How far each share is from the centre.
    pub(super) margins: Shares,
}

impl Query {
    /// The hash that the film's mirror image or negative has.
    pub(super) fn new(shares: &Shares, mirrored: bool, inverted: bool) -> Self {
        let mut query = Self {
            hash: [0; BITS / 64],
            margins: [0.0; BITS],
        };
        for (bit, (&share, &centre)) in shares.iter().zip(&CENTRE).enumerate() {
            let negative = inverted ^ (mirrored && COSINES.waves[bit].1 % 2 == 1);
            let above = if negative { -share } else { share } - centre;
            query.hash[bit / 64] |= u64::from(above > 0.0) << (bit % 64);
            query.margins[bit] = above.abs();
        }
        query
    }
}

/// A type-II cosine transform of a grid, the 192 lowest shares of it.
struct Cosines {
    /// `[WAVES][GRID]`, each wave of length 1.
    values: Vec<[f32; GRID]>,
    /// Waves down and across, by bit.
    waves: Vec<(usize, usize)>,
}

static COSINES: LazyLock<Cosines> = LazyLock::new(|| {
    let wave = |wave: usize| {
        let length = if wave == 0 { 1.0 } else { 2.0 } / GRID as f32;
        std::array::from_fn(|at| {
            length.sqrt() * (PI * wave as f32 * (2 * at + 1) as f32 / (2 * GRID) as f32).cos()
        })
    };
    let mut waves: Vec<(usize, usize)> = (1..WAVES * WAVES).map(|at| (at / WAVES, at % WAVES)).collect();
    waves.sort_by_key(|&(down, across)| (down * down + across * across, down));
    waves.truncate(BITS);
    Cosines {
        values: (0..WAVES).map(wave).collect(),
        waves,
    }
});

fn cosines(grid: &Plane) -> Shares {
    let cosines = &*COSINES;
    let mut rows = [[0.0; GRID]; WAVES];
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

    fn sketch() -> Sketch {
        Sketch::from_levels(|at| {
            let (x, y) = ((at % SIDE) as f32 / 48.0, (at / SIDE) as f32 / 48.0);
            let level = (9.0 * x + 3.0 * y * y).sin() + (7.0 * x * y + 11.0 * y).cos() + (23.0 * x).sin() * y;
            (128.0 + 40.0 * level) as u8
        })
    }

    fn mirrored(sketch: &Sketch) -> Sketch {
        let levels = sketch.plane();
        Sketch::from_levels(|at| {
            let mirrored = at / SIDE * SIDE + SIDE - 1 - at % SIDE;
            (levels.values[mirrored] * 255.0).round() as u8
        })
    }

    #[test]
    fn mirror_images_and_negatives_are_asked_for_without_another_look() {
        let film = sketch();
        let negative = {
            let levels = film.plane();
            Sketch::from_levels(|at| 255 - (levels.values[at] * 255.0).round() as u8)
        };
        let hash = |sketch: &Sketch| Query::new(&shares_of(sketch), false, false).hash;
        let asked = |mirrored, inverted| Query::new(&shares_of(&film), mirrored, inverted).hash;
        assert!(distance(&asked(true, false), &hash(&mirrored(&film))) <= 2);
        assert!(distance(&asked(false, true), &hash(&negative)) <= 2);
        assert!(distance(&asked(true, true), &hash(&mirrored(&negative))) <= 2);
        assert!(distance(&hash(&film), &hash(&mirrored(&film))) > 40);
    }

    #[test]
    fn a_variant_says_where_the_copy_lies_on_the_film() {
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
    fn the_cosines_are_of_length_one_and_upright_to_each_other() {
        let cosines = &*COSINES;
        assert_eq!(cosines.waves.len(), BITS);
        assert!(
            cosines
                .waves
                .iter()
                .all(|&(down, across)| down < WAVES && across < WAVES)
        );
        for (one, wave) in cosines.values.iter().enumerate() {
            for (other, against) in cosines.values.iter().enumerate() {
                let expected = f32::from(u8::from(one == other));
                assert!((dot(wave, against) - expected).abs() < 1e-5);
            }
        }
    }
}
