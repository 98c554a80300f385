//! Fits temperatures and thresholds on validation films.

use std::collections::BTreeMap;
use std::path::Path;

use pleura_eval::calibration::{FitOptions, Rule};
use pleura_eval::{Calibration, Options};
use pleura_manifest::{Manifest, Split};

use crate::evaluate::{Caller, LabelOptions, validation_answers};
use crate::training_history::{Identities, TrainingHistory, identities};
use crate::{Classifier, Error};

/// Options of [`calibrate`].
#[derive(Clone, Debug)]
pub struct CalibrateOptions {
    /// Labels and batches.
    pub labels: LabelOptions,
    /// True to fit temperatures; otherwise they are 1.
    pub temperature: bool,
    /// The rule of each finding's threshold; findings without a rule get no threshold.
    pub rules: BTreeMap<String, Rule>,
    /// Level, bootstrap samples and seed of the intervals.
    pub intervals: Options,
}

/// Fits a calibration on the validation films of a manifest.
///
/// # Errors
/// [`Error::Request`] without labelled validation films, or if some of them are training films of one of the
/// run's stages or test films of its own stage; errors of reading, inference and fitting.
pub fn calibrate(
    model: &Classifier,
    manifest: &Path,
    options: &CalibrateOptions,
    caller: Caller<'_>,
) -> Result<Calibration, Error> {
    refuse_overlap(model, manifest, caller)?;
    options.intervals.check(model.findings())?;
    let (predictions, films) = validation_answers(model, manifest, &options.labels, caller)?;
    let fit = FitOptions {
        model: model.digest().to_owned(),
        films,
        temperature: options.temperature,
        rules: options.rules.clone(),
        options: options.intervals.clone(),
    };
    Ok(Calibration::fit(&predictions, &fit)?)
}

/// Validation films of another manifest may be training films of one of the run's stages, or test films of
/// its own.
fn refuse_overlap(model: &Classifier, path: &Path, caller: Caller<'_>) -> Result<(), Error> {
    let (Some(history), Some(stage)) = (TrainingHistory::of(model)?, model.stage()) else {
        return Ok(());
    };
    for missing in &history.missing {
        (caller.note)(missing);
    }
    let other = Manifest::read(path)?;
    let wanted: Identities = other
        .split(Split::Validation)
        .into_iter()
        .flat_map(|row| identities(&other.rows[row]))
        .collect();
    let trained = history.trained.iter().map(|(stage, set)| ("train", stage, set));
    for (split, stage, set) in std::iter::once(("test", &stage.name, &history.tested)).chain(trained) {
        let shared = set.intersection(&wanted).count();
        if shared > 0 {
            return Err(Error::request(format!(
                "{}: {shared} of its validation films and patients are in the split {split:?} of the manifest of stage {stage:?}; fit on \
                 films that the model is neither trained nor tested on",
                path.display()
            )));
        }
    }
    Ok(())
}
