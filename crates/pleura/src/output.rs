//! The documents that the program prints with `--json`, as types with a JSON Schema.
//!
//! One submodule for each verb, one type for each document. A type is built from the library's own results by
//! a function `of`; it holds no logic. Field order is the order of the printed keys. Each field is
//! documented: its text is the schema's description. [`schemas`] lists all documents; the schemas are
//! committed in `docs/schemas`.

mod by_finding;
pub mod evaluate;
pub mod explain;
pub mod export;
mod film;
pub mod lungs;
mod model;
pub mod objects;
pub mod predict;
pub mod weights;

pub use by_finding::ByFinding;
pub use film::{ContrastMeasure, FilmContrast, FilmFile, FlatFilm};
pub use model::{Calibration, Model};

use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// A path as JSON can hold it: characters that are not text are replaced.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The schema of each document, by the name of its file in `docs/schemas`.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    fn of<T: JsonSchema>() -> Schema {
        let settings = SchemaSettings::default().for_serialize();
        settings.into_generator().into_root_schema_for::<T>()
    }
    vec![
        ("evaluate", of::<evaluate::Document<'static>>()),
        ("lungs", of::<lungs::FilmLungs>()),
        ("data-lungs", of::<pleura_data::lungs::LungMaskCounts>()),
        ("data-lungs-compare", of::<Vec<pleura_eval::SourceOverlap>>()),
        (
            "train-segmentation",
            of::<pleura_train::segmentation::SegmentationSummary>(),
        ),
        ("explain", of::<explain::Explain>()),
        ("explain-ledger", of::<explain::LedgerFile>()),
        ("explain-scores", of::<explain::Scores>()),
        ("export", of::<export::Export>()),
        ("import", of::<weights::ImportedWeights>()),
        ("objects", of::<objects::Objects>()),
        ("predict", of::<predict::Prediction>()),
        ("weights-fetch", of::<weights::Fetched>()),
        ("weights-show", of::<weights::WeightFile>()),
    ]
}
