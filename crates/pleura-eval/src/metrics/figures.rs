//! All metrics in one flat row, so that the test set, a bootstrap sample and a posterior sample share one
//! code path.

use crate::Task;
use crate::metrics::confusion::Outcomes;

/// A metric of the whole test set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    Accuracy,
    BalancedAccuracy,
    MacroSpecificity,
    MacroPrecision,
    MacroF1,
    MacroAuc,
    MacroAveragePrecision,
    Kappa,
    Brier,
    LogLoss,
}

/// A metric of one finding against the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Single {
    Sensitivity,
    Specificity,
    Precision,
    NegativePredictiveValue,
    F1,
    Auc,
    AveragePrecision,
    Brier,
    LogLoss,
}

/// Names of [`Whole`], in its order.
const WHOLES: [&str; 10] = [
    "accuracy",
    "balanced accuracy",
    "macro specificity",
    "macro precision",
    "macro F1",
    "macro AUC",
    "macro average precision",
    "Cohen's kappa",
    "Brier score",
    "log-loss",
];

/// Names of [`Single`], in its order.
const SINGLES: [&str; 9] = [
    "sensitivity",
    "specificity",
    "precision",
    "negative predictive value",
    "F1",
    "AUC",
    "average precision",
    "Brier score",
    "log-loss",
];

/// The flat row: first [`Whole`], then [`Single`] for each finding. NaN means undefined.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures(pub(crate) Vec<f64>);

impl Figures {
    pub(crate) fn new(findings: usize) -> Self {
        Self(vec![f64::NAN; WHOLES.len() + findings * SINGLES.len()])
    }

    /// Index of a metric of the whole test set.
    pub(crate) fn whole(metric: Whole) -> usize {
        metric as usize
    }

    /// Index of a metric of a finding.
    pub(crate) fn single(finding: usize, metric: Single) -> usize {
        WHOLES.len() + finding * SINGLES.len() + metric as usize
    }

    /// Name of the metric at `place`, and the finding it belongs to.
    pub(crate) fn name(kind: Task, place: usize) -> (&'static str, Option<usize>) {
        match place.checked_sub(WHOLES.len()) {
            None if place == Whole::BalancedAccuracy as usize => (kind.mean_sensitivity(), None),
            None => (WHOLES[place], None),
            Some(rest) => (SINGLES[rest % SINGLES.len()], Some(rest / SINGLES.len())),
        }
    }

    pub(crate) fn set_whole(&mut self, metric: Whole, value: f64) {
        self.0[Self::whole(metric)] = value;
    }

    pub(crate) fn set_single(&mut self, finding: usize, metric: Single, value: f64) {
        self.0[Self::single(finding, metric)] = value;
    }

    /// Sets the metrics that depend on the confusion counts only.
    pub(crate) fn set_rates(&mut self, outcomes: &[Outcomes], scope: &Scope) {
        for (finding, outcome) in outcomes.iter().enumerate() {
            self.set_single(finding, Single::Sensitivity, outcome.sensitivity());
            self.set_single(finding, Single::Specificity, outcome.specificity());
            self.set_single(finding, Single::Precision, outcome.precision());
            self.set_single(
                finding,
                Single::NegativePredictiveValue,
                outcome.negative_predictive_value(),
            );
            self.set_single(finding, Single::F1, outcome.f1());
        }
        let sensitivity = |finding: usize| outcomes[finding].sensitivity();
        let specificity = |finding: usize| outcomes[finding].specificity();
        self.set_whole(Whole::BalancedAccuracy, scope_mean(&scope.positive, &sensitivity));
        self.set_whole(Whole::MacroSpecificity, scope_mean(&scope.negative, &specificity));
        // A finding that is never predicted has precision 0 in the mean, as in scikit-learn: omitting it
        // would reward a model that never predicts it. A bootstrap sample without films of the finding is
        // undefined.
        let precision = |finding: usize| {
            let outcome = outcomes[finding];
            if outcome.true_positives + outcome.false_positives > 0.0 {
                outcome.precision()
            } else if scope.positive[finding] && outcome.positives() == 0.0 {
                f64::NAN
            } else {
                0.0
            }
        };
        let f1 = |finding: usize| {
            let f1 = outcomes[finding].f1();
            if f1.is_nan() && !scope.positive[finding] {
                0.0
            } else {
                f1
            }
        };
        self.set_whole(
            Whole::MacroPrecision,
            scope_mean(&scope.positive_or_predicted, &precision),
        );
        self.set_whole(Whole::MacroF1, scope_mean(&scope.positive_or_predicted, &f1));
    }

    /// Sets the means of the areas over findings; the areas must be set first.
    pub(crate) fn set_mean_areas(&mut self, scope: &Scope) {
        let both: Vec<bool> = scope
            .positive
            .iter()
            .zip(&scope.negative)
            .map(|(yes, no)| *yes && *no)
            .collect();
        let auc = scope_mean(&both, &|finding| self.0[Self::single(finding, Single::Auc)]);
        let precision = scope_mean(&scope.positive, &|finding| {
            self.0[Self::single(finding, Single::AveragePrecision)]
        });
        self.set_whole(Whole::MacroAuc, auc);
        self.set_whole(Whole::MacroAveragePrecision, precision);
    }
}

/// Findings that enter the means. Fixed once for the whole test set: a sample without films of one of them is
/// undefined, not a mean over fewer findings.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    positive: Vec<bool>,
    negative: Vec<bool>,
    positive_or_predicted: Vec<bool>,
}

impl Scope {
    pub(crate) fn of(outcomes: &[Outcomes]) -> Self {
        let each = |test: fn(&Outcomes) -> bool| outcomes.iter().map(test).collect();
        Self {
            positive: each(|outcome| outcome.positives() > 0.0),
            negative: each(|outcome| outcome.negatives() > 0.0),
            positive_or_predicted: each(|outcome| outcome.positives() + outcome.false_positives > 0.0),
        }
    }
}

fn scope_mean(included: &[bool], value: &dyn Fn(usize) -> f64) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for finding in (0..included.len()).filter(|&finding| included[finding]) {
        sum += value(finding);
        count += 1.0;
    }
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_places() {
        assert_eq!(
            Figures::name(Task::Exclusive, Figures::whole(Whole::LogLoss)),
            ("log-loss", None)
        );
        assert_eq!(
            Figures::name(Task::Exclusive, Figures::whole(Whole::MacroAuc)),
            ("macro AUC", None)
        );
        assert_eq!(
            Figures::name(Task::Exclusive, Figures::single(2, Single::Sensitivity)),
            ("sensitivity", Some(2))
        );
        assert_eq!(
            Figures::name(Task::Exclusive, Figures::single(1, Single::LogLoss)),
            ("log-loss", Some(1))
        );
        assert_eq!(Figures::new(3).0.len(), Figures::single(2, Single::LogLoss) + 1);
    }

    #[test]
    fn a_lost_class_makes_the_mean_undefined() {
        let outcome = |tp, fp, fn_| Outcomes {
            true_positives: tp,
            false_positives: fp,
            false_negatives: fn_,
            true_negatives: 5.0,
        };
        let scope = Scope::of(&[outcome(3.0, 0.0, 1.0), outcome(0.0, 0.0, 2.0)]);
        let macros = |outcomes: &[Outcomes]| {
            let mut figures = Figures::new(2);
            figures.set_rates(outcomes, &scope);
            [Whole::BalancedAccuracy, Whole::MacroPrecision, Whole::MacroF1].map(|m| figures.0[m as usize])
        };
        // Never predicted, yet present: counts as 0.
        let [balanced, precision, f1] = macros(&[outcome(3.0, 0.0, 1.0), outcome(0.0, 0.0, 2.0)]);
        assert_eq!((balanced, precision), (0.375, 0.5));
        assert!((f1 - 6.0 / 7.0 / 2.0).abs() < 1e-15);
        assert!(
            macros(&[outcome(3.0, 0.0, 1.0), outcome(0.0, 0.0, 0.0)])
                .iter()
                .all(|value| value.is_nan())
        );
    }
}
