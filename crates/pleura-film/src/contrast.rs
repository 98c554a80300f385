//! Films without contrast: black, white, or nearly one grey level.
//!
//! Such a file decodes without an error and shows nothing: the wrong window, 12 bits read as 16, an export
//! that failed, a shutter that stayed closed. A network that is trained on it learns the file, not the
//! disease.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::levels::Rows;

/// The use that a film makes of the grey scale, from a histogram of 256 levels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contrast {
    /// Distance between the 1st and the 99th percentile of the grey levels, 0..=1.
    pub range: f32,
    /// Share of pixels with the most frequent level.
    pub one_grey: f32,
    /// Share of black pixels.
    pub black: f32,
    /// Share of white pixels.
    pub white: f32,
}

impl Default for Contrast {
    /// The contrast of a record that does not have it: no fault.
    fn default() -> Self {
        Self {
            range: 1.0,
            one_grey: 0.0,
            black: 0.0,
            white: 0.0,
        }
    }
}

/// The reason why a film has no contrast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContrastFault {
    /// Its grey levels cover less than [`Contrast::LEAST_RANGE`].
    Range(f32),
    /// One level has more than [`Contrast::MOST_ONE_GREY`] of its pixels.
    OneGrey(f32),
    /// More than [`Contrast::MOST_CLIPPED`] of its pixels are black or white.
    Clipped(f32),
}

impl Contrast {
    /// The smallest range of a film with contrast. 12 bits shown as 16 have at most 0.063. Of 12,798 real
    /// films of 7 sources the smallest has 0.149.
    pub const LEAST_RANGE: f32 = 0.065;
    /// The largest share of one level in a film with contrast. Of those films the largest is 0.59 (black
    /// borders).
    pub const MOST_ONE_GREY: f32 = 0.9;
    /// The largest share of black and white pixels together in a film with contrast.
    pub const MOST_CLIPPED: f32 = 0.95;

    /// The fault of a film without contrast.
    pub fn fault(&self) -> Option<ContrastFault> {
        let clipped = self.black + self.white;
        match self {
            _ if self.one_grey > Self::MOST_ONE_GREY => Some(ContrastFault::OneGrey(self.one_grey)),
            _ if clipped > Self::MOST_CLIPPED => Some(ContrastFault::Clipped(clipped)),
            _ if self.range < Self::LEAST_RANGE => Some(ContrastFault::Range(self.range)),
            _ => None,
        }
    }

    /// The contrast of rows of grey levels. Large films are sampled on a grid.
    pub(crate) fn of_rows(rows: Rows<'_>, width: usize, height: usize) -> Self {
        let (across, down) = (width.div_ceil(GRID).max(1), height.div_ceil(GRID).max(1));
        let mut counts = [0_u64; LEVELS];
        let mut line = vec![0.0; width];
        for row in (0..height).step_by(down) {
            rows.read(row * width, &mut line);
            for &grey in line.iter().step_by(across) {
                counts[level(grey)] += 1;
            }
        }
        Self::of_counts(&counts)
    }

    /// The contrast of a prepared film `[size, size]`, 0 black to 65535 white.
    pub fn of_prepared(grey: &[u16], size: usize) -> Self {
        Self::of_rows(Rows::Sixteen(grey, 65535.0), size, grey.len() / size.max(1))
    }

    /// The contrast of grey levels with the number of pixels of each.
    pub(crate) fn of_levels(levels: impl Iterator<Item = (f32, u64)>) -> Self {
        let mut counts = [0; LEVELS];
        for (grey, pixels) in levels {
            counts[level(grey)] += pixels;
        }
        Self::of_counts(&counts)
    }

    fn of_counts(counts: &[u64; LEVELS]) -> Self {
        let pixels: u64 = counts.iter().sum();
        let share = |count: u64| (count as f64 / pixels.max(1) as f64) as f32;
        // The first level that has at least this part of the pixels at or below it.
        let percentile = |part: f64| {
            let mut below = 0;
            let reached = counts.iter().position(|count| {
                below += count;
                below as f64 >= part * pixels as f64
            });
            reached.unwrap_or(LEVELS - 1)
        };
        Self {
            range: (percentile(0.99) - percentile(0.01)) as f32 / (LEVELS - 1) as f32,
            one_grey: share(counts.iter().copied().max().unwrap_or(0)),
            black: share(counts[0]),
            white: share(counts[LEVELS - 1]),
        }
    }
}

const LEVELS: usize = 256;
/// The most rows and columns that are sampled.
const GRID: usize = 512;

fn level(grey: f32) -> usize {
    ((grey * (LEVELS - 1) as f32 + 0.5) as usize).min(LEVELS - 1)
}

impl fmt::Display for ContrastFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => write!(f, "its grey levels cover {:.1} % of the scale", 100.0 * range),
            Self::OneGrey(share) => write!(f, "{:.1} % of its pixels have one grey level", 100.0 * share),
            Self::Clipped(share) => write!(f, "{:.1} % of its pixels are black or white", 100.0 * share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Film;

    fn contrast(grey: impl Fn(usize) -> f32) -> Contrast {
        let film = Film::from_grey(100, 100, (0..10_000).map(grey).collect()).unwrap();
        film.source.contrast
    }

    // numpy: histogram of round(255 grey), percentiles by cumulative counts.
    #[test]
    fn a_ramp_uses_the_whole_scale() {
        let ramp = contrast(|pixel| (pixel % 100) as f32 / 99.0);
        assert!((ramp.range - 250.0 / 255.0).abs() < 0.012, "{ramp:?}");
        assert!((ramp.black - 0.01).abs() < 1e-6 && (ramp.white - 0.01).abs() < 1e-6);
        assert_eq!(ramp.fault(), None);
    }

    #[test]
    fn films_that_show_nothing_have_a_fault() {
        let black = contrast(|_| 0.0);
        assert_eq!(black.fault(), Some(ContrastFault::OneGrey(1.0)));
        assert_eq!(contrast(|_| 1.0).fault(), Some(ContrastFault::OneGrey(1.0)));
        assert_eq!(contrast(|_| 0.4).fault(), Some(ContrastFault::OneGrey(1.0)));
        // 12 bits read as 16.
        let dark = contrast(|pixel| (pixel % 100) as f32 / 99.0 / 16.0);
        assert!(
            matches!(dark.fault(), Some(ContrastFault::Range(range)) if range < 0.063),
            "{dark:?}"
        );
        // Bright letters on black.
        let letters = contrast(|pixel| f32::from(u8::from(pixel % 100 < 5)));
        assert!(
            matches!(letters.fault(), Some(ContrastFault::OneGrey(_))),
            "{letters:?}"
        );
        // Two levels only.
        let mask = contrast(|pixel| f32::from(u8::from(pixel % 100 < 40)));
        assert_eq!(mask.fault(), Some(ContrastFault::Clipped(1.0)));
    }

    #[test]
    fn black_borders_are_no_fault() {
        let collimated = contrast(|pixel| {
            if pixel % 100 < 70 {
                0.0
            } else {
                (pixel / 100) as f32 / 99.0
            }
        });
        assert_eq!(collimated.fault(), None, "{collimated:?}");
    }
}
