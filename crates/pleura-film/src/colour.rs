//! Conversion of colour to ITU-R 601 luma, and the largest difference between channels.

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
