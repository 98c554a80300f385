//! The elementwise steps of relevance, for every backend whose tensors lie in the processor's memory.
//!
//! Rows are independent of each other; sums over rows are added row after row, whatever the number of threads.

use rayon::prelude::*;

use crate::backend::{Account, Affine, Grid, Producer, Real, Share};

/// `r / (z + ε · sgn z)` with `sgn 0 = 1`; nothing where both `z` and ε are nothing: then the whole is accounted to the ε.
fn stable_ratio(r: f64, z: f64, epsilon: f64) -> f64 {
    let z = if z < 0.0 { z - epsilon } else { z + epsilon };
    if r == 0.0 || z == 0.0 { 0.0 } else { r / z }
}

/// How one channel's relevance passes a merged convolution.
#[derive(Clone, Copy)]
struct Channel {
    producer: Producer,
    scale: f64,
    shift: f64,
}

impl Channel {
    /// What relevance `r` that arrives at one output sends on, and what bias and ε take of it. `raw` is the convolution's
    /// output, `positive` that of its positive weights.
    #[inline]
    fn send(self, r: f64, raw: f64, positive: f64) -> (f64, f64, f64) {
        let Self {
            producer,
            scale,
            shift,
        } = self;
        match producer {
            Producer::Epsilon(epsilon) | Producer::Diagonal(epsilon) => {
                let z = scale * raw + shift;
                let q = stable_ratio(r, z, epsilon);
                let sent = if matches!(producer, Producer::Diagonal(_)) {
                    scale * raw * q
                } else {
                    scale * q
                };
                (sent, shift * q, r - z * q)
            }
            Producer::Plus(epsilon) => {
                // The negated negative weights' product is what the positive ones' has more than the whole.
                let part = if scale < 0.0 {
                    (positive - raw).max(0.0)
                } else {
                    positive
                };
                let (magnitude, bias) = (scale.abs(), shift.max(0.0));
                let z = magnitude * part + bias;
                let q = stable_ratio(r, z, epsilon);
                (magnitude * q, bias * q, r - z * q)
            }
        }
    }
}

pub(crate) fn share<R: Real>(share: Share<'_, Vec<R>>) -> Vec<Account> {
    let Share {
        producer,
        relevance,
        rows,
        raw,
        affine,
        grid,
        positive,
        unpooled,
        out,
    } = share;
    let count = rows.len();
    let columns = grid.columns();
    let out_grid = unpooled.map_or(grid, |(_, unpooled, _)| unpooled);
    let out_columns = out_grid.columns();
    let plus = matches!(producer, Producer::Plus(_));
    // Each row's place in `out`: the second half holds those whose norm turns the sign.
    let (upright, turned) = out.split_at_mut(count * out_columns);
    let turned: Vec<Option<&mut [R]>> = if plus {
        turned[..count * out_columns]
            .chunks_exact_mut(out_columns)
            .map(Some)
            .collect()
    } else {
        std::iter::repeat_with(|| None).take(count).collect()
    };
    let accounts: Vec<Vec<Account>> = upright
        .par_chunks_exact_mut(out_columns)
        .zip(turned)
        .enumerate()
        .map(|(index, (upright, turned))| {
            let row = rows.start + index;
            let channel = Channel {
                producer,
                scale: affine.scale[row].to_f64(),
                shift: affine.shift[row].to_f64(),
            };
            let out = match turned {
                Some(turned) if channel.scale < 0.0 => turned,
                _ => upright,
            };
            let relevance = &relevance[row * columns..(row + 1) * columns];
            let raw = &raw[row * columns..(row + 1) * columns];
            let positive = positive.map(|positive| &positive[index * out_columns..(index + 1) * out_columns]);
            let mut accounts = vec![Account::default(); grid.batch];
            let mut one = |account: &mut Account, r: f64, raw: f64, place: usize| {
                let positive = positive.map_or(0.0, |positive| positive[place].to_f64());
                let (sent, bias, epsilon) = channel.send(r, raw, positive);
                account.bias += bias;
                account.epsilon += epsilon;
                out[place] = R::from_f64(out[place].to_f64() + sent);
            };
            for (image, account) in accounts.iter_mut().enumerate() {
                for place in image * grid.plane()..(image + 1) * grid.plane() {
                    let r = relevance[place].to_f64();
                    if r == 0.0 {
                        continue;
                    }
                    account.received += r;
                    let Some((unpooled, unpooled_grid, pool_epsilon)) = unpooled else {
                        one(account, r, raw[place].to_f64(), place);
                        continue;
                    };
                    // Average pooling under the ε rule: each of the four merged outputs z' gets z'/4 of r / s(z).
                    let z = channel.scale * raw[place].to_f64() + channel.shift;
                    let q = stable_ratio(r, z, pool_epsilon);
                    account.epsilon += r - z * q;
                    let within = place - image * grid.plane();
                    let corner = image * unpooled_grid.plane()
                        + within / grid.width * 2 * unpooled_grid.width
                        + within % grid.width * 2;
                    for place in
                        [0, 1, unpooled_grid.width, unpooled_grid.width + 1].map(|step| corner + step)
                    {
                        let raw = unpooled[index * out_columns + place].to_f64();
                        let z = channel.scale * raw + channel.shift;
                        one(account, 0.25 * z * q, raw, place);
                    }
                }
            }
            accounts
        })
        .collect();
    let mut total = vec![Account::default(); grid.batch];
    for row in accounts {
        for (total, account) in total.iter_mut().zip(row) {
            total.received += account.received;
            total.bias += account.bias;
            total.epsilon += account.epsilon;
        }
    }
    total
}

/// Runs `step(row, column)` on every value of `relevance` and adds what it returns, image by image.
fn each<R: Real>(
    relevance: &mut [R],
    channels: usize,
    grid: Grid,
    step: impl Fn(&mut R, usize, usize) -> f64 + Sync,
) -> Vec<f64> {
    let columns = grid.columns();
    let sums: Vec<Vec<f64>> = relevance[..channels * columns]
        .par_chunks_exact_mut(columns)
        .enumerate()
        .map(|(row, values)| {
            let images = values.chunks_exact_mut(grid.plane()).enumerate();
            images
                .map(|(image, values)| {
                    let start = row * columns + image * grid.plane();
                    values
                        .iter_mut()
                        .enumerate()
                        .map(|(place, value)| step(value, row, start + place))
                        .sum()
                })
                .collect()
        })
        .collect();
    let mut total = vec![0.0; grid.batch];
    for row in sums {
        for (total, sum) in total.iter_mut().zip(row) {
            *total += sum;
        }
    }
    total
}

pub(crate) fn multiply<R: Real>(
    relevance: &mut [R],
    x: &[R],
    prologue: Option<&Affine<Vec<R>>>,
    channels: usize,
    grid: Grid,
) -> Vec<f64> {
    let zero = R::from_f64(0.0);
    each(relevance, channels, grid, |value, row, place| {
        let x = match prologue {
            None => x[place],
            Some(affine) => {
                let x = affine.scale[row] * x[place] + affine.shift[row];
                if x > zero { x } else { zero }
            }
        };
        *value = *value * x;
        value.to_f64()
    })
}

pub(crate) fn quotient<R: Real>(
    relevance: &mut [R],
    z: &[R],
    channels: usize,
    grid: Grid,
    epsilon: f64,
) -> Vec<f64> {
    each(relevance, channels, grid, |value, _, place| {
        let (r, z) = (value.to_f64(), z[place].to_f64());
        let q = stable_ratio(r, z, epsilon);
        *value = R::from_f64(q);
        r - z * q
    })
}
