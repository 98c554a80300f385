//! A film's file, as a part of several documents.

use pleura_film::{Colour, Format, Source, Step};
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
        }
    }
}
