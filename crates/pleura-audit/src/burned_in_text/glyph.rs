//! A connected stroke figure and its similarity to a letter.

use super::raster::{Plane, around};

/// A connected figure with the measures that distinguish letters from anatomy.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    /// Its pixels on the shrunk film.
    pub(super) places: Vec<usize>,
    pub(super) plane_width: usize,
    pub(super) left: usize,
    pub(super) top: usize,
    /// One past the last column and row.
    pub(super) right: usize,
    pub(super) bottom: usize,
    /// True if it is darker than its surroundings.
    pub(super) dark: bool,
    pub(super) features: Features,
    pub(super) score: f32,
}

/// Measures of a figure; grey levels in 0 to 1, lengths in pixels of the shrunk film.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Features {
    /// Mean stroke width.
    pub(super) stroke: f32,
    /// Standard deviation of the stroke width over its mean.
    pub(super) uneven: f32,
    /// Median step from inside to outside, along the border.
    pub(super) contrast: f32,
    /// The step that four fifths of the border exceed.
    pub(super) weakest: f32,
    /// Median share of the step within two pixels: 1 for burned-in letters, less for structures blurred by
    /// X-ray imaging.
    pub(super) sharpness: f32,
    /// Spread of grey levels inside, over the contrast.
    pub(super) mottled: f32,
}

impl Glyph {
    pub(super) fn width(&self) -> usize {
        self.right - self.left
    }

    pub(super) fn height(&self) -> usize {
        self.bottom - self.top
    }

    pub(super) fn side(&self) -> usize {
        self.width().max(self.height())
    }

    pub(super) fn centre(&self) -> [f32; 2] {
        [
            (self.left + self.right) as f32 / 2.0,
            (self.top + self.bottom) as f32 / 2.0,
        ]
    }

    /// The longer side of the box around some places.
    pub(super) fn side_of(places: &[usize], width: usize) -> usize {
        let (left, right) = ends(places.iter().map(|place| place % width));
        let (top, bottom) = ends(places.iter().map(|place| place / width));
        (right - left).max(bottom - top)
    }

    /// Its pixels, across and down.
    pub(super) fn points(&self) -> Vec<[f32; 2]> {
        let places = self.places.iter();
        places
            .map(|place| {
                [
                    (place % self.plane_width) as f32,
                    (place / self.plane_width) as f32,
                ]
            })
            .collect()
    }

    /// Mean of its pixels.
    pub(super) fn middle(&self) -> [f32; 2] {
        let points = self.points();
        [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f32>() / points.len().max(1) as f32)
    }

    /// Measures a figure of `plane`, on which it is bright. `number` marks its places in `owner`.
    pub(super) fn measure(plane: &Plane, places: Vec<usize>, owner: &[u32], number: u32, dark: bool) -> Self {
        let columns = places.iter().map(|place| place % plane.width);
        let rows = places.iter().map(|place| place / plane.width);
        let (left, right) = ends(columns);
        let (top, bottom) = ends(rows);
        let mut glyph = Self {
            places,
            plane_width: plane.width,
            left,
            top,
            right,
            bottom,
            dark,
            features: Features::default(),
            score: 0.0,
        };
        glyph.features = glyph.features(plane, |place| owner[place] == number);
        glyph.score = glyph.features.score();
        glyph
    }

    fn features(&self, plane: &Plane, inside: impl Fn(usize) -> bool) -> Features {
        let (mut steps, mut sharp, mut levels) = (Vec::new(), Vec::new(), Vec::new());
        for &place in &self.places {
            let border = around(plane.width, plane.height, place, 1).any(|other| !inside(other));
            if !border {
                levels.push(plane.values[place]);
                continue;
            }
            let level = around(plane.width, plane.height, place, 1)
                .filter(|&other| inside(other))
                .fold(plane.values[place], |most, other| most.max(plane.values[other]));
            let ground = around(plane.width, plane.height, place, 3)
                .filter(|&other| !inside(other))
                .fold(f32::INFINITY, |least, other| least.min(plane.values[other]));
            if ground.is_finite() {
                let step = level - ground;
                steps.push(step);
                sharp.push((steepest(plane, place) / step.max(1e-3)).min(1.5));
            }
        }
        if levels.is_empty() {
            levels.extend(self.places.iter().map(|&place| plane.values[place]));
        }
        let contrast = quantile(&mut steps, 0.5);
        let (stroke, uneven) = self.stroke();
        Features {
            stroke,
            uneven,
            contrast,
            weakest: quantile(&mut steps, 0.2),
            sharpness: quantile(&mut sharp, 0.5),
            mottled: (quantile(&mut levels, 0.9) - quantile(&mut levels, 0.1)) / contrast.max(1e-3),
        }
    }

    /// Mean stroke width and its relative spread: distances to the outside (Rosenfeld & Pfaltz 1966,
    /// city-block) at their maxima across a stroke.
    fn stroke(&self) -> (f32, f32) {
        let (width, height) = (self.width() + 2, self.height() + 2);
        let mut far = vec![0u32; width * height];
        for &(x, y) in &self.local() {
            far[(y + 1) * width + x + 1] = u32::MAX;
        }
        for place in width..far.len() {
            far[place] = far[place].min(far[place - 1].min(far[place - width]).saturating_add(1));
        }
        for place in (0..far.len() - width).rev() {
            far[place] = far[place].min(far[place + 1].min(far[place + width]).saturating_add(1));
        }
        let mut ridge = Vec::new();
        for &(x, y) in &self.local() {
            let place = (y + 1) * width + x + 1;
            let here = far[place];
            if [place - 1, place + 1, place - width, place + width]
                .iter()
                .all(|&other| far[other] <= here)
            {
                ridge.push(2.0 * here as f32 - 1.0);
            }
        }
        let mean = ridge.iter().sum::<f32>() / ridge.len().max(1) as f32;
        let spread = ridge.iter().map(|one| (one - mean).powi(2)).sum::<f32>() / ridge.len().max(1) as f32;
        (mean, spread.sqrt() / mean.max(1e-3))
    }

    /// Its pixels, column and row within its own box.
    fn local(&self) -> Vec<(usize, usize)> {
        let places = self.places.iter();
        places
            .map(|place| {
                (
                    place % self.plane_width - self.left,
                    place / self.plane_width - self.top,
                )
            })
            .collect()
    }
}

impl Features {
    /// 0 for anatomy to 1 for letters.
    fn score(&self) -> f32 {
        let ramp = |value: f32, from: f32, to: f32| ((value - from) / (to - from)).clamp(0.0, 1.0);
        ramp(self.weakest, 0.03, 0.2)
            * ramp(self.weakest / self.contrast.max(1e-3), 0.3, 0.7)
            * ramp(self.sharpness, 0.35, 0.8)
            * ramp(1.2 - self.uneven, 0.2, 0.7)
            * ramp(1.2 - self.mottled, 0.2, 0.7)
    }
}

/// Minimum, and one past the maximum.
fn ends(values: impl Iterator<Item = usize>) -> (usize, usize) {
    values.fold((usize::MAX, 0), |(low, high), value| {
        (low.min(value), high.max(value + 1))
    })
}

/// The greatest difference across a place, two pixels apart, in four directions.
fn steepest(plane: &Plane, place: usize) -> f32 {
    let (x, y) = ((place % plane.width) as isize, (place / plane.width) as isize);
    let at = |x: isize, y: isize| {
        let column = x.clamp(0, plane.width as isize - 1) as usize;
        let row = y.clamp(0, plane.height as isize - 1) as usize;
        plane.values[row * plane.width + column]
    };
    [(1, 0), (0, 1), (1, 1), (1, -1)]
        .into_iter()
        .map(|(dx, dy)| (at(x + dx, y + dy) - at(x - dx, y - dy)).abs())
        .fold(0.0, f32::max)
}

/// The quantile `share`; 0 without values.
fn quantile(values: &mut [f32], share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f32::total_cmp);
    values[((values.len() - 1) as f32 * share).round() as usize]
}
