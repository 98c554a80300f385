//! The calibration that belongs to a model: found beside its weights, within its package, or named.

use std::path::{Path, PathBuf};

use pleura_eval::Calibration;

use crate::{CalibrationChoice, Error, Task, digest};

/// A calibration with the file that it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct AppliedCalibration {
    /// The calibration file, or the package that contains it.
    pub path: PathBuf,
    /// Temperatures and thresholds.
    pub calibration: Calibration,
}

/// The weights that a calibration is looked up for.
pub(crate) struct Weighed<'a> {
    pub(crate) path: &'a Path,
    pub(crate) digest: &'a str,
    pub(crate) task: Task,
    pub(crate) findings: &'a [String],
    /// The package's own calibration, if the model is a package.
    #[allow(clippy::option_option, reason = "a package, and whether it has a calibration")]
    pub(crate) package: Option<Option<&'a Calibration>>,
}

impl AppliedCalibration {
    /// Finds and checks the calibration that `choice` selects; `None` if there is none.
    pub(crate) fn find(choice: &CalibrationChoice, model: &Weighed<'_>) -> Result<Option<Self>, Error> {
        let path = match (choice, model.package) {
            (CalibrationChoice::Off, _) => return Ok(None),
            (CalibrationChoice::File(path), _) => path.clone(),
            (CalibrationChoice::Own, Some(own)) => {
                return Ok(own.map(|own| Self {
                    path: model.path.to_owned(),
                    calibration: own.clone(),
                }));
            }
            (CalibrationChoice::Own, None) => {
                let beside = Calibration::path(model.path);
                if !beside.exists() {
                    return Ok(None);
                }
                beside
            }
        };
        let calibration = Calibration::read(&path).map_err(Error::Calibration)?;
        if calibration.model != model.digest {
            return Err(Error::ForeignCalibration {
                calibration: path,
                fitted_for: calibration.model,
                model: model.path.to_owned(),
                digest: model.digest.to_owned(),
            });
        }
        calibration
            .check_fits(model.task, model.findings)
            .map_err(|source| Error::CalibrationShape {
                path: path.clone(),
                source,
            })?;
        Ok(Some(Self { path, calibration }))
    }

    /// One line that describes the calibration: file, temperatures, thresholds, and the films that it was
    /// fitted on.
    pub fn line(&self) -> String {
        let on = &self.calibration.fitted_on;
        let temperatures: Vec<String> = self
            .calibration
            .temperatures
            .iter()
            .map(|one| format!("{:.3}", one.value))
            .collect();
        format!(
            "{} (temperature {}, {} thresholds; fitted on {} validation films of {} patients, digest {}…)",
            self.path.display(),
            temperatures.join(", "),
            self.calibration.thresholds.len(),
            on.films,
            on.patients,
            digest::short(&on.digest)
        )
    }
}
