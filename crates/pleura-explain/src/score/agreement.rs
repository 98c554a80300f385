//! Agreement of methods.

/// Pearson's correlation of two signed maps. NaN for a constant map.
pub fn correlation(first: &[f32], second: &[f32]) -> f64 {
    let mean =
        |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(first), mean(second));
    let pairs = || {
        first
            .iter()
            .zip(second)
            .map(|(x, y)| (f64::from(*x) - a, f64::from(*y) - b))
    };
    let sum = |of: &dyn Fn((f64, f64)) -> f64| pairs().map(of).sum::<f64>();
    sum(&|(x, y)| x * y) / (sum(&|(x, _)| x * x) * sum(&|(_, y)| y * y)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::correlation;

    #[test]
    fn signs_count_and_scale_does_not() {
        let map = [1.0, -2.0, 0.5, 4.0];
        let turned = map.map(|value| 1.0 - 3.0 * value);
        assert!((correlation(&map, &map) - 1.0).abs() < 1e-12);
        assert!((correlation(&map, &turned) + 1.0).abs() < 1e-12);
        assert!(correlation(&map, &[2.0; 4]).is_nan());
    }
}
