//! An RGB picture and the primitives that draw on it.

use std::path::Path;

use pleura_core::fs::write_atomic;
use pleura_film::{Film, Prepared, rgb_png, scaled};

use crate::error::Error;

/// A colour, red, green, blue.
pub(super) type Rgb = [u8; 3];

/// The background: dark, as in a reading room.
pub(super) const GROUND: Rgb = [17, 18, 20];
/// Text.
pub(super) const INK: Rgb = [232, 232, 230];
/// Secondary text.
pub(super) const FAINT: Rgb = [158, 160, 164];
/// Frames.
pub(super) const FRAME: Rgb = [84, 86, 90];

/// A picture of 8-bit red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Returns a picture of one colour.
    pub fn new(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self {
            width,
            height,
            rgb: colour.repeat(width * height),
        }
    }

    /// Returns a picture of grey levels `[height, width]`, 0 black to 1 white.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of levels is not `width × height`.
    pub fn from_grey(width: usize, height: usize, grey: &[f32]) -> Result<Self, Error> {
        check_shape("grey levels", width, height, grey.len())?;
        let rgb = grey
            .iter()
            .flat_map(|&grey| [(grey.clamp(0.0, 1.0) * 255.0).round() as u8; 3])
            .collect();
        Ok(Self { width, height, rgb })
    }

    /// Returns a picture of a film, its long side scaled to `side` pixels.
    pub fn from_film(film: &Film, side: usize) -> Self {
        let (width, height, grey) = scaled(film, side);
        let rgb = grey
            .iter()
            .flat_map(|&grey| [(grey.clamp(0.0, 1.0) * 255.0).round() as u8; 3])
            .collect();
        Self { width, height, rgb }
    }

    /// Returns a picture of a prepared film, pixel by pixel.
    pub fn from_prepared(prepared: &Prepared) -> Self {
        let rgb = prepared
            .grey
            .iter()
            .flat_map(|&grey| [(u32::from(grey) * 255 + 32767) as f32; 3]);
        let rgb = rgb.map(|scaled| (scaled / 65535.0) as u8).collect();
        Self {
            width: prepared.size,
            height: prepared.size,
            rgb,
        }
    }

    /// Encodes the picture as PNG.
    ///
    /// # Errors
    /// [`Error::Film`] for a picture without pixels or too large for the format.
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        Ok(rgb_png(self.width, self.height, &self.rgb)?)
    }

    /// Writes the picture as a PNG file, atomically.
    ///
    /// # Errors
    /// [`Error::Film`] if the picture cannot be encoded or written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(write_atomic(path, &self.to_png()?)?)
    }

    /// The colour of a pixel; `None` outside the picture.
    pub fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        let at = 3 * (y * self.width + x);
        if x < self.width && y < self.height {
            self.rgb.get(at..at + 3)?.try_into().ok()
        } else {
            None
        }
    }

    /// Mixes a colour into a pixel with weight `share`, 0..=1. Does nothing outside the picture.
    pub fn blend(&mut self, x: usize, y: usize, colour: [u8; 3], share: f32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = 3 * (y * self.width + x);
        for (old, new) in self.rgb[at..at + 3].iter_mut().zip(colour) {
            let mixed = f32::from(*old) + share * (f32::from(new) - f32::from(*old));
            *old = mixed.round().clamp(0.0, 255.0) as u8;
        }
    }

    /// Fills a rectangle, clipped to the picture.
    pub fn fill(&mut self, left: usize, top: usize, width: usize, height: usize, colour: [u8; 3]) {
        let right = left.saturating_add(width).min(self.width);
        for y in top..top.saturating_add(height).min(self.height) {
            for x in left..right {
                let at = 3 * (y * self.width + x);
                self.rgb[at..at + 3].copy_from_slice(&colour);
            }
        }
    }

    /// Draws a rectangle's border, one pixel wide, clipped to the picture.
    pub fn border(&mut self, left: usize, top: usize, width: usize, height: usize, colour: [u8; 3]) {
        if width == 0 || height == 0 {
            return;
        }
        self.fill(left, top, width, 1, colour);
        self.fill(left, top + height - 1, width, 1, colour);
        self.fill(left, top, 1, height, colour);
        self.fill(left + width - 1, top, 1, height, colour);
    }

    /// Copies another picture onto this one, clipped to this picture.
    pub fn paste(&mut self, other: &Self, left: usize, top: usize) {
        if left >= self.width {
            return;
        }
        let columns = other.width.min(self.width - left);
        for y in 0..other.height.min(self.height.saturating_sub(top)) {
            let from = 3 * y * other.width;
            let to = 3 * ((top + y) * self.width + left);
            self.rgb[to..to + 3 * columns].copy_from_slice(&other.rgb[from..from + 3 * columns]);
        }
    }
}

pub(super) fn check_shape(
    what: &'static str,
    width: usize,
    height: usize,
    found: usize,
) -> Result<(), Error> {
    if width.checked_mul(height) == Some(found) && found > 0 {
        Ok(())
    } else {
        Err(Error::Shape {
            what,
            found,
            width,
            height,
            expected: width.saturating_mul(height),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_that_leave_the_picture_are_cut() {
        let mut picture = Picture::new(4, 3, [0; 3]);
        picture.fill(2, 1, 100, 100, [9; 3]);
        picture.border(0, 0, 9, 9, [5; 3]);
        picture.blend(50, 50, [1; 3], 1.0);
        picture.paste(&Picture::new(3, 3, [7; 3]), 3, 2);
        picture.paste(&Picture::new(3, 3, [7; 3]), 30, 20);
        assert_eq!(picture.pixel(2, 1), Some([9; 3]));
        assert_eq!(picture.pixel(3, 2), Some([7; 3]));
        assert_eq!(picture.pixel(4, 0), None);
        assert_eq!(picture.rgb.len(), 36);
    }

    #[test]
    fn grey_levels_become_the_nearest_of_256() {
        let picture = Picture::from_grey(3, 1, &[0.0, 0.5, 2.0]).unwrap();
        assert_eq!(picture.rgb, [0, 0, 0, 128, 128, 128, 255, 255, 255]);
        assert!(Picture::from_grey(3, 2, &[0.0]).is_err());
    }

    #[test]
    fn files_are_whole_and_leave_nothing_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        Picture::new(5, 5, [1, 2, 3]).save(&path).unwrap();
        Picture::new(6, 5, [1, 2, 3]).save(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = Picture::new(5, 5, [1, 2, 3])
            .save(&path.join("below.png"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("picture.png"), "{error}");
    }
}
