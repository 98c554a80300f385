//! The calibration that belongs to a model: found beside its weights, or named by the user.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pleura_eval::Calibration;
use serde_json::{Value, json};

use crate::model::{Model, is_package};

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

/// A calibration with where it was found.
pub struct Applied {
    /// The file.
    pub path: PathBuf,
    /// What it says.
    pub calibration: Calibration,
}

impl CalibrationArgs {
    /// Whether nothing is said.
    pub fn says_nothing(&self) -> bool {
        self.calibration.is_none() && !self.no_calibration
    }

    /// The file that the user named.
    pub fn named(&self) -> Option<&Path> {
        self.calibration.as_deref()
    }

    /// For another model: its own calibration, or none where none is wanted.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            calibration: None,
            no_calibration: self.no_calibration,
        }
    }

    /// The calibration to apply to a model, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read, or that was fitted for other weights.
    pub fn of(&self, model: &Model) -> Result<Option<Applied>> {
        if self.no_calibration {
            return Ok(None);
        }
        if let (None, Some(own)) = (&self.calibration, &model.calibration) {
            return Ok(Some(Applied {
                path: model.path.clone(),
                calibration: own.clone(),
            }));
        }
        let beside = Calibration::path(&model.path);
        let path = match &self.calibration {
            Some(path) => path.clone(),
            // What belongs to a package is within it.
            None if beside.exists() && !is_package(&model.path) => beside,
            None => return Ok(None),
        };
        let calibration = Calibration::read(&path)?;
        if calibration.model != model.digest {
            bail!(
                "{}: was fitted for the weights {}…, and {} has {}…; fit it again with `pleura calibrate`, or leave it out with --no-calibration",
                path.display(),
                short(&calibration.model),
                model.path.display(),
                short(&model.digest)
            );
        }
        calibration
            .check_fits(model.kind, model.findings())
            .with_context(|| format!("{}", path.display()))?;
        Ok(Some(Applied { path, calibration }))
    }
}

impl Applied {
    /// One line that says what is applied.
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
            short(&on.digest)
        )
    }

    /// The same for a machine.
    pub fn record(&self) -> Value {
        json!({
            "path": self.path.display().to_string(),
            "temperatures": self.calibration.temperatures.iter().map(|one| one.value).collect::<Vec<f64>>(),
            "thresholds": self.calibration.thresholds(),
            "fitted_on": self.calibration.fitted_on,
        })
    }
}

/// The first digits of a digest.
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
