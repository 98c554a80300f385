//! A metric's value with its confidence intervals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{clopper_pearson, clopper_pearson_over_patients};

/// Method of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Method {
    /// Clopper and Pearson's exact interval; assumes independent films.
    #[serde(rename = "clopper-pearson")]
    ClopperPearson,
    /// [`clopper_pearson_over_patients`]: the exact interval with patients, not films, as the independent
    /// units (Korn and Graubard).
    #[serde(rename = "clopper-pearson over patients")]
    ClopperPearsonOverPatients,
    /// Percentiles of bootstrap samples of whole patients. B. Efron, Annals of Statistics 7 (1979) 1–26;
    /// patients are the clusters.
    #[serde(rename = "patient bootstrap")]
    PatientBootstrap,
    /// Shortest interval of the posterior of [`Dirichlets`](crate::Dirichlets).
    #[serde(rename = "bayes hdi")]
    BayesHdi,
    /// Student's t over paired differences.
    #[serde(rename = "student t")]
    StudentT,
    /// [`delong`](crate::delong): normal interval of an area under the ROC curve, or of a difference
    /// of two; assumes independent films.
    #[serde(rename = "delong")]
    DeLong,
    /// [`delong_over_patients`](crate::delong_over_patients): the same with patients as the independent units
    /// (Obuchowski).
    #[serde(rename = "delong over patients")]
    DeLongOverPatients,
    /// [`PredictiveValues`](crate::PredictiveValues): simultaneous exact intervals of sensitivity and
    /// specificity.
    #[serde(rename = "clopper-pearson of both")]
    ClopperPearsonOfBoth,
    /// [`square_and_add`](crate::square_and_add): the difference of two independent values, from the interval
    /// of each.
    #[serde(rename = "square and add")]
    SquareAndAdd,
    /// A value without an interval.
    #[serde(rename = "none")]
    None,
}

/// A metric: its value on these films, and the interval to quote.
///
/// The quoted interval (`low`, `high`, `method`) of a **proportion** (accuracy, sensitivity, specificity,
/// precision, NPV) is exact. It counts films if every patient has one film. It counts patients if some
/// patients have several films, because those films are not independent. Every other metric quotes the
/// patient bootstrap. All other intervals are in `others`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The value; `None` where the definition divides by zero (for example, a class without films).
    pub value: Option<f64>,
    /// Lower end of the interval to quote.
    pub low: Option<f64>,
    /// Upper end of the interval to quote.
    pub high: Option<f64>,
    /// Nominal coverage of the interval.
    pub level: f64,
    /// Method of the interval.
    pub method: Method,
    /// Films in the denominator.
    pub n: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Films in the numerator, where the metric is a proportion.
    pub right: Option<usize>,
    /// Every other interval of this metric.
    pub others: Vec<Interval>,
}

/// An interval beside the quoted one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Method of the interval.
    pub method: Method,
    /// Centre of the method: the posterior mean for `bayes hdi`, otherwise `None`.
    pub centre: Option<f64>,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    /// A metric that is not defined here, such as the accuracy of independent findings.
    pub fn undefined(level: f64) -> Self {
        Self {
            value: None,
            low: None,
            high: None,
            level,
            method: Method::None,
            n: 0,
            patients: 0,
            right: None,
            others: Vec::new(),
        }
    }

    /// Ends of the interval of `method`, quoted or not.
    pub fn interval(&self, method: Method) -> Option<(f64, f64)> {
        if self.method == method {
            return self.low.zip(self.high);
        }
        self.others
            .iter()
            .find(|other| other.method == method)
            .map(|other| (other.low, other.high))
    }
}

/// Exact interval of a proportion. `counts` has, for each patient, films answered right and all films. The
/// interval counts films if every patient has one film, otherwise patients.
pub(crate) fn proportion_interval(counts: &[(usize, usize)], level: f64) -> Option<(f64, f64)> {
    let n: usize = counts.iter().map(|count| count.1).sum();
    if counts.len() < n {
        return clopper_pearson_over_patients(counts, level);
    }
    clopper_pearson(counts.iter().map(|count| count.0).sum(), n, level)
}

/// Orders the intervals of a metric: the one to quote (see [`Estimate`]) first, then the others.
///
/// `counts` has, for each patient of the denominator, films answered right and all films. The former is used
/// only for a `proportion`.
pub(crate) fn quote(
    value: Option<f64>,
    counts: &[(usize, usize)],
    proportion: bool,
    bootstrap: Option<(f64, f64)>,
    bayes: Option<Interval>,
    level: f64,
) -> Estimate {
    let n = counts.iter().map(|count| count.1).sum();
    let right = proportion.then(|| counts.iter().map(|count| count.0).sum());
    let made = |method, ends: Option<(f64, f64)>| {
        ends.map(|(low, high)| Interval {
            method,
            centre: None,
            low,
            high,
        })
    };
    let exact = made(
        Method::ClopperPearson,
        right.and_then(|right| clopper_pearson(right, n, level)),
    );
    let clustered = proportion && counts.len() < n;
    let over_patients = made(
        Method::ClopperPearsonOverPatients,
        clustered
            .then(|| clopper_pearson_over_patients(counts, level))
            .flatten(),
    );
    // Without a value, its bootstrap interval has no meaning.
    let bootstrap = made(Method::PatientBootstrap, bootstrap.filter(|_| value.is_some()));
    let order = if clustered {
        [over_patients, bootstrap, exact]
    } else {
        [exact, bootstrap, None]
    };
    let mut intervals = order.into_iter().flatten();
    let quoted = intervals.next();
    let others = intervals.chain(bayes).collect();
    Estimate {
        value,
        low: quoted.as_ref().map(|interval| interval.low),
        high: quoted.as_ref().map(|interval| interval.high),
        level,
        method: quoted.map_or(Method::None, |interval| interval.method),
        n,
        patients: counts.len(),
        right,
        others,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quoted_interval_respects_patients() {
        let draws = Some((0.8, 0.9));
        let (single, several) = ([(1, 1); 9], [(2, 2), (1, 2), (0, 1)]);
        let measured =
            |counts: &[(usize, usize)], proportion| quote(Some(0.85), counts, proportion, draws, None, 0.95);
        assert_eq!(measured(&single, true).method, Method::ClopperPearson);
        assert_eq!(
            measured(&several, true).method,
            Method::ClopperPearsonOverPatients
        );
        assert_eq!(measured(&single, false).method, Method::PatientBootstrap);
        assert_eq!(
            quote(Some(0.85), &several, false, None, None, 0.95).method,
            Method::None
        );

        let clustered = measured(&several, true);
        assert_eq!(
            (clustered.n, clustered.patients, clustered.right),
            (5, 3, Some(3))
        );
        assert_eq!(clustered.interval(Method::PatientBootstrap), draws);
        assert_eq!(
            clustered.interval(Method::ClopperPearson),
            clopper_pearson(3, 5, 0.95)
        );
        assert!(quote(None, &[], true, draws, None, 0.95).others.is_empty());
    }
}
