//! Answers of epochs on the way, kept beside those of the best weights.

use serde::{Deserialize, Serialize};

/// After which epochs a stage's answers are kept ([`StageFolder::predictions_after`](crate::StageFolder::predictions_after)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// After so many epochs; 0 is before the first step.
    pub after: Vec<usize>,
    /// On the test films too, which costs a pass through them and is written down as a look at them each time. Default: on the validation
    /// films, which are answered anyway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

impl Answers {
    /// Whether none are wanted.
    pub fn is_none(&self) -> bool {
        self.after.is_empty()
    }
}
