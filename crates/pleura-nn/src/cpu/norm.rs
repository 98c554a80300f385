//! Norms: an affine map forward, a correction of whole channels backward.

use std::ops::Range;

use super::{Path, Tensor, session};
use crate::backend::{Affine, Moments, NORM_EPSILON, NormBackward, Sums};

/// A norm as scale and shift of each channel.
pub(super) fn fold(gamma: &[f32], beta: &[f32], mean: &[f32], variance: &[f32]) -> Affine<Tensor> {
    let (mut scale, mut shift) = (Vec::with_capacity(gamma.len()), Vec::with_capacity(gamma.len()));
    for (((gamma, beta), mean), variance) in gamma.iter().zip(beta).zip(mean).zip(variance) {
        let factor = f64::from(*gamma) / (f64::from(*variance) + NORM_EPSILON).sqrt();
        scale.push(factor as f32);
        shift.push((f64::from(*beta) - f64::from(*mean) * factor) as f32);
    }
    Affine { scale, shift }
}

/// A norm for the backward pass.
pub(super) fn back(
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    variance: &[f32],
    batch_statistics: bool,
) -> NormBackward<Tensor> {
    let affine = fold(gamma, beta, mean, variance);
    NormBackward {
        factor: if batch_statistics {
            gamma.to_vec()
        } else {
            affine.scale.clone()
        },
        mean: mean[..gamma.len()].to_vec(),
        inverse_deviation: variance[..gamma.len()]
            .iter()
            .map(|&variance| (1.0 / (f64::from(variance) + NORM_EPSILON).sqrt()) as f32)
            .collect(),
        affine,
    }
}

/// Subtracts the parts of a gradient through the batch's mean and deviation: one pass over each channel.
pub(super) fn correct(
    path: Path,
    gradient: &mut [f32],
    x: &[f32],
    rows: Range<usize>,
    columns: usize,
    (moments, sums): (&Moments<Tensor>, &Sums<Tensor>),
) {
    let place = rows.start * columns..rows.end * columns;
    session::each_piece(&mut gradient[place.clone()], columns, |index, gradient| {
        let (row, x) = (rows.start + index, &x[place.start + index * columns..][..columns]);
        let variance = f64::from(moments.variance[row]) + NORM_EPSILON;
        let inverse = 1.0 / variance.sqrt();
        let b = -inverse / variance.sqrt() * f64::from(sums.gx[row]) / columns as f64;
        let mean = f64::from(sums.g[row]) / columns as f64;
        super::path::correct(
            path,
            gradient,
            x,
            inverse as f32,
            mean as f32,
            b as f32,
            moments.mean[row],
        );
    });
}
