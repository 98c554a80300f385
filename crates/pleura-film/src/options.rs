//! What a caller may ask of the decoder.

use crate::source::WindowFunction;

/// Limits and choices for [`decode`](crate::decode). Start from `DecodeOptions::default()`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DecodeOptions {
    /// The largest file that is read, in bytes. Default 256 MiB.
    pub max_file_bytes: u64,
    /// The largest film that is decoded, in pixels. Default 64 Mi (8192²), above any radiograph.
    pub max_pixels: u64,
    /// The smallest allowed side, in pixels. Default 1; a network's input check asks for more.
    pub min_side: u64,
    /// Which values of interest a DICOM film is shown with. Default [`Voi::FromFile`].
    pub voi: Voi,
    /// Which end of a DICOM film's scale is white. Default [`Polarity::FromFile`].
    pub polarity: Polarity,
    /// Whether DICOM objects that are not radiographs (CT, MR, …) are decoded too. Default `false`.
    pub any_modality: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_file_bytes: 256 << 20,
            max_pixels: 64 << 20,
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

    /// Sets which values of interest a DICOM film is shown with.
    #[must_use]
    pub fn with_voi(mut self, voi: Voi) -> Self {
        self.voi = voi;
        self
    }

    /// Sets which end of a DICOM film's scale is white.
    #[must_use]
    pub fn with_polarity(mut self, polarity: Polarity) -> Self {
        self.polarity = polarity;
        self
    }

    /// Decodes DICOM objects of any modality, not radiographs alone.
    #[must_use]
    pub fn with_any_modality(mut self, any: bool) -> Self {
        self.any_modality = any;
        self
    }
}

/// How the values of interest of a DICOM film are chosen (PS3.3 C.11.2).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Voi {
    /// The file's first VOI LUT, else its first usable window, else the full range of 8-bit values, else
    /// the least to the greatest value.
    #[default]
    FromFile,
    /// The file's window of this index, from 0.
    Window(usize),
    /// The file's VOI LUT of this index, from 0.
    Lut(usize),
    /// The least value is black, the greatest white; windows and tables in the file are not looked at.
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

/// Which end of a DICOM film's scale is white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Polarity {
    /// As the file says, by photometric interpretation and presentation LUT shape.
    #[default]
    FromFile,
    /// High values are white, whatever the file says.
    Monochrome2,
    /// High values are black, whatever the file says.
    Monochrome1,
}
