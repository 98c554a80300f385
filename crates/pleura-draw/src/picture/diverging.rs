//! A diverging colour scale: blue below zero, red above, transparent at zero.

use super::canvas::{Picture, Rgb};

/// Colours above zero, from faint to strong. One hue darkens evenly in CIE lightness, as in `ColorBrewer`'s
/// `RdBu`; the strong end stays light enough to be visible on black lungs.
const FOR: [Rgb; 3] = [[250, 176, 150], [236, 92, 66], [206, 20, 38]];
/// Colours below zero.
const AGAINST: [Rgb; 3] = [[160, 202, 244], [74, 140, 226], [30, 92, 214]];

/// The colour and cover of values in −1..=1 over a film.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diverging {
    /// The cover of the strongest value, 0..=1.
    pub strength: f32,
    /// The exponent of cover over value: 1 is linear; below 1, faint values are more visible.
    pub gamma: f32,
}

impl Default for Diverging {
    fn default() -> Self {
        Self {
            strength: 0.85,
            gamma: 0.8,
        }
    }
}

impl Diverging {
    /// Returns the colour of a value and its cover of the film.
    ///
    /// A value and its negative have equal cover; zero and NaN have none.
    pub fn colour(self, value: f32) -> ([u8; 3], f32) {
        let value = if value.is_nan() {
            0.0
        } else {
            value.clamp(-1.0, 1.0)
        };
        let magnitude = value.abs();
        let stops = if value < 0.0 { AGAINST } else { FOR };
        let place = magnitude * 2.0;
        let first = (place as usize).min(1);
        let share = place - first as f32;
        let colour = std::array::from_fn(|channel| {
            let (from, to) = (
                f32::from(stops[first][channel]),
                f32::from(stops[first + 1][channel]),
            );
            (from + share * (to - from)).round() as u8
        });
        (
            colour,
            self.strength.clamp(0.0, 1.0) * magnitude.powf(self.gamma.max(0.05)),
        )
    }

    /// Draws a value over one pixel.
    pub(super) fn lay(self, picture: &mut Picture, x: usize, y: usize, value: f32) {
        let (colour, cover) = self.colour(value);
        if cover > 0.0 {
            picture.blend(x, y, colour, cover);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_symmetric_and_empty_at_zero() {
        let scale = Diverging::default();
        for step in 0_u8..=20 {
            let value = f32::from(step) / 20.0;
            let ((red, cover), (blue, mirrored)) = (scale.colour(value), scale.colour(-value));
            assert_eq!(cover, mirrored);
            if step > 0 {
                assert!(red[0] > red[2] && blue[2] > blue[0], "{red:?} {blue:?}");
            }
        }
        assert_eq!(scale.colour(0.0).1, 0.0);
        assert_eq!(scale.colour(f32::NAN).1, 0.0);
        assert_eq!(scale.colour(f32::INFINITY).1, scale.strength);
    }

    #[test]
    fn cover_grows_with_magnitude() {
        let scale = Diverging::default();
        let covers: Vec<f32> = (0_u8..=50)
            .map(|step| scale.colour(f32::from(step) / 50.0).1)
            .collect();
        assert!(covers.windows(2).all(|pair| pair[0] < pair[1]));
    }

    /// Linear sRGB light.
    fn linear(colour: Rgb) -> [f64; 3] {
        colour.map(|level| {
            let level = f64::from(level) / 255.0;
            if level > 0.040_45 {
                ((level + 0.055) / 1.055).powf(2.4)
            } else {
                level / 12.92
            }
        })
    }

    fn through(matrix: [[f64; 3]; 3], [r, g, b]: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| (row[0] * r + row[1] * g + row[2] * b).clamp(0.0, 1.0))
    }

    /// CIE L*a*b* of linear sRGB, white D65.
    fn lab(light: [f64; 3]) -> [f64; 3] {
        let to_xyz = [
            [0.4124, 0.3576, 0.1805],
            [0.2126, 0.7152, 0.0722],
            [0.0193, 0.1192, 0.9505],
        ];
        let [x, y, z] = through(to_xyz, light);
        let curve = |t: f64| {
            if t > 216.0 / 24389.0 {
                t.cbrt()
            } else {
                (24389.0 / 27.0 * t + 16.0) / 116.0
            }
        };
        let (x, y, z) = (curve(x / 0.9505), curve(y), curve(z / 1.089));
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn signs_are_equally_light_and_told_apart_without_red_or_green_cones() {
        // Viénot, Brettel & Mollon 1999: what remains without the long and without the middle cones.
        let sights = [
            [
                [0.112_38, 0.887_62, 0.0],
                [0.112_38, 0.887_62, 0.0],
                [0.004_01, -0.004_01, 1.0],
            ],
            [
                [0.292_75, 0.707_25, 0.0],
                [0.292_75, 0.707_25, 0.0],
                [-0.022_34, 0.022_34, 1.0],
            ],
        ];
        for (towards, against) in FOR.into_iter().zip(AGAINST) {
            let lightness = [towards, against].map(|colour| lab(linear(colour))[0]);
            assert!((lightness[0] - lightness[1]).abs() < 3.0, "{lightness:?}");
            for sight in sights {
                let [a, b] = [towards, against].map(|colour| lab(through(sight, linear(colour))));
                let apart = (a[0] - b[0]).hypot(a[1] - b[1]).hypot(a[2] - b[2]);
                assert!(apart > 40.0, "{towards:?} {against:?}: {apart}");
            }
        }
    }
}
