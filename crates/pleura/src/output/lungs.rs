//! `pleura lungs --json`: one document per film.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::shown;
use crate::lungs::{LungFiles, ModelId};

/// The lungs of one film.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FilmLungs {
    /// The film's file.
    film: String,
    /// The segmentation model.
    model: ModelId,
    /// The mask's file; null if no plausible lungs were found.
    mask: Option<String>,
    /// The picture's file.
    picture: String,
    /// The lungs' share of the film's area; null without a mask.
    area: Option<f64>,
    /// Connected parts.
    parts: Option<usize>,
    /// The smaller side's share of the lungs' area, from 0 to 0.5.
    smaller_side: Option<f64>,
    /// The share of the outline on the edge of the film.
    on_edge: Option<f64>,
    /// The kind of the reason why there is no mask: area, parts, symmetry, shape, edge or network.
    problem: Option<&'static str>,
    /// The reason in words.
    reason: Option<String>,
}

impl FilmLungs {
    /// The document of a film.
    pub fn of(film: &Path, model: ModelId, files: &LungFiles) -> Self {
        let measures = files.lungs.as_ref().ok().map(|lungs| *lungs.measures());
        let problem = files.lungs.as_ref().err();
        Self {
            film: shown(film),
            model,
            mask: files.mask.as_deref().map(shown),
            picture: shown(&files.picture),
            area: measures.map(|measures| measures.area),
            parts: measures.map(|measures| measures.parts),
            smaller_side: measures.map(|measures| measures.smaller_side),
            on_edge: measures.map(|measures| measures.on_edge),
            problem: problem.map(crate::lungs::Implausible::name),
            reason: problem.map(ToString::to_string),
        }
    }
}
