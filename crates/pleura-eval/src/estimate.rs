//! A number and what it is worth.

use serde::{Deserialize, Serialize};

use crate::{clopper_pearson, clopper_pearson_over_patients};

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Clopper and Pearson's exact interval; films taken as independent.
    #[serde(rename = "clopper-pearson")]
    ClopperPearson,
    /// [`clopper_pearson_over_patients`]: the exact interval with patients, not films, as the independent
    /// units (Korn and Graubard).
    #[serde(rename = "clopper-pearson over patients")]
    ClopperPearsonOverPatients,
    /// Percentiles over draws of whole patients with replacement.
    /// B. Efron, Annals of Statistics 7 (1979) 1–26; patients as clusters.
    #[serde(rename = "patient bootstrap")]
    PatientBootstrap,
    /// Shortest interval of the posterior of [`Dirichlets`](crate::Dirichlets).
    #[serde(rename = "bayes hdi")]
    BayesHdi,
    /// Student's t over paired differences.
    #[serde(rename = "student t")]
    StudentT,
    /// [`delong`](crate::stats::delong): normal interval of an area under the ROC curve, or of a difference of two; films taken as independent.
    #[serde(rename = "delong")]
    DeLong,
    /// [`delong_over_patients`](crate::delong_over_patients): the same with patients as the independent units (Obuchowski).
    #[serde(rename = "delong over patients")]
    DeLongOverPatients,
    /// [`PredictiveValues`](crate::PredictiveValues): exact intervals of sensitivity and specificity that hold together.
    #[serde(rename = "clopper-pearson of both")]
    ClopperPearsonOfBoth,
    /// [`square_and_add`](crate::square_and_add): the difference of two independent values from the interval of each.
    #[serde(rename = "square and add")]
    SquareAndAdd,
    /// There is a value but no interval.
    #[serde(rename = "none")]
    None,
}

/// One metric: its value on these films, and the interval to quote with it.
///
/// The quoted interval (`low`, `high`, `method`) of a **proportion** (accuracy, sensitivity,
/// specificity, precision, NPV) is the exact one: over films where every patient has one, over patients where
/// some have several, since their films are not independent. Every other metric quotes the patient
/// bootstrap. The remaining intervals are in `others`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value; `None` where the definition divides by zero (a class without films, say).
    pub value: Option<f64>,
    /// Lower end of the interval to quote.
    pub low: Option<f64>,
    /// Upper end of the interval to quote.
    pub high: Option<f64>,
    /// Probability that the interval claims to cover.
    pub level: f64,
    /// How the interval was made.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// How it was made.
    pub method: Method,
    /// The method's own centre: the posterior mean for `bayes hdi`, `None` for the rest.
    pub centre: Option<f64>,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    /// A metric that has no meaning here, such as the accuracy of independent findings.
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

    /// The ends of the interval that `method` made, quoted or not.
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

/// The exact interval of a proportion whose films right and all films are counted by patient: over films where every patient has one,
/// over patients where some have several.
pub(crate) fn proportion_interval(counts: &[(usize, usize)], level: f64) -> Option<(f64, f64)> {
    let n: usize = counts.iter().map(|count| count.1).sum();
    if counts.len() < n {
        return clopper_pearson_over_patients(counts, level);
    }
    clopper_pearson(counts.iter().map(|count| count.0).sum(), n, level)
}

/// Puts the intervals of one metric in order: the one to quote (see [`Estimate`]) first, the rest beside it.
///
/// `counts` has, for each patient of the denominator, films right and all films; "right" means
/// something for a `proportion` only.
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
    // Without a value there is nothing that draws of it could describe.
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
