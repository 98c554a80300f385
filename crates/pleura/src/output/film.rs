//! A film's file, as a part of several documents.

use pleura_film::{Colour, Contrast, ContrastFault, Format, Source, Step};
use schemars::JsonSchema;
use serde::Serialize;

/// A film's file and its decoding.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FilmFile {
    /// The format, found by content.
    pub format: Format,
    /// Columns as stored.
    pub width: usize,
    /// Rows as stored.
    pub height: usize,
    /// Significant bits of a sample.
    pub bit_depth: u8,
    /// What the stored samples are.
    pub colour: Colour,
    /// The steps of the decoding, in order.
    pub steps: Vec<Step>,
    /// The use of the grey scale.
    pub contrast: FilmContrast,
}

/// A film's use of the grey scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FilmContrast {
    /// The measures.
    #[serde(flatten)]
    pub measures: Contrast,
    /// Why the film has no contrast; null if it has.
    pub fault: Option<FlatFilm>,
}

/// Why a film has no contrast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FlatFilm {
    /// The measure that is outside its limit.
    pub measure: ContrastMeasure,
    /// Its value, 0 to 1.
    pub value: f32,
}

/// A measure of contrast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContrastMeasure {
    /// The part of the scale that the grey levels cover.
    Range,
    /// The share of pixels with the most frequent level.
    OneGrey,
    /// The share of black and white pixels.
    Clipped,
}

impl From<ContrastFault> for FlatFilm {
    fn from(fault: ContrastFault) -> Self {
        let (measure, value) = match fault {
            ContrastFault::Range(value) => (ContrastMeasure::Range, value),
            ContrastFault::OneGrey(value) => (ContrastMeasure::OneGrey, value),
            ContrastFault::Clipped(value) => (ContrastMeasure::Clipped, value),
        };
        Self { measure, value }
    }
}

impl FilmContrast {
    /// The record of a decoded film's contrast.
    pub fn of(contrast: Contrast) -> Self {
        Self {
            measures: contrast,
            fault: contrast.fault().map(FlatFilm::from),
        }
    }
}

impl FilmFile {
    /// The record of a decoded film's source.
    pub fn of(source: &Source) -> Self {
        Self {
            format: source.format,
            width: source.width,
            height: source.height,
            bit_depth: source.bit_depth,
            colour: source.colour,
            steps: source.steps.clone(),
            contrast: FilmContrast::of(source.contrast),
        }
    }
}
