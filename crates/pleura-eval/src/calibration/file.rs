//! A calibration as a JSON file beside the weights.

use std::path::{Path, PathBuf};

use super::Calibration;
use crate::{Error, files};

/// Version of the file's format.
pub const FORMAT: u32 = 1;

impl Calibration {
    /// Where the calibration of a weight file lies: `best.safetensors` has `best.calibration.json` beside it.
    pub fn path(weights: &Path) -> PathBuf {
        weights.with_extension("calibration.json")
    }

    /// Reads a calibration; the error names the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
        let read: Self = serde_json::from_slice(&bytes).map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
        let refuse = |problem: String| {
            Err(Error::Calibration {
                message: format!("{}: {problem}", path.display()),
            })
        };
        if read.format != FORMAT {
            return refuse(format!("format {}, this program reads {FORMAT}", read.format));
        }
        let expected = match read.kind {
            crate::Kind::Exclusive => 1,
            crate::Kind::Independent => read.findings.len(),
        };
        if read.temperatures.len() != expected
            || read
                .temperatures
                .iter()
                .any(|one| !(one.value.is_finite() && one.value > 0.0))
        {
            return refuse(format!("expected {expected} temperatures above 0"));
        }
        for (finding, one) in &read.thresholds {
            if !read.findings.contains(finding) || !(0.0..=1.0).contains(&one.threshold) {
                return refuse(format!(
                    "the threshold {} of {finding:?} is no probability of one of {:?}",
                    one.threshold, read.findings
                ));
            }
        }
        Ok(read)
    }

    /// Writes the file whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
        bytes.push(b'\n');
        files::write(path, |partial| std::fs::write(partial, &bytes))
    }
}
