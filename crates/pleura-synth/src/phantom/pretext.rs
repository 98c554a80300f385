//! Non-medical images in exclusive classes, for a source stage.
//!
//! They replace `ImageNet` if no published weights can be used, and teach basic features: edges, orientation,
//! texture, scale, closed shapes.

use std::f32::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use super::curve::{Lattice, length, mix, step};
use super::seed::{Stream, between, derive, normal, stream};

/// The classes.
pub const CLASSES: [&str; 8] = [
    "grating", "checker", "blobs", "polygon", "rings", "clouds", "strokes", "dots",
];

/// The dataset's name in manifests.
pub const DATASET: &str = "pictures";

/// Everything that determines an image except its size in pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureSpec {
    /// An index into [`CLASSES`].
    pub class: usize,
    /// Seed of position, scale, tones and noise.
    pub seed: u64,
    /// Difficulty: 0 is full contrast, 1 barely above the noise.
    pub difficulty: f32,
}

/// Draws the image: grey levels 0..1, `[size, size]`.
pub fn render(spec: &PictureSpec, size: usize) -> Vec<f32> {
    let mut rng = stream(spec.seed, "picture");
    let rng = &mut rng;
    let pattern = Pattern::draw(spec.class % CLASSES.len(), rng);
    // Tones, illumination gradient and background texture are the same for all classes.
    let middle = between(rng, 0.35, 0.65);
    let swing = between(rng, 0.12, 0.33)
        * mix(1.0, 0.25, spec.difficulty)
        * if between(rng, 0.0, 1.0) < 0.5 { 1.0 } else { -1.0 };
    let (slope, direction) = (between(rng, 0.0, 0.25), between(rng, 0.0, TAU));
    let ground = Lattice::new(derive(spec.seed, "ground"));
    let noise = between(rng, 0.01, 0.05);
    let turn = between(rng, 0.0, TAU);
    let shift = (between(rng, -0.2, 0.2), between(rng, -0.2, 0.2));
    let edge = 1.0 / size as f32;
    let (sin, cos) = turn.sin_cos();
    let mut grey = Vec::with_capacity(size * size);
    for row in 0..size {
        for column in 0..size {
            let x = (column as f32 + 0.5) / size as f32 - 0.5;
            let y = (row as f32 + 0.5) / size as f32 - 0.5;
            let (u, v) = (cos * x + sin * y + shift.0, cos * y - sin * x + shift.1);
            let light =
                slope * (direction.cos() * x + direction.sin() * y) + 0.05 * ground.cloud(x, y, 0.5, 2);
            grey.push(middle + light + swing * pattern.at(u, v, edge) + noise * normal(rng));
        }
    }
    for level in &mut grey {
        *level = level.clamp(0.0, 1.0);
    }
    grey
}

/// The pattern of an image, -1..1 on the unit square around 0.
enum Pattern {
    Grating {
        period: f32,
        softness: f32,
    },
    Checker {
        period: f32,
    },
    Blobs {
        lattice: Lattice,
        period: f32,
        threshold: f32,
    },
    Polygon {
        corners: Vec<(f32, f32)>,
        rim: Option<f32>,
    },
    Rings {
        period: f32,
        squash: f32,
    },
    Clouds {
        lattice: Lattice,
        period: f32,
    },
    Strokes {
        lines: Vec<[f32; 5]>,
    },
    Dots {
        period: f32,
        radius: f32,
        offset: bool,
    },
}

impl Pattern {
    fn draw(class: usize, rng: &mut Stream) -> Self {
        match class {
            0 => Self::Grating {
                period: between(rng, 0.06, 0.2),
                softness: between(rng, 0.0, 1.0),
            },
            1 => Self::Checker {
                period: between(rng, 0.14, 0.36),
            },
            2 => Self::Blobs {
                lattice: Lattice::new(rand::RngExt::random(rng)),
                period: between(rng, 0.16, 0.3),
                threshold: between(rng, 0.15, 0.35),
            },
            3 => Self::polygon(rng),
            4 => Self::Rings {
                period: between(rng, 0.08, 0.2),
                squash: between(rng, 0.7, 1.0),
            },
            5 => Self::Clouds {
                lattice: Lattice::new(rand::RngExt::random(rng)),
                period: between(rng, 0.3, 0.7),
            },
            6 => Self::strokes(rng),
            _ => Self::Dots {
                period: between(rng, 0.1, 0.22),
                radius: between(rng, 0.2, 0.36),
                offset: between(rng, 0.0, 1.0) < 0.5,
            },
        }
    }

    /// A convex polygon of three to six corners, filled or outlined.
    fn polygon(rng: &mut Stream) -> Self {
        let count = 3 + between(rng, 0.0, 3.99) as usize;
        let radius = between(rng, 0.2, 0.38);
        let corners = (0..count)
            .map(|corner| {
                let angle = (corner as f32 + between(rng, -0.2, 0.2)) * TAU / count as f32;
                (radius * angle.cos(), radius * angle.sin())
            })
            .collect();
        let rim = between(rng, 0.02, 0.05);
        Self::Polygon {
            corners,
            rim: (between(rng, 0.0, 1.0) < 0.4).then_some(rim),
        }
    }

    fn strokes(rng: &mut Stream) -> Self {
        let count = 6 + between(rng, 0.0, 9.0) as usize;
        let lines = (0..count)
            .map(|_| {
                let (x, y) = (between(rng, -0.6, 0.6), between(rng, -0.6, 0.6));
                let (angle, length) = (between(rng, 0.0, PI), between(rng, 0.12, 0.35));
                [
                    x,
                    y,
                    length * angle.cos(),
                    length * angle.sin(),
                    between(rng, 0.008, 0.02),
                ]
            })
            .collect();
        Self::Strokes { lines }
    }

    /// The value at a point. Edges are softened over `edge`, a pixel's side.
    fn at(&self, u: f32, v: f32, edge: f32) -> f32 {
        match self {
            Self::Grating { period, softness } => {
                let wave = (TAU * u / period).sin();
                mix(soft_sign(wave, TAU * edge / period), wave, *softness)
            }
            Self::Checker { period } => {
                let blur = TAU * edge / period;
                soft_sign((TAU * u / period).sin(), blur) * soft_sign((TAU * v / period).sin(), blur)
            }
            Self::Blobs {
                lattice,
                period,
                threshold,
            } => {
                let height = lattice.at(u + 7.0, v - 3.0, *period);
                2.0 * step(threshold - 0.06, threshold + 0.06, height) - 1.0
            }
            Self::Polygon { corners, rim } => {
                let outside = corners
                    .iter()
                    .zip(corners.iter().cycle().skip(1))
                    .map(|(a, b)| {
                        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
                        ((u - a.0) * dy - (v - a.1) * dx) / dx.hypot(dy)
                    })
                    .fold(f32::MIN, f32::max);
                let inside = step(edge, -edge, outside);
                let hollow = rim.map_or(0.0, |rim| step(edge, -edge, outside + rim));
                2.0 * (inside - hollow) - 1.0
            }
            Self::Rings { period, squash } => {
                soft_sign((TAU * length(u, v / squash) / period).sin(), TAU * edge / period)
            }
            Self::Clouds { lattice, period } => {
                (1.8 * lattice.cloud(u - 5.0, v + 9.0, *period, 6)).clamp(-1.0, 1.0)
            }
            Self::Strokes { lines } => {
                let near = lines.iter().map(|&[x, y, dx, dy, width]| {
                    let (px, py) = (u - x, v - y);
                    let along = ((px * dx + py * dy) / (dx * dx + dy * dy)).clamp(-1.0, 1.0);
                    step(
                        width + edge,
                        width - edge,
                        length(px - along * dx, py - along * dy),
                    )
                });
                2.0 * near.fold(0.0, f32::max) - 1.0
            }
            Self::Dots {
                period,
                radius,
                offset,
            } => {
                let line = (v / period).floor();
                let slide = if *offset && line.rem_euclid(2.0) > 0.5 {
                    0.5
                } else {
                    0.0
                };
                let (x, y) = (
                    (u / period + slide).rem_euclid(1.0) - 0.5,
                    (v / period).rem_euclid(1.0) - 0.5,
                );
                2.0 * step(radius + edge / period, radius - edge / period, length(x, y)) - 1.0
            }
        }
    }
}

/// The sign of a wave, its jumps softened over `width` of its phase.
fn soft_sign(wave: f32, width: f32) -> f32 {
    2.0 * step(-width.max(1e-3), width.max(1e-3), wave) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_repeat_and_differ() {
        for class in 0..CLASSES.len() {
            let spec = |seed| PictureSpec {
                class,
                seed,
                difficulty: 0.2,
            };
            let (first, again, other) = (render(&spec(1), 40), render(&spec(1), 40), render(&spec(2), 40));
            assert_eq!(first, again);
            assert_ne!(first, other);
            assert!(first.iter().all(|level| (0.0..=1.0).contains(level)));
        }
    }

    #[test]
    fn the_dial_lowers_the_contrast() {
        let spread = |difficulty| {
            let grey = render(
                &PictureSpec {
                    class: 1,
                    seed: 3,
                    difficulty,
                },
                96,
            );
            let mean = grey.iter().sum::<f32>() / grey.len() as f32;
            grey.iter().map(|level| (level - mean).powi(2)).sum::<f32>() / grey.len() as f32
        };
        assert!(spread(0.0) > 2.5 * spread(1.0), "{} {}", spread(0.0), spread(1.0));
    }
}
