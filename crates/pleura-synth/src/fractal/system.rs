//! Iterated function systems, drawn by the chaos game (Barnsley, 1988).

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use pleura_core::rng::{Scheme, below, stream, unit};

/// Coefficients of an affine map of the plane.
const LETTERS: usize = 6;
/// Maximum number of maps of a system; the minimum is 2.
const MOST_MAPS: usize = 7;
/// Side of the square that a class must fill, and number of points on it. The number of points of every image
/// follows from them.
pub(super) const SEARCH_SIDE: usize = 512;
/// See [`SEARCH_SIDE`].
pub(super) const SEARCH_POINTS: usize = 100_000;
/// Maximum number of systems tried for a class.
pub(super) const ATTEMPTS: usize = 20_000;
/// Number of points of the first test of a system; tests follow at each doubling.
const FIRST: usize = SEARCH_POINTS / 64 / WALKS * WALKS;
/// Number of points that test an instance.
const PROBE: usize = 1024;
/// Maximum ratio of the widths of an instance and its class.
const WIDER: f32 = 8.0;
/// Number of parallel walks. Each step depends on the last one, so several walks fill the processor's
/// pipeline.
const WALKS: usize = 8;
/// Steps until a walk from any start has reached the attractor.
const BURN_IN: usize = 32;
/// A walk beyond this distance diverges and restarts at the origin.
const FAR: f64 = 1e6;

/// Affine maps of the plane with their probabilities.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct System {
    /// `[a, b, c, d, e, f]`: (x, y) becomes (ax + by + e, cx + dy + f).
    pub maps: Vec<[f64; LETTERS]>,
    /// Probability of each map; they add up to 1.
    pub chances: Vec<f64>,
}

/// An accepted system.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) system: System,
    /// The larger side of its attractor.
    width: f32,
}

impl System {
    /// Two to seven maps with coefficients uniform in ±1 and probabilities in proportion to |ad − bc|.
    fn random(rng: &mut ChaCha8Rng) -> Self {
        let count = 2 + below(MOST_MAPS as u64 - 1, rng) as usize;
        let maps: Vec<[f64; LETTERS]> = (0..count)
            .map(|_| std::array::from_fn(|_| 2.0 * unit(rng) - 1.0))
            .collect();
        let areas: Vec<f64> = maps
            .iter()
            .map(|[a, b, c, d, ..]| (a * d - b * c).abs())
            .collect();
        let sum: f64 = areas.iter().sum();
        let chances = areas.iter().map(|area| area / sum).collect();
        Self { maps, chances }
    }

    /// The system with one coefficient of every map scaled.
    fn scaled(&self, letter: usize, factor: f64) -> Self {
        let mut scaled = self.clone();
        for map in &mut scaled.maps {
            map[letter] *= factor;
        }
        scaled
    }
}

/// The first system of the class's stream that fills enough; `None` after too many attempts.
pub(super) fn search(filling_rate: f64, seed: u64, class: usize) -> Option<Class> {
    let name: [&[u8]; 2] = [b"fractal class", &(class as u64).to_le_bytes()];
    let mut rng = stream(Scheme::Sha256, seed, &name);
    let mut points = Vec::with_capacity(SEARCH_POINTS);
    let mut square = Square::new();
    (0..ATTEMPTS).find_map(|_| {
        let system = System::random(&mut rng);
        fills(&system, filling_rate, &mut rng, (&mut points, &mut square)).then(|| Class {
            system,
            width: Extent::of(&points).width(),
        })
    })
}

/// True if a walk stays bounded and its points fill enough.
///
/// The area filled by n points is concave in n: the more pixels are filled, the likelier a point falls on a
/// filled one. So after n of N points F(N) ≤ F(n) + (N − n) · (F(n) − F(n/2)) / (n/2), up to chance. Most
/// systems are rejected early by this bound.
fn fills(
    system: &System,
    filling_rate: f64,
    rng: &mut ChaCha8Rng,
    (points, square): (&mut Vec<[f32; 2]>, &mut Square),
) -> bool {
    let mut walk = Walk::begin(system, rng);
    points.clear();
    let (mut upto, mut before) = (FIRST, 0.0);
    loop {
        walk.go(upto - points.len(), rng, points);
        if walk.escapes > 0 {
            return false;
        }
        let now = square.filled(points);
        if upto == SEARCH_POINTS {
            return now >= filling_rate;
        }
        let left = (SEARCH_POINTS - upto) as f64;
        // Nothing is filled before the first test: there the slope is the one from the origin.
        let since = if before > 0.0 { upto / 2 } else { upto };
        if now + left * (now - before) / (since as f64) < filling_rate {
            return false;
        }
        before = now;
        upto = (2 * upto).min(SEARCH_POINTS);
    }
}

impl Class {
    /// An instance: one random coefficient is changed by up to `variation` in all maps. If the attractor
    /// diverges or collapses, a smaller change is drawn.
    pub(super) fn instance(&self, variation: f64, rng: &mut ChaCha8Rng) -> System {
        let mut points = Vec::with_capacity(PROBE);
        let mut reach = variation;
        for _ in 0..24 {
            let letter = below(LETTERS as u64, rng) as usize;
            let factor = 1.0 + reach * (2.0 * unit(rng) - 1.0);
            let system = self.system.scaled(letter, factor);
            points.clear();
            let mut walk = Walk::begin(&system, rng);
            walk.go(PROBE, rng, &mut points);
            let width = Extent::of(&points).width();
            if walk.escapes == 0 && (self.width / WIDER..self.width * WIDER).contains(&width) {
                return system;
            }
            reach *= 0.8;
        }
        self.system.clone()
    }
}

/// Parallel walks through a system.
pub(super) struct Walk {
    maps: [[f64; LETTERS]; MOST_MAPS],
    /// Upper limits of the 32-bit draws that choose each map.
    upto: [u64; MOST_MAPS - 1],
    at: [[f64; 2]; WALKS],
    /// Number of diverged walks.
    pub(super) escapes: usize,
}

impl Walk {
    /// Walks that have reached the attractor.
    pub(super) fn begin(system: &System, rng: &mut ChaCha8Rng) -> Self {
        let mut walk = Self {
            maps: [[0.0; LETTERS]; MOST_MAPS],
            upto: [u64::MAX; MOST_MAPS - 1],
            at: [[0.0; 2]; WALKS],
            escapes: 0,
        };
        for (slot, map) in walk.maps.iter_mut().zip(&system.maps) {
            *slot = *map;
        }
        let mut sum = 0.0;
        let all_but_last = &system.chances[..system.chances.len().saturating_sub(1)];
        for (slot, chance) in walk.upto.iter_mut().zip(all_but_last) {
            sum += chance;
            *slot = (sum * (1_u64 << 32) as f64) as u64;
        }
        let mut before = Vec::with_capacity(BURN_IN * WALKS);
        walk.go(BURN_IN * WALKS, rng, &mut before);
        walk
    }

    /// Adds at least `points` points; the walks take turns.
    pub(super) fn go(&mut self, points: usize, rng: &mut ChaCha8Rng, out: &mut Vec<[f32; 2]>) {
        for _ in 0..points.div_ceil(WALKS) {
            for at in &mut self.at {
                let draw = u64::from(rng.next_u32());
                let map = self
                    .upto
                    .iter()
                    .map(|&upto| usize::from(draw >= upto))
                    .sum::<usize>();
                let [a, b, c, d, e, f] = self.maps[map];
                let [x, y] = *at;
                let next = [a * x + b * y + e, c * x + d * y + f];
                *at = if next[0].abs() + next[1].abs() < FAR {
                    next
                } else {
                    self.escapes += 1;
                    [0.0; 2]
                };
                out.push(at.map(|coordinate| coordinate as f32));
            }
        }
    }
}

/// The bounding box of points.
#[derive(Clone, Copy)]
struct Extent {
    low: [f32; 2],
    high: [f32; 2],
}

impl Extent {
    fn of(points: &[[f32; 2]]) -> Self {
        let mut extent = Self {
            low: [f32::INFINITY; 2],
            high: [f32::NEG_INFINITY; 2],
        };
        for &[x, y] in points {
            extent.low = [extent.low[0].min(x), extent.low[1].min(y)];
            extent.high = [extent.high[0].max(x), extent.high[1].max(y)];
        }
        extent
    }

    fn width(&self) -> f32 {
        (self.high[0] - self.low[0]).max(self.high[1] - self.low[1])
    }
}

/// Calls `mark(column, row)` for each point on a square of the given side. Both axes are scaled to fill it up
/// to the border.
pub(super) fn place(points: &[[f32; 2]], side: usize, mut mark: impl FnMut(usize, usize)) {
    // 6 of 512 pixels, as in the paper; this leaves room for a patch around a point.
    let border = (side * 6 / SEARCH_SIDE).max(2);
    let inner = (side - 2 * border) as f32;
    let Extent { low, high } = Extent::of(points);
    let scale = [0, 1].map(|axis| {
        let width = high[axis] - low[axis];
        if width > 0.0 { inner / width } else { 0.0 }
    });
    for point in points {
        let [x, y] = [0, 1].map(|axis| {
            // Conversion truncates; the last column belongs to the border.
            let inside = (point[axis] - low[axis]) * scale[axis];
            border + (inside as usize).min(side - 2 * border - 1)
        });
        mark(x, y);
    }
}

/// The square of the search, reused between tests: a pixel is filled if its number is the test's.
pub(super) struct Square {
    taken: Vec<u32>,
    look: u32,
}

impl Square {
    pub(super) fn new() -> Self {
        Self {
            taken: vec![0; SEARCH_SIDE * SEARCH_SIDE],
            look: 0,
        }
    }

    /// The share of pixels with points.
    pub(super) fn filled(&mut self, points: &[[f32; 2]]) -> f64 {
        self.look += 1;
        let mut count = 0_u32;
        place(points, SEARCH_SIDE, |x, y| {
            let pixel = &mut self.taken[y * SEARCH_SIDE + x];
            count += u32::from(*pixel != self.look);
            *pixel = self.look;
        });
        f64::from(count) / self.taken.len() as f64
    }
}
