//! What a stage got: `metrics.json`, the evaluation on its test films, or else its answers to the validation films.

use std::path::Path;

use pleura_eval::{Evaluation, Options, Predictions, evaluate};

use crate::error::Error;
use crate::files;
use crate::input::SplitEvaluation;

/// Evaluations of a stage; none while it is not done.
pub(super) fn read(folder: &Path) -> Result<Vec<SplitEvaluation>, Error> {
    if let Some(evaluation) = files::json_if_there::<Evaluation>(&folder.join("metrics.json"))? {
        return Ok(vec![SplitEvaluation {
            split: "test".to_owned(),
            evaluation,
        }]);
    }
    // A stage without test films still has something to say; the page tells what it is worth.
    let validation = folder.join("validation.csv");
    if !validation.exists() {
        return Ok(Vec::new());
    }
    let evaluation = evaluate(&Predictions::read(&validation)?, &Options::default())?;
    Ok(vec![SplitEvaluation {
        split: "val".to_owned(),
        evaluation,
    }])
}
