//! `isnet.json`: C1 and C2 of a stage that trains with a heatmap loss.

use serde::{Deserialize, Serialize};

/// C1 and C2 and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeatmapBounds {
    /// C1 as used, to six digits.
    #[serde(rename = "C1")]
    pub c1: f64,
    /// C2 as used, to six digits.
    #[serde(rename = "C2")]
    pub c2: f64,
    /// Digest of the masks.
    pub masks: String,
    /// The measurement, if they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<MeasuredRelevance>,
}

/// The relevance inside the lungs of a network that was trained without a heatmap loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredRelevance {
    /// Digest of the network's weights.
    pub weights: String,
    /// Training films measured.
    pub films: usize,
    /// Mean over films of the sum of absolute relevance inside the lungs, itself a mean over a film's maps.
    pub mean: f64,
    /// Standard deviation over films.
    pub deviation: f64,
}
