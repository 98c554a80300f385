//! A decoded film.

use crate::contrast::Contrast;
use crate::error::Error;
use crate::levels::Rows;
use crate::source::{Colour, Format, Source};

/// One X-ray image as displayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Grey levels `[height, width]`, row by row; 0 is black, 1 is white.
    pub grey: Vec<f32>,
    /// The file and the steps that the grey levels come from.
    pub source: Source,
}

impl Film {
    /// Returns a film of grey levels `[height, width]` made in memory, such as a phantom's.
    ///
    /// Values are clamped to 0..=1; NaN becomes black.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not `width × height`, or a side is zero.
    pub fn from_grey(width: usize, height: usize, mut grey: Vec<f32>) -> Result<Self, Error> {
        if grey.is_empty() || width.checked_mul(height) != Some(grey.len()) {
            let expected = width.saturating_mul(height);
            return Err(Error::Shape {
                what: "a film",
                found: grey.len(),
                width,
                height,
                expected,
            });
        }
        for value in &mut grey {
            *value = if value.is_nan() {
                0.0
            } else {
                value.clamp(0.0, 1.0)
            };
        }
        let source = Source {
            format: Format::Memory,
            width,
            height,
            bit_depth: 16,
            colour: Colour::Grey,
            steps: Vec::new(),
            dicom: None,
            contrast: Contrast::of_rows(Rows::Unit(&grey), width, height),
        };
        Ok(Self {
            width,
            height,
            grey,
            source,
        })
    }
}
