//! The options of the decoder.

use crate::source::WindowFunction;

/// Limits and choices for [`decode`](crate::decode). Start from `DecodeOptions::default()`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DecodeOptions {
    /// The largest file that is read, in bytes. Default 256 MiB.
    pub max_file_bytes: u64,
    /// The largest film that is decoded, in pixels. Default 128 Mi (11585²), larger than any
    /// radiograph or scan of one.
    pub max_pixels: u64,
    /// The smallest allowed side, in pixels. Default 1.
    pub min_side: u64,
    /// The VOI transform of a DICOM film. Default [`Voi::FromFile`].
    pub voi: Voi,
    /// The polarity of a DICOM film. Default [`Polarity::FromFile`].
    pub polarity: Polarity,
    /// True to decode DICOM objects that are not radiographs (CT, MR, …). Default `false`.
    pub any_modality: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_file_bytes: 256 << 20,
            max_pixels: 128 << 20,
            min_side: 1,
            voi: Voi::FromFile,
            polarity: Polarity::FromFile,
            any_modality: false,
        }
    }
}

impl DecodeOptions {
    /// Sets the largest file that is read, in bytes.
    #[must_use]
    pub fn with_max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = bytes;
        self
    }

    /// Sets the largest film that is decoded, in pixels.
    #[must_use]
    pub fn with_max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }

    /// Sets the smallest allowed side, in pixels.
    #[must_use]
    pub fn with_min_side(mut self, pixels: u64) -> Self {
        self.min_side = pixels;
        self
    }

    /// Sets the VOI transform of a DICOM film.
    #[must_use]
    pub fn with_voi(mut self, voi: Voi) -> Self {
        self.voi = voi;
        self
    }

    /// Sets the polarity of a DICOM film.
    #[must_use]
    pub fn with_polarity(mut self, polarity: Polarity) -> Self {
        self.polarity = polarity;
        self
    }

    /// Sets whether DICOM objects of any modality are decoded.
    #[must_use]
    pub fn with_any_modality(mut self, any: bool) -> Self {
        self.any_modality = any;
        self
    }
}

/// The choice of the VOI (values of interest) transform of a DICOM film (PS3.3 C.11.2).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Voi {
    /// The file's first VOI LUT, else its first valid window, else the full range of 8-bit values, else the
    /// range from the smallest to the largest value.
    #[default]
    FromFile,
    /// The file's window of this index, from 0.
    Window(usize),
    /// The file's VOI LUT of this index, from 0.
    Lut(usize),
    /// The smallest value is black, the largest white; windows and tables in the file are ignored.
    MinMax,
    /// A window given by the caller, in modality units.
    Given {
        /// The window's centre.
        center: f64,
        /// The window's width.
        width: f64,
        /// The window's function.
        function: WindowFunction,
    },
}

/// The polarity of a DICOM film: which values are white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Polarity {
    /// From the file: photometric interpretation and presentation LUT shape.
    #[default]
    FromFile,
    /// High values are white, regardless of the file.
    Monochrome2,
    /// High values are black, regardless of the file.
    Monochrome1,
}
