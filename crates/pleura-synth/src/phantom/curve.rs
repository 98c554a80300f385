//! Smooth curves through given points, smooth steps, and lattice noise.

/// A function of one variable through given points, monotone between them, constant outside.
///
/// Cubic Hermite pieces with the slopes of Fritsch and Carlson (SIAM J. Numer. Anal. 17, 1980). It is sampled
/// finely and interpolated linearly, because it is evaluated for every pixel.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    start: f32,
    per_unit: f32,
    values: Vec<f32>,
}

const SAMPLES: usize = 256;

impl Profile {
    /// The curve through `points`, sorted by their first coordinate.
    pub(crate) fn through(points: &[(f32, f32)]) -> Self {
        let slopes = monotone_slopes(points);
        let start = points[0].0;
        let span = points[points.len() - 1].0 - start;
        Self::of(start, start + span, |x| hermite(points, &slopes, x))
    }

    /// The curve of `function` between `start` and `end`.
    pub(crate) fn of(start: f32, end: f32, function: impl Fn(f32) -> f32) -> Self {
        let span = end - start;
        let values = (0..SAMPLES)
            .map(|sample| function(start + span * sample as f32 / (SAMPLES - 1) as f32))
            .collect();
        Self {
            start,
            per_unit: (SAMPLES - 1) as f32 / span,
            values,
        }
    }

    /// The value at `x`.
    pub(crate) fn at(&self, x: f32) -> f32 {
        let place = ((x - self.start) * self.per_unit).clamp(0.0, (SAMPLES - 1) as f32);
        let below = (place as usize).min(SAMPLES - 2);
        let part = place - below as f32;
        self.values[below] + (self.values[below + 1] - self.values[below]) * part
    }
}

fn monotone_slopes(points: &[(f32, f32)]) -> Vec<f32> {
    let secants: Vec<f32> = points
        .windows(2)
        .map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0))
        .collect();
    let mut slopes = vec![secants[0]];
    for pair in secants.windows(2) {
        // The harmonic mean keeps each piece monotone. At extrema the slope is 0.
        let product = pair[0] * pair[1];
        slopes.push(if product > 0.0 {
            2.0 * product / (pair[0] + pair[1])
        } else {
            0.0
        });
    }
    slopes.push(secants[secants.len() - 1]);
    slopes
}

fn hermite(points: &[(f32, f32)], slopes: &[f32], x: f32) -> f32 {
    let piece = points
        .windows(2)
        .position(|pair| x <= pair[1].0)
        .unwrap_or(points.len() - 2);
    let (x0, y0) = points[piece];
    let (x1, y1) = points[piece + 1];
    let width = x1 - x0;
    let t = ((x - x0) / width).clamp(0.0, 1.0);
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * y0
        + (t3 - 2.0 * t2 + t) * width * slopes[piece]
        + (3.0 * t2 - 2.0 * t3) * y1
        + (t3 - t2) * width * slopes[piece + 1]
}

/// A closed smooth curve around a centre, as radius over angle.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    centre: (f32, f32),
    radii: Vec<f32>,
}

const ANGLES: usize = 256;

impl Outline {
    /// The curve through `landmarks` around `centre`, in any order.
    pub(crate) fn through(centre: (f32, f32), landmarks: &[(f32, f32)]) -> Self {
        let turn = std::f32::consts::TAU;
        let mut polar: Vec<(f32, f32)> = landmarks
            .iter()
            .map(|&(u, v)| {
                let (du, dv) = (u - centre.0, v - centre.1);
                (dv.atan2(du), length(du, dv))
            })
            .collect();
        polar.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ring: Vec<(f32, f32)> = [-turn, 0.0, turn]
            .iter()
            .flat_map(|&shift| polar.iter().map(move |&(angle, radius)| (angle + shift, radius)))
            .collect();
        let radii = (0..ANGLES)
            .map(|step| catmull_rom(&ring, (step as f32 / ANGLES as f32 - 0.5) * turn))
            .collect();
        Self { centre, radii }
    }

    /// Relative distance of `(u, v)`: 0 at the centre, 1 on the curve.
    pub(crate) fn reach(&self, u: f32, v: f32) -> f32 {
        let (du, dv) = (u - self.centre.0, v - self.centre.1);
        let place = (dv.atan2(du) / std::f32::consts::TAU + 0.5) * ANGLES as f32;
        let below = place as usize;
        let part = place - below as f32;
        let below = below % ANGLES;
        let radius = self.radii[below] + (self.radii[(below + 1) % ANGLES] - self.radii[below]) * part;
        length(du, dv) / radius
    }

    /// The largest distance from the centre.
    pub(crate) fn extent(&self) -> f32 {
        self.radii.iter().copied().fold(0.0, f32::max)
    }

    /// The centre.
    pub(crate) fn centre(&self) -> (f32, f32) {
        self.centre
    }

    /// The curve's minimum and maximum `u`.
    #[cfg(test)]
    pub(crate) fn width(&self) -> (f32, f32) {
        self.radii
            .iter()
            .enumerate()
            .fold((f32::MAX, f32::MIN), |(low, high), (step, radius)| {
                let angle = (step as f32 / ANGLES as f32 - 0.5) * std::f32::consts::TAU;
                let u = self.centre.0 + radius * angle.cos();
                (low.min(u), high.max(u))
            })
    }
}

fn catmull_rom(points: &[(f32, f32)], x: f32) -> f32 {
    let piece = points
        .windows(2)
        .position(|pair| x <= pair[1].0)
        .unwrap_or(points.len() - 2);
    let slope = |at: usize| {
        let (before, after) = (
            points[at.saturating_sub(1)],
            points[(at + 1).min(points.len() - 1)],
        );
        (after.1 - before.1) / (after.0 - before.0)
    };
    let (x0, y0) = points[piece];
    let (x1, y1) = points[piece + 1];
    let width = x1 - x0;
    let t = ((x - x0) / width).clamp(0.0, 1.0);
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * y0
        + (t3 - 2.0 * t2 + t) * width * slope(piece)
        + (3.0 * t2 - 2.0 * t3) * y1
        + (t3 - t2) * width * slope(piece + 1)
}

/// A smooth step: 0 below `low`, 1 above `high` (falling if `high < low`).
pub(crate) fn step(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Length of `(x, y)`. A square root takes a tenth of the time of `hypot`, and nothing here overflows.
pub(crate) fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

/// The next lower integer; faster than `floor` where the target has no instruction for it.
fn below(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from((whole as f32) > x)
}

/// Linear interpolation between `a` (at 0) and `b` (at 1).
pub(crate) fn mix(a: f32, b: f32, part: f32) -> f32 {
    a + (b - a) * part
}

/// Smooth noise on a square lattice of the given period, in -1..1, independent of the raster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lattice {
    seed: u32,
}

impl Lattice {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed: (seed ^ seed >> 32) as u32,
        }
    }

    /// One octave with features of about `period`.
    pub(crate) fn at(self, u: f32, v: f32, period: f32) -> f32 {
        let (x, y) = (u / period, v / period);
        let (column, row) = (below(x), below(y));
        let (fx, fy) = (x - column as f32, y - row as f32);
        let (sx, sy) = (fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy));
        let top = mix(self.node(column, row), self.node(column + 1, row), sx);
        let bottom = mix(self.node(column, row + 1), self.node(column + 1, row + 1), sx);
        mix(top, bottom, sy)
    }

    /// Octaves from `period` downwards, each with half the period and half the strength.
    pub(crate) fn cloud(self, u: f32, v: f32, period: f32, octaves: u32) -> f32 {
        let mut sum = 0.0;
        let mut total = 0.0;
        for octave in 0..octaves {
            let part = 0.5_f32.powi(octave as i32);
            let layer = Self {
                seed: self.seed.wrapping_add(octave.wrapping_mul(0x9e37_79b9)),
            };
            sum += part * layer.at(u + 3.7 * octave as f32, v - 1.9 * octave as f32, period * part);
            total += part;
        }
        sum / total
    }

    fn node(self, column: i32, row: i32) -> f32 {
        let mut hash =
            self.seed ^ (column as u32).wrapping_mul(0x85eb_ca6b) ^ (row as u32).wrapping_mul(0xc2b2_ae35);
        hash = (hash ^ hash >> 16).wrapping_mul(0x7feb_352d);
        hash = (hash ^ hash >> 15).wrapping_mul(0x846c_a68b);
        hash ^= hash >> 16;
        (hash >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_meets_its_points_and_stays_between_them() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 3.0), (5.0, -1.0)];
        let profile = Profile::through(&points);
        for (x, y) in points {
            assert!((profile.at(x) - y).abs() < 0.03, "{x}: {}", profile.at(x));
        }
        for tenth in 0..50 {
            let y = profile.at(tenth as f32 / 10.0);
            assert!((-1.0..=3.0).contains(&y));
        }
        assert_eq!(profile.at(-9.0), 1.0);
    }

    #[test]
    fn an_outline_reaches_one_at_its_landmarks() {
        let landmarks = [(3.0, 0.0), (0.0, 2.0), (-3.0, 0.5), (0.5, -2.5)];
        let outline = Outline::through((0.0, 0.0), &landmarks);
        for (u, v) in landmarks {
            assert!(
                (outline.reach(u, v) - 1.0).abs() < 0.02,
                "{}",
                outline.reach(u, v)
            );
        }
        assert!(outline.reach(0.1, 0.1) < 0.1);
    }

    #[test]
    fn lattice_noise_is_continuous_and_fills_its_range() {
        let lattice = Lattice::new(5);
        let values: Vec<f32> = (0..4000)
            .map(|i| lattice.at(i as f32 * 0.05, -3.3, 1.0))
            .collect();
        assert!(values.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.2));
        assert!(values.iter().any(|&x| x > 0.7) && values.iter().any(|&x| x < -0.7));
    }
}
