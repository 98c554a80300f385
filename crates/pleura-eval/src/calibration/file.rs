//! A calibration as a JSON file beside the weights.

use std::path::{Path, PathBuf};

use pleura_core::FileError;
use pleura_core::fs::write_atomic;

use super::Calibration;
use crate::Error;

/// Version of the file's format.
pub const FORMAT: u32 = 1;

impl Calibration {
    /// Path of a weight file's calibration: `best.calibration.json` for `best.safetensors`.
    pub fn path(weights: &Path) -> PathBuf {
        weights.with_extension("calibration.json")
    }

    /// Reads a calibration. Errors name the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(FileError::of("read", path))?;
        let read: Self = serde_json::from_slice(&bytes).map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
        read.check().map_err(|message| Error::Calibration {
            message: format!("{}: {message}", path.display()),
        })?;
        Ok(read)
    }

    /// Checks that this program can apply it: format, number of temperatures, and thresholds that are
    /// probabilities of its findings.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("format {}, this program reads {FORMAT}", self.format));
        }
        let expected = match self.kind {
            crate::Task::Exclusive => 1,
            crate::Task::Independent => self.findings.len(),
        };
        if self.temperatures.len() != expected
            || self
                .temperatures
                .iter()
                .any(|one| !(one.value.is_finite() && one.value > 0.0))
        {
            return Err(format!("expected {expected} temperatures above 0"));
        }
        for (finding, one) in &self.thresholds {
            if !self.findings.contains(finding) || !(0.0..=1.0).contains(&one.threshold) {
                return Err(format!(
                    "the threshold {} of {finding:?} is not a probability of one of {:?}",
                    one.threshold, self.findings
                ));
            }
        }
        Ok(())
    }

    /// Writes the file atomically.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
        bytes.push(b'\n');
        Ok(write_atomic(path, &bytes)?)
    }
}
