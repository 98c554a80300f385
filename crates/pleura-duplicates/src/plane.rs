//! Small square images, on which films are compared.

use pleura_film::{Film, Fit, Preparation, Prepared, prepare};

/// Grey levels or values computed from them, `[side, side]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    pub(crate) side: usize,
    pub(crate) values: Vec<f32>,
}

/// Parameters of a local normalization of brightness and contrast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalNormalization {
    /// Standard deviation of a first Gaussian that removes noise; 0 for none.
    pub(crate) grain: f32,
    /// Standard deviation of the Gaussian that gives the local brightness.
    pub(crate) brightness: f32,
    /// Standard deviation of the Gaussian that averages the squared deviations from it.
    pub(crate) contrast: f32,
    /// Contrast of areas without content, in the plane's unit. It is added to the local contrast.
    pub(crate) floor: f32,
}

impl Plane {
    /// A film stretched to a square, its levels scaled to 0..=1.
    pub(crate) fn of_film(film: &Film, side: usize) -> Self {
        let preparation = Preparation {
            size: side,
            fit: Fit::Stretch,
            ..Preparation::default()
        };
        Self::of_prepared(&prepare(film, &preparation))
    }

    fn of_prepared(prepared: &Prepared) -> Self {
        let (low, high) = prepared.grey.iter().fold((u16::MAX, 0), |(low, high), &grey| {
            (low.min(grey), high.max(grey))
        });
        let range = f32::from(high.saturating_sub(low).max(1));
        Self {
            side: prepared.size,
            values: prepared
                .grey
                .iter()
                .map(|&grey| f32::from(grey - low) / range)
                .collect(),
        }
    }

    /// The plane smoothed by a Gaussian. Values beyond the edge equal those at the edge.
    pub(crate) fn blurred(&self, sigma: f32) -> Self {
        if sigma <= 0.0 {
            return self.clone();
        }
        let weights = gaussian(sigma);
        let side = self.side;
        // Each pass transposes, so that both run along rows.
        let across = blurred_transposed(&self.values, side, &weights);
        Self {
            side,
            values: blurred_transposed(&across, side, &weights),
        }
    }

    /// The difference from the local brightness, divided by the local contrast. It hardly changes with
    /// exposure, window or gamma. An inverted film gives the negative.
    pub(crate) fn normalized(&self, normalization: LocalNormalization) -> Self {
        let smooth = self.blurred(normalization.grain);
        let brightness = smooth.blurred(normalization.brightness);
        let mut difference = smooth;
        for (value, mean) in difference.values.iter_mut().zip(&brightness.values) {
            *value -= mean;
        }
        let squares = Self {
            side: self.side,
            values: difference.values.iter().map(|value| value * value).collect(),
        };
        let contrast = squares.blurred(normalization.contrast);
        for (value, variance) in difference.values.iter_mut().zip(&contrast.values) {
            *value /= variance.max(0.0).sqrt() + normalization.floor;
        }
        difference
    }

    /// The negative.
    pub(crate) fn negative(mut self) -> Self {
        for value in &mut self.values {
            *value = -*value;
        }
        self
    }

    /// The plane with left and right exchanged.
    pub(crate) fn mirrored(mut self) -> Self {
        self.values.chunks_exact_mut(self.side).for_each(<[f32]>::reverse);
        self
    }

    /// The value at a point, bilinear. The centre of the first pixel is (0, 0). Points outside move to the
    /// edge.
    pub(crate) fn sample(&self, x: f32, y: f32) -> f32 {
        let last = (self.side - 1) as f32;
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        let (left, top) = ((x as usize).min(self.side - 2), (y as usize).min(self.side - 2));
        let (across, down) = (x - left as f32, y - top as f32);
        let at = top * self.side + left;
        let upper = self.values[at] + across * (self.values[at + 1] - self.values[at]);
        let at = at + self.side;
        let lower = self.values[at] + across * (self.values[at + 1] - self.values[at]);
        upper + down * (lower - upper)
    }
}

/// Half of a Gaussian's weights, from the centre outwards. The sum over both halves is 1.
fn gaussian(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as usize;
    let mut weights: Vec<f32> = (0..=radius)
        .map(|place| (-0.5 * (place as f32 / sigma).powi(2)).exp())
        .collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f32>();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// Smooths along rows, and transposes.
fn blurred_transposed(values: &[f32], side: usize, weights: &[f32]) -> Vec<f32> {
    let radius = weights.len() - 1;
    let mut padded = vec![0.0; side + 2 * radius];
    let mut sums = vec![0.0; side];
    let mut out = vec![0.0; side * side];
    for (y, row) in values.chunks_exact(side).enumerate() {
        padded[..radius].fill(row[0]);
        padded[radius..radius + side].copy_from_slice(row);
        padded[radius + side..].fill(row[side - 1]);
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum = weights[0] * value;
        }
        for (offset, weight) in weights.iter().enumerate().skip(1) {
            let before = &padded[radius - offset..radius - offset + side];
            let after = &padded[radius + offset..radius + offset + side];
            for ((sum, before), after) in sums.iter_mut().zip(before).zip(after) {
                *sum += weight * (before + after);
            }
        }
        for (x, sum) in sums.iter().enumerate() {
            out[x * side + y] = *sum;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(side: usize, value: impl Fn(f32, f32) -> f32) -> Plane {
        let values = (0..side * side)
            .map(|at| value((at % side) as f32, (at / side) as f32))
            .collect();
        Plane { side, values }
    }

    #[test]
    fn a_blur_keeps_what_is_even_and_spreads_a_point_as_a_gaussian() {
        let even = plane(20, |_, _| 0.3).blurred(2.0);
        assert!(even.values.iter().all(|value| (value - 0.3).abs() < 1e-6));
        let point = plane(21, |x, y| f32::from(u8::from(x == 10.0 && y == 10.0))).blurred(1.5);
        let ratio = point.values[10 * 21 + 12] / point.values[10 * 21 + 10];
        assert!((ratio - (-0.5 * (2.0_f32 / 1.5).powi(2)).exp()).abs() < 1e-4);
        assert!((point.values[10 * 21 + 12] - point.values[12 * 21 + 10]).abs() < 1e-7);
    }

    #[test]
    fn brightness_and_contrast_are_evened_out() {
        let normalization = LocalNormalization {
            grain: 0.0,
            brightness: 3.0,
            contrast: 3.0,
            floor: 1e-4,
        };
        let film = plane(32, |x, y| 0.5 + 0.1 * (x * 0.9).sin() * (y * 0.7).cos());
        let other = plane(32, |x, y| {
            0.2 + 0.01 * x + 0.03 * (x * 0.9).sin() * (y * 0.7).cos()
        });
        let (a, b) = (film.normalized(normalization), other.normalized(normalization));
        let inner = (0..1024).filter(|at| (8..24).contains(&(at % 32)) && (8..24).contains(&(at / 32)));
        let apart = inner
            .map(|at| (a.values[at] - b.values[at]).abs())
            .fold(0.0, f32::max);
        assert!(apart < 0.1, "{apart}");
        let inverted = plane(32, |x, y| 0.5 - 0.1 * (x * 0.9).sin() * (y * 0.7).cos());
        let negative = inverted.normalized(normalization).negative();
        assert!(
            a.values
                .iter()
                .zip(&negative.values)
                .all(|(a, b)| (a - b).abs() < 1e-3)
        );
    }

    #[test]
    fn places_between_pixels_are_mixed() {
        let plane = plane(4, |x, y| x + 10.0 * y);
        assert!((plane.sample(1.5, 2.25) - 24.0).abs() < 1e-5);
        assert_eq!(plane.sample(-3.0, 9.0), 30.0);
    }
}
