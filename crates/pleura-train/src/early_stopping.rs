//! The best epoch, and the end of a stage that no longer improves.

use pleura_run::recipe::Monitor;
use serde::{Deserialize, Serialize};

use crate::bits;

/// The best epoch so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) epoch: usize,
    #[serde(with = "bits")]
    pub(crate) value: f64,
}

/// The state of early stopping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EarlyStopping {
    pub(crate) best: Option<Best>,
    /// Epochs since the best one.
    pub(crate) since: usize,
}

impl EarlyStopping {
    /// Adds an epoch's value; true if it is the best so far.
    ///
    /// An undefined value (an AUC without films of a class) is worse than any other, and does not count
    /// against the patience. Of equal values the earlier is the best.
    pub(crate) fn observe(&mut self, monitor: Monitor, epoch: usize, value: Option<f64>) -> bool {
        let worst = if monitor == Monitor::ValidationLoss {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        };
        let value = value.filter(|value| !value.is_nan()).unwrap_or(worst);
        let better = self.best.is_none_or(|best| match monitor {
            Monitor::ValidationLoss => value < best.value,
            Monitor::MacroAuc | Monitor::Accuracy => value > best.value,
        });
        if better {
            *self = Self {
                best: Some(Best { epoch, value }),
                since: 0,
            };
        } else if value != worst {
            self.since += 1;
        }
        better
    }

    /// True after `patience` epochs without a better one.
    pub(crate) fn is_over(&self, patience: Option<usize>) -> bool {
        patience.is_some_and(|patience| self.since >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_best_and_patience_ends() {
        let mut watch = EarlyStopping::default();
        let answers: Vec<bool> = [Some(0.9), Some(0.7), Some(0.7), None, Some(0.8)]
            .into_iter()
            .enumerate()
            .map(|(epoch, value)| watch.observe(Monitor::ValidationLoss, epoch, value))
            .collect();
        assert_eq!(answers, [true, true, false, false, false]);
        assert_eq!(watch.best, Some(Best { epoch: 1, value: 0.7 }));
        assert_eq!(
            [2, 3, 4].map(|patience| watch.is_over(Some(patience))),
            [true, false, false]
        );
        assert!(!watch.is_over(None));
    }

    #[test]
    fn higher_is_better_for_scores_and_undefined_is_worst() {
        let mut watch = EarlyStopping::default();
        assert!(watch.observe(Monitor::MacroAuc, 0, None));
        assert!(watch.observe(Monitor::MacroAuc, 1, Some(0.2)));
        assert!(!watch.observe(Monitor::MacroAuc, 2, Some(0.1)));
        let text = serde_json::to_string(&watch).unwrap();
        assert_eq!(serde_json::from_str::<EarlyStopping>(&text).unwrap(), watch);
        let mut undefined = EarlyStopping::default();
        undefined.observe(Monitor::Accuracy, 0, None);
        let text = serde_json::to_string(&undefined).unwrap();
        assert_eq!(serde_json::from_str::<EarlyStopping>(&text).unwrap(), undefined);
    }
}
