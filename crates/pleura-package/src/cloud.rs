//! Gaussian reference of points: mean and shrunk covariance, for Mahalanobis distances.
//!
//! Only sums over all points are kept, never a point, so that no patient's film can be reconstructed from a
//! package.

use pleura_core::linalg::Cholesky;

/// Mean and spread of a set of points.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// Mean of each coordinate.
    pub(crate) mean: Vec<f32>,
    /// Standard deviation of each coordinate.
    pub(crate) deviation: Vec<f32>,
    /// Cholesky factor of the shrunk correlation matrix: its lower triangle, row by row.
    pub(crate) root: Vec<f32>,
}

/// Minimum standard deviation of a coordinate, as a share of the mean deviation: one brighter pixel in a
/// region that was always black must not give an extreme distance.
const LEAST_DEVIATION: f64 = 0.05;

/// Rounding may leave a pivot of a nearly singular matrix below 0.
pub(crate) const LEAST_PIVOT: f64 = 1e-9;

impl Cloud {
    /// Fits points of equal length; needs two points or more.
    ///
    /// The covariance of a thousand coordinates from a few hundred films is singular. After dividing each
    /// coordinate by its deviation, it is shrunk towards the identity by Ledoit and Wolf's estimate (Journal
    /// of Multivariate Analysis 88, 2004).
    pub(crate) fn fit(points: &[Vec<f32>]) -> Self {
        let (n, d) = (points.len(), points.first().map_or(0, Vec::len));
        let mean: Vec<f64> = (0..d)
            .map(|i| points.iter().map(|point| f64::from(point[i])).sum::<f64>() / n as f64)
            .collect();
        let mut deviation: Vec<f64> = (0..d)
            .map(|i| {
                let sum: f64 = points.iter().map(|p| (f64::from(p[i]) - mean[i]).powi(2)).sum();
                (sum / n as f64).sqrt()
            })
            .collect();
        let usual = deviation.iter().sum::<f64>() / d.max(1) as f64;
        let least = (LEAST_DEVIATION * usual).max(1e-6);
        // Variance added to coordinates below the minimum deviation.
        let lacking: Vec<f64> = deviation
            .iter()
            .map(|one| (1.0 - (one / least).powi(2)).max(0.0))
            .collect();
        for one in &mut deviation {
            *one = one.max(least);
        }
        let scaled: Vec<Vec<f64>> = points
            .iter()
            .map(|p| {
                (0..d)
                    .map(|i| (f64::from(p[i]) - mean[i]) / deviation[i])
                    .collect()
            })
            .collect();
        let mut covariance = covariance(&scaled, d);
        let share = shrinkage(&scaled, &covariance, d);
        let trace: f64 = (0..d).map(|i| covariance[i * d + i]).sum::<f64>() / d.max(1) as f64;
        for i in 0..d {
            for j in 0..d {
                covariance[i * d + j] *= 1.0 - share;
            }
            covariance[i * d + i] += share * trace.max(1e-6) + (1.0 - share) * lacking[i];
        }
        Self {
            root: Cholesky::with_least_pivot(&covariance, d, LEAST_PIVOT)
                .lower()
                .iter()
                .map(|&value| value as f32)
                .collect(),
            mean: mean.iter().map(|&value| value as f32).collect(),
            deviation: deviation.iter().map(|&value| value as f32).collect(),
        }
    }

    /// Number of coordinates.
    pub fn dimensions(&self) -> usize {
        self.mean.len()
    }

    /// Mahalanobis distance divided by the square root of the number of coordinates: about 1 for the fitted
    /// points. Sums have a fixed order and f64 precision, so that every machine computes the same value.
    pub fn distance(&self, point: &[f32]) -> f64 {
        let d = self.mean.len();
        let mut solved: Vec<f64> = Vec::with_capacity(d);
        let mut sum = 0.0;
        let mut row = 0;
        let standard = point.iter().zip(&self.mean).zip(&self.deviation);
        for (i, ((&value, &mean), &deviation)) in standard.enumerate() {
            let centred = (f64::from(value) - f64::from(mean)) / f64::from(deviation);
            let before: f64 = self.root[row..row + i]
                .iter()
                .zip(&solved)
                .map(|(&root, solved)| f64::from(root) * solved)
                .sum();
            let value = (centred - before) / f64::from(self.root[row + i]);
            sum += value * value;
            solved.push(value);
            row += i + 1;
        }
        (sum / d.max(1) as f64).sqrt()
    }
}

/// `[d, d]` of points whose mean is 0.
fn covariance(points: &[Vec<f64>], d: usize) -> Vec<f64> {
    let mut sum = vec![0.0; d * d];
    for point in points {
        for i in 0..d {
            let factor = point[i];
            for (cell, &other) in sum[i * d..=i * d + i].iter_mut().zip(point) {
                *cell += factor * other;
            }
        }
    }
    for i in 0..d {
        for j in 0..=i {
            let value = sum[i * d + j] / points.len() as f64;
            sum[i * d + j] = value;
            sum[j * d + i] = value;
        }
    }
    sum
}

/// Shrinkage towards the identity: the estimated error of the covariance over its distance from the identity.
fn shrinkage(points: &[Vec<f64>], covariance: &[f64], d: usize) -> f64 {
    let trace: f64 = (0..d).map(|i| covariance[i * d + i]).sum::<f64>() / d.max(1) as f64;
    let norm: f64 = covariance.iter().map(|value| value * value).sum();
    let apart = norm - d as f64 * trace * trace;
    // Σ‖xxᵀ − S‖² = Σ(xᵀx)² − 2 Σ xᵀSx + n‖S‖², and Σ xᵀSx = n‖S‖².
    let fourth: f64 = points
        .iter()
        .map(|point| point.iter().map(|value| value * value).sum::<f64>().powi(2))
        .sum();
    let n = points.len() as f64;
    let error = (fourth / n - norm) / n;
    if apart <= 0.0 {
        return 1.0;
    }
    (error / apart).clamp(1e-3, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points along a line with a little width.
    fn line(n: usize) -> Vec<Vec<f32>> {
        (0..n)
            .map(|i| {
                let along = (i * 37 % 101) as f32 / 50.0 - 1.0;
                let across = (i * 53 % 89) as f32 / 445.0 - 0.1;
                vec![3.0 + along, 5.0 + along + across, 7.0]
            })
            .collect()
    }

    #[test]
    fn points_off_the_line_are_further_than_points_far_along_it() {
        let cloud = Cloud::fit(&line(300));
        let (along, off) = (cloud.distance(&[4.5, 6.5, 7.0]), cloud.distance(&[3.5, 4.5, 7.0]));
        assert!(off > 3.0 * along, "{off} {along}");
        let own = line(300)
            .iter()
            .map(|point| cloud.distance(point).powi(2))
            .sum::<f64>()
            / 300.0;
        // Two of three coordinates vary; shrinkage widens the reference a little.
        assert!((0.5..2.0 / 3.0).contains(&own), "{own}");
    }

    #[test]
    fn more_coordinates_than_points_still_give_a_distance() {
        let points: Vec<Vec<f32>> = (0..10usize)
            .map(|i| {
                (0..40usize)
                    .map(|j| ((i * 31 + j * 17 + i * j) % 23) as f32)
                    .collect()
            })
            .collect();
        let cloud = Cloud::fit(&points);
        let far = vec![200.0; 40];
        assert!(cloud.distance(&points[0]).is_finite());
        assert!(cloud.distance(&far) > 5.0 * cloud.distance(&points[0]));
    }

    #[test]
    fn what_never_varied_is_no_reason_for_a_boundless_distance() {
        let cloud = Cloud::fit(&line(300));
        // Five minimum deviations away in one of three coordinates.
        let five = cloud.distance(&[3.0, 5.0, 7.0 + 5.0 * cloud.deviation[2]]);
        assert!((five - 5.0 / 3f64.sqrt()).abs() < 0.1, "{five}");
    }
}
