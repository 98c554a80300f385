//! Alignment of two films by the affine map under which they correlate best.
//!
//! Gauss-Newton steps from coarse to fine (Lucas and Kanade 1981). They maximise the correlation, which does
//! not depend on contrast (Evangelidis and Psarakis 2008).

use pleura_core::linalg::Cholesky;

use crate::plane::Plane;

/// An affine map in a square with coordinates from -1 to 1. `[a, b, c, d, e, f]` means `x' = ax + by + c`,
/// `y' = dx + ey + f`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine(pub(crate) [f32; 6]);

/// The alignment of two films.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fitted {
    /// Maps a point of the template to the same point of the image.
    pub(crate) map: Affine,
    /// Correlation in the overlap, -1 to 1.
    pub(crate) correlation: f32,
}

/// Some steps at one resolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// Standard deviation of the Gaussian that smooths both films, in pixels.
    pub(crate) blur: f32,
    /// Number of steps.
    pub(crate) steps: usize,
}

/// Share of the template that the image must cover. A smaller overlap correlates with anything.
const MIN_OVERLAP: f32 = 0.6;

/// Damping of a step, relative to the mean curvature.
const DAMPING: f32 = 1e-3;

impl Affine {
    #[cfg(test)]
    pub(crate) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    pub(crate) fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + b * y + c, d * x + e * y + f)
    }

    /// The angle of its rotation, in degrees.
    pub(crate) fn degrees(&self) -> f32 {
        let [a, b, _, d, e, _] = self.0;
        (d - b).atan2(a + e).to_degrees()
    }

    /// True for a plausible duplicate: scaled by 0.67 to 1.5, rotated by at most 15 degrees, shifted by less
    /// than a third of the side, hardly sheared.
    fn is_plausible(&self) -> bool {
        let [a, b, c, d, e, f] = self.0;
        let scales = [a.hypot(d), b.hypot(e)];
        let upright = a > 0.0 && e > 0.0 && self.degrees().abs() <= 15.0;
        let skew = (a * b + d * e).abs() / (scales[0] * scales[1]).max(1e-6);
        upright
            && skew < 0.2
            && scales.iter().all(|scale| (0.67..=1.5).contains(scale))
            && c.abs().max(f.abs()) < 0.67
    }
}

/// Aligns an image with a template, from the initial map `start`. `None` if no plausible map is found.
pub(crate) fn align(template: &Plane, image: &Plane, start: Affine, rounds: &[Round]) -> Option<Fitted> {
    let mut map = start;
    let mut samples = Samples::default();
    for round in rounds {
        let (template, image) = (template.blurred(round.blur), image.blurred(round.blur));
        let slopes = Slopes::of(&image);
        for _ in 0..round.steps {
            samples.take(&template, &image, Some(&slopes), &map)?;
            map = samples.step(&map)?;
            if !map.is_plausible() {
                return None;
            }
        }
    }
    samples.take(template, image, None, &map)?;
    Some(Fitted {
        map,
        correlation: samples.correlation(),
    })
}

/// The horizontal and vertical gradient of an image, per pixel.
struct Slopes {
    across: Plane,
    down: Plane,
}

impl Slopes {
    fn of(image: &Plane) -> Self {
        let side = image.side;
        let difference = |step: usize, place: fn(usize, usize) -> usize| {
            let values = (0..side * side).map(|at| {
                let here = place(at, side);
                let before = if here > 0 { at - step } else { at };
                let after = if here + 1 < side { at + step } else { at };
                let distance = ((after - before) / step).max(1) as f32;
                (image.values[after] - image.values[before]) / distance
            });
            Plane {
                side,
                values: values.collect(),
            }
        };
        Self {
            across: difference(1, |at, side| at % side),
            down: difference(side, |at, side| at / side),
        }
    }
}

/// The template's pixels that the image covers, with the image's values there.
#[derive(Default)]
struct Samples {
    pixels: Vec<Pixel>,
    mean_template: f32,
    mean_image: f32,
    /// Sums of products of deviations from the means.
    template_image: f64,
    image_image: f64,
    template_template: f64,
}

struct Pixel {
    x: f32,
    y: f32,
    template: f32,
    image: f32,
    across: f32,
    down: f32,
}

impl Samples {
    /// Samples the image at the template's pixels. `None` if it covers too few of them.
    fn take(&mut self, template: &Plane, image: &Plane, slopes: Option<&Slopes>, map: &Affine) -> Option<()> {
        let side = template.side;
        let half = (side - 1) as f32 / 2.0;
        self.pixels.clear();
        let (mut sum_template, mut sum_image) = (0.0_f64, 0.0_f64);
        for (at, &value) in template.values.iter().enumerate() {
            let x = ((at % side) as f32 - half) / half;
            let y = ((at / side) as f32 - half) / half;
            let (u, v) = map.apply(x, y);
            if u.abs() > 1.0 || v.abs() > 1.0 {
                continue;
            }
            let (u, v) = ((u + 1.0) * half, (v + 1.0) * half);
            let seen = image.sample(u, v);
            sum_template += f64::from(value);
            sum_image += f64::from(seen);
            let (across, down) = slopes.map_or((0.0, 0.0), |slopes| {
                (slopes.across.sample(u, v), slopes.down.sample(u, v))
            });
            self.pixels.push(Pixel {
                x,
                y,
                template: value,
                image: seen,
                across: across * half,
                down: down * half,
            });
        }
        let count = self.pixels.len();
        if (count as f32) < MIN_OVERLAP * (side * side) as f32 {
            return None;
        }
        self.mean_template = (sum_template / count as f64) as f32;
        self.mean_image = (sum_image / count as f64) as f32;
        (self.template_image, self.image_image, self.template_template) = (0.0, 0.0, 0.0);
        for pixel in &self.pixels {
            let template = f64::from(pixel.template - self.mean_template);
            let image = f64::from(pixel.image - self.mean_image);
            self.template_image += template * image;
            self.image_image += image * image;
            self.template_template += template * template;
        }
        Some(())
    }

    fn correlation(&self) -> f32 {
        let norm = (self.template_template * self.image_image).sqrt();
        if norm > 0.0 {
            (self.template_image / norm) as f32
        } else {
            0.0
        }
    }

    /// The map after one step: least squares of the difference between the image and the template, which is
    /// first scaled to the image's contrast.
    #[allow(clippy::needless_range_loop, reason = "rows and columns of one matrix")]
    fn step(&self, map: &Affine) -> Option<Affine> {
        // A bad initial map has a gain near 0. The lower limit keeps its steps short.
        let gain = (self.template_image / self.image_image.max(1e-9)).max(0.3) as f32;
        let mut curvature = [[0.0_f64; 6]; 6];
        let mut pull = [0.0_f64; 6];
        let mut mean = [0.0_f64; 6];
        let mut mean_rest = 0.0_f64;
        for pixel in &self.pixels {
            let slopes = pixel.slopes();
            let rest = (pixel.template - self.mean_template) / gain - (pixel.image - self.mean_image);
            mean_rest += f64::from(rest);
            for (row, &slope) in slopes.iter().enumerate() {
                mean[row] += f64::from(slope);
                pull[row] += f64::from(slope * rest);
                for (column, &other) in slopes.iter().enumerate().skip(row) {
                    curvature[row][column] += f64::from(slope * other);
                }
            }
        }
        let count = self.pixels.len() as f64;
        for row in 0..6 {
            pull[row] -= mean[row] * mean_rest / count;
            for column in row..6 {
                curvature[row][column] -= mean[row] * mean[column] / count;
                curvature[column][row] = curvature[row][column];
            }
        }
        let damping = f64::from(DAMPING) * (0..6).map(|at| curvature[at][at]).sum::<f64>() / 6.0;
        for (at, row) in curvature.iter_mut().enumerate() {
            row[at] += damping;
        }
        Cholesky::new(curvature.as_flattened(), 6)?.solve(&mut pull);
        let mut next = *map;
        for (value, change) in next.0.iter_mut().zip(pull) {
            *value += change as f32;
        }
        Some(next)
    }
}

impl Pixel {
    /// Derivatives of the image at this pixel by the map's six numbers.
    fn slopes(&self) -> [f32; 6] {
        let (across, down) = (self.across, self.down);
        [
            across * self.x,
            across * self.y,
            across,
            down * self.x,
            down * self.y,
            down,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: [Round; 2] = [Round { blur: 2.0, steps: 8 }, Round { blur: 0.0, steps: 8 }];

    fn scene(x: f32, y: f32) -> f32 {
        (3.1 * x + 0.4).sin() * (4.3 * y).cos()
            + 0.6 * (7.0 * x * y + 1.3).sin()
            + 0.4 * (9.0 * x - 5.0 * y).cos()
    }

    fn seen_through(map: Affine, gain: f32) -> Plane {
        let side = 48;
        let half = (side - 1) as f32 / 2.0;
        let values = (0..side * side).map(|at| {
            let (x, y) = map.apply(
                ((at % side) as f32 - half) / half,
                ((at / side) as f32 - half) / half,
            );
            gain * scene(x, y) + 0.2
        });
        Plane {
            side,
            values: values.collect(),
        }
    }

    #[test]
    fn a_shifted_turned_and_scaled_film_is_laid_over_its_origin() {
        let (sin, cos) = 4.0_f32.to_radians().sin_cos();
        let map = Affine([0.95 * cos, -0.95 * sin, 0.03, 0.95 * sin, 0.95 * cos, -0.04]);
        let (template, image) = (seen_through(map, 0.5), seen_through(Affine::IDENTITY, 1.0));
        let fitted = align(&template, &image, Affine::IDENTITY, &ROUNDS).unwrap();
        assert!(fitted.correlation > 0.99, "{fitted:?}");
        for (found, right) in fitted.map.0.iter().zip(map.0) {
            assert!((found - right).abs() < 0.01, "{fitted:?}");
        }
        assert!((fitted.map.degrees() - 4.0).abs() < 0.5);
    }

    #[test]
    fn an_even_plane_or_one_that_lies_elsewhere_fits_nothing() {
        let even = Plane {
            side: 48,
            values: vec![0.5; 48 * 48],
        };
        let template = seen_through(Affine::IDENTITY, 1.0);
        assert_eq!(align(&template, &even, Affine::IDENTITY, &ROUNDS), None);
        let away = Affine([1.0, 0.0, 0.9, 0.0, 1.0, 0.0]);
        assert_eq!(align(&template, &template, away, &ROUNDS), None);
    }
}
