//! The options that select a calibration.

use std::path::PathBuf;

use pleura::CalibrationChoice;

/// Calibration of probabilities.
#[derive(clap::Args, Clone, Default)]
pub struct CalibrationArgs {
    /// Temperatures and thresholds to apply, as written by `pleura calibrate`. Default: those beside the
    /// weights.
    #[arg(long, value_name = "FILE.json")]
    calibration: Option<PathBuf>,
    /// Use the network's probabilities without calibration.
    #[arg(long, conflicts_with = "calibration")]
    no_calibration: bool,
}

impl CalibrationArgs {
    /// True if anything is set.
    pub fn is_set(&self) -> bool {
        self.calibration.is_some() || self.no_calibration
    }

    /// The library's option.
    pub fn choice(&self) -> CalibrationChoice {
        match &self.calibration {
            Some(path) => CalibrationChoice::File(path.clone()),
            None if self.no_calibration => CalibrationChoice::Off,
            None => CalibrationChoice::Own,
        }
    }
}
