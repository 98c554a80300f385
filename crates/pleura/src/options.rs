//! How a model is opened.

use std::path::PathBuf;

use pleura_film::Fit;
use pleura_package::PublicKey;

use crate::Task;

/// Options of [`Classifier::open_with`](crate::Classifier::open_with). The default fits runs, packages and
/// weights that pleura has trained.
///
/// ```
/// use pleura::{CalibrationChoice, OpenOptions};
///
/// let options = OpenOptions::default().stage("target").calibration(CalibrationChoice::Off);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct OpenOptions {
    pub(crate) stage: Option<String>,
    pub(crate) size: Option<usize>,
    pub(crate) fit: Option<Fit>,
    pub(crate) task: Option<Task>,
    pub(crate) calibration: CalibrationChoice,
    pub(crate) trusted: Vec<PublicKey>,
    pub(crate) check_golden: bool,
}

/// Which temperatures and thresholds are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CalibrationChoice {
    /// The model's own: in the package, or beside the weights where a file is there.
    #[default]
    Own,
    /// This file, as `pleura calibrate` writes it.
    File(PathBuf),
    /// None: probabilities are as the network gives them.
    Off,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            stage: None,
            size: None,
            fit: None,
            task: None,
            calibration: CalibrationChoice::Own,
            trusted: Vec::new(),
            check_golden: true,
        }
    }
}

impl OpenOptions {
    /// The stage of a run whose best weights are used. Default: the last stage.
    pub fn stage(mut self, name: impl Into<String>) -> Self {
        self.stage = Some(name.into());
        self
    }

    /// The side of the network's input in pixels, for weights that do not contain it.
    pub fn size(mut self, pixels: usize) -> Self {
        self.size = Some(pixels);
        self
    }

    /// How films that are not square become square, for weights that do not contain it.
    pub fn fit(mut self, fit: Fit) -> Self {
        self.fit = Some(fit);
        self
    }

    /// Whether findings exclude each other, for weights that do not contain it.
    pub fn task(mut self, task: Task) -> Self {
        self.task = Some(task);
        self
    }

    /// Which calibration is applied.
    pub fn calibration(mut self, choice: CalibrationChoice) -> Self {
        self.calibration = choice;
        self
    }

    /// Demands that a package is signed with one of these keys. An empty list demands nothing.
    pub fn trusted(mut self, keys: Vec<PublicKey>) -> Self {
        self.trusted = keys;
        self
    }

    /// Whether a package's golden films are computed and compared when it is opened. Default: they are.
    /// Whoever only reads the package's weights may save this time.
    pub fn check_golden(mut self, check: bool) -> Self {
        self.check_golden = check;
        self
    }

    /// True if no stage, size, fit or task is set.
    pub(crate) fn fits_a_package(&self) -> bool {
        self.stage.is_none() && self.size.is_none() && self.fit.is_none() && self.task.is_none()
    }
}
