//! Open a model, answer chest films, explain and evaluate the answers.

mod answer;
pub mod calibration;
mod classifier;
pub mod digest;
pub mod error;
mod film;
mod options;
pub mod output;
mod predict;
mod training_manifest;

pub use answer::{Answer, FindingScore};
pub use calibration::AppliedCalibration;
pub use classifier::{Classifier, is_package};
pub use error::Error;
pub use film::Film;
pub use options::{CalibrationChoice, OpenOptions};

pub use predict::FileAnswers;
pub use training_manifest::training_manifest;

pub use pleura_core::NOTICE;
pub use pleura_eval::Kind as Task;
pub use pleura_film::{Fit, Preparation};
pub use pleura_package::{Flag, Outcome, PublicKey, Verdict};
