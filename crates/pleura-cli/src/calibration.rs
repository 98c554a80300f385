//! The options that select a calibration.

use std::path::PathBuf;

use pleura::CalibrationChoice;

/// Whether and how probabilities are calibrated.
#[derive(clap::Args, Clone, Default)]
pub struct CalibrationArgs {
    /// Temperatures and thresholds to apply, as `pleura calibrate` wrote them; those beside the weights if left out.
    #[arg(long, value_name = "FILE.json")]
    calibration: Option<PathBuf>,
    /// Leave probabilities as the network gives them, whatever lies beside the weights.
    #[arg(long, conflicts_with = "calibration")]
    no_calibration: bool,
}

impl CalibrationArgs {
    /// True if anything is set.
    pub fn is_set(&self) -> bool {
        self.calibration.is_some() || self.no_calibration
    }

    /// As the library takes them.
    pub fn choice(&self) -> CalibrationChoice {
        match &self.calibration {
            Some(path) => CalibrationChoice::File(path.clone()),
            None if self.no_calibration => CalibrationChoice::Off,
            None => CalibrationChoice::Own,
        }
    }
}
