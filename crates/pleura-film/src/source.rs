//! The origin of a film: its file, and every step from the stored bytes to grey levels.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contrast::Contrast;
use crate::dicom_tags::DicomTags;
pub(crate) use crate::format::Format;

/// The origin of a film and the steps of its decoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The file's format.
    pub format: Format,
    /// Columns as stored, before any rotation.
    pub width: usize,
    /// Rows as stored, before any rotation.
    pub height: usize,
    /// Significant bits per sample.
    pub bit_depth: u8,
    /// The colour space of the stored samples.
    pub colour: Colour,
    /// The steps of the decoding, in order.
    pub steps: Vec<Step>,
    /// Attributes of a DICOM film.
    pub dicom: Option<DicomTags>,
    /// The use of the grey scale.
    #[serde(default)]
    pub contrast: Contrast,
}

impl Source {
    /// Returns the largest difference between two colour channels of one pixel, 0..=1; 0 for a grey film.
    ///
    /// It is below about 0.1 for a radiograph saved in colour, and higher for a photograph.
    pub fn colourfulness(&self) -> f32 {
        let differences = self.steps.iter().filter_map(|step| match step {
            Step::Luma {
                max_channel_difference,
                ..
            } => Some(*max_channel_difference),
            _ => None,
        });
        differences.fold(0.0, f32::max)
    }
}

/// The colour space of stored samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// One grey channel.
    Grey,
    /// Grey and alpha.
    GreyAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
    /// Indices into a palette.
    Palette,
    /// Luma and two colour differences.
    YCbCr,
    /// Cyan, magenta, yellow, black.
    Cmyk,
    /// Luma, two colour differences, black.
    Ycck,
}

/// The function of a VOI window (PS3.3 C.11.2.1.2 and C.11.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WindowFunction {
    /// `LINEAR`: centre and width shifted by half a value.
    #[default]
    Linear,
    /// `LINEAR_EXACT`: no shift.
    LinearExact,
    /// `SIGMOID`.
    Sigmoid,
}

impl fmt::Display for WindowFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linear => "LINEAR",
            Self::LinearExact => "LINEAR_EXACT",
            Self::Sigmoid => "SIGMOID",
        })
    }
}

/// One step from the stored bytes to the grey levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// A compressed stream was decoded.
    Decompressed {
        /// The name of the compression.
        method: String,
    },
    /// The data set is written in another syntax than the file declares, and was read as it is written.
    DataSetSyntax {
        /// The declared syntax.
        declared: String,
        /// The syntax of its elements.
        found: String,
    },
    /// Elements without a value representation were ignored.
    ElementsIgnored {
        /// Their number.
        elements: usize,
    },
    /// Bytes that belong to no segment were ignored.
    BytesIgnored {
        /// Their number.
        bytes: usize,
    },
    /// The mark at the end of the file is missing; the image is whole.
    EndMissing,
    /// 16-bit samples use the range of a detector of fewer bits, and were scaled by it.
    DetectorBits {
        /// The detector's bits: 8, 10, 12 or 14.
        bits: u8,
    },
    /// The first image of an animation was used.
    FirstOfAnimation {
        /// The number of images.
        frames: u32,
    },
    /// Palette indices were replaced by colours.
    Palette,
    /// Transparent pixels were blended with black.
    AlphaOverBlack {
        /// The number of pixels that were not opaque.
        translucent: u64,
    },
    /// Inks were converted to light.
    Inks {
        /// True if they were stored inverted, as Adobe's programs do.
        inverted: bool,
    },
    /// Colour was converted to ITU-R 601 luma.
    Luma {
        /// The largest difference between two channels of one pixel, 0..=1.
        max_channel_difference: f32,
    },
    /// The film was rotated or mirrored by its EXIF orientation.
    Orientation {
        /// The EXIF value, 2 to 8.
        exif: u8,
    },
    /// Stored values were extracted from their words.
    StoredBits {
        /// Bits per word.
        allocated: u16,
        /// Bits per value.
        stored: u16,
        /// The highest bit of the value.
        high: u16,
        /// True if values are two's complement.
        signed: bool,
    },
    /// The modality LUT was applied.
    ModalityLut {
        /// Entries in the table.
        entries: usize,
        /// The stored value of its first entry.
        first: i32,
    },
    /// The modality rescale was applied.
    Rescale {
        /// Rescale slope.
        slope: f64,
        /// Rescale intercept.
        intercept: f64,
    },
    /// A VOI LUT was applied.
    VoiLut {
        /// The index of the table in the file, from 0.
        index: usize,
        /// Entries in the table.
        entries: usize,
        /// Bits per entry, as declared.
        bits: u16,
    },
    /// The entries of the VOI LUT need other bits than it declares, and were scaled by those.
    VoiLutBits {
        /// Bits that the table declares.
        declared: u16,
        /// Bits that its largest entry needs.
        reached: u16,
    },
    /// A VOI LUT of the file was ignored.
    VoiLutIgnored {
        /// The index of the table in the file, from 0.
        index: usize,
        /// The reason.
        because: String,
    },
    /// A window was applied.
    Window {
        /// The index of the window in the file, from 0; `None` for a window from the caller.
        index: Option<usize>,
        /// Centre, in modality units.
        center: f64,
        /// Width, in modality units.
        width: f64,
        /// Function.
        function: WindowFunction,
    },
    /// A window of the file was ignored.
    WindowIgnored {
        /// The index of the window in the file, from 0.
        index: usize,
        /// The centre and the width as the file has them.
        found: String,
        /// The reason.
        because: String,
    },
    /// The function of the windows is unknown, and LINEAR was used.
    WindowFunctionIgnored {
        /// The function as the file has it.
        found: String,
    },
    /// The smallest value became black, the largest white.
    MinMax {
        /// The smallest value.
        min: f64,
        /// The largest value.
        max: f64,
    },
    /// The full range of 8-bit values became black to white.
    FullRange {
        /// The value that became black.
        min: f64,
        /// The value that became white.
        max: f64,
    },
    /// Black and white were exchanged.
    Inverted {
        /// The reason.
        because: String,
    },
    /// The caller overruled the polarity in the file.
    PolarityOverruled {
        /// The polarity in the file.
        file: String,
    },
    /// Padding around the film was made black and excluded from the scale.
    Padding {
        /// The smallest padding value.
        low: i32,
        /// The largest padding value.
        high: i32,
        /// The number of padding pixels.
        pixels: u64,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decompressed { method } => write!(f, "decompressed {method}"),
            Self::DataSetSyntax { declared, found } => {
                write!(f, "read the data set as {found}; the file declares {declared}")
            }
            Self::ElementsIgnored { elements } => {
                write!(f, "ignored {elements} elements without a value representation")
            }
            Self::BytesIgnored { bytes } => write!(f, "ignored {bytes} bytes that belong to no segment"),
            Self::EndMissing => write!(
                f,
                "read the whole image; the mark at the end of the file is missing"
            ),
            Self::DetectorBits { bits } => {
                write!(f, "scaled 16-bit samples by {bits} bits, the range that they use")
            }
            Self::FirstOfAnimation { frames } => write!(f, "took the first of {frames} images"),
            Self::Palette => write!(f, "replaced palette indices by colours"),
            Self::AlphaOverBlack { translucent } => {
                write!(f, "laid alpha over black ({translucent} pixels were not opaque)")
            }
            Self::Inks { inverted: true } => write!(f, "turned inverted inks into light"),
            Self::Inks { inverted: false } => write!(f, "turned inks into light"),
            Self::Luma {
                max_channel_difference,
            } => write!(
                f,
                "turned colour into ITU-R 601 luma (channels differ by up to {:.1} %)",
                100.0 * max_channel_difference
            ),
            Self::Orientation { exif } => write!(f, "turned by EXIF orientation {exif}"),
            Self::StoredBits {
                allocated,
                stored,
                high,
                signed,
            } => {
                let sign = if *signed { "signed" } else { "unsigned" };
                write!(f, "took {stored} {sign} bits, highest {high}, out of {allocated}")
            }
            Self::ModalityLut { entries, first } => {
                write!(f, "applied the modality LUT of {entries} entries from {first}")
            }
            Self::Rescale { slope, intercept } => {
                write!(f, "rescaled by slope {slope} and intercept {intercept}")
            }
            Self::VoiLut { index, entries, bits } => {
                write!(f, "applied VOI LUT {index} of {entries} entries of {bits} bits")
            }
            Self::Window {
                index,
                center,
                width,
                function,
            } => match index {
                Some(index) => write!(f, "applied window {index}: {function} {center}/{width}"),
                None => write!(f, "applied a given window: {function} {center}/{width}"),
            },
            Self::WindowIgnored {
                index,
                found,
                because,
            } => {
                write!(f, "ignored window {index} ({found}): {because}")
            }
            Self::WindowFunctionIgnored { found } => {
                write!(
                    f,
                    "used LINEAR for the windows: their function {found:?} is unknown"
                )
            }
            Self::VoiLutBits { declared, reached } => write!(
                f,
                "scaled the VOI LUT by {reached} bits, which its entries need; it declares {declared}"
            ),
            Self::VoiLutIgnored { index, because } => write!(f, "ignored VOI LUT {index}: {because}"),
            Self::MinMax { min, max } => write!(f, "spread {min} to {max}, the least and greatest value"),
            Self::FullRange { min, max } => write!(f, "spread {min} to {max}, the range of 8-bit values"),
            Self::Inverted { because } => write!(f, "exchanged black and white: {because}"),
            Self::PolarityOverruled { file } => write!(f, "overruled the file's polarity: {file}"),
            Self::Padding { low, high, pixels } => {
                write!(f, "made {pixels} padding pixels ({low} to {high}) black")
            }
        }
    }
}
