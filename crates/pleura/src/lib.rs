//! Open a model, answer chest films, explain and evaluate the answers.

pub mod calibration;
mod classifier;
pub mod digest;
mod error;
mod film;
mod options;
pub mod output;

pub use calibration::AppliedCalibration;
pub use classifier::{Classifier, is_package};
pub use error::Error;
pub use film::Film;
pub use options::{CalibrationChoice, OpenOptions};

pub use pleura_eval::Kind as Task;
pub use pleura_film::{Fit, NOTICE, Preparation};
