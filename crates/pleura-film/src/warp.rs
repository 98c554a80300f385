//! Augmentation: rotation, translation, scale and flip as one affine map, sampled once; then grey levels.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::path::{per_path, whole};
use crate::tones::Tones;

/// The reference side of translations, in pixels.
const REFERENCE_SIDE: f32 = 224.0;

/// The ranges of augmentation in training. The default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Augmentation {
    /// Rotations are uniform from minus to plus this many degrees.
    pub rotate_degrees: f32,
    /// Translations along each axis are uniform from minus to plus this many pixels of a 224-pixel side. They
    /// scale with the side.
    pub translate_pixels: f32,
    /// The probability of a left-right flip. A flip moves the heart to the other side.
    pub flip: f32,
    /// Magnifications are log-uniform from 1 / (1 + scale) to 1 + scale.
    #[serde(skip_serializing_if = "is_zero")]
    pub scale: f32,
    /// Ratios of width to height change by a factor that is log-uniform from 1 / (1 + stretch) to 1 + stretch.
    #[serde(skip_serializing_if = "is_zero")]
    pub stretch: f32,
    /// Exponents of the grey levels are log-uniform from 1 / (1 + gamma) to 1 + gamma.
    #[serde(skip_serializing_if = "is_zero")]
    pub gamma: f32,
    /// Contrasts about the middle grey change by a factor that is log-uniform from 1 / (1 + contrast) to
    /// 1 + contrast.
    #[serde(skip_serializing_if = "is_zero")]
    pub contrast: f32,
    /// Grey levels shift by a value that is uniform from minus to plus this one; the range of grey is 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub brightness: f32,
    /// The difference from a 3 × 3 mean is multiplied by a factor that is uniform from 1 − sharpness to
    /// 1 + sharpness: below 1 blurs, above 1 sharpens as an unsharp mask does.
    #[serde(skip_serializing_if = "is_zero")]
    pub sharpness: f32,
}

// `skip_serializing_if` hands over a reference.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

/// A factor that is log-uniform from 1 / (1 + range) to 1 + range, for `even` uniform from -1 to 1.
fn factor(even: f32, range: f32) -> f32 {
    if range == 0.0 {
        1.0
    } else {
        (even * range.ln_1p()).exp()
    }
}

impl Augmentation {
    /// The settings of the paper: 40 degrees, 28 pixels, every second film flipped.
    pub const PAPER: Self = Self {
        rotate_degrees: 40.0,
        translate_pixels: 28.0,
        flip: 0.5,
        scale: 0.0,
        stretch: 0.0,
        gamma: 0.0,
        contrast: 0.0,
        brightness: 0.0,
        sharpness: 0.0,
    };

    /// Draws one warp. It always takes six numbers from the generator.
    pub fn draw(&self, rng: &mut impl Rng) -> Warp {
        let mut even = || 2.0 * rng.random::<f32>() - 1.0;
        let (turn, across, down) = (even(), even(), even());
        let flip = rng.random::<f32>() < self.flip;
        let mut even = || 2.0 * rng.random::<f32>() - 1.0;
        let (larger, wider) = (factor(even(), self.scale), factor(even(), self.stretch).sqrt());
        Warp {
            radians: (turn * self.rotate_degrees).to_radians(),
            shift: [
                across * self.translate_pixels / REFERENCE_SIDE,
                down * self.translate_pixels / REFERENCE_SIDE,
            ],
            flip,
            shrink: [1.0 / (larger * wider), wider / larger],
        }
    }

    /// Draws the change of a film's grey levels. It always takes four numbers from the generator.
    pub fn draw_tones(&self, rng: &mut impl Rng) -> Tones {
        let mut even = || 2.0 * rng.random::<f32>() - 1.0;
        Tones {
            gamma: factor(even(), self.gamma),
            contrast: factor(even(), self.contrast),
            brightness: even() * self.brightness,
            sharpness: 1.0 + even() * self.sharpness,
        }
    }
}

/// An augmentation as written in a recipe, not yet validated.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Fields {
    rotate_degrees: f32,
    translate_pixels: f32,
    flip: f32,
    scale: f32,
    stretch: f32,
    gamma: f32,
    contrast: f32,
    brightness: f32,
    sharpness: f32,
}

impl TryFrom<Fields> for Augmentation {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let ranges = [
            ("rotate_degrees", fields.rotate_degrees, 180.0),
            ("translate_pixels", fields.translate_pixels, REFERENCE_SIDE),
            ("flip", fields.flip, 1.0),
            ("scale", fields.scale, 1.0),
            ("stretch", fields.stretch, 1.0),
            ("gamma", fields.gamma, 4.0),
            ("contrast", fields.contrast, 4.0),
            ("brightness", fields.brightness, 1.0),
            ("sharpness", fields.sharpness, 4.0),
        ];
        for (name, value, largest) in ranges {
            if !(0.0..=largest).contains(&value) {
                return Err(format!("{name} is {value}, expected 0 to {largest}"));
            }
        }
        Ok(Self {
            rotate_degrees: fields.rotate_degrees,
            translate_pixels: fields.translate_pixels,
            flip: fields.flip,
            scale: fields.scale,
            stretch: fields.stretch,
            gamma: fields.gamma,
            contrast: fields.contrast,
            brightness: fields.brightness,
            sharpness: fields.sharpness,
        })
    }
}

/// One affine map: a flip and a scale along each axis, then a rotation about the centre, then a translation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// Clockwise on the screen.
    radians: f32,
    /// In units of the square's side, to the right and down.
    shift: [f32; 2],
    flip: bool,
    /// Pixels of the image for one of the result, along x and along y.
    shrink: [f32; 2],
}

impl Warp {
    /// Returns the identity.
    pub const IDENTITY: Self = Self {
        radians: 0.0,
        shift: [0.0; 2],
        flip: false,
        shrink: [1.0; 2],
    };

    /// Returns a left-right flip if `flip`, then a clockwise rotation, then a shift right and down in sides.
    pub fn new(flip: bool, clockwise_degrees: f32, shift: [f32; 2]) -> Self {
        Self {
            radians: clockwise_degrees.to_radians(),
            shift,
            flip,
            shrink: [1.0; 2],
        }
    }

    /// Samples a `[size, size]` image through the map, bilinearly; pixels from outside are black.
    ///
    /// Slices shorter than `size × size` leave rows out.
    pub fn apply(&self, grey: &[f32], size: usize, out: &mut [f32]) {
        if size == 0 || grey.len() < size * size {
            return;
        }
        let (sin, cos) = self.radians.sin_cos();
        let middle = size as f32 / 2.0;
        let shift = self.shift.map(|shift| shift * size as f32);
        let [shrink_x, shrink_y] = self.shrink;
        let mirror = if self.flip { -shrink_x } else { shrink_x };
        let (bordered, mut places) = (Bordered::new(grey, size), Places::new(size));
        for (y, row) in out.chunks_exact_mut(size).take(size).enumerate() {
            let v = y as f32 + 0.5 - middle - shift[1];
            let line = Line {
                v,
                sin,
                cos,
                mirror,
                shrink: shrink_y,
                middle,
                shift: shift[0],
            };
            sample(&bordered, line, &mut places, row);
        }
    }
}

/// An image in a black border, so that every position outside has a neighbour in it.
struct Bordered {
    size: usize,
    stride: usize,
    values: Vec<f32>,
}

/// A position left of -1 or right of the last pixel has two black neighbours, as does every position farther
/// out.
const BORDER: usize = 2;

impl Bordered {
    fn new(grey: &[f32], size: usize) -> Self {
        let stride = size + 2 * BORDER;
        let mut values = vec![0.0; stride * stride];
        let inner = values.chunks_exact_mut(stride).skip(BORDER);
        for (line, row) in inner.zip(grey.chunks_exact(size)) {
            line[BORDER..BORDER + size].copy_from_slice(row);
        }
        Self { size, stride, values }
    }
}

/// The constants of an output row.
#[derive(Clone, Copy)]
struct Line {
    v: f32,
    sin: f32,
    cos: f32,
    /// Pixels of the image for one of the row, negative if flipped.
    mirror: f32,
    /// The same down the image.
    shrink: f32,
    middle: f32,
    /// To the right, in pixels.
    shift: f32,
}

/// The source position of each pixel of an output row, and the levels there.
struct Places {
    /// Left and upper neighbour, counted from the border's corner.
    left: Vec<u32>,
    top: Vec<u32>,
    right_share: Vec<f32>,
    lower_share: Vec<f32>,
    /// The neighbours' levels: upper left, upper right, lower left, lower right.
    corners: [Vec<f32>; 4],
}

impl Places {
    fn new(size: usize) -> Self {
        let zeros = || vec![0.0; size];
        Self {
            left: vec![0; size],
            top: vec![0; size],
            right_share: zeros(),
            lower_share: zeros(),
            corners: [zeros(), zeros(), zeros(), zeros()],
        }
    }
}

per_path! {
        /// One output row: the bilinear value at each position; pixels outside count as black.
    fn sample(image: &Bordered, line: Line, places: &mut Places, out: &mut [f32]) {
        let width = out.len();
        let Line { v, sin, cos, mirror, shrink, middle, shift } = line;
        let (border, outermost) = (BORDER as f32, image.size as f32);
        let Places { left, top, right_share, lower_share, corners } = places;
        let (left, top) = (&mut left[..width], &mut top[..width]);
        let (right_share, lower_share) = (&mut right_share[..width], &mut lower_share[..width]);
        for column in 0..width {
            let u = column as i32 as f32 + 0.5 - middle - shift;
                        // The inverse map: undo the shift, the rotation, the scales and the flip.
            let x = mirror * (cos * u + sin * v) + middle - 0.5;
            let y = shrink * (cos * v - sin * u) + middle - 0.5;
            let (whole_x, whole_y) = (x.floor(), y.floor());
            right_share[column] = x - whole_x;
            lower_share[column] = y - whole_y;
            left[column] = whole(whole_x.max(-border).min(outermost) + border);
            top[column] = whole(whole_y.max(-border).min(outermost) + border);
        }
        let [upper_left, upper_right, lower_left, lower_right] = corners;
        let (upper_left, upper_right) = (&mut upper_left[..width], &mut upper_right[..width]);
        let (lower_left, lower_right) = (&mut lower_left[..width], &mut lower_right[..width]);
        for column in 0..width {
            let at = top[column] as usize * image.stride + left[column] as usize;
            let both = &image.values[at..at + image.stride + 2];
            (upper_left[column], upper_right[column]) = (both[0], both[1]);
            (lower_left[column], lower_right[column]) = (both[image.stride], both[image.stride + 1]);
        }
        for (column, out) in out.iter_mut().enumerate() {
            let (across, down) = (right_share[column], lower_share[column]);
            let upper = (1.0 - across) * upper_left[column] + across * upper_right[column];
            let lower = (1.0 - across) * lower_left[column] + across * lower_right[column];
            *out = (1.0 - down) * upper + down * lower;
        }
    }
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

    /// The definition, one pixel after the other.
    fn slow(warp: Warp, grey: &[f32], size: usize) -> Vec<f32> {
        let (sin, cos) = warp.radians.sin_cos();
        let (middle, side) = (size as f32 / 2.0, size as f32);
        let mirror = warp.shrink[0] * if warp.flip { -1.0 } else { 1.0 };
        let pixel = |x: i64, y: i64| {
            let inside = (0..size as i64).contains(&x) && (0..size as i64).contains(&y);
            if inside {
                grey[y as usize * size + x as usize]
            } else {
                0.0
            }
        };
        let value = |at: usize| {
            let u = (at % size) as f32 + 0.5 - middle - warp.shift[0] * side;
            let v = (at / size) as f32 + 0.5 - middle - warp.shift[1] * side;
            let x = mirror * (cos * u + sin * v) + middle - 0.5;
            let y = warp.shrink[1] * (cos * v - sin * u) + middle - 0.5;
            let (a, b) = (x - x.floor(), y - y.floor());
            let (left, top) = (x.floor() as i64, y.floor() as i64);
            let upper = (1.0 - a) * pixel(left, top) + a * pixel(left + 1, top);
            let lower = (1.0 - a) * pixel(left, top + 1) + a * pixel(left + 1, top + 1);
            (1.0 - b) * upper + b * lower
        };
        (0..size * size).map(value).collect()
    }

    #[test]
    fn many_pixels_at_once_are_the_pixels_one_by_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        for size in [1, 3, 16, 37, 224] {
            let grey = picture(size);
            let scaled = Augmentation {
                scale: 0.4,
                stretch: 0.3,
                ..Augmentation::PAPER
            };
            for draw in 0..20 {
                let warp = [Augmentation::PAPER, scaled][draw % 2].draw(&mut rng);
                assert_eq!(
                    warped(warp, &grey, size),
                    slow(warp, &grey, size),
                    "{size} {warp:?}"
                );
            }
            let far = Warp::new(true, 200.0, [-3e9, 0.7]);
            assert_eq!(
                warped(far, &grey, size),
                slow(far, &grey, size),
                "{size}, far out"
            );
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
    fn a_scale_of_two_shows_the_middle_twice_as_large() {
        let size = 8;
        let grey: Vec<f32> = (0..64)
            .map(|at| f32::from((2..6).contains(&(at % 8)) && (2..6).contains(&(at / 8))))
            .collect();
        let warp = Warp {
            shrink: [0.5, 1.0],
            ..Warp::IDENTITY
        };
        let wide = warped(warp, &grey, size);
        assert!(wide[3 * 8..4 * 8].iter().all(|&level| level > 0.7), "{wide:?}");
        assert_eq!(wide[8..16], [0.0; 8], "the height is as it was");
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
        let scaled = Augmentation {
            scale: 0.25,
            stretch: 0.44,
            ..Augmentation::default()
        };
        for _ in 0..1000 {
            let [x, y] = scaled.draw(&mut rng).shrink;
            let (larger, wider) = ((x * y).sqrt(), y / x);
            assert!((0.799..1.251).contains(&larger), "{larger}");
            assert!((0.694..1.441).contains(&wider), "{wider}");
        }
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
        assert!(read(r#"{"scale":1.5}"#).is_err());
        let written = serde_json::to_string(&Augmentation::PAPER).unwrap();
        assert_eq!(
            written,
            r#"{"rotate_degrees":40.0,"translate_pixels":28.0,"flip":0.5}"#
        );
        assert!(read(r#"{"mirror":0.5}"#).is_err());
    }
}
