//! Fisher's linear discriminant between films and negative examples, with equal weight of both sides.

use pleura_core::linalg::Cholesky;

use crate::cloud::LEAST_PIVOT;

/// Weights of the coordinates; films score below 0, negative examples above.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Discriminant {
    pub(crate) centre: Vec<f32>,
    pub(crate) weights: Vec<f32>,
}

/// Ridge added to the diagonal, as a share of its mean: neighbouring cells are correlated, so the matrix is
/// nearly singular.
const RIDGE: f64 = 0.01;

impl Discriminant {
    /// Fits points of both sides, of equal length; neither side may be empty.
    pub(crate) fn fit(own: &[&Vec<f32>], others: &[&Vec<f32>]) -> Self {
        let d = own.first().map_or(0, |point| point.len());
        let sides = [(own, -1.0), (others, 1.0)];
        let mut centre = vec![0.0_f64; d];
        for (points, _) in sides {
            let weight = 0.5 / points.len().max(1) as f64;
            for point in points {
                for (sum, &value) in centre.iter_mut().zip(*point) {
                    *sum += weight * f64::from(value);
                }
            }
        }
        let mut matrix = vec![0.0; d * d];
        let mut target = vec![0.0; d];
        for (points, answer) in sides {
            let weight = 0.5 / points.len().max(1) as f64;
            for point in points {
                let centred: Vec<f64> = point
                    .iter()
                    .zip(&centre)
                    .map(|(&value, mean)| f64::from(value) - mean)
                    .collect();
                for i in 0..d {
                    let factor = weight * centred[i];
                    target[i] += factor * answer;
                    for (cell, &other) in matrix[i * d..=i * d + i].iter_mut().zip(&centred) {
                        *cell += factor * other;
                    }
                }
            }
        }
        let diagonal: f64 = (0..d).map(|i| matrix[i * d + i]).sum::<f64>() / d.max(1) as f64;
        for i in 0..d {
            matrix[i * d + i] += RIDGE * diagonal + 1e-12;
        }
        Cholesky::with_least_pivot(&matrix, d, LEAST_PIVOT).solve(&mut target);
        Self {
            centre: centre.iter().map(|&value| value as f32).collect(),
            weights: target.iter().map(|&value| value as f32).collect(),
        }
    }

    pub(crate) fn score(&self, point: &[f32]) -> f64 {
        let terms = point.iter().zip(&self.centre).zip(&self.weights);
        terms
            .map(|((&value, &centre), &weight)| (f64::from(value) - f64::from(centre)) * f64::from(weight))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_told_apart() {
        let own: Vec<Vec<f32>> = (0..20).map(|i| vec![i as f32, i as f32 - 2.0]).collect();
        let others: Vec<Vec<f32>> = (0..50)
            .map(|i| vec![0.4 * i as f32, 0.4 * i as f32 + 2.0])
            .collect();
        let line = Discriminant::fit(
            &own.iter().collect::<Vec<_>>(),
            &others.iter().collect::<Vec<_>>(),
        );
        assert!(own.iter().all(|point| line.score(point) < 0.0));
        assert!(others.iter().all(|point| line.score(point) > 0.0));
    }
}
