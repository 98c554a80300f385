//! The content of the page of a film, as plain data.

use pleura_film::{Film, Geometry};
use serde::Serialize;

use crate::picture::{Contours, Outline};

/// The content of a page.
#[derive(Clone, Debug)]
pub struct Viewer<'a> {
    /// The film's name.
    pub title: &'a str,
    /// Facts below each picture, such as the true class.
    pub notes: &'a [String],
    /// The film.
    pub film: &'a Film,
    /// The position of the maps' pixels on the film.
    pub geometry: &'a Geometry,
    /// Heatmaps, at least one. Keep the maps of one method together.
    pub maps: &'a [ViewerMap<'a>],
    /// Masks, such as a lesion's.
    pub outlines: &'a [Outline<'a>],
    /// Lines of equal relevance. Without shares, the page offers 50 % and 80 % and hides them at first.
    pub contours: &'a Contours,
    /// Name and value of facts about the model and the method, shown as a table.
    pub about: &'a [(String, String)],
}

/// One heatmap of a page.
#[derive(Clone, Debug)]
pub struct ViewerMap<'a> {
    /// The output that the map explains.
    pub question: String,
    /// The probability of that output, if the map explains a single output.
    pub probability: Option<f64>,
    /// The method that computed the values.
    pub method: String,
    /// The start of the relevance, such as `the logit`.
    pub start: String,
    /// The unit of the values.
    pub unit: String,
    /// `[size, size]`.
    pub values: &'a [f32],
    /// The relevance ledger, if the method has one.
    pub ledger: Option<LedgerTable>,
    /// A sentence about the sum of the values.
    pub remark: String,
}

/// The ledger of a map's relevance: `start = input + bias + epsilon`, up to rounding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LedgerTable {
    /// The relevance at the start.
    pub start: f64,
    /// The relevance of the pixels.
    pub input: f64,
    /// The relevance absorbed by biases.
    pub bias: f64,
    /// The relevance absorbed by stabilisers.
    pub epsilon: f64,
    /// One row per layer.
    pub entries: Vec<LedgerRow>,
}

/// One layer of a [`LedgerTable`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LedgerRow {
    /// Its name.
    pub layer: String,
    /// The relevance received.
    pub received: f64,
    /// The relevance passed on.
    pub passed: f64,
    /// The relevance absorbed by its bias.
    pub bias: f64,
    /// The relevance absorbed by its stabiliser.
    pub epsilon: f64,
}
