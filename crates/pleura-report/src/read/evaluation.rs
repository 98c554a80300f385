//! The results of a stage: `metrics.json` (its test films), else its predictions on the validation films.

use pleura_eval::{Evaluation, Options, Predictions, evaluate};
use pleura_manifest::Split;
use pleura_run::{StageFolder, json::read_json_if_exists};

use crate::error::Error;
use crate::input::SplitEvaluation;

/// The evaluations of a stage; empty for an unfinished one.
pub(super) fn read(folder: &StageFolder) -> Result<Vec<SplitEvaluation>, Error> {
    if let Some(evaluation) = read_json_if_exists::<Evaluation>(&folder.metrics())? {
        return Ok(vec![SplitEvaluation {
            split: "test".to_owned(),
            evaluation,
        }]);
    }
    // Without test films, the validation films are evaluated; the page adds a caution.
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
