//! Exact intervals for proportions.

use crate::beta::beta_quantile;

/// Clopper and Pearson's exact interval for `right` of `of`, or `None` when `of` is 0 or `right` exceeds it.
///
/// It never covers less than `level`, **if the films are independent**: several films of one patient
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
    let tail = (1.0 - level) / 2.0;
    let (k, n) = (right as f64, of as f64);
    let low = if right == 0 {
        0.0
    } else {
        beta_quantile(k, n - k + 1.0, tail)
    };
    let high = if right == of {
        1.0
    } else {
        beta_quantile(k + 1.0, n - k, 1.0 - tail)
    };
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
