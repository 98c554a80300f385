//! Thresholds from a file.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use pleura_audit::{PARTITIONS, Thresholds};

/// Thresholds of a file; the defaults without one.
///
/// # Errors
/// An invalid file, and thresholds of p that the number of permutations cannot reach: such a check would
/// always pass.
pub(super) fn read(path: Option<&Path>) -> Result<Thresholds> {
    let Some(path) = path else {
        return Ok(Thresholds::default());
    };
    let text = fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let thresholds: Thresholds =
        toml::from_str(&text).with_context(|| format!("{}: not thresholds", path.display()))?;
    let path = path.display();
    let Thresholds {
        p,
        subgroups_p,
        calibration_p,
        probe,
        ..
    } = thresholds;
    if probe.folds < 2 {
        bail!(
            "{path}: [probe] asks for {} folds, expected 2 or more",
            probe.folds
        );
    }
    let wanted = [p, subgroups_p / PARTITIONS as f64, calibration_p];
    if !wanted.iter().all(|wanted| *wanted > 0.0) {
        bail!(
            "{path}: p = {p}, subgroups_p = {subgroups_p} and calibration_p = {calibration_p}, expected numbers above 0: no p value is 0"
        );
    }
    let least = 1.0 / (1.0 + probe.permutations as f64);
    if !wanted.iter().all(|wanted| least <= *wanted) {
        let needed = wanted
            .iter()
            .map(|wanted| 1.0 / wanted)
            .fold(0.0, f64::max)
            .ceil()
            - 1.0;
        bail!(
            "{path}: {} permutations give no p value below {least:.4}, too large for p = {p}, for subgroups_p = {subgroups_p} after \
             {PARTITIONS} ways to part people or for calibration_p = {calibration_p}; expected {needed} or more under [probe], permutations",
            probe.permutations
        );
    }
    Ok(thresholds)
}
