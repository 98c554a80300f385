//! DeLong's test: areas under several ROC curves of the same films, with their covariance.
//!
//! E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845, by the midranks of X.
//! Sun and W. Xu, IEEE Signal Processing Letters 21 (2014) 1389–1393: O(n log n) instead of O(m n). If
//! patients have several films, structural components are summed by patient first, as in N. A. Obuchowski,
//! Biometrics 53 (1997) 567–578; with one film per patient this equals DeLong's estimate.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::erf::{erfc, erfc_inv};

/// Areas under ROC curves of several scores on the same films, with their covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct DeLong {
    /// `[scores]`: the areas; ties count half.
    pub areas: Vec<f64>,
    /// `[scores, scores]`, row-major: estimated covariance of the areas.
    pub covariance: Vec<f64>,
    /// Films with the finding.
    pub positives: usize,
    /// Films without it.
    pub negatives: usize,
    /// Independent units: patients, or films.
    pub patients: usize,
}

/// Test of the difference of two areas.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AreaDifference {
    /// Second area minus first.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Difference over standard error; `None` where the latter is 0.
    pub z: Option<f64>,
    /// Two-sided p of equal areas, by the normal distribution; `None` as for `z`.
    pub p: Option<f64>,
}

/// DeLong's estimate for `scores` (each as long as `positive`); assumes independent films.
///
/// `None` unless both kinds have two films or more, and every score has a value for each film.
///
/// ```
/// let positive = [true, true, true, false, false, false];
/// let areas = pleura_eval::delong(&[&[0.9, 0.8, 0.3, 0.4, 0.2, 0.1], &[0.9, 0.8, 0.7, 0.3, 0.2, 0.1]], &positive).unwrap();
/// assert!((areas.areas[0] - 8.0 / 9.0).abs() < 1e-15 && areas.areas[1] == 1.0);
/// ```
pub fn delong(scores: &[&[f64]], positive: &[bool]) -> Option<DeLong> {
    let each: Vec<u32> = (0..positive.len() as u32).collect();
    delong_over_patients(scores, positive, &each)
}

/// DeLong's estimate with patients as the independent units: `patient[i]` is the number of film `i`'s
/// patient.
///
/// `None` unless each kind has films of two patients or more.
pub fn delong_over_patients(scores: &[&[f64]], positive: &[bool], patient: &[u32]) -> Option<DeLong> {
    let films = positive.len();
    if patient.len() != films || scores.iter().any(|score| score.len() != films) {
        return None;
    }
    let positives = positive.iter().filter(|&&yes| yes).count();
    let negatives = films - positives;
    let mut numbers = BTreeMap::new();
    let cluster: Vec<usize> = patient
        .iter()
        .map(|patient| {
            let next = numbers.len();
            *numbers.entry(*patient).or_insert(next)
        })
        .collect();
    let clusters = numbers.len();
    let mut sizes = [vec![0_usize; clusters], vec![0_usize; clusters]];
    for (film, &cluster) in cluster.iter().enumerate() {
        sizes[usize::from(positive[film])][cluster] += 1;
    }
    let with = |kind: usize| sizes[kind].iter().filter(|&&films| films > 0).count() as f64;
    let (with_negatives, with_positives) = (with(0), with(1));
    if with_positives < 2.0 || with_negatives < 2.0 {
        return None;
    }

    let mut areas = Vec::with_capacity(scores.len());
    // For each score and kind: the sum, by cluster, of components minus their mean.
    let mut deviations: Vec<[Vec<f64>; 2]> = Vec::with_capacity(scores.len());
    for score in scores {
        let components = components(score, positive, positives, negatives);
        let sum: f64 = (0..films)
            .filter(|&film| positive[film])
            .map(|film| components[film])
            .sum();
        let area = sum / positives as f64;
        let mut sums = [vec![0.0; clusters], vec![0.0; clusters]];
        for (film, &cluster) in cluster.iter().enumerate() {
            sums[usize::from(positive[film])][cluster] += components[film] - area;
        }
        areas.push(area);
        deviations.push(sums);
    }
    let (m, n, all) = (positives as f64, negatives as f64, clusters as f64);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let covariance = (0..scores.len() * scores.len())
        .map(|cell| {
            let (a, b) = (&deviations[cell / scores.len()], &deviations[cell % scores.len()]);
            let of_positives = with_positives / (with_positives - 1.0) * product(&a[1], &b[1]) / (m * m);
            let of_negatives = with_negatives / (with_negatives - 1.0) * product(&a[0], &b[0]) / (n * n);
            // 0 if no patient has films of both kinds.
            let both = all / (all - 1.0) * (product(&a[1], &b[0]) + product(&b[1], &a[0])) / (m * n);
            of_positives + of_negatives + both
        })
        .collect();
    Some(DeLong {
        areas,
        covariance,
        positives,
        negatives,
        patients: clusters,
    })
}

impl DeLong {
    /// The estimated covariance of two areas.
    pub fn covariance(&self, first: usize, second: usize) -> f64 {
        self.covariance[first * self.areas.len() + second]
    }

    /// Tests area `second` against area `first`.
    pub fn difference(&self, first: usize, second: usize) -> AreaDifference {
        let difference = self.areas[second] - self.areas[first];
        let variance = self.covariance(first, first) + self.covariance(second, second)
            - 2.0 * self.covariance(first, second);
        // Rounding may leave a tiny remainder.
        let scale = self.covariance(first, first) + self.covariance(second, second);
        let variance = if variance <= 1e-14 * scale { 0.0 } else { variance };
        let z = (variance > 0.0).then(|| difference / variance.sqrt());
        AreaDifference {
            difference,
            standard_error: variance.sqrt(),
            z,
            p: z.map(two_sided),
        }
    }

    /// Normal interval of the area, clipped to [0, 1]; `None` if its variance is 0, as for an area of 1.
    pub fn interval(&self, score: usize, level: f64) -> Option<(f64, f64)> {
        let half = normal_quantile(level) * self.covariance(score, score).max(0.0).sqrt();
        let area = self.areas[score];
        (half > 0.0).then(|| ((area - half).max(0.0), (area + half).min(1.0)))
    }
}

impl AreaDifference {
    /// Normal interval of the difference, clipped to [−1, 1]; `None` if its standard error is 0.
    pub fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let half = normal_quantile(level) * self.standard_error;
        (half > 0.0).then(|| {
            (
                (self.difference - half).max(-1.0),
                (self.difference + half).min(1.0),
            )
        })
    }
}

/// Two-sided p of a standard normal variable.
pub(crate) fn two_sided(z: f64) -> f64 {
    erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// The z with P(|Z| ≤ z) = `level` for a standard normal Z.
pub(crate) fn normal_quantile(level: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(1.0 - level)
}

/// `[films]`: for a film with the finding, the share of films without it that rank lower; for a film without
/// it, the share of films with it that rank higher. Ties count half.
fn components(score: &[f64], positive: &[bool], positives: usize, negatives: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|&a, &b| score[a].total_cmp(&score[b]));
    let mut components = vec![0.0; score.len()];
    let (mut start, mut below) = (0, [0_usize; 2]);
    while start < order.len() {
        let mut end = start;
        let mut tied = [0_usize; 2];
        // −0 and +0 sort apart but are the same score.
        while end < order.len() && score[order[end]] == score[order[start]] {
            tied[usize::from(positive[order[end]])] += 1;
            end += 1;
        }
        for &film in &order[start..end] {
            // The difference of midranks among all films and among its own kind.
            components[film] = if positive[film] {
                (below[0] as f64 + 0.5 * tied[0] as f64) / negatives as f64
            } else {
                1.0 - (below[1] as f64 + 0.5 * tied[1] as f64) / positives as f64
            };
        }
        below = [below[0] + tied[0], below[1] + tied[1]];
        start = end;
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_films_a_side_by_hand() {
        let positive = [true, true, true, false, false, false];
        let scores = [0.9, 0.8, 0.3, 0.4, 0.2, 0.3];
        let found = delong(&[&scores], &positive).unwrap();
        // Components of the positives: 1, 1, (1 + ½)/3; of the negatives: 2/3, 1, (2 + ½)/3. Area 2.5/3.
        let area: f64 = 2.5 / 3.0;
        assert!((found.areas[0] - area).abs() < 1e-15);
        let variance = |values: [f64; 3]| values.iter().map(|v| (v - area).powi(2)).sum::<f64>() / 2.0;
        let expected = variance([1.0, 1.0, 0.5]) / 3.0 + variance([2.0 / 3.0, 1.0, area]) / 3.0;
        assert!((found.covariance(0, 0) - expected).abs() < 1e-15);
        let (low, high) = found.interval(0, 0.95).unwrap();
        assert!((low - (area - 1.959_963_984_540_054 * expected.sqrt())).abs() < 1e-12 && high == 1.0);
    }

    #[test]
    fn equal_scores_do_not_differ() {
        let positive = [true, true, false, false, true, false];
        let scores = [0.9, 0.2, 0.4, 0.1, 0.7, 0.6];
        let doubled = scores.map(|score| 2.0 * score);
        let test = delong(&[&scores, &doubled], &positive).unwrap().difference(0, 1);
        assert_eq!((test.difference, test.standard_error, test.p), (0.0, 0.0, None));
        assert_eq!(test.interval(0.95), None);
    }

    #[test]
    fn patients_with_several_alike_films_are_no_more_than_patients() {
        let positive = [true, true, false, false, true, false, true, false];
        let a = [0.9, 0.2, 0.4, 0.1, 0.7, 0.6, 0.8, 0.3];
        let b = [0.8, 0.5, 0.3, 0.2, 0.4, 0.7, 0.6, 0.1];
        let single = delong(&[&a, &b], &positive).unwrap();
        // Every film three times: the estimate over patients has the factor of the few patients, not of the
        // many films.
        let thrice = |values: &[f64]| values.iter().flat_map(|v| [*v; 3]).collect::<Vec<f64>>();
        let labels: Vec<bool> = positive.iter().flat_map(|yes| [*yes; 3]).collect();
        let patients: Vec<u32> = (0..24).map(|film| film / 3).collect();
        let (a3, b3) = (thrice(&a), thrice(&b));
        let over = delong_over_patients(&[&a3, &b3], &labels, &patients).unwrap();
        for (found, expected) in over.covariance.iter().zip(&single.covariance) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        let naive = delong(&[&a3, &b3], &labels).unwrap();
        assert!(naive.difference(0, 1).standard_error < 0.6 * single.difference(0, 1).standard_error);
    }

    #[test]
    fn one_film_of_a_kind_is_not_enough() {
        assert_eq!(delong(&[&[0.1, 0.2, 0.3]], &[true, false, false]), None);
        assert_eq!(delong(&[&[0.1, 0.2]], &[true, false, false]), None);
    }
}
