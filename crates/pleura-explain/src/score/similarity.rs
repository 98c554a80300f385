//! Similarity of two heatmaps.
//!
//! Both measures use magnitudes: many methods give maps of equal shape and opposite sign for two classes or
//! networks, which signed measures would score as maximally different.

/// Side of the windows of [`structural_similarity`], as in scikit-image.
const WINDOW: usize = 7;

/// Spearman's rank correlation of the magnitudes of two maps; equal magnitudes share their mean rank. NaN if
/// all are equal.
pub fn rank_correlation(first: &[f32], second: &[f32]) -> f64 {
    let (a, b) = (ranks(first), ranks(second));
    // The mean of all ranks is the same for both.
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product =
        |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum() };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let size = |place: usize| values[place].abs();
    order.sort_by(|&a, &b| size(a).total_cmp(&size(b)));
    let mut ranks = vec![0.0; values.len()];
    let mut begin = 0;
    while begin < order.len() {
        let same = |&&place: &&usize| size(place).total_cmp(&size(order[begin])).is_eq();
        let end = begin + order[begin..].iter().take_while(same).count();
        for &place in &order[begin..end] {
            ranks[place] = (begin + end - 1) as f64 / 2.0;
        }
        begin = end;
    }
    ranks
}

/// The structural similarity (Wang et al., IEEE Transactions on Image Processing 13, 2004) of the magnitudes
/// of two maps `[size, size]`, each over its greatest: mean over all windows of 7 × 7, with sample
/// covariances, K₁ = 0.01, K₂ = 0.03 and a range of 1, as scikit-image computes it. NaN where a map is 0
/// everywhere or smaller than a window.
pub fn structural_similarity(first: &[f32], second: &[f32], size: usize) -> f64 {
    if size < WINDOW {
        return f64::NAN;
    }
    let scaled = |values: &[f32]| -> Vec<f64> {
        let most = values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
        let scale = |value: &f32| f64::from(value.abs()) / f64::from(most);
        values.iter().map(scale).collect()
    };
    let (a, b) = (scaled(first), scaled(second));
    let product = |x: &[f64], y: &[f64]| -> Vec<f64> { x.iter().zip(y).map(|(x, y)| x * y).collect() };
    let sums = [&a, &b, &product(&a, &a), &product(&b, &b), &product(&a, &b)].map(|of| window_sums(of, size));
    let count = (WINDOW * WINDOW) as f64;
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let [sum_a, sum_b, sum_aa, sum_bb, sum_ab] = &sums;
    let one = |at: usize| {
        let (mean_a, mean_b) = (sum_a[at] / count, sum_b[at] / count);
        let covariance = |sum: f64, x: f64, y: f64| (sum / count - x * y) * count / (count - 1.0);
        let (var_a, var_b) = (
            covariance(sum_aa[at], mean_a, mean_a),
            covariance(sum_bb[at], mean_b, mean_b),
        );
        let both = covariance(sum_ab[at], mean_a, mean_b);
        (2.0 * mean_a * mean_b + c1) * (2.0 * both + c2)
            / ((mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2))
    };
    (0..sum_a.len()).map(one).sum::<f64>() / sum_a.len() as f64
}

/// Sums over all windows that lie inside: `[size − 6, size − 6]`.
fn window_sums(values: &[f64], size: usize) -> Vec<f64> {
    let inner = size - WINDOW + 1;
    let rows: Vec<f64> = (0..size * inner)
        .map(|at| values[at / inner * size + at % inner..][..WINDOW].iter().sum())
        .collect();
    (0..inner * inner)
        .map(|at| (0..WINDOW).map(|row| rows[at + row * inner]).sum())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_scale_change_nothing() {
        let map: Vec<f32> = (0..100).map(|i| (i * 37 % 101) as f32 - 20.0).collect();
        let turned: Vec<f32> = map.iter().map(|value| -3.0 * value).collect();
        assert!((rank_correlation(&map, &turned) - 1.0).abs() < 1e-12);
        assert!((structural_similarity(&map, &turned, 10) - 1.0).abs() < 1e-12);
        let other: Vec<f32> = (0..100).map(|i| (i * 61 % 97) as f32).collect();
        assert!(structural_similarity(&map, &other, 10) < 0.5);
        assert!(rank_correlation(&map, &[1.0; 100]).is_nan());
        assert!(structural_similarity(&map, &[0.0; 100], 10).is_nan());
    }

    #[test]
    fn equal_magnitudes_share_their_rank() {
        assert_eq!(ranks(&[3.0, -1.0, 1.0, 2.0, -3.0]), [3.5, 0.5, 0.5, 2.0, 3.5]);
    }
}
