//! Conversion of colour to ITU-R 601 luma, and the largest difference between channels.

use crate::levels::{Levels, detector_bits};
use crate::source::Step;

/// Computes luma and collects the largest difference between channels.
#[derive(Default)]
pub(crate) struct Luma {
    max_difference: f32,
}

impl Luma {
    /// Returns the luma of one pixel; channels and result are in 0..=1 (ITU-R BT.601-7, 2.5.1).
    pub(crate) fn of(&mut self, red: f32, green: f32, blue: f32) -> f32 {
        self.see(red, green, blue);
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    /// Records the channel difference of one pixel.
    pub(crate) fn see(&mut self, red: f32, green: f32, blue: f32) {
        let greatest = red.max(green).max(blue);
        let least = red.min(green).min(blue);
        self.max_difference = self.max_difference.max(greatest - least);
    }

    /// The largest difference between two channels of one pixel so far, 0..=1.
    pub(crate) fn max_difference(&self) -> f32 {
        self.max_difference
    }
}

/// Red, green and blue of 8-bit Y, Cb, Cr over the full range (JFIF 1.02), in 0..=1.
pub(crate) fn rgb_of_ycbcr(y: u8, cb: u8, cr: u8) -> [f32; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let unit = |value: f32| (value / 255.0).clamp(0.0, 1.0);
    [
        unit(y + 1.402 * cr),
        unit(y - 0.344_136 * cb - 0.714_136 * cr),
        unit(y + 1.772 * cb),
    ]
}

/// The channels of pixels of 8- or 16-bit samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channels {
    /// True for red, green and blue, false for grey.
    pub(crate) colour: bool,
    /// The channel behind those.
    pub(crate) alpha: Alpha,
    /// True for samples of 16 bits, false for 8.
    pub(crate) sixteen: bool,
}

/// The channel behind the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// There is none.
    None,
    /// The colours are to be multiplied by it.
    Straight,
    /// The colours are multiplied by it already.
    Multiplied,
}

/// Grey levels of `pixels` pixels of several channels: alpha is blended with black, colour becomes luma.
///
/// `sample` returns a channel of a pixel. 16-bit samples of a detector of fewer bits are scaled by its range.
pub(crate) fn flatten(
    pixels: usize,
    channels: Channels,
    sample: impl Fn(usize, usize) -> u16,
    steps: &mut Vec<Step>,
) -> Vec<f32> {
    let colours = if channels.colour { 3 } else { 1 };
    let white = if channels.sixteen { 65535.0 } else { 255.0 };
    let mut top = white;
    if channels.sixteen {
        let of_pixel = |pixel: usize| (0..colours).map(|channel| sample(pixel, channel)).max();
        let largest = (0..pixels).filter_map(of_pixel).max();
        if let Some(bits) = detector_bits(largest.unwrap_or(0)) {
            steps.push(Step::DetectorBits { bits });
            top = ((1_u32 << bits) - 1) as f32;
        }
    }
    let mut luma = Luma::default();
    let mut translucent = 0;
    let grey = (0..pixels)
        .map(|pixel| {
            let channel = |index: usize| f32::from(sample(pixel, index)) / top;
            let alpha = match channels.alpha {
                Alpha::None => 1.0,
                _ => f32::from(sample(pixel, colours)) / white,
            };
            translucent += u64::from(alpha < 1.0);
            let factor = if channels.alpha == Alpha::Multiplied {
                1.0
            } else {
                alpha
            };
            let grey = if channels.colour {
                luma.of(channel(0) * factor, channel(1) * factor, channel(2) * factor)
            } else {
                channel(0) * factor
            };
            // The three luma weights sum to one in decimal, but not exactly in binary.
            grey.min(1.0)
        })
        .collect();
    if channels.alpha != Alpha::None {
        steps.push(Step::AlphaOverBlack { translucent });
    }
    if channels.colour {
        steps.push(Step::Luma {
            max_channel_difference: luma.max_difference(),
        });
    }
    grey
}

/// Grey levels of indices into a palette of red, green and blue. A palette of greys is exact.
///
/// `None` if an index is outside the palette.
pub(crate) fn palette_levels(indices: Vec<u8>, palette: &[[u8; 3]], steps: &mut Vec<Step>) -> Option<Levels> {
    if indices.iter().any(|&index| usize::from(index) >= palette.len()) {
        return None;
    }
    steps.push(Step::Palette);
    if palette
        .iter()
        .all(|[red, green, blue]| red == green && green == blue)
    {
        let grey = indices.into_iter().map(|index| palette[usize::from(index)][0]);
        return Some(Levels::Eight(grey.collect()));
    }
    let channels = Channels {
        colour: true,
        alpha: Alpha::None,
        sixteen: false,
    };
    let sample = |pixel: usize, channel: usize| u16::from(palette[usize::from(indices[pixel])][channel]);
    Some(Levels::Unit(flatten(indices.len(), channels, sample, steps)))
}
