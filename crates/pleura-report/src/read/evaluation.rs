//! What a stage got: `metrics.json`, the evaluation on its test films, or else its answers to the validation films.

use pleura_data::Split;
use pleura_eval::{Evaluation, Options, Predictions, evaluate};
use pleura_run::{StageFolder, json::read_json_if_exists};

use crate::error::Error;
use crate::input::SplitEvaluation;

/// Evaluations of a stage; none while it is not done.
pub(super) fn read(folder: &StageFolder) -> Result<Vec<SplitEvaluation>, Error> {
    if let Some(evaluation) = read_json_if_exists::<Evaluation>(&folder.metrics())? {
        return Ok(vec![SplitEvaluation {
            split: "test".to_owned(),
            evaluation,
        }]);
    }
    // A stage without test films still has something to say; the page tells what it is worth.
    let validation = folder.predictions(Split::Validation);
    if !validation.exists() {
        return Ok(Vec::new());
    }
    let evaluation = evaluate(&Predictions::read(&validation)?, &Options::default())?;
    Ok(vec![SplitEvaluation {
        split: "val".to_owned(),
        evaluation,
    }])
}
