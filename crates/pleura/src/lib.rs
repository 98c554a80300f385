//! Open a model, answer chest films, explain and evaluate the answers.

mod answer;
mod calibrate;
pub mod calibration;
mod classifier;
pub mod digest;
pub mod error;
mod evaluate;
pub mod explain;
pub mod export;
mod film;
pub mod import;
mod known_labels;
mod options;
pub mod output;
mod predict;
pub mod test_access;
pub mod training_history;
mod training_manifest;

pub use answer::{Answer, FindingScore};
pub use calibrate::{CalibrateOptions, calibrate};
pub use calibration::AppliedCalibration;
pub use classifier::{Classifier, is_package};
pub use error::Error;
pub use evaluate::{
    AnswerSource, Answers, Caller, EvaluateOptions, EvaluatedFilms, EvaluationReport, FilmSelection,
    LabelOptions, evaluate, validation_answers,
};
pub use explain::{Explanation, Question};
pub use film::Film;
pub use known_labels::{KnownLabels, Uncertain};
pub use options::{CalibrationChoice, OpenOptions};

pub use predict::FileAnswers;
pub use training_history::{TrainingHistory, TrainingOverlap, training_overlap};
pub use training_manifest::training_manifest;

pub use pleura_core::NOTICE;
pub use pleura_eval::Kind as Task;
pub use pleura_explain::{Composite, Method};
pub use pleura_film::{Fit, Preparation};
pub use pleura_package::{Flag, Outcome, PublicKey, Verdict};
