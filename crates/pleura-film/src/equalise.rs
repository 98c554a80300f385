//! Histogram equalisation, global and local.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The equalisation of a prepared film's grey levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Equalisation {
    /// Global: every grey level becomes its rank.
    Histogram,
    /// Contrast-limited adaptive equalisation (Zuiderveld, Graphics Gems IV, 1994).
    Clahe {
        /// Tiles per side: at least 1, at most one for every four pixels.
        tiles: u32,
        /// The clip limit of a histogram bin, in percent of the mean bin; 200 is mild.
        clip_percent: u32,
    },
}

/// The rectangle of a prepared film without padding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Equalisation {
    /// Equalises the content of a `[size, size]` image in place.
    pub(crate) fn apply(self, grey: &mut [u16], size: usize, content: Content) {
        if content.width == 0 || content.height == 0 {
            return;
        }
        match self {
            Self::Histogram => histogram(grey, size, content),
            Self::Clahe { tiles, clip_percent } => clahe(grey, size, content, tiles, clip_percent),
        }
    }
}

fn histogram(grey: &mut [u16], size: usize, content: Content) {
    let mut rank = vec![0_u64; 1 << 16];
    for row in rows(grey, size, content) {
        for &value in &*row {
            rank[usize::from(value)] += 1;
        }
    }
    let mut below = 0;
    for count in &mut rank {
        below += *count;
        *count = below;
    }
    let least = rank.iter().copied().find(|&rank| rank > 0).unwrap_or(0);
    let span = below - least;
    if span == 0 {
        return;
    }
    for row in rows(grey, size, content) {
        for value in row {
            *value = (((rank[usize::from(*value)] - least) * 65535 + span / 2) / span) as u16;
        }
    }
}

/// Bins of a tile's histogram. Levels between bin edges are interpolated, which avoids visible bands.
const BINS: usize = 256;

/// The output level at every bin edge.
type Curve = [f32; BINS + 1];

fn clahe(grey: &mut [u16], size: usize, content: Content, tiles: u32, clip_percent: u32) {
    let along = |length: usize| (tiles as usize).clamp(1, (length / 4).max(1));
    let (across, down) = (along(content.width), along(content.height));
    let edge = |index: usize, tiles: usize, length: usize| index * length / tiles;

    let mut curves: Vec<Curve> = Vec::with_capacity(across * down);
    for tile in 0..across * down {
        let (row, column) = (tile / across, tile % across);
        let (left, right) = (
            edge(column, across, content.width),
            edge(column + 1, across, content.width),
        );
        let (top, bottom) = (
            edge(row, down, content.height),
            edge(row + 1, down, content.height),
        );
        let part = Content {
            left: content.left + left,
            top: content.top + top,
            width: right - left,
            height: bottom - top,
        };
        curves.push(curve(grey, size, part, clip_percent));
    }

    // The two tiles with centres on both sides of a pixel, and the weight of the second.
    let around = |pixel: usize, tiles: usize, length: usize| {
        let place = (pixel as f32 + 0.5) * tiles as f32 / length as f32 - 0.5;
        let place = place.clamp(0.0, (tiles - 1) as f32);
        let first = place as usize;
        (first, (first + 1).min(tiles - 1), place - first as f32)
    };
    for (y, row) in rows(grey, size, content).enumerate() {
        let (upper, lower, share_down) = around(y, down, content.height);
        for (x, value) in row.iter_mut().enumerate() {
            let (left, right, share_right) = around(x, across, content.width);
            let level = |row: usize, column: usize| follow(&curves[row * across + column], *value);
            let above = level(upper, left) + share_right * (level(upper, right) - level(upper, left));
            let below = level(lower, left) + share_right * (level(lower, right) - level(lower, left));
            *value = (above + share_down * (below - above)).round().clamp(0.0, 65535.0) as u16;
        }
    }
}

/// The equalisation curve of one tile: its clipped, cumulative histogram.
fn curve(grey: &mut [u16], size: usize, tile: Content, clip_percent: u32) -> Curve {
    let mut bins = [0.0_f64; BINS];
    for row in rows(grey, size, tile) {
        for &value in &*row {
            bins[(usize::from(value) * BINS) >> 16] += 1.0;
        }
    }
    let pixels = (tile.width * tile.height) as f64;
    let limit = (pixels / BINS as f64 * f64::from(clip_percent.max(100)) / 100.0).max(1.0);
    let excess: f64 = bins.iter().map(|&bin| (bin - limit).max(0.0)).sum();
    let share = excess / BINS as f64;
    let mut levels = [0.0; BINS + 1];
    let mut sum = 0.0;
    for (bin, level) in bins.iter().zip(&mut levels[1..]) {
        sum += bin.min(limit) + share;
        *level = (65535.0 * sum / pixels) as f32;
    }
    levels
}

fn follow(curve: &Curve, value: u16) -> f32 {
    let place = f32::from(value) * (BINS as f32 / 65536.0);
    let bin = place as usize;
    curve[bin] + (place - bin as f32) * (curve[bin + 1] - curve[bin])
}

fn rows(grey: &mut [u16], size: usize, content: Content) -> impl Iterator<Item = &mut [u16]> {
    let rows = grey.chunks_exact_mut(size).skip(content.top).take(content.height);
    rows.map(move |row| &mut row[content.left..content.left + content.width])
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Content = Content {
        left: 0,
        top: 0,
        width: 64,
        height: 64,
    };

    fn dim_ramp() -> Vec<u16> {
        (0..64 * 64).map(|at| 20_000 + at as u16).collect()
    }

    #[test]
    fn a_dim_ramp_spreads_over_the_whole_range() {
        let mut grey = dim_ramp();
        Equalisation::Histogram.apply(&mut grey, 64, WHOLE);
        assert_eq!((grey[0], grey[4095]), (0, 65535));
        assert!(grey.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_flat_film_stays_as_it_is() {
        let mut grey = vec![777; 64 * 64];
        Equalisation::Histogram.apply(&mut grey, 64, WHOLE);
        assert!(grey.iter().all(|&value| value == 777));
    }

    #[test]
    fn clahe_raises_contrast_within_its_limit_and_leaves_padding() {
        let mut grey = dim_ramp();
        let inner = Content {
            left: 8,
            top: 0,
            width: 48,
            height: 64,
        };
        let before = spread(&grey, inner);
        Equalisation::Clahe {
            tiles: 4,
            clip_percent: 300,
        }
        .apply(&mut grey, 64, inner);
        let after = spread(&grey, inner);
        assert!(2 * after > 3 * before, "{before} {after}");
        assert_eq!(grey[0], 20_000);
        assert_eq!(grey[64 * 63 + 63], 20_000 + 4095);

        let mut stronger = dim_ramp();
        Equalisation::Clahe {
            tiles: 4,
            clip_percent: 2000,
        }
        .apply(&mut stronger, 64, inner);
        assert!(spread(&stronger, inner) > after);
    }

    fn spread(grey: &[u16], content: Content) -> u16 {
        let mut grey = grey.to_vec();
        let values: Vec<u16> = rows(&mut grey, 64, content)
            .flat_map(|row| row.to_vec())
            .collect();
        values.iter().max().unwrap() - values.iter().min().unwrap()
    }
}
