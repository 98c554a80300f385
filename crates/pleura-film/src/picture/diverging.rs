//! A diverging scale: blue against, red for, nothing at zero.

use super::canvas::{Picture, Rgb};

/// Colours towards the class, from faint to strong. A single hue darkens evenly in CIE lightness, in the
/// manner of `ColorBrewer`'s `RdBu`; the strong end is kept light enough to be seen on black lungs.
const FOR: [Rgb; 3] = [[250, 176, 150], [236, 92, 66], [206, 20, 38]];
/// Colours against the class.
const AGAINST: [Rgb; 3] = [[160, 202, 244], [74, 140, 226], [20, 84, 196]];

/// How a value in −1..=1 is laid over a film.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diverging {
    /// How much of the film the strongest value covers, 0..=1.
    pub strength: f32,
    /// How cover grows with the value: 1 evenly, below 1 faint values are lifted.
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
    /// The colour of a value and how much of the film it covers.
    ///
    /// A value and its negative get equal cover; zero, and what is not a number, get none.
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

    /// Lays a value over one pixel.
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
}
