//! Rotation, translation and flip as one affine map, sampled once.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// The side at which translations are given, in pixels.
const REFERENCE_SIDE: f32 = 224.0;

/// How much films are varied in training. The default varies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Augmentation {
    /// Rotations are drawn evenly from minus to plus this many degrees.
    pub rotate_degrees: f32,
    /// Translations along each axis are drawn evenly from minus to plus this many pixels of a 224-pixel
    /// side; at other sizes they scale with the side.
    pub translate_pixels: f32,
    /// The probability of a left-right flip. A flip puts the heart on the other side.
    pub flip: f32,
}

impl Augmentation {
    /// What the paper's authors use: 40 degrees, 28 pixels, every second film flipped.
    pub const PAPER: Self = Self {
        rotate_degrees: 40.0,
        translate_pixels: 28.0,
        flip: 0.5,
    };

    /// Draws one warp. Four numbers are taken from the generator, whatever the settings.
    pub fn draw(&self, rng: &mut impl Rng) -> Warp {
        let mut even = || 2.0 * rng.random::<f32>() - 1.0;
        let (turn, across, down) = (even(), even(), even());
        Warp {
            radians: (turn * self.rotate_degrees).to_radians(),
            shift: [
                across * self.translate_pixels / REFERENCE_SIDE,
                down * self.translate_pixels / REFERENCE_SIDE,
            ],
            flip: rng.random::<f32>() < self.flip,
        }
    }
}

/// An augmentation as written, before it is checked.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Fields {
    rotate_degrees: f32,
    translate_pixels: f32,
    flip: f32,
}

impl TryFrom<Fields> for Augmentation {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let Fields {
            rotate_degrees,
            translate_pixels,
            flip,
        } = fields;
        if !(0.0..=180.0).contains(&rotate_degrees) {
            return Err(format!("rotate_degrees is {rotate_degrees}, expected 0 to 180"));
        }
        if !(0.0..=REFERENCE_SIDE).contains(&translate_pixels) {
            return Err(format!(
                "translate_pixels is {translate_pixels}, expected 0 to 224"
            ));
        }
        if !(0.0..=1.0).contains(&flip) {
            return Err(format!("flip is {flip}, expected a probability, 0 to 1"));
        }
        Ok(Self {
            rotate_degrees,
            translate_pixels,
            flip,
        })
    }
}

/// One affine map: a flip, then a rotation about the middle, then a translation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// Clockwise on the screen.
    radians: f32,
    /// In sides of the square, to the right and down.
    shift: [f32; 2],
    flip: bool,
}

impl Warp {
    /// The map that changes nothing.
    pub const IDENTITY: Self = Self {
        radians: 0.0,
        shift: [0.0; 2],
        flip: false,
    };

    /// A left-right flip if asked, then a clockwise rotation, then a shift right and down in sides.
    pub fn new(flip: bool, clockwise_degrees: f32, shift: [f32; 2]) -> Self {
        Self {
            radians: clockwise_degrees.to_radians(),
            shift,
            flip,
        }
    }

    /// Samples a `[size, size]` image through the map, bilinearly; black where nothing was.
    ///
    /// Only what fits into both slices is written, so slices shorter than `size × size` leave rows out.
    pub fn apply(&self, grey: &[f32], size: usize, out: &mut [f32]) {
        if size == 0 || grey.len() < size * size {
            return;
        }
        let (sin, cos) = self.radians.sin_cos();
        let middle = size as f32 / 2.0;
        let shift = self.shift.map(|shift| shift * size as f32);
        let mirror = if self.flip { -1.0 } else { 1.0 };
        for (y, row) in out.chunks_exact_mut(size).take(size).enumerate() {
            let v = y as f32 + 0.5 - middle - shift[1];
            for (x, value) in row.iter_mut().enumerate() {
                let u = x as f32 + 0.5 - middle - shift[0];
                // The way back: undo the shift, the rotation, the flip.
                let across = mirror * (cos * u + sin * v) + middle - 0.5;
                let down = cos * v - sin * u + middle - 0.5;
                *value = bilinear(grey, size, across, down);
            }
        }
    }
}

/// The value at a place given in pixel centres; pixels outside count as black.
fn bilinear(grey: &[f32], size: usize, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (right_share, lower_share) = (x - left, y - top);
    let (left, top) = (left as isize, top as isize);
    let at = |row: isize, column: isize| {
        let inside = (0..size as isize).contains(&row) && (0..size as isize).contains(&column);
        if inside {
            grey[row as usize * size + column as usize]
        } else {
            0.0
        }
    };
    let blend = |row: isize| (1.0 - right_share) * at(row, left) + right_share * at(row, left + 1);
    (1.0 - lower_share) * blend(top) + lower_share * blend(top + 1)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn picture(size: usize) -> Vec<f32> {
        (0..size * size)
            .map(|at| (at * 7919 % 1000) as f32 / 1000.0)
            .collect()
    }

    fn warped(warp: Warp, grey: &[f32], size: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; size * size];
        warp.apply(grey, size, &mut out);
        out
    }

    #[test]
    fn the_identity_keeps_every_bit() {
        for size in [1, 2, 7, 64] {
            let grey = picture(size);
            assert_eq!(warped(Warp::IDENTITY, &grey, size), grey);
        }
    }

    #[test]
    fn a_flip_exchanges_left_and_right() {
        let grey = picture(7);
        let flipped = warped(Warp::new(true, 0.0, [0.0; 2]), &grey, 7);
        for row in 0..7 {
            for column in 0..7 {
                assert_eq!(flipped[7 * row + column], grey[7 * row + 6 - column]);
            }
        }
    }

    #[test]
    fn a_shift_moves_right_and_down_and_leaves_black() {
        let grey = vec![1.0; 64];
        let shifted = warped(Warp::new(false, 0.0, [0.25, 0.125]), &grey, 8);
        for row in 0..8 {
            for column in 0..8 {
                let expected = if row >= 1 && column >= 2 { 1.0 } else { 0.0 };
                assert_eq!(shifted[8 * row + column], expected, "{row} {column}");
            }
        }
    }

    #[test]
    fn a_quarter_turn_goes_clockwise() {
        let grey = picture(8);
        let turned = warped(Warp::new(false, 90.0, [0.0; 2]), &grey, 8);
        for row in 0..8 {
            for column in 0..8 {
                // The upper left corner goes to the upper right one.
                let there = turned[8 * column + 7 - row];
                assert!((there - grey[8 * row + column]).abs() < 1e-4, "{row} {column}");
            }
        }
    }

    #[test]
    fn draws_stay_in_their_ranges_and_repeat_with_their_seed() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let warps: Vec<Warp> = (0..1000).map(|_| Augmentation::PAPER.draw(&mut rng)).collect();
        let degrees = warps.iter().map(|warp| warp.radians.to_degrees().abs());
        assert!(degrees.fold(0.0, f32::max) <= 40.0 + 1e-3);
        assert!(
            warps
                .iter()
                .all(|warp| warp.shift.iter().all(|shift| shift.abs() <= 0.125))
        );
        let flips = warps.iter().filter(|warp| warp.flip).count();
        assert!((400..600).contains(&flips), "{flips}");
        let mut again = ChaCha8Rng::seed_from_u64(3);
        assert_eq!(Augmentation::PAPER.draw(&mut again), warps[0]);
        assert_eq!(Augmentation::default().draw(&mut again), Warp::IDENTITY);
    }

    #[test]
    fn settings_out_of_range_or_unknown_are_refused() {
        let read = |text: &str| serde_json::from_str::<Augmentation>(text);
        assert_eq!(read(r#"{"flip":0.5}"#).unwrap().flip, 0.5);
        assert!(read(r#"{"flip":1.5}"#).is_err());
        assert!(read(r#"{"rotate_degrees":-1}"#).is_err());
        assert!(read(r#"{"mirror":0.5}"#).is_err());
    }
}
