//! Alterations of films, as duplicates come about.

use std::f32::consts::PI;

use pleura_film::{Error, Film, scaled};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One way to alter a film.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Alteration {
    /// Its name in the results.
    pub(crate) name: &'static str,
    /// Part of each side that is cropped, and whether from both sides evenly.
    cut: f32,
    evenly: bool,
    mirrored: bool,
    /// Rotation in degrees, in a random direction; black beyond the edge.
    degrees: f32,
    gamma: f32,
    /// Factor and offset of brightness, with levels up to white.
    brighter: (f32, f32),
    inverted: bool,
    /// Divisor of both sides.
    smaller: usize,
    /// JPEG quality; 0 for none.
    jpeg: u32,
}

const NOTHING: Alteration = Alteration {
    name: "",
    cut: 0.0,
    evenly: false,
    mirrored: false,
    degrees: 0.0,
    gamma: 1.0,
    brighter: (1.0, 0.0),
    inverted: false,
    smaller: 1,
    jpeg: 0,
};

/// All alterations of a trial.
pub(crate) const ALTERATIONS: [Alteration; 13] = [
    Alteration {
        name: "JPEG, quality 40",
        jpeg: 40,
        ..NOTHING
    },
    Alteration {
        name: "half the size",
        smaller: 2,
        ..NOTHING
    },
    Alteration {
        name: "5 % cut off, evenly",
        cut: 0.05,
        evenly: true,
        ..NOTHING
    },
    Alteration {
        name: "5 % cut off, anywhere",
        cut: 0.05,
        ..NOTHING
    },
    Alteration {
        name: "10 % cut off, anywhere",
        cut: 0.1,
        ..NOTHING
    },
    Alteration {
        name: "mirrored",
        mirrored: true,
        ..NOTHING
    },
    Alteration {
        name: "inverted",
        inverted: true,
        ..NOTHING
    },
    Alteration {
        name: "gamma 0.7",
        gamma: 0.7,
        ..NOTHING
    },
    Alteration {
        name: "gamma 1.5",
        gamma: 1.5,
        ..NOTHING
    },
    Alteration {
        name: "brighter by 20 % and 20 levels",
        brighter: (1.2, 20.0 / 255.0),
        ..NOTHING
    },
    Alteration {
        name: "turned by 2 degrees",
        degrees: 2.0,
        ..NOTHING
    },
    Alteration {
        name: "turned by 5 degrees",
        degrees: 5.0,
        ..NOTHING
    },
    Alteration {
        name: "cut by 5 %, mirrored, inverted, gamma 0.8, turned by 2 degrees, JPEG 40",
        cut: 0.05,
        mirrored: true,
        inverted: true,
        gamma: 0.8,
        degrees: 2.0,
        jpeg: 40,
        ..NOTHING
    },
];

impl Alteration {
    /// Alters a film. The seed decides the position of a crop and the direction of a rotation.
    ///
    /// # Errors
    /// A film that is too small.
    pub(crate) fn apply(&self, film: &Film, seed: u64) -> Result<Film, Error> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut width, mut height, mut grey) = (film.width, film.height, film.grey.clone());
        let [left, top] = [(); 2].map(|()| {
            let place: f32 = rng.random();
            if self.evenly { 0.5 } else { place }
        });
        if self.cut > 0.0 {
            let kept = |side: usize| ((side as f32 * (1.0 - self.cut)).round() as usize).max(1);
            let (across, down) = (kept(width), kept(height));
            let first =
                |side: usize, kept: usize, place: f32| ((side - kept) as f32 * place).round() as usize;
            let (left, top) = (first(width, across, left), first(height, down, top));
            grey = (top..top + down)
                .flat_map(|y| grey[y * width + left..y * width + left + across].to_vec())
                .collect();
            (width, height) = (across, down);
        }
        if self.mirrored {
            grey.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
        let side = if rng.random::<bool>() { 1.0 } else { -1.0 };
        if self.degrees > 0.0 {
            grey = turned(&grey, width, height, side * self.degrees);
        }
        let (factor, summand) = self.brighter;
        for level in &mut grey {
            let bright = (level.powf(self.gamma) * factor + summand).min(1.0);
            *level = if self.inverted { 1.0 - bright } else { bright };
        }
        let mut film = Film::from_grey(width, height, grey)?;
        if self.smaller > 1 {
            let (width, height, grey) = scaled(&film, width.max(height).div_ceil(self.smaller));
            film = Film::from_grey(width, height, grey)?;
        }
        if self.jpeg > 0 {
            compress(&mut film, self.jpeg);
        }
        // A saved film has 256 levels.
        for level in &mut film.grey {
            *level = (*level * 255.0).round() / 255.0;
        }
        Ok(film)
    }
}

fn turned(grey: &[f32], width: usize, height: usize, degrees: f32) -> Vec<f32> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = [(width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0];
    let level = |x: isize, y: isize| {
        let inside = (0..width as isize).contains(&x) && (0..height as isize).contains(&y);
        if inside {
            grey[y as usize * width + x as usize]
        } else {
            0.0
        }
    };
    let pixel = |at: usize| {
        let (x, y) = ((at % width) as f32 - middle[0], (at / width) as f32 - middle[1]);
        let (x, y) = (cos * x - sin * y + middle[0], sin * x + cos * y + middle[1]);
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        (1.0 - down) * ((1.0 - across) * level(left, top) + across * level(left + 1, top))
            + down * ((1.0 - across) * level(left, top + 1) + across * level(left + 1, top + 1))
    };
    (0..width * height).map(pixel).collect()
}

/// Luminance quantisation of ITU-T T.81, table K.1.
const QUANTISATION: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// The loss of JPEG compression of a grey film: in blocks of 8 by 8, each cosine coefficient is rounded to a
/// multiple of its step. Steps are scaled to the quality like in the Independent JPEG Group's library.
fn compress(film: &mut Film, quality: u32) {
    let scale = if quality < 50 {
        5000 / quality.max(1)
    } else {
        200 - 2 * quality.min(100)
    };
    let steps = QUANTISATION.map(|step| ((u32::from(step) * scale + 50) / 100).clamp(1, 255) as f32);
    let wave: [[f32; 8]; 8] = std::array::from_fn(|wave| {
        let length: f32 = if wave == 0 { 0.125 } else { 0.25 };
        std::array::from_fn(|at| length.sqrt() * (PI * wave as f32 * (2 * at + 1) as f32 / 16.0).cos())
    });
    let (width, height) = (film.width, film.height);
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            // A block beyond the edge repeats the last row and column.
            let place = |at: usize| (top + at / 8).min(height - 1) * width + (left + at % 8).min(width - 1);
            let block: [f32; 64] = std::array::from_fn(|at| film.grey[place(at)] * 255.0 - 128.0);
            let mut coefficients = transformed(&block, &wave, |wave, down, row| wave[down][row]);
            for (coefficient, step) in coefficients.iter_mut().zip(steps) {
                *coefficient = (*coefficient / step).round() * step;
            }
            let block = transformed(&coefficients, &wave, |wave, row, down| wave[down][row]);
            for (at, level) in block.iter().enumerate() {
                if top + at / 8 < height && left + at % 8 < width {
                    film.grey[place(at)] = ((level.round() + 128.0) / 255.0).clamp(0.0, 1.0);
                }
            }
        }
    }
}

fn transformed(
    block: &[f32; 64],
    wave: &[[f32; 8]; 8],
    weight: fn(&[[f32; 8]; 8], usize, usize) -> f32,
) -> [f32; 64] {
    let rows: [f32; 64] = std::array::from_fn(|at| {
        (0..8)
            .map(|x| block[at / 8 * 8 + x] * weight(wave, at % 8, x))
            .sum()
    });
    std::array::from_fn(|at| {
        (0..8)
            .map(|y| rows[y * 8 + at % 8] * weight(wave, at / 8, y))
            .sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film() -> Film {
        let grey = (0..60 * 44).map(|at| {
            let (x, y) = ((at % 60) as f32, (at / 60) as f32);
            0.5 + 0.2 * (x * 0.31).sin() + 0.2 * (y * 0.23 + x * 0.05).cos()
        });
        Film::from_grey(60, 44, grey.collect()).unwrap()
    }

    #[test]
    fn each_alteration_matches_its_name() {
        let film = film();
        let altered = |name: &str| {
            let alteration = ALTERATIONS
                .iter()
                .find(|alteration| alteration.name == name)
                .unwrap();
            alteration.apply(&film, 5).unwrap()
        };
        let close = |one: f32, other: f32| (one - other).abs() <= 0.51 / 255.0;
        assert!(close(altered("mirrored").grey[3], film.grey[56]));
        assert!(close(altered("inverted").grey[100], 1.0 - film.grey[100]));
        assert!(close(altered("gamma 1.5").grey[7], film.grey[7].powf(1.5)));
        assert_eq!(
            (altered("half the size").width, altered("half the size").height),
            (30, 22)
        );
        let cut = altered("5 % cut off, evenly");
        assert_eq!((cut.width, cut.height), (57, 42));
        assert!(close(cut.grey[0], film.grey[60 + 2]) || close(cut.grey[0], film.grey[60 + 1]));
    }

    #[test]
    fn compression_loses_little_and_keeps_uniform_blocks() {
        let film = film();
        let mut compressed = film.clone();
        compress(&mut compressed, 40);
        let errors = film.grey.iter().zip(&compressed.grey).map(|(a, b)| (a - b).abs());
        let worst = errors.clone().fold(0.0, f32::max);
        assert!(worst > 0.002 && worst < 0.1, "{worst}");
        let mut even = Film::from_grey(16, 16, vec![0.5; 256]).unwrap();
        compress(&mut even, 40);
        assert!(
            even.grey
                .iter()
                .all(|level| (level - even.grey[0]).abs() < 1e-6 && (level - 0.5).abs() < 0.02)
        );
    }
}
