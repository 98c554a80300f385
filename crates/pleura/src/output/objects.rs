//! `pleura objects`: one document for each film.

use pleura_core::NOTICE;
use pleura_package::Outcome;
use schemars::JsonSchema;
use serde::Serialize;

use super::Model;
use crate::Classifier;

/// A document of `pleura objects`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Objects {
    /// The objects of a film.
    Film(Box<FilmObjects>),
    /// A film without objects.
    Unmade(Unmade),
}

/// The DICOM objects of a film.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FilmObjects {
    /// The film.
    pub path: String,
    /// Its outcome: with weights always `answered`.
    pub outcome: Outcome,
    /// The checks that speak against an answer.
    pub reasons: Vec<String>,
    /// The objects, in the order of delivery; none for a refused film, unless they are asked for.
    pub objects: Vec<ObjectFile>,
    /// The model.
    pub model: Model,
    /// Limits of use.
    pub notice: &'static str,
}

/// A DICOM object in a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ObjectFile {
    /// Its kind: `sc` secondary capture, `pm` parametric map, `pr` presentation state, `sr` structured report.
    pub kind: &'static str,
    /// SOP Class UID.
    pub sop_class: String,
    /// SOP Instance UID.
    pub sop_instance: String,
    /// Series Instance UID.
    pub series: String,
    /// The file.
    pub file: String,
    /// Its length.
    pub bytes: usize,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// A film whose objects cannot be made.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unmade {
    /// The film.
    pub path: String,
    /// Why its objects cannot be made.
    pub error: String,
    /// Limits of use.
    pub notice: &'static str,
}

impl FilmObjects {
    /// The document of a film.
    pub fn of(
        model: &Classifier,
        path: String,
        outcome: Outcome,
        reasons: Vec<String>,
        objects: Vec<ObjectFile>,
    ) -> Self {
        Self {
            path,
            outcome,
            reasons,
            objects,
            model: Model::of(model),
            notice: NOTICE,
        }
    }
}

impl Unmade {
    /// The document of a film that has no objects.
    pub fn of(path: String, error: String) -> Self {
        Self {
            path,
            error,
            notice: NOTICE,
        }
    }
}
