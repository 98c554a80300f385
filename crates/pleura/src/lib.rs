//! Open a model, answer chest films, explain and evaluate the answers. Research use only; not a medical
//! device.
//!
//! ```no_run
//! use pleura::{Classifier, Composite, Film, Question};
//!
//! let model = Classifier::open("model.pleura")?;
//! let film = Film::open("film.dcm")?;
//!
//! let answer = model.predict(&film)?;
//! println!("{}", answer.outcome); // answered, abstained or refused
//! for (finding, probability) in answer.probabilities() {
//!     println!("{finding}: {probability:.3}");
//! }
//!
//! let explanation = model.explain(&film, &Question::finding("COVID-19"), &Composite::default())?;
//! explanation.picture(&film)?.save("heatmap.png".as_ref())?;
//! # Ok::<(), pleura::Error>(())
//! ```
//!
//! * [`Classifier`] is a weight file, a run or a package. It answers from any number of threads.
//! * [`Film`] is a decoded image; [`Classifier::predict_files`] reads and answers many files.
//! * [`Answer`] holds the [`Outcome`], the reasons, and a score for each finding.
//! * [`lungs`] finds the lungs on films.
//! * [`explain`] makes heatmaps; [`export`] and [`import`] exchange models with other programs; [`train`]
//!   trains them.
//! * [`output`] has the documents that the program prints with `--json`, with their JSON Schemas.

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
pub mod gallery;
pub mod import;
mod known_labels;
pub mod lungs;
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
pub use pleura_core::Task;
pub use pleura_explain::{Composite, Method};
pub use pleura_film::{Fit, Preparation};
pub use pleura_package::{Flag, Outcome, PublicKey, Verdict};

/// Training: a recipe becomes a run.
pub use pleura_train as train;
