//! Predictions after chosen epochs, kept beside those of the best weights.

use serde::{Deserialize, Serialize};

/// The epochs whose predictions are kept
/// ([`StageFolder::predictions_after`](crate::StageFolder::predictions_after)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochPredictions {
    /// Numbers of epochs; 0 is before the first step.
    pub after: Vec<usize>,
    /// True: also on the test films. Each time costs a pass through them and an entry in the test access
    /// log. Default: on the validation films, whose predictions are made anyway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

impl EpochPredictions {
    /// True if no predictions are kept.
    pub fn is_none(&self) -> bool {
        self.after.is_empty()
    }
}
