//! Grey levels as stored by a decoder, converted to `f32` row by row when needed.

use crate::contrast::Contrast;
use crate::film::Film;
use crate::path::{NO_FRACTION, per_path, whole};
use crate::source::{Source, Step};

/// A decoded film whose grey levels are not yet converted to `f32`.
pub(crate) struct Decoded {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// `[height, width]`.
    pub(crate) levels: Levels,
    pub(crate) source: Source,
}

impl Decoded {
    /// Measures the contrast of the levels.
    pub(crate) fn measured(mut self) -> Self {
        self.source.contrast = Contrast::of_rows(self.levels.rows(), self.width, self.height);
        self
    }

    pub(crate) fn into_film(self) -> Film {
        Film {
            width: self.width,
            height: self.height,
            grey: self.levels.into_grey(),
            source: self.source,
        }
    }
}

/// The bits of the detector whose range 16-bit samples use, if they are fewer: 8, 10, 12 or 14.
///
/// Programs write the values of a 12-bit detector into 16-bit files unscaled. Such a film would have at most
/// 6 % of white.
pub(crate) fn detector_bits(largest: u16) -> Option<u8> {
    [8, 10, 12, 14]
        .into_iter()
        .find(|bits| largest > 0 && largest < 1 << bits)
}

/// 16-bit samples with the value that is white.
pub(crate) fn sixteen_bits(values: Vec<u16>, steps: &mut Vec<Step>) -> Levels {
    let bits = detector_bits(values.iter().copied().max().unwrap_or(0));
    if let Some(bits) = bits {
        steps.push(Step::DetectorBits { bits });
    }
    Levels::Sixteen {
        values,
        top: ((1_u32 << bits.unwrap_or(16)) - 1) as f32,
    }
}

/// Grey levels, row by row.
pub(crate) enum Levels {
    /// 0 black to 255 white.
    Eight(Vec<u8>),
    /// 0 black to `top` white.
    Sixteen { values: Vec<u16>, top: f32 },
    /// Words, and a table of the grey level 0..=1 of each of the 65,536 words.
    Table { words: Vec<u16>, shown: Vec<f32> },
    /// 0 black to 1 white.
    Unit(Vec<f32>),
}

impl Levels {
    /// Converts all levels to 0..=1, 0 black to 1 white.
    pub(crate) fn into_grey(self) -> Vec<f32> {
        let pixels = match &self {
            Self::Eight(values) => values.len(),
            Self::Sixteen { values, .. } => values.len(),
            Self::Table { words, .. } => words.len(),
            Self::Unit(_) => 0,
        };
        match self {
            Self::Unit(grey) => grey,
            stored => {
                let mut grey = vec![0.0; pixels];
                stored.rows().read(0, &mut grey);
                grey
            }
        }
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        match self {
            Self::Eight(values) => Rows::Eight(values),
            Self::Sixteen { values, top } => Rows::Sixteen(values, *top),
            Self::Table { words, shown } => Rows::Table(words, shown),
            Self::Unit(grey) => Rows::Unit(grey),
        }
    }
}

/// A view of [`Levels`].
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    Eight(&'a [u8]),
    Sixteen(&'a [u16], f32),
    Table(&'a [u16], &'a [f32]),
    Unit(&'a [f32]),
}

impl Rows<'_> {
    /// Converts `out.len()` levels from pixel `start` on to 0..=1.
    pub(crate) fn read(self, start: usize, out: &mut [f32]) {
        let range = start..start + out.len();
        match self {
            Self::Eight(values) => eight(&values[range], out),
            Self::Sixteen(values, top) => sixteen(&values[range], top, out),
            Self::Table(words, shown) => {
                for (out, &word) in out.iter_mut().zip(&words[range]) {
                    *out = shown[usize::from(word)];
                }
            }
            Self::Unit(grey) => out.copy_from_slice(&grey[range]),
        }
    }
}

per_path! {
    fn eight(values: &[u8], out: &mut [f32]) {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = f32::from(value) / 255.0;
        }
    }
}

per_path! {
    fn sixteen(values: &[u16], top: f32, out: &mut [f32]) {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = f32::from(value) / top;
        }
    }
}

per_path! {
        /// Rounds grey levels 0..=1 to the nearest of 65,536, halves upwards.
    pub(crate) fn to_sixteen_bit(grey: &[f32], out: &mut [u16]) {
        for (out, &grey) in out.iter_mut().zip(grey) {
                        #[allow(clippy::manual_clamp, reason = "NaN becomes black")]
            let level = grey.max(0.0).min(1.0) * 65535.0;
                        // The difference is exact. It is one half if rounding went down to an even level.
            let even = (level + NO_FRACTION) - NO_FRACTION;
            let nearest = if level - even >= 0.5 { even + 1.0 } else { even };
            *out = whole(nearest) as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_become_sixteen_bits_as_by_rounding() {
        let near_half = (0..=65535_u32).flat_map(|level| {
            let half = (level as f32 + 0.5) / 65535.0;
            [half.next_down(), half, half.next_up(), level as f32 / 65535.0]
        });
        let grey: Vec<f32> = near_half
            .chain([f32::NAN, -1.0, 0.0, 1.0, 2.0, f32::INFINITY])
            .collect();
        let mut found = vec![0; grey.len()];
        to_sixteen_bit(&grey, &mut found);
        for (grey, found) in grey.into_iter().zip(found) {
            assert_eq!(found, (grey.clamp(0.0, 1.0) * 65535.0).round() as u16, "{grey}");
        }
    }

    #[test]
    fn every_form_reads_as_its_quotient_with_its_top() {
        let eight = Levels::Eight((0..=255).collect()).into_grey();
        assert!(
            eight
                .iter()
                .zip(0_u8..)
                .all(|(&grey, value)| grey == f32::from(value) / 255.0)
        );
        let values: Vec<u16> = (0..=u16::MAX).collect();
        let (top, shown) = (
            65535.0,
            values.iter().map(|&value| f32::from(value) / 65535.0).collect(),
        );
        let sixteen = Levels::Sixteen {
            values: values.clone(),
            top,
        }
        .into_grey();
        assert!(
            sixteen
                .iter()
                .zip(&values)
                .all(|(&grey, &value)| grey == f32::from(value) / 65535.0)
        );
        assert_eq!(Levels::Table { words: values, shown }.into_grey(), sixteen);
    }
}
