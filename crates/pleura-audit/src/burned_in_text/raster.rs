//! Grey images and the morphological operations for finding letters.

/// Grey values `[height, width]`.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Plane {
    /// Means over squares of `factor` pixels; squares at the right and lower end may be smaller.
    pub(super) fn shrunk(width: usize, height: usize, grey: &[f32], factor: usize) -> Self {
        let (small_width, small_height) = (width.div_ceil(factor), height.div_ceil(factor));
        let mut values = Vec::with_capacity(small_width * small_height);
        for row in 0..small_height {
            let rows = row * factor..((row + 1) * factor).min(height);
            for column in 0..small_width {
                let columns = column * factor..((column + 1) * factor).min(width);
                let count = rows.len() * columns.len();
                let sum: f32 = rows
                    .clone()
                    .map(|y| {
                        grey[y * width + columns.start..y * width + columns.end]
                            .iter()
                            .sum::<f32>()
                    })
                    .sum();
                values.push(sum / count as f32);
            }
        }
        Self {
            width: small_width,
            height: small_height,
            values,
        }
    }

    /// Inverts the grey levels.
    pub(super) fn inverted(&self) -> Self {
        self.map(|value| 1.0 - value)
    }

    fn map(&self, of: impl Fn(f32) -> f32) -> Self {
        Self {
            values: self.values.iter().map(|&value| of(value)).collect(),
            ..*self
        }
    }

    /// White top hat (Serra 1982): the image minus its opening by a square. It keeps structures that are
    /// brighter than their surroundings and narrower than `2 reach + 1` pixels along an axis.
    pub(super) fn top_hat(&self, reach: usize) -> Self {
        let opened = self.extreme(reach, f32::min).extreme(reach, f32::max);
        let values = self
            .values
            .iter()
            .zip(opened.values)
            .map(|(&value, open)| value - open);
        Self {
            values: values.collect(),
            ..*self
        }
    }

    /// Minimum or maximum within a square of `2 reach + 1` pixels, along rows and then along columns.
    pub(super) fn extreme(&self, reach: usize, better: impl Fn(f32, f32) -> f32) -> Self {
        let along = |plane: &Self, step: usize, lines: usize, other: usize, length: usize| {
            let mut values = vec![0.0; plane.values.len()];
            for line in 0..lines {
                for at in 0..length {
                    let near = at.saturating_sub(reach)..(at + reach + 1).min(length);
                    let mut best = plane.values[line * other + at * step];
                    for place in near {
                        best = better(best, plane.values[line * other + place * step]);
                    }
                    values[line * other + at * step] = best;
                }
            }
            Self { values, ..*plane }
        };
        let rows = along(self, 1, self.height, self.width, self.width);
        along(&rows, self.width, self.width, 1, self.height)
    }
}

/// Places within a square around a place, without the place itself, clipped to the image.
pub(super) fn around(
    width: usize,
    height: usize,
    place: usize,
    reach: usize,
) -> impl Iterator<Item = usize> + use<> {
    let (x, y) = (place % width, place / width);
    (y.saturating_sub(reach)..(y + reach + 1).min(height))
        .flat_map(move |row| {
            (x.saturating_sub(reach)..(x + reach + 1).min(width)).map(move |column| row * width + column)
        })
        .filter(move |&other| other != place)
}

/// Dilates a mask by a disc of radius `reach`.
pub(super) fn grown(mask: &[bool], width: usize, height: usize, reach: usize) -> Vec<bool> {
    let mut out = mask.to_vec();
    let disc = (reach * reach + reach / 2).max(1);
    for place in (0..mask.len()).filter(|&place| mask[place]) {
        let (x, y) = (place % width, place / width);
        for other in around(width, height, place, reach) {
            let (across, down) = ((other % width).abs_diff(x), (other / width).abs_diff(y));
            if across * across + down * down <= disc {
                out[other] = true;
            }
        }
    }
    out
}

/// Connected components (8 neighbours) of places where `inside` is true, in order of their first place.
pub(super) fn components(width: usize, height: usize, inside: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut seen = vec![false; width * height];
    let mut all = Vec::new();
    for first in 0..width * height {
        if seen[first] || !inside(first) {
            continue;
        }
        seen[first] = true;
        let mut places = vec![first];
        let mut next = 0;
        while next < places.len() {
            for other in around(width, height, places[next], 1) {
                if !seen[other] && inside(other) {
                    seen[other] = true;
                    places.push(other);
                }
            }
            next += 1;
        }
        all.push(places);
    }
    all
}
