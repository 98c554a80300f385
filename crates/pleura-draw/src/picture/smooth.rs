//! Gaussian smoothing of maps.

/// Smooths values `[size, size]` with a Gaussian along both axes. At the border, the weights inside are
/// scaled to sum to one. A deviation of 0 or less returns the values unchanged.
pub fn smooth(values: &[f32], size: usize, deviation: f32) -> Vec<f32> {
    if deviation.is_nan() || deviation <= 0.0 || size == 0 {
        return values.to_vec();
    }
    // The window need not be larger than the map.
    let reach = ((3.0 * deviation).ceil() as usize).min(size);
    let weights: Vec<f32> = (0..=reach)
        .map(|at| (-0.5 * (at as f32 / deviation).powi(2)).exp())
        .collect();
    let pass = |values: &[f32], step: usize, other: usize| {
        let mut out = vec![0.0; values.len()];
        for line in 0..size {
            for at in 0..size {
                let (mut sum, mut total) = (0.0, 0.0);
                for near in at.saturating_sub(reach)..=(at + reach).min(size - 1) {
                    let weight = weights[near.abs_diff(at)];
                    sum += weight * values[line * other + near * step];
                    total += weight;
                }
                out[line * other + at * step] = sum / total;
            }
        }
        out
    };
    pass(&pass(values, 1, size), size, 1)
}

/// Values with zero in place of non-finite numbers.
pub(super) fn finite(values: &[f32]) -> Vec<f32> {
    let number = |&value: &f32| if value.is_finite() { value } else { 0.0 };
    values.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::smooth;

    #[test]
    fn smoothing_keeps_the_level() {
        let smoothed = smooth(&[2.0; 100], 10, 1.5);
        assert!(smoothed.iter().all(|value| (value - 2.0).abs() < 1e-5));
    }

    #[test]
    fn a_point_becomes_a_bell_and_no_deviation_changes_nothing() {
        let mut point = vec![0.0; 41 * 41];
        point[41 * 20 + 20] = 1.0;
        assert_eq!(smooth(&point, 41, 0.0), point);
        let bell = smooth(&point, 41, 2.0);
        assert!((bell.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        // At one deviation from the middle: e^(−1/2) of its height.
        let share = bell[41 * 20 + 22] / bell[41 * 20 + 20];
        assert!((share - (-0.5_f32).exp()).abs() < 1e-4);
    }
}
