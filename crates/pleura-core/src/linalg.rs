//! Symmetric positive definite systems, by Cholesky's factor.

/// The factor L of a symmetric positive definite matrix L Lᵀ.
///
/// ```
/// use pleura_core::linalg::Cholesky;
///
/// let factor = Cholesky::new(&[4.0, 2.0, 2.0, 3.0], 2).unwrap();
/// let mut x = [8.0, 7.0];
/// factor.solve(&mut x);
/// assert!((x[0] - 1.25).abs() < 1e-12 && (x[1] - 1.5).abs() < 1e-12);
/// assert!(Cholesky::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none(), "not positive definite");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

/// The number of values in a lower triangle of `n` rows; also where row `n` of a longer one begins.
pub const fn triangle(n: usize) -> usize {
    n * (n + 1) / 2
}

impl Cholesky {
    /// Factorises a matrix `[n, n]`, of which the lower triangle is read. `None` if it is not positive
    /// definite.
    pub fn new(matrix: &[f64], n: usize) -> Option<Self> {
        Self::with_pivots(matrix, n, |pivot| {
            (pivot > 0.0 && pivot.is_finite()).then_some(pivot)
        })
    }

    /// Like [`Cholesky::new`], for matrices that rounding may have made singular: pivots below `least` become
    /// `least`.
    pub fn with_least_pivot(matrix: &[f64], n: usize, least: f64) -> Self {
        Self::with_pivots(matrix, n, |pivot| Some(pivot.max(least))).unwrap_or(Self {
            n: 0,
            lower: Vec::new(),
        })
    }

    fn with_pivots(matrix: &[f64], n: usize, pivot: impl Fn(f64) -> Option<f64>) -> Option<Self> {
        let mut lower: Vec<f64> = Vec::with_capacity(triangle(n));
        for i in 0..n {
            for j in 0..i {
                let (row, above) = (&lower[triangle(i)..], &lower[triangle(j)..]);
                let dot: f64 = row[..j].iter().zip(above).map(|(x, y)| x * y).sum();
                let value = (matrix[i * n + j] - dot) / above[j];
                lower.push(value);
            }
            let dot: f64 = lower[triangle(i)..].iter().map(|x| x * x).sum();
            lower.push(pivot(matrix[i * n + i] - dot)?.sqrt());
        }
        Some(Self { n, lower })
    }

    /// L's lower triangle, row after row.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Replaces `x` by the solution y of L Lᵀ y = x.
    pub fn solve(&self, x: &mut [f64]) {
        let row = |i: usize| &self.lower[triangle(i)..=triangle(i) + i];
        for i in 0..self.n {
            let dot: f64 = row(i).iter().zip(&x[..i]).map(|(l, x)| l * x).sum();
            x[i] = (x[i] - dot) / row(i)[i];
        }
        for i in (0..self.n).rev() {
            x[i] /= row(i)[i];
            let value = x[i];
            for (x, l) in x[..i].iter_mut().zip(row(i)) {
                *x -= l * value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solution_solves_and_factor_multiplies_back() {
        let n = 7;
        // Hilbert's matrix and a ridge: ill-conditioned, but positive definite.
        let matrix: Vec<f64> = (0..n * n)
            .map(|at| {
                let (i, j) = (at / n, at % n);
                1.0 / (i + j + 1) as f64 + if i == j { 0.01 } else { 0.0 }
            })
            .collect();
        let factor = Cholesky::new(&matrix, n).unwrap();
        for i in 0..n {
            for j in 0..=i {
                let (a, b) = (&factor.lower[triangle(i)..], &factor.lower[triangle(j)..]);
                let product: f64 = (0..=j).map(|k| a[k] * b[k]).sum();
                assert!((product - matrix[i * n + j]).abs() < 1e-14);
            }
        }
        let right: Vec<f64> = (0..n).map(|i| i as f64 - 2.5).collect();
        let mut solved = right.clone();
        factor.solve(&mut solved);
        for i in 0..n {
            let back: f64 = (0..n).map(|j| matrix[i * n + j] * solved[j]).sum();
            assert!((back - right[i]).abs() < 1e-11, "{back} {}", right[i]);
        }
    }

    #[test]
    fn least_pivot_saves_singular_matrices() {
        let singular = [1.0, 1.0, 1.0, 1.0];
        assert!(Cholesky::new(&singular, 2).is_none());
        assert_eq!(
            Cholesky::with_least_pivot(&singular, 2, 1e-8).lower(),
            [1.0, 1.0, 1e-4]
        );
    }
}
