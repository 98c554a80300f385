//! Which epoch is best, and when to give up waiting for a better one.

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

/// What early stopping and best-model choice remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) best: Option<Best>,
    /// Epochs since the best one.
    pub(crate) since: usize,
}

impl Watch {
    /// Takes note of an epoch's value, and says whether it is the best so far.
    ///
    /// An undefined value (an AUC without films of a class) is worse than any other; of equals the earlier stays best.
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
        } else {
            self.since += 1;
        }
        better
    }

    /// True once `patience` epochs in a row were no better.
    pub(crate) fn gives_up(&self, patience: Option<usize>) -> bool {
        patience.is_some_and(|patience| self.since >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_best_and_patience_ends() {
        let mut watch = Watch::default();
        let answers: Vec<bool> = [Some(0.9), Some(0.7), Some(0.7), None, Some(0.8)]
            .into_iter()
            .enumerate()
            .map(|(epoch, value)| watch.observe(Monitor::ValidationLoss, epoch, value))
            .collect();
        assert_eq!(answers, [true, true, false, false, false]);
        assert_eq!(watch.best, Some(Best { epoch: 1, value: 0.7 }));
        assert_eq!(
            [2, 3, 4].map(|patience| watch.gives_up(Some(patience))),
            [true, true, false]
        );
        assert!(!watch.gives_up(None));
    }

    #[test]
    fn higher_is_better_for_scores_and_undefined_is_worst() {
        let mut watch = Watch::default();
        assert!(watch.observe(Monitor::MacroAuc, 0, None));
        assert!(watch.observe(Monitor::MacroAuc, 1, Some(0.2)));
        assert!(!watch.observe(Monitor::MacroAuc, 2, Some(0.1)));
        let text = serde_json::to_string(&watch).unwrap();
        assert_eq!(serde_json::from_str::<Watch>(&text).unwrap(), watch);
        let mut undefined = Watch::default();
        undefined.observe(Monitor::Accuracy, 0, None);
        let text = serde_json::to_string(&undefined).unwrap();
        assert_eq!(serde_json::from_str::<Watch>(&text).unwrap(), undefined);
    }
}
