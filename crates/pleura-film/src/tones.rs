//! Augmentation of grey levels: exponent, contrast, brightness and sharpness.

/// One change of an image's grey levels, drawn by [`Augmentation::draw_tones`](crate::Augmentation::draw_tones).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tones {
    pub(crate) gamma: f32,
    pub(crate) contrast: f32,
    pub(crate) brightness: f32,
    pub(crate) sharpness: f32,
}

impl Tones {
    /// The change that keeps every grey level.
    pub const IDENTITY: Self = Self {
        gamma: 1.0,
        contrast: 1.0,
        brightness: 0.0,
        sharpness: 1.0,
    };

    /// Changes a `[size, size]` image with grey levels in [0, 1] in place; results are in [0, 1].
    ///
    /// Sharpness comes first, then the exponent, then contrast about 0.5 and brightness. Pixels beyond the edge
    /// count as the edge's. A slice of another length is left as it is.
    pub fn apply(&self, grey: &mut [f32], size: usize) {
        if size == 0 || grey.len() != size * size || *self == Self::IDENTITY {
            return;
        }
        if self.sharpness != 1.0 {
            sharpen(grey, size, self.sharpness);
        }
        for level in grey {
            let mut value = level.clamp(0.0, 1.0);
            if self.gamma != 1.0 {
                value = value.powf(self.gamma);
            }
            *level = ((value - 0.5) * self.contrast + 0.5 + self.brightness).clamp(0.0, 1.0);
        }
    }
}

/// Multiplies each pixel's difference from the mean of its 3 × 3 neighbours by `factor`.
fn sharpen(grey: &mut [f32], size: usize, factor: f32) {
    let plain = grey.to_vec();
    let row = |y: usize| &plain[y * size..(y + 1) * size];
    for (y, out) in grey.chunks_exact_mut(size).enumerate() {
        let rows = [row(y.saturating_sub(1)), row(y), row((y + 1).min(size - 1))];
        let column = |x: usize| rows.iter().map(|row| row[x]).sum::<f32>();
        for (x, level) in out.iter_mut().enumerate() {
            let around = column(x.saturating_sub(1)) + column(x) + column((x + 1).min(size - 1));
            let mean = around / 9.0;
            *level = mean + factor * (*level - mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Vec<f32> {
        (0..64).map(|at| (at * 37 % 64) as f32 / 63.0).collect()
    }

    fn changed(tones: Tones) -> Vec<f32> {
        let mut grey = picture();
        tones.apply(&mut grey, 8);
        grey
    }

    #[test]
    fn the_identity_keeps_every_bit() {
        assert_eq!(changed(Tones::IDENTITY), picture());
    }

    #[test]
    fn each_part_does_what_its_name_says() {
        let with = |change: fn(&mut Tones)| {
            let mut tones = Tones::IDENTITY;
            change(&mut tones);
            changed(tones)
        };
        for (plain, dark) in picture().iter().zip(with(|tones| tones.gamma = 2.0)) {
            assert!((plain * plain - dark).abs() < 1e-6);
        }
        for (plain, flat) in picture().iter().zip(with(|tones| tones.contrast = 0.5)) {
            assert!((0.25 + plain / 2.0 - flat).abs() < 1e-6);
        }
        for (plain, bright) in picture().iter().zip(with(|tones| tones.brightness = 0.2)) {
            assert!(((plain + 0.2).min(1.0) - bright).abs() < 1e-6);
        }
    }

    /// The expected mean is `scipy.ndimage.uniform_filter(size=3, mode="nearest")` of the same picture.
    #[test]
    fn no_sharpness_is_the_mean_of_nine() {
        let mut blurred = picture();
        sharpen(&mut blurred, 8, 0.0);
        let expected = SCIPY_FIRST_ROW;
        for (blurred, expected) in blurred.iter().zip(expected) {
            assert!((blurred - expected).abs() < 1e-6, "{blurred} {expected}");
        }
        let mut kept = picture();
        sharpen(&mut kept, 8, 1.0);
        for (kept, plain) in kept.iter().zip(picture()) {
            assert!((kept - plain).abs() < 1e-6);
        }
    }

    const SCIPY_FIRST_ROW: [f32; 8] = [
        0.294_532_6,
        0.347_442_7,
        0.483_244_5,
        0.506_172_8,
        0.641_975_3,
        0.552_028_2,
        0.462_081_1,
        0.289_241_6,
    ];
}
