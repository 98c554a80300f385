//! The elementwise steps of relevance, value by value.

use super::windows::windows_of;
use crate::architecture::Window;
use crate::backend::{Account, Arriving, Grid, Kernel, Producer, Share, Unpooled};

type Tensor = Vec<f64>;

/// `z + ε · sgn z` with `sgn 0 = 1`.
fn stabilised(z: f64, epsilon: f64) -> f64 {
    if z < 0.0 { z - epsilon } else { z + epsilon }
}

/// `r / s(z)`; nothing where both `z` and ε are nothing: then the whole is accounted to the ε.
fn stable_ratio(r: f64, z: f64, epsilon: f64) -> f64 {
    let z = stabilised(z, epsilon);
    if r == 0.0 || z == 0.0 { 0.0 } else { r / z }
}

pub(super) fn rectify(kernel: Kernel<'_, Tensor>, turned: &[usize]) -> Tensor {
    let size = kernel.weights.len() / kernel.outputs;
    let positive = kernel.weights.iter().map(|w| w.max(0.0));
    let rows = turned
        .iter()
        .map(|row| &kernel.weights[row * size..(row + 1) * size]);
    positive.chain(rows.flatten().map(|w| (-w).max(0.0))).collect()
}

pub(super) fn share(share: Share<'_, Tensor>) -> Vec<Account> {
    let Share {
        producer,
        arriving,
        rows,
        raw,
        affine,
        grid,
        unpooled,
        places,
        first,
        out,
    } = share;
    let columns = grid.columns();
    let below = unpooled.as_ref().map_or(grid, |unpooled| unpooled.grid);
    let mut accounts = vec![Account::default(); rows.len() * grid.batch];
    for (index, (row, place)) in rows.zip(places).enumerate() {
        let (scale, shift) = (affine.scale[row], affine.shift[row]);
        let turns = matches!(producer, Producer::Plus { .. }) && scale < 0.0;
        let into = if turns { place.turned } else { Some(place.upright) };
        if first {
            for row in [Some(place.upright), place.turned].into_iter().flatten() {
                out[row * below.columns()..(row + 1) * below.columns()].fill(0.0);
            }
        }
        for column in 0..columns {
            let account = &mut accounts[index * grid.batch + column / grid.plane()];
            let x = raw[row * columns + column];
            let r = match arriving {
                Arriving::Relevance(relevance) => relevance[row * columns + column],
                Arriving::Factor(factor) => factor[row * columns + column] * (scale * x + shift).max(0.0),
            };
            account.received += r;
            // One value, or under average pooling four, each with its part of the relevance by the ε rule.
            let parts = match &unpooled {
                None => vec![(column, x, r)],
                Some(Unpooled {
                    raw,
                    grid: below,
                    epsilon,
                }) => {
                    let z = scale * x + shift;
                    let q = stable_ratio(r, z, *epsilon);
                    account.epsilon += r - z * q;
                    let part = |step| {
                        let place = corner(column, grid, *below) + step;
                        let x = raw[index * below.columns() + place];
                        (place, x, 0.25 * (scale * x + shift) * q)
                    };
                    [0, 1, below.width, below.width + 1].map(part).to_vec()
                }
            };
            for (column, x, r) in parts {
                let z = scale * x + shift;
                let (sent, bias, epsilon) = match producer {
                    Producer::Epsilon { epsilon } => {
                        let q = stable_ratio(r, z, epsilon);
                        (scale * q, shift * q, r - z * q)
                    }
                    Producer::Diagonal { epsilon } => {
                        let q = stable_ratio(r, z, epsilon);
                        (scale * x * q, shift * q, r - z * q)
                    }
                    Producer::Plus { epsilon, positive } => {
                        // The negated negative weights' product is what the positive ones' has more than the whole.
                        let part = positive[index * below.columns() + column];
                        let part = if scale < 0.0 { (part - x).max(0.0) } else { part };
                        let z = scale.abs() * part + shift.max(0.0);
                        let q = stable_ratio(r, z, epsilon);
                        (scale.abs() * q, shift.max(0.0) * q, r - z * q)
                    }
                };
                account.bias += bias;
                account.epsilon += epsilon;
                if let Some(into) = into {
                    out[into * below.columns() + column] += sent;
                }
            }
        }
    }
    accounts
}

/// The first of the four columns whose mean is `column`.
fn corner(column: usize, grid: Grid, below: Grid) -> usize {
    let (image, within) = (column / grid.plane(), column % grid.plane());
    image * below.plane() + within / grid.width * 2 * below.width + within % grid.width * 2
}

pub(super) fn flat(
    window: Window,
    relevance: &[f64],
    (channels, inputs): (usize, usize),
    grid: Grid,
    out: &mut [f64],
) -> Vec<f64> {
    let after = grid.after(window);
    let mut received = vec![0.0; grid.batch];
    out[..inputs * grid.columns()].fill(0.0);
    for (place, pixels) in windows_of(window, grid).into_iter().enumerate() {
        let sum: f64 = (0..channels)
            .map(|channel| relevance[channel * after.columns() + place])
            .sum();
        received[place / after.plane()] += sum;
        for input in 0..inputs {
            for &pixel in &pixels {
                out[input * grid.columns() + pixel] += sum / (inputs * pixels.len()) as f64;
            }
        }
    }
    received
}

pub(super) fn multiply(relevance: &mut [f64], x: &[f64], channels: usize, grid: Grid) -> Vec<f64> {
    let mut sums = vec![0.0; grid.batch];
    for place in 0..channels * grid.columns() {
        relevance[place] *= x[place];
        sums[place % grid.columns() / grid.plane()] += relevance[place];
    }
    sums
}

pub(super) fn quotient(
    relevance: &mut [f64],
    z: &[f64],
    channels: usize,
    grid: Grid,
    epsilon: f64,
) -> Vec<f64> {
    let mut lost = vec![0.0; grid.batch];
    for place in 0..channels * grid.columns() {
        let q = stable_ratio(relevance[place], z[place], epsilon);
        lost[place % grid.columns() / grid.plane()] += relevance[place] - z[place] * q;
        relevance[place] = q;
    }
    lost
}
