//! Predictions after chosen epochs, for comparisons with other trainings.

use pleura_eval::Predictions;
use pleura_manifest::Split;

use super::StageRun;
use crate::{error::Error, predict};

impl StageRun<'_> {
    /// Writes the predictions after this many epochs, if the recipe asks for them. `validation` are those of
    /// the validation films. False if the observer stopped the run.
    pub(super) fn keep_predictions(&mut self, after: usize, validation: &Predictions) -> Result<bool, Error> {
        let plan = self.plan;
        let wanted = &plan.stage.epoch_predictions;
        if !wanted.after.contains(&after) {
            return Ok(true);
        }
        validation.write(&self.folder.predictions_after(Split::Validation, after))?;
        let rows = &plan.test;
        if !wanted.test || rows.is_empty() {
            return Ok(true);
        }
        // Written before the first prediction: without an entry in the access log, there is no access.
        self.log_look(&self.weights(after.saturating_sub(1)).digest())?;
        let Some(logits) = self.answers(Split::Test, rows, None)? else {
            return Ok(false);
        };
        let truth = plan.labels.truth(rows);
        let test = predict::predictions(&plan.manifest, rows, &plan.findings, truth, &logits)?;
        test.write(&self.folder.predictions_after(Split::Test, after))?;
        Ok(true)
    }
}
