//! Answers of epochs on the way, kept for whoever compares them with another training's.

use pleura_data::Split;
use pleura_eval::Predictions;

use super::StageRun;
use crate::{answer, error::Error};

impl StageRun<'_> {
    /// Keeps what the network as it stands after so many epochs answers, where the recipe wants it; `validation` is what it answered to the
    /// validation films. False if the observer broke off.
    pub(super) fn keep_answers(&mut self, after: usize, validation: &Predictions) -> Result<bool, Error> {
        let plan = self.plan;
        let wanted = &plan.stage.answers;
        if !wanted.after.contains(&after) {
            return Ok(true);
        }
        validation.write(&self.folder.predictions_after(Split::Validation, after))?;
        let rows = &plan.test;
        if !wanted.test || rows.is_empty() {
            return Ok(true);
        }
        // Before the first film is answered: a look that cannot be written down does not happen.
        self.log_look(&self.weights(after.saturating_sub(1)).digest())?;
        let Some(logits) = self.answers(Split::Test, rows, None)? else {
            return Ok(false);
        };
        let truth = plan.labels.truth(rows);
        let test = answer::predictions(&plan.manifest, rows, &plan.findings, truth, &logits)?;
        test.write(&self.folder.predictions_after(Split::Test, after))?;
        Ok(true)
    }
}
