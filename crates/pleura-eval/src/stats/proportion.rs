//! Exact intervals for proportions.

use crate::stats::beta::{beta_quantile, student_t_quantile};

/// Clopper and Pearson's exact interval for `right` of `of`; `None` if `of` is 0 or `right` exceeds it.
///
/// It covers with probability `level` or more, **if the films are independent**: several films of one patient
/// make it too narrow. C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404–413.
///
/// ```
/// let (low, high) = pleura_eval::clopper_pearson(150, 150, 0.95).unwrap();
/// assert!((low - 0.9757).abs() < 1e-4 && high == 1.0);
/// ```
pub fn clopper_pearson(right: usize, of: usize, level: f64) -> Option<(f64, f64)> {
    if of == 0 || right > of || !(level > 0.0 && level < 1.0) {
        return None;
    }
    Some(binomial_interval(right as f64, of as f64, level))
}

/// The exact interval with patients as the independent units. `counts` has, for each patient, films answered
/// right and all films.
///
/// E. L. Korn and B. I. Graubard, Survey Methodology 24 (1998) 193–201: Clopper and Pearson's formula at the
/// effective number of independent films, with their correction for few patients, and never more than the
/// films present. If all films are right, or none, nothing varies and each patient counts as one film. `None`
/// without films, or if a patient has more right than films.
///
/// ```
/// // 50 patients of three films each, all right: 50 of 50, not 150 of 150.
/// let (low, _) = pleura_eval::clopper_pearson_over_patients(&[(3, 3); 50], 0.95).unwrap();
/// assert!((low - 0.025_f64.powf(1.0 / 50.0)).abs() < 1e-12);
/// ```
pub fn clopper_pearson_over_patients(counts: &[(usize, usize)], level: f64) -> Option<(f64, f64)> {
    let films = counts.iter().map(|count| count.1).sum::<usize>() as f64;
    if films == 0.0 || counts.iter().any(|&(right, of)| right > of) || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let share = counts.iter().map(|count| count.0).sum::<usize>() as f64 / films;
    let present = || counts.iter().filter(|count| count.1 > 0);
    let patients = present().count() as f64;
    let independent = if share == 0.0 || share == 1.0 || patients < 2.0 {
        patients
    } else {
        // Variance of the share as a ratio of sums over patients.
        let squares: f64 = present()
            .map(|&(right, of)| (right as f64 - share * of as f64).powi(2))
            .sum();
        let variance = patients / (patients - 1.0) * squares / (films * films);
        let few = student_t_quantile(films - 1.0, level) / student_t_quantile(patients - 1.0, level);
        (share * (1.0 - share) / variance * few * few).min(films)
    };
    Some(binomial_interval(share * independent, independent, level))
}

/// Clopper and Pearson's formula; accepts fractional numbers.
fn binomial_interval(right: f64, of: f64, level: f64) -> (f64, f64) {
    let tail = (1.0 - level) / 2.0;
    let low = if right == 0.0 {
        0.0
    } else {
        beta_quantile(right, of - right + 1.0, tail)
    };
    let high = if right == of {
        1.0
    } else {
        beta_quantile(right + 1.0, of - right, 1.0 - tail)
    };
    (low, high)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::stats::random::stream;

    #[test]
    fn a_perfect_score_is_not_certainty() {
        // All right: the lower end has the closed form (α/2)^(1/n).
        let (low, high) = clopper_pearson(150, 150, 0.95).unwrap();
        assert!((low - 0.025_f64.powf(1.0 / 150.0)).abs() < 1e-14);
        assert!((low - 0.976).abs() < 5e-4);
        assert_eq!(high, 1.0);
        let (none_low, none_high) = clopper_pearson(0, 150, 0.95).unwrap();
        assert_eq!(none_low, 0.0);
        assert!((none_high - (1.0 - low)).abs() < 1e-14);
    }

    #[test]
    fn nothing_to_measure() {
        assert_eq!(clopper_pearson(0, 0, 0.95), None);
        assert_eq!(clopper_pearson(2, 1, 0.95), None);
        assert_eq!(clopper_pearson(1, 2, 1.0), None);
    }

    #[test]
    fn single_films_are_no_clusters() {
        // The t correction cancels, and the variance is n/(n − 1) times the binomial one.
        let counts: Vec<(usize, usize)> = (0..200).map(|patient| (usize::from(patient >= 20), 1)).collect();
        let (low, high) = clopper_pearson_over_patients(&counts, 0.95).unwrap();
        let exact = clopper_pearson(180, 200, 0.95).unwrap();
        assert!(
            (low - exact.0).abs() < 3e-4 && (high - exact.1).abs() < 3e-4,
            "{low} {high} {exact:?}"
        );
        // Identical patients do not count as more films than there are.
        let alike = clopper_pearson_over_patients(&[(1, 2); 30], 0.95).unwrap();
        assert_eq!(alike, clopper_pearson(30, 60, 0.95).unwrap());
        assert_eq!(clopper_pearson_over_patients(&[(0, 0)], 0.95), None);
        assert_eq!(clopper_pearson_over_patients(&[(2, 1)], 0.95), None);
        let one = clopper_pearson_over_patients(&[(9, 10)], 0.95).unwrap();
        assert!(one.1 - one.0 > 0.9, "one patient proves nothing: {one:?}");
    }

    /// The interval covers the truth with its nominal probability when films of a patient are correlated.
    #[test]
    fn covers_where_films_of_a_patient_go_together() {
        for truth in [0.7, 0.95] {
            let (mut covered, mut by_films) = (0, 0);
            for trial in 0..1000 {
                let mut generator = stream(9, "coverage", trial);
                let counts: Vec<(usize, usize)> = (0..50)
                    .map(|_| {
                        let films = 1 + generator.random_range(0..5_u32) as usize;
                        (if generator.random_bool(truth) { films } else { 0 }, films)
                    })
                    .collect();
                let covers =
                    |ends: Option<(f64, f64)>| ends.is_some_and(|(low, high)| low <= truth && truth <= high);
                covered += u32::from(covers(clopper_pearson_over_patients(&counts, 0.95)));
                let (right, films) = counts
                    .iter()
                    .fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
                by_films += u32::from(covers(clopper_pearson(right, films, 0.95)));
            }
            assert!(covered >= 935, "{covered} of 1000 cover {truth}");
            assert!(
                by_films < 850,
                "films as independent should fail here: {by_films} of 1000 cover {truth}"
            );
        }
    }
}
