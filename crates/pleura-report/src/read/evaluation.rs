//! The evaluation of a stage: `metrics.json` of its test films, or else an evaluation of its validation
//! films.

use pleura_eval::{Evaluation, Options, Predictions, evaluate};
use pleura_manifest::Split;
use pleura_run::{StageFolder, json::read_json_if_exists};

use crate::error::Error;
use crate::input::SplitEvaluation;

/// Evaluations of a stage; none until it is finished.
pub(super) fn read(folder: &StageFolder) -> Result<Vec<SplitEvaluation>, Error> {
    if let Some(evaluation) = read_json_if_exists::<Evaluation>(&folder.metrics())? {
        return Ok(vec![SplitEvaluation {
            split: "test".to_owned(),
            evaluation,
        }]);
    }
    // Without test films, the validation films are evaluated; the page states the difference.
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
